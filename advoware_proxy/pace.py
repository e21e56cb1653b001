"""How fast a caller may ask: an even rate with room for a minute's worth at once. Pure but for its memory."""

_CALLERS_MAX = 1_000
_OTHERS = ""
"""Shares one rate among callers that are too many to be counted apart."""


class Pace:
    """Counts by the generic cell rate algorithm: one number per caller."""

    def __init__(self, per_minute: int) -> None:
        self._interval_s = 60.0 / per_minute
        self._due: dict[str, float] = {}

    def wait_s(self, caller: str, now: float) -> float:
        """0 and one request counted, or how many seconds to wait and nothing counted."""
        if caller not in self._due and len(self._due) >= _CALLERS_MAX:
            self._due = {name: at for name, at in self._due.items() if at > now}
            if len(self._due) >= _CALLERS_MAX:
                caller = _OTHERS
        due = max(self._due.get(caller, 0.0), now)
        too_soon_s = due + self._interval_s - now - 60.0
        if too_soon_s > 1e-9:
            return too_soon_s
        self._due[caller] = due + self._interval_s
        return 0.0
