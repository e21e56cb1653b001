"""What every view works with; built once in console/app.py."""

from datetime import tzinfo

import msgspec
from aiohttp import web

from console.desk.deeds import Deed, Operator
from console.metrics import ConsoleMetrics, Lookout
from console.web.changes import Changes
from console.web.guard import Guard
from console.web.kept import Crew, Lines
from console.web.page import SESSION
from console.web.pulse import Pulse
from console.web.sessions import Session
from shared.clock import Clock
from shared.runtime.bus import Bus
from shared.runtime.publisher import Publisher


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """Connection, what is kept beside the pages, and the door."""

    bus: Bus
    publisher: Publisher
    clock: Clock
    zone: tzinfo
    guard: Guard
    metrics: ConsoleMetrics
    changes: Changes
    pulse: Pulse
    crew: Crew
    lines: Lines
    lookout: Lookout
    tempo_url: str | None

    def operator(self, request: web.Request) -> Operator:
        """Whoever is logged in, as the desk knows people."""
        return Operator(self.bus, self.publisher, self.clock, session_of(request).name)

    def count(self, deed: Deed, times: int = 1) -> None:
        """After it was recorded."""
        self.metrics.deeds.labels(deed).inc(times)


def session_of(request: web.Request) -> Session:
    """Of a request that the guard has let through."""
    session: Session | None = request.get(SESSION)
    assert session is not None
    return session
