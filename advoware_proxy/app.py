"""The composition root of the Advoware proxy."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from advoware_proxy.allow import parse
from advoware_proxy.audit import Audit
from advoware_proxy.pace import Pace
from advoware_proxy.service import Deps, endpoints
from advoware_proxy.settings import Settings
from shared.clients.advoware import Advoware
from shared.clients.http import Tools
from shared.clients.redis_cache import RedisCache
from shared.contracts.operator import Facts
from shared.contracts.proxy import REST
from shared.runtime.large_reply import LargeReplies
from shared.runtime.microservice import Microservice
from shared.runtime.operator import doctor_endpoint
from shared.runtime.service import Service, health_server

_log = logging.getLogger(__name__)

_IN_WORK_MAX = 256
_GRACE_S = 20.0


@contextlib.asynccontextmanager
async def build(settings: Settings, service: Service) -> AsyncIterator[Deps]:
    """Everything a request touches, with its connections open."""
    tools = Tools(clock=service.clock, tracer=service.tracer, metrics=service.metrics)
    cache = RedisCache(settings.redis, metrics=service.metrics)
    advoware = Advoware(settings.advoware, cache, tools, holder=service.holder)
    replies = LargeReplies(service.bus.nc, below=REST)
    async with cache.open(), advoware.open():
        await replies.start()
        yield Deps(
            advoware=advoware,
            audit=Audit(service.publisher, service.clock, worker=service.holder),
            replies=replies,
            rules=parse(settings.proxy.advoware_proxy_allow),
            employees_path=settings.advoware.advoware_employees_path,
            pace=Pace(settings.proxy.advoware_proxy_rate_per_minute),
            timeout_s=settings.advoware.advoware_api_timeout_seconds,
            clock=service.clock,
            tracer=service.tracer,
            metrics=service.metrics,
        )


async def main(settings: Settings, service: Service) -> None:
    """Answers until told to stop, then finishes what is in hand."""
    async with build(settings, service) as deps, asyncio.TaskGroup() as tasks:
        probes = {"advoware": deps.advoware.mitarbeiter, "redis": deps.advoware.share_token}
        proxy = Microservice(
            service,
            description="Requests to Advoware, authenticated and checked against the allow-list",
            endpoints=[*endpoints(deps), doctor_endpoint(service, probes)],
            tasks=tasks,
            in_work_max=_IN_WORK_MAX,
            facts=Facts(),
        )
        async with health_server(service, settings.health):
            await proxy.start()
            _log.info("ready", extra={"holder": service.holder, "rules": len(deps.rules)})
            await service.until_stopped()
            await proxy.stop(_GRACE_S)
            await deps.replies.stop(_GRACE_S)
