"""The console put together: pages, what is kept fresh beside them, probes; served until told to stop."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import msgspec
from aiohttp import web

from console.metrics import ConsoleMetrics, Lookout
from console.settings import Settings
from console.web.changes import Changes
from console.web.errors import errors
from console.web.guard import Guard, add_headers
from console.web.kept import Crew, Lines, Watch
from console.web.language import switch
from console.web.page import PAGES, Pages
from console.web.pulse import Pulse
from console.web.room import Room
from console.web.sessions import Door, Sessions
from console.web.views.assets import Assets
from console.web.views.dead import Dead
from console.web.views.entity import Entities
from console.web.views.flows import Flows
from console.web.views.live import Live
from console.web.views.locks import Locks
from console.web.views.log import Log
from console.web.views.login import LogIn
from console.web.views.overview import Overview
from console.web.views.schedules import Schedules
from console.web.views.trace import Traces
from shared.contracts.operator import Door as HttpDoor
from shared.contracts.operator import Facts
from shared.runtime.operator import attended
from shared.runtime.service import Service, health_server, serve

_log = logging.getLogger(__name__)

_BODY_MAX_BYTES = 64 * 1024
_GRACE_S = 10.0
_TOKEN_LENGTH = 16


async def main(settings: Settings, service: Service) -> None:
    """Serves until the service is told to stop. Raises MissingPart when the port is taken."""
    length = len(settings.access.console_token.reveal())
    if 0 < length < _TOKEN_LENGTH:
        _log.warning("CONSOLE_TOKEN is short", extra={"characters": length})
    async with opened(settings, service) as port:
        _log.info("ready", extra={"port": port})
        await service.until_stopped()


@contextlib.asynccontextmanager
async def opened(settings: Settings, service: Service) -> AsyncIterator[int]:
    """The running page; yields its port."""
    built = build(settings, service)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(loop()) for loop in built.loops]
        try:
            async with (
                attended(service, tasks, facts=_facts(built.app), probes={}),
                health_server(service, settings.health),
                serve(built.app, settings.console_host, settings.console_port, grace_s=_GRACE_S) as port,
            ):
                try:
                    yield port
                finally:
                    built.live.stop()
        finally:
            for task in running:
                task.cancel()


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """The application, what must be stopped of it, and the loops that keep it fresh."""

    app: web.Application
    live: Live
    loops: list[Callable[[], Coroutine[Any, Any, None]]]


def build(settings: Settings, service: Service) -> Built:
    """Puts everything together; nothing runs yet."""
    bus, clock = service.bus, service.clock
    zone = settings.view.zone
    changes = Changes()
    metrics = ConsoleMetrics(service.metrics.registry)
    guard = Guard(settings.access, Sessions(clock), Door(settings.access.console_token, clock), metrics)
    pulse, crew, lines = Pulse(bus, clock, changes), Crew(bus), Lines(bus, changes)
    lookout = Lookout(bus, clock, metrics)
    room = Room(
        bus=bus,
        publisher=service.publisher,
        clock=clock,
        zone=zone,
        guard=guard,
        metrics=metrics,
        changes=changes,
        pulse=pulse,
        crew=crew,
        lines=lines,
        lookout=lookout,
        tempo_url=settings.view.tempo_url,
    )
    live = Live(guard, changes)
    app = web.Application(client_max_size=_BODY_MAX_BYTES, middlewares=[errors(), guard.middleware(), switch()])
    app[PAGES] = Pages(clock, zone, lambda: changes.count)
    app.on_response_prepare.append(add_headers)
    views = (LogIn, Overview, Flows, Entities, Dead, Locks, Schedules, Log, Traces)
    for view in views:
        app.add_routes(view(room).routes())
    app.add_routes(live.routes())
    app.add_routes(Assets().routes())
    watch = Watch(bus, changes)
    loops = [pulse.loop, crew.loop, lines.loop, lookout.loop, watch.loop, live.tick]
    return Built(app=app, live=live, loops=loops)


def _facts(app: web.Application) -> Facts:
    doors = [
        HttpDoor(method=route.method, path=route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    ]
    return Facts(doors=tuple(sorted(doors, key=lambda door: (door.path, door.method))))
