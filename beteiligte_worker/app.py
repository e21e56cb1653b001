"""The composition root of the Beteiligte worker: the one place where its concrete things are built."""

import contextlib
import sys
from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

import msgspec

from beteiligte_worker.effects.deps import Deps
from beteiligte_worker.handlers import ROUTES, preview
from beteiligte_worker.settings import Settings
from shared.clients.advoware import Advoware
from shared.clients.espocrm import Espocrm
from shared.clients.http import Tools
from shared.clients.redis_cache import RedisCache
from shared.contracts.events import EntityEvent
from shared.contracts.operator import PlanAnswer, PlanQuestion
from shared.contracts.subjects import BETEILIGTE_AUDIT, BETEILIGTE_SWEEP
from shared.contracts.topology import IDEMPOTENCY, SNAPSHOTS, VMH
from shared.outcomes.errors import HubError
from shared.runtime.operator import Operator
from shared.runtime.schedule import Cron
from shared.runtime.service import Service
from shared.runtime.worker import work
from shared.state.idempotency import Journal
from shared.state.kv import Bucket
from shared.state.snapshots import Snapshots


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
            journal=Journal(Bucket(service.bus.nc, IDEMPOTENCY.name), service.clock),
            snapshots=Snapshots(Bucket(service.bus.nc, SNAPSHOTS.name)),
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
    sweep = Cron(
        name="vmh.cron.beteiligte_sweep",
        expression=settings.beteiligte_sweep_cron,
        target=BETEILIGTE_SWEEP.name,
        timezone=settings.schedule.hub_timezone,
    )
    nightly = Cron(
        name="vmh.cron.beteiligte_audit",
        expression=settings.schedule.audit_cron,
        target=BETEILIGTE_AUDIT.name,
        timezone=settings.schedule.hub_timezone,
    )
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
            operator=_operator(deps),
        )


def _operator(deps: Deps) -> Operator:
    async def plan(question: PlanQuestion) -> PlanAnswer:
        event = msgspec.convert({"entity_type": question.entity_type, "entity_id": question.entity_id}, EntityEvent)
        reason, writes = await preview(event, deps)
        return PlanAnswer(service="beteiligte_worker", reason=reason, writes=tuple(writes))

    async def espocrm() -> None:
        await deps.espocrm.search(deps.names.beteiligte_entity, select=["id"], max_size=1)

    return Operator(
        plans=("CBeteiligte",),
        plan=plan,
        probes={"espocrm": espocrm, "advoware": deps.advoware.mitarbeiter},
    )


async def show_plan(settings: Settings, service: Service, *, event: EntityEvent) -> None:
    """The dry run of one party, on standard output."""
    async with build(settings, service) as deps:
        try:
            reason, writes = await preview(event, deps)
            lines = [f"{event.entity_type} {event.entity_id}: {reason}", *(writes or ["nothing to write"])]
        except HubError as failed:
            lines = [f"{event.entity_type} {event.entity_id}: {type(failed).__name__}", failed.reason]
    sys.stdout.write("\n  ".join(lines) + "\n")
