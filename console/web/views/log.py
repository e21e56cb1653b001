"""The newest log lines of all replicas."""

from aiohttp import web

from console.desk.logs import LEVELS, Wanted, passes
from console.web.page import show
from console.web.room import Room

_SHOWN = 200
_HIDDEN = ("traceback", "event_id", "trace_id", "entity_type", "entity_id", "reason", "outcome")


class Log:
    """Newest first, with filters."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/log", self._look)]

    async def _look(self, request: web.Request) -> web.Response:
        level, service, trace, entity = (
            request.query.get(name, "").strip() for name in ("level", "service", "trace", "entity")
        )
        wanted = Wanted(
            level=level if level in LEVELS else "info",
            services=(service,) if service else (),
            trace_id=trace,
            entity_id=entity,
        )
        lines = self._room.lines.newest
        found = [line for line in lines if passes(line, wanted)]
        return show(
            request,
            "log",
            live="log",
            lines=found[:_SHOWN],
            wanted=wanted,
            service=service,
            levels=LEVELS[1:],
            services=sorted({line.service for line in lines} | {one.service for one in self._room.crew.replicas}),
            hidden=_HIDDEN,
        )
