"""The doors a probe knocks at: /healthz, /readyz, /metrics."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from aiohttp import web

from shared.telemetry.metrics import Metrics

_LAG_EVERY_S = 0.5
_ALIVE_LAG_S = 10.0


class HealthSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a service without a door of its own is probed."""

    health_port: Annotated[
        int, msgspec.Meta(ge=0, le=65535, description="Port of /healthz, /readyz, /metrics; 0 picks one and logs it.")
    ] = 8081
    health_host: Annotated[str, msgspec.Meta(description="Address of these doors.")] = "127.0.0.1"


Check = Callable[[], Awaitable[str | None]]
"""None when all is well, else one sentence."""


class Health:
    """Liveness is the event loop's own; readiness is what the checks say."""

    def __init__(self, service: str, version: str, metrics: Metrics) -> None:
        self._about = {"service": service, "version": version}
        self._metrics = metrics
        self._checks: dict[str, Check] = {}
        self._lag_s = 0.0
        self.draining = False

    def add(self, name: str, check: Check) -> None:
        """One more condition for readiness."""
        self._checks[name] = check

    async def problems(self) -> dict[str, str]:
        """What keeps the service from being ready, by name of the check."""
        if self.draining:
            return {"service": "is stopping"}
        checks = dict(self._checks)  # more may be added while we wait
        answers = await asyncio.gather(*(check() for check in checks.values()))
        return {name: answer for name, answer in zip(checks, answers, strict=True) if answer}

    async def watch_loop(self) -> None:
        """Counts tasks, and measures how late timers run: a loop that is blocked answers no probe, renews no lock."""
        loop = asyncio.get_running_loop()
        while True:
            asked = loop.time()
            await asyncio.sleep(_LAG_EVERY_S)
            self._lag_s = max(0.0, loop.time() - asked - _LAG_EVERY_S)
            self._metrics.loop_lag_seconds.observe(self._lag_s)
            self._metrics.tasks.set(len(asyncio.all_tasks()))

    def routes(self) -> list[web.RouteDef]:
        """To be added to an aiohttp application."""
        return [
            web.get("/healthz", self._healthz),
            web.get("/readyz", self._readyz),
            web.get("/metrics", self._render),
        ]

    async def _healthz(self, _request: web.Request) -> web.Response:
        alive = self._lag_s < _ALIVE_LAG_S
        return _json({"status": "alive" if alive else "stuck", **self._about}, 200 if alive else 503)

    async def _readyz(self, _request: web.Request) -> web.Response:
        problems = await self.problems()
        if problems:
            return _json({"status": "not ready", "problems": problems, **self._about}, 503)
        return _json({"status": "ready", **self._about}, 200)

    async def _render(self, request: web.Request) -> web.Response:
        body, content_type = self._metrics.negotiated(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})


def _json(data: object, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(data), status=status, content_type="application/json")
