"""Of many who need the same thing from a vendor one asks; those who wait behind it share what it gets, good or bad."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from shared.outcomes.errors import HubError


class Turn:
    """A queue. Who gets a turn looks first whether somebody before has brought what it wanted."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._failures = 0
        self._last: HubError | None = None

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Waits for the turn. Raises what somebody raised in theirs meanwhile: a vendor that is away is not asked by
        each of a hundred callers, one time-out after the other.
        """
        failures = self._failures
        async with self._lock:
            if self._last is not None and self._failures > failures:
                raise _another(self._last)
            try:
                yield
            except HubError as failed:
                self._failures += 1
                self._last = failed
                raise


def _another(failed: HubError) -> HubError:
    """One of its own for each who hears of it: an error collects the frames it passes through."""
    other = type(failed).__new__(type(failed), *failed.args)
    vars(other).update(vars(failed))
    return other
