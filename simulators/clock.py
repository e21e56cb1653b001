"""A simulator's clock, which can be moved both ways and set, so that nobody waits for an expiry."""

import time


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
