"""Not faster than so many a second."""

import asyncio

from shared.clock import Clock


class Pace:
    """Waits so that `turn` returns at most `per_second` times a second."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._step_s = 1 / per_second
        self._clock = clock
        self._next = clock.monotonic()

    async def turn(self) -> None:
        """Returns when it is time for the next one."""
        wait_s = self._next - self._clock.monotonic()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        self._next = max(self._next, self._clock.monotonic() - self._step_s) + self._step_s
