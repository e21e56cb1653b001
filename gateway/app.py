"""The gateway put together: doors, probes, description; served until told to stop, then drained."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import msgspec
from aiohttp import web

from gateway import openapi
from gateway.answers import problem
from gateway.auth import Auth
from gateway.calendar_door import PATH as CALENDAR_PATH
from gateway.calendar_door import CalendarDoor
from gateway.processes import Seat
from gateway.proxy_door import PATH as PROXY_PATH
from gateway.proxy_door import ProxyDoor
from gateway.settings import Keys, Settings
from gateway.webhooks import BODY_MAX_BYTES, WEBHOOKS, Webhooks
from shared.contracts.operator import Door, Facts
from shared.contracts.proxy import METHODS
from shared.contracts.subjects import CALENDAR_SYNC_ALL, CALENDAR_SYNC_EMPLOYEE
from shared.runtime.health import Health, HealthSettings
from shared.runtime.operator import attended
from shared.runtime.service import Service, health_server, serve, version

_log = logging.getLogger(__name__)

_NOTICE_S = 1.0
_GRACE_S = 35.0
"""Longer than a request through the proxy usually may take; nothing waits that has nothing in work."""


async def main(settings: Settings, service: Service, *, seat: Seat | None = None) -> None:
    """Serves until the service is told to stop. `seat` is its place among several processes behind one port.

    Raises MissingPart when the port is taken.
    """
    app = build(settings, service, alone=seat is None)
    wanted = seat.port if seat else settings.gateway_port
    async with (
        asyncio.TaskGroup() as tasks,
        attended(service, tasks, facts=facts_of(settings.keys), probes={}),
        _own_probes(settings.health, service, seat) if seat else contextlib.nullcontext(),
        # The doors are shut first: nobody outside waits for what happens between us and NATS.
        serve(app, settings.gateway_host, wanted, grace_s=_GRACE_S, is_shared=seat is not None) as port,
    ):
        _log.info("ready", extra={"port": port, "doors": len(WEBHOOKS)})
        await service.until_stopped()
        # Not ready from here on. Requests that were already sent our way are still taken: EspoCRM 10 drops a
        # webhook whose connection is refused.
        await asyncio.sleep(_NOTICE_S)


@contextlib.asynccontextmanager
async def _own_probes(settings: HealthSettings, service: Service, seat: Seat) -> AsyncIterator[None]:
    """Probes and metrics of this one process, and an end when its parent has gone."""
    loop = asyncio.get_running_loop()

    def orphaned() -> None:
        loop.remove_reader(seat.parent)
        service.stopping.set()

    loop.add_reader(seat.parent, orphaned)
    port = settings.health_port and settings.health_port + seat.number
    try:
        async with health_server(service, msgspec.structs.replace(settings, health_port=port)):
            yield
    finally:
        loop.remove_reader(seat.parent)


def facts_of(keys: Keys) -> Facts:
    """What this gateway says of itself."""
    doors = [
        Door(
            method="POST",
            path=path,
            publishes=tuple(sorted({door.subject.name, *(owner.name for owner in door.owners.values())})),
        )
        for path, door in WEBHOOKS.items()
    ]
    calendars = (CALENDAR_SYNC_ALL.name, CALENDAR_SYNC_EMPLOYEE.name)
    doors.append(Door(method="POST", path=CALENDAR_PATH, publishes=calendars))
    return Facts(
        doors=(*doors, *(Door(method=method, path=PROXY_PATH) for method in METHODS)),
        webhooks=tuple(sorted(name for name, _secret in keys.gateway_webhook_secrets.items())),
    )


def build(settings: Settings, service: Service, *, alone: bool = True) -> web.Application:
    """The application. Where it shares its port, nobody could tell whose /metrics answered: then there is none."""
    auth = Auth(settings.keys.gateway_webhook_secrets, settings.keys.gateway_api_keys)
    webhooks = Webhooks(service, auth)
    app = web.Application(client_max_size=BODY_MAX_BYTES)
    app.add_routes([web.post(path, webhooks.receive) for path in WEBHOOKS])
    app.add_routes(ProxyDoor(service, auth).routes())
    app.add_routes(CalendarDoor(service, auth).routes())
    app.add_routes([route for route in service.health.routes() if alone or route.path != "/metrics"])
    app.add_routes(openapi.routes(version()))
    app.on_response_prepare.append(_Farewell(service.health).say)
    # The last resort instead of a middleware, which would cost every request.
    app.router.add_route("*", "/{path:.*}", _Nowhere(app).answer)
    return app


class _Farewell:
    """Ends each connection with its next answer once we are stopping: nobody shall use it again as the door shuts."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def say(self, _request: web.Request, answer: web.StreamResponse) -> None:
        """Called before each answer's head goes out."""
        if self._health.draining:
            answer.headers["Connection"] = "close"
            answer.force_close()


class _Nowhere:
    """Answers what no door answers: 404, or 405 with the methods that the path has."""

    def __init__(self, app: web.Application) -> None:
        self._methods: dict[str, list[str]] = {}
        for route in app.router.routes():
            if route.resource is not None:
                self._methods.setdefault(route.resource.canonical, []).append(route.method)

    async def answer(self, request: web.Request) -> web.Response:
        """The error as JSON."""
        methods = self._methods.get(request.path)
        if methods is None:
            return problem(404, "there is no such path")
        return problem(405, "this path does not take that method", {"Allow": ", ".join(methods)})
