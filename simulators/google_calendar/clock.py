"""The simulator's clock, which can be moved both ways and set, and how Google writes instants."""

import datetime as dt
import re
import time

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


class Clock:
    """Wall time in seconds plus whatever it was moved by."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def now(self) -> float:
        return time.time() + self._ahead_s

    def advance(self, seconds: float) -> None:
        """Moves the clock; negative is back."""
        self._ahead_s += seconds

    def set(self, at: float) -> None:
        """Sets the clock; it runs on from there."""
        self._ahead_s = at - time.time()


def stamp(at: float) -> str:
    """`created` and `updated`: RFC 3339 in UTC with milliseconds."""
    moment = dt.datetime.fromtimestamp(at, tz=dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def instant(text: str) -> dt.datetime:
    """An RFC 3339 instant with its offset, in UTC. Raises ValueError."""
    if not _INSTANT.fullmatch(text):
        raise ValueError("not an RFC 3339 instant with an offset")
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
