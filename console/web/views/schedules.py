"""What the broker publishes by the clock: fire now, let it rest, let it go on."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from console.desk.crons import Schedule, pause, resume, schedules, trigger
from console.web.page import show
from console.web.paths import see
from console.web.room import Room, session_of


class Schedules:
    """All that are defined."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/schedules", self._look),
            web.post("/schedules/trigger", self._on(self._trigger)),
            web.post("/schedules/pause", self._on(self._pause)),
            web.post("/schedules/resume", self._on(self._resume)),
        ]

    async def _look(self, request: web.Request) -> web.Response:
        found = await schedules(self._room.bus, now=self._room.clock.now())
        return show(request, "schedules", live="schedules", schedules=found)

    def _on(
        self, deed: Callable[[web.Request, Schedule], Awaitable[tuple[str, str]]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def act(request: web.Request) -> web.StreamResponse:
            name = (await request.post()).get("name")
            found = [one for one in await schedules(self._room.bus, now=self._room.clock.now()) if one.name == name]
            note = await deed(request, found[0]) if found else ("bad", "schedules.gone")
            session_of(request).notes.append(note)
            return see("/schedules")

        return act

    async def _trigger(self, request: web.Request, one: Schedule) -> tuple[str, str]:
        try:
            await trigger(self._room.operator(request), one)
        except ValueError:
            return "bad", "schedules.unknown"
        self._room.count("trigger")
        return "good", "schedules.triggered"

    async def _pause(self, request: web.Request, one: Schedule) -> tuple[str, str]:
        if one.is_paused:
            return "bad", "schedules.already"
        await pause(self._room.operator(request), one)
        self._room.count("pause")
        return "good", "schedules.paused_now"

    async def _resume(self, request: web.Request, one: Schedule) -> tuple[str, str]:
        if not one.is_paused:
            return "bad", "schedules.already"
        await resume(self._room.operator(request), one)
        self._room.count("resume")
        return "good", "schedules.resumed"
