"""Limits of requests in a sliding minute, where a switch sets one (page "Manage quotas")."""

from collections import deque

from simulators.google_calendar.answers import FORBIDDEN, Refused
from simulators.google_calendar.state import State

_WINDOW_S = 60.0


class Quota:
    """Counts requests by user, and writes by calendar."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._seen: dict[str, deque[float]] = {}

    def check(self, email: str, written_calendar: str | None) -> None:
        """Raises Refused: 403 (or 429 by switch) for too many requests of a user, 403 for too many writes."""
        switches = self._state.switches
        if switches.requests_per_minute is not None and self._is_over(email, switches.requests_per_minute):
            raise Refused(429) if switches.limit_status == 429 else Refused(403, FORBIDDEN["userRateLimitExceeded"])
        most = switches.calendar_writes_per_minute
        if written_calendar is not None and most is not None and self._is_over(f"writes {written_calendar}", most):
            raise Refused(403, FORBIDDEN["quotaExceeded"])

    def forget(self) -> None:
        """Counts from zero."""
        self._seen.clear()

    def _is_over(self, key: str, most: int) -> bool:
        """Whether this one is too many; a refused one does not count."""
        now, seen = self._state.clock.now(), self._seen.setdefault(key, deque())
        while seen and seen[0] <= now - _WINDOW_S:
            seen.popleft()
        if len(seen) >= most:
            return True
        seen.append(now)
        return False
