"""The gateway put together: doors, probes, description; served until told to stop, then drained."""

import asyncio
import logging

from aiohttp import web

from gateway import openapi
from gateway.answers import problem
from gateway.auth import Auth
from gateway.calendar_door import PATH as CALENDAR_PATH
from gateway.calendar_door import CalendarDoor
from gateway.proxy_door import PATH as PROXY_PATH
from gateway.proxy_door import ProxyDoor
from gateway.settings import Keys, Settings
from gateway.webhooks import BODY_MAX_BYTES, WEBHOOKS, Webhooks
from shared.contracts.operator import Door, Facts
from shared.contracts.proxy import METHODS
from shared.contracts.subjects import CALENDAR_SYNC_ALL, CALENDAR_SYNC_EMPLOYEE
from shared.runtime.operator import attended
from shared.runtime.service import Service, serve, version

_log = logging.getLogger(__name__)

_NOTICE_S = 1.0
_GRACE_S = 35.0
"""Longer than a request through the proxy usually may take; nothing waits that has nothing in work."""


async def main(settings: Settings, service: Service) -> None:
    """Serves until the service is told to stop. Raises MissingPart when the port is taken."""
    app = build(settings, service)
    async with (
        asyncio.TaskGroup() as tasks,
        attended(service, tasks, facts=facts_of(settings.keys), probes={}),
        # The doors are shut first: nobody outside waits for what happens between us and NATS.
        serve(app, settings.gateway_host, settings.gateway_port, grace_s=_GRACE_S) as port,
    ):
        _log.info("ready", extra={"port": port, "doors": len(WEBHOOKS)})
        await service.until_stopped()
        # Not ready from here on. Requests that were already sent our way are still taken: EspoCRM 10 drops a
        # webhook whose connection is refused.
        await asyncio.sleep(_NOTICE_S)


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


def build(settings: Settings, service: Service) -> web.Application:
    """The application."""
    auth = Auth(settings.keys.gateway_webhook_secrets, settings.keys.gateway_api_keys)
    webhooks = Webhooks(service, auth)
    app = web.Application(client_max_size=BODY_MAX_BYTES)
    app.add_routes([web.post(path, webhooks.receive) for path in WEBHOOKS])
    app.add_routes(ProxyDoor(service, auth).routes())
    app.add_routes(CalendarDoor(service, auth).routes())
    app.add_routes(service.health.routes())
    app.add_routes(openapi.routes(version()))
    # The last resort instead of a middleware, which would cost every request.
    app.router.add_route("*", "/{path:.*}", _Nowhere(app).answer)
    return app


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
