"""The composition root of the document worker: the one place where its concrete things are built."""

import contextlib
from collections.abc import AsyncIterator

from document_worker.effects.deps import Deps
from document_worker.handlers import ROUTES, preview
from document_worker.settings import Settings
from shared.clients.espocrm import Espocrm
from shared.clients.http import Tools
from shared.clients.xai import Xai
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import DOCUMENT_AUDIT, DOCUMENT_SWEEP
from shared.contracts.topology import IDEMPOTENCY, SNAPSHOTS, VMH
from shared.runtime.dry_run import entity_of, planner, show
from shared.runtime.operator import Operator
from shared.runtime.service import Service
from shared.runtime.worker import work
from shared.state.idempotency import Journal
from shared.state.kv import Bucket
from shared.state.snapshots import Snapshots

_NOBODYS = "hub-doctor"
"""An id that nothing has: asking for it shows that the key is taken."""


PLANS = ("CDokumente", "Raeumungsklage", "Account", "CBeteiligte")
"""What a plan can be asked of."""


@contextlib.asynccontextmanager
async def build(settings: Settings, service: Service) -> AsyncIterator[Deps]:
    """Everything the handlers touch, with its connections open."""
    tools = Tools(clock=service.clock, tracer=service.tracer, metrics=service.metrics)
    async with Espocrm(settings.espocrm, tools).open() as espocrm, Xai(settings.xai, tools).open() as xai:
        yield Deps(
            espocrm=espocrm,
            xai=xai,
            journal=Journal(Bucket(service.bus.requests, IDEMPOTENCY.name), service.clock),
            snapshots=Snapshots(Bucket(service.bus.requests, SNAPSHOTS.name)),
            publisher=service.publisher,
            clock=service.clock,
            names=settings.names,
            guard_max_changes=settings.guard.guard_max_changes,
            guard_max_share=settings.guard.guard_max_share,
        )


async def main(settings: Settings, service: Service) -> None:
    """Works until told to stop."""
    sweep = settings.schedule.cron("vmh.cron.document_sweep", settings.document_sweep_cron, DOCUMENT_SWEEP)
    nightly = settings.schedule.nightly("vmh.cron.document_audit", DOCUMENT_AUDIT)
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
        await deps.espocrm.search(deps.names.document_entity, select=["id"], max_size=1)

    async def files() -> None:
        await deps.xai.file_exists(_NOBODYS)

    async def collections() -> None:
        await deps.xai.collection_exists(_NOBODYS)

    return Operator(
        plans=PLANS,
        plan=planner("document_worker", entity_of, lambda event: preview(event, deps)),
        probes={"espocrm": espocrm, "xai files": files, "xai collections": collections},
    )


async def show_plan(settings: Settings, service: Service, *, event: EntityEvent) -> None:
    """The dry run of one entity, on standard output."""
    async with build(settings, service) as deps:
        await show(f"{event.entity_type} {event.entity_id}", preview(event, deps))
