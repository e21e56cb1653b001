"""What a page would have to wait for, kept beside it: replicas that answer, newest log lines, what has moved."""

import asyncio
import contextlib
from collections import deque

from console.desk.logs import Line, Wanted, following
from console.desk.workers import Replica, replicas
from console.web.changes import Changes
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import ApiError, Bus

_CREW_EVERY_S = 10.0
_WATCH_EVERY_S = 0.7
_REST_S = 1.0
_LINES_MAX = 1_000
_WATCHED = {"DEAD": "dead", "KV_locks": "locks", "VMH": "schedules", "CALENDAR": "schedules"}


class Crew:
    """Every replica of every service. Asking takes a quarter of a second, since nobody knows how many will answer."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.replicas: list[Replica] = []

    async def loop(self) -> None:
        """Asks again and again."""
        while True:
            with contextlib.suppress(Unavailable):
                self.replicas = await replicas(self._bus)
            await asyncio.sleep(_CREW_EVERY_S)


class Lines:
    """The newest log lines of all replicas since our start: NATS keeps none."""

    def __init__(self, bus: Bus, changes: Changes) -> None:
        self._bus = bus
        self._changes = changes
        self.newest: deque[Line] = deque(maxlen=_LINES_MAX)

    async def loop(self) -> None:
        """Listens."""
        while True:
            with contextlib.suppress(Unavailable):
                async with following(self._bus, Wanted(level="debug")) as lines:
                    async for line in lines:
                        self.newest.appendleft(line)
                        self._changes.tell("log")
            await asyncio.sleep(_REST_S)


class Watch:
    """Looks at the ends of streams while somebody listens: what is dropped or runs out tells nobody."""

    def __init__(self, bus: Bus, changes: Changes) -> None:
        self._bus = bus
        self._changes = changes
        self._seen: dict[str, tuple[int, int, int]] = {}

    async def loop(self) -> None:
        """Looks again and again."""
        while True:
            if self._changes.waiting:
                with contextlib.suppress(Unavailable, ApiError):
                    await self._look()
            await asyncio.sleep(_WATCH_EVERY_S)

    async def _look(self) -> None:
        for stream, topic in _WATCHED.items():
            state = (await self._bus.api(f"STREAM.INFO.{stream}"))["state"]
            now = (state["first_seq"], state["last_seq"], state["messages"])
            if self._seen.get(stream) != now:
                # Also at the first look: nobody knows since when.
                self._seen[stream] = now
                self._changes.tell(topic)
