"""What flows where."""

import asyncio

from aiohttp import web

from console.desk.crons import schedules
from console.desk.flows import join
from console.desk.streams import consumers
from console.web.page import show
from console.web.room import Room


class Flows:
    """Doors and schedules, subjects, who hears them."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/flows", self._look)]

    async def _look(self, request: web.Request) -> web.Response:
        room = self._room
        takers, timers = await asyncio.gather(consumers(room.bus), schedules(room.bus, now=room.clock.now()))
        found = join(room.crew.replicas, takers, timers, list(room.pulse.recent))
        return show(request, "flows", live="flows", flows=found)
