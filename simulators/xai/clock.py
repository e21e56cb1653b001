"""The simulator's clock, which can be put forward so that nobody waits for an expiry or an indexing."""

import datetime as dt
import time


class Clock:
    """Wall time in seconds plus whatever it was put forward by."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def now(self) -> float:
        return time.time() + self._ahead_s

    def advance(self, seconds: float) -> None:
        """Puts the clock forward; never back."""
        self._ahead_s += max(0.0, seconds)


def rfc3339(at: float) -> str:
    """Proto-JSON's Timestamp as the Collections answers show it: microseconds and Z."""
    moment = dt.datetime.fromtimestamp(at, tz=dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_rfc3339(text: str) -> float:
    """Raises ValueError when it is no timestamp."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return moment.timestamp()
