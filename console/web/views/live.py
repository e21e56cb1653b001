"""Tells an open page that it is old; the page then asks for itself again."""

import asyncio
import contextlib

from aiohttp import web

from console.web.changes import Changes
from console.web.guard import Guard, session_id

_TOPICS = {
    "overview": ("history", "dead", "tick"),
    "flows": ("history", "tick"),
    "search": ("history",),
    "dead": ("dead",),
    "locks": ("locks",),
    "schedules": ("schedules",),
    "log": ("log",),
}
_REST_S = {"overview": 2.0, "flows": 3.0, "search": 2.0, "log": 1.0}
_HEARTBEAT_S = 15.0
_TICK_S = 10.0
_OPEN_MAX = 100
_STOP = "stop"


class Live:
    """Server-sent events."""

    def __init__(self, guard: Guard, changes: Changes) -> None:
        self._guard = guard
        self._changes = changes
        self._stopped = False
        self._open = 0

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/live", self._tell, allow_head=False)]

    def stop(self) -> None:
        """Ends all streams: an open page would keep the service from stopping."""
        self._stopped = True
        self._changes.tell(_STOP)

    async def tick(self) -> None:
        """What shows ages is old after a while, even if nothing happens."""
        while True:
            await asyncio.sleep(_TICK_S)
            self._changes.tell("tick")

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        view, told = request.query.get("view", ""), request.query.get("count", "")
        topics = (view,) if view.startswith("entity:") else _TOPICS.get(view, ())
        if not topics or not (told.isascii() and told.isdecimal() and len(told) < 16):
            raise web.HTTPBadRequest
        if self._open >= _OPEN_MAX:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "30"})
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await answer.prepare(request)
        self._open += 1
        try:
            with self._changes.hearing((*topics, _STOP)) as changed, contextlib.suppress(ConnectionError):
                if self._changes.since(topics, int(told)):
                    changed.set()
                await self._stream(request, answer, changed, _REST_S.get(view, 0.3))
        finally:
            self._open -= 1
        return answer

    async def _stream(
        self, request: web.Request, answer: web.StreamResponse, changed: asyncio.Event, rest_s: float
    ) -> None:
        await answer.write(b"retry: 2000\n\n")
        while not self._stopped:
            # Whoever was logged out hears no more; listening alone keeps nobody logged in.
            if self._guard.sessions.find(session_id(request), is_person=False) is None:
                await answer.write(b"event: over\ndata:\n\n")
                return
            try:
                async with asyncio.timeout(_HEARTBEAT_S):
                    await changed.wait()
            except TimeoutError:
                await answer.write(b": still here\n\n")
                continue
            changed.clear()
            await answer.write(b"event: changed\ndata:\n\n")
            await asyncio.sleep(rest_s)
