"""The composition root of the Beteiligte worker: the one place where its concrete things are built."""

import contextlib
from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

from beteiligte_worker.effects.deps import Deps
from beteiligte_worker.handlers import ROUTES, preview
from beteiligte_worker.settings import Settings
from shared.clients.advoware import Advoware
from shared.clients.espocrm import Espocrm
from shared.clients.http import Tools
from shared.clients.redis_cache import RedisCache
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import BETEILIGTE_AUDIT, BETEILIGTE_SWEEP
from shared.contracts.topology import IDEMPOTENCY, SNAPSHOTS, VMH
from shared.runtime.dry_run import entity_of, planner, show
from shared.runtime.operator import Operator
from shared.runtime.service import Service
from shared.runtime.worker import work
from shared.state.idempotency import Journal
from shared.state.kv import Bucket
from shared.state.snapshots import Snapshots

PLANS = ("CBeteiligte",)
"""What a plan can be asked of."""


@contextlib.asynccontextmanager
async def build(settings: Settings, service: Service) -> AsyncIterator[Deps]:
    """Everything the handlers touch, with its connections open."""
    tools = Tools(clock=service.clock, tracer=service.tracer, metrics=service.metrics)
    cache = RedisCache(settings.redis, metrics=service.metrics)
    advoware = Advoware(settings.advoware, cache, tools, holder=service.holder)
    async with cache.open(), advoware.open(), Espocrm(settings.espocrm, tools).open() as espocrm:
        yield Deps(
            espocrm=espocrm,
            advoware=advoware,
            journal=Journal(Bucket(service.bus.requests, IDEMPOTENCY.name), service.clock),
            snapshots=Snapshots(Bucket(service.bus.requests, SNAPSHOTS.name)),
            publisher=service.publisher,
            clock=service.clock,
            names=settings.names,
            timezone=ZoneInfo(settings.schedule.hub_timezone),
            guard_max_changes=settings.guard.guard_max_changes,
            guard_max_share=settings.guard.guard_max_share,
            notify_user_id=settings.beteiligte_notify_user_id,
            advoware_lists=settings.advoware_lists_beteiligte,
        )


async def main(settings: Settings, service: Service) -> None:
    """Works until told to stop."""
    sweep = settings.schedule.cron("vmh.cron.beteiligte_sweep", settings.beteiligte_sweep_cron, BETEILIGTE_SWEEP)
    nightly = settings.schedule.nightly("vmh.cron.beteiligte_audit", BETEILIGTE_AUDIT)
    async with build(settings, service) as deps:
        await work(
            service,
            settings.worker,
            settings.health,
            stream=VMH,
            retry_subject="vmh.retry",
            routes=ROUTES,
            deps=deps,
            crons=(sweep, nightly),
            operator=operator_of(deps),
        )


def operator_of(deps: Deps) -> Operator:
    """What an operator can ask of this worker."""

    async def espocrm() -> None:
        await deps.espocrm.search(deps.names.beteiligte_entity, select=["id"], max_size=1)

    async def notified() -> None:
        if deps.notify_user_id is not None:
            await deps.espocrm.get("User", deps.notify_user_id)

    return Operator(
        plans=PLANS,
        plan=planner("beteiligte_worker", entity_of, lambda event: preview(event, deps)),
        probes={
            "espocrm": espocrm,
            "advoware": deps.advoware.mitarbeiter,
            "redis": deps.advoware.share_token,
            "BETEILIGTE_NOTIFY_USER_ID": notified,
        },
    )


async def show_plan(settings: Settings, service: Service, *, event: EntityEvent) -> None:
    """The dry run of one party, on standard output."""
    async with build(settings, service) as deps:
        await show(f"{event.entity_type} {event.entity_id}", preview(event, deps))
