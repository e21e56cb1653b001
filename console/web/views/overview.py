"""Is all well? The last hour, what waits, what failed, how the vendors do."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import msgspec
from aiohttp import web

from console.desk.reading import count
from console.desk.streams import consumers
from console.web.page import show
from console.web.room import Room
from console.web.spark import spark
from shared.contracts.topology import DEAD

_FAILURES = 6


class Staff(msgspec.Struct, frozen=True, kw_only=True):
    """A service and how many of it answer."""

    service: str
    replicas: int
    versions: str


class Overview:
    """The first page: nothing on it is waited for that could be slow."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/", self._look)]

    async def _look(self, request: web.Request) -> web.Response:
        room = self._room
        takers, dead = await asyncio.gather(consumers(room.bus), count(room.bus, DEAD.name))
        bars = room.pulse.bars()
        return show(
            request,
            "overview",
            live="overview",
            spark=spark(bars),
            runs=sum(runs for runs, _ in bars),
            failed=sum(failed for _, failed in bars),
            known_since=self._known_since(),
            consumers=takers,
            lag=sum(one.lag for one in takers),
            dead=dead,
            seen=room.lookout.seen,
            drift=sum(report.drifting for report in room.lookout.seen.reports),
            vendors=room.pulse.vendors(),
            failures=room.pulse.failures_of_last_hour()[:_FAILURES],
            staff=self._staff(),
        )

    def _known_since(self) -> datetime | None:
        """Said while the picture begins later than it seems to."""
        since = self._room.pulse.known_since
        hour_ago = self._room.clock.now() - timedelta(hours=1)
        return since if since is not None and since > hour_ago else None

    def _staff(self) -> list[Staff]:
        found = self._room.crew.replicas
        return [
            Staff(
                service=service,
                replicas=number,
                versions=", ".join(sorted({one.version for one in found if one.service == service})),
            )
            for service, number in sorted(Counter(one.service for one in found).items())
        ]
