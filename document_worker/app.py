"""The composition root of the document worker: the one place where its concrete things are built."""

import contextlib

from document_worker.effects.deps import Deps
from document_worker.handlers import ROUTES
from document_worker.settings import Settings
from shared.clients.espocrm import Espocrm
from shared.clients.http import Tools
from shared.clients.xai import Xai
from shared.contracts.subjects import DOCUMENT_SWEEP
from shared.contracts.topology import IDEMPOTENCY, SNAPSHOTS, VMH
from shared.runtime.schedule import Cron
from shared.runtime.service import Service
from shared.runtime.worker import work
from shared.state.idempotency import Journal
from shared.state.kv import Bucket
from shared.state.snapshots import Snapshots


async def main(settings: Settings, service: Service) -> None:
    """Builds everything and works until told to stop."""
    tools = Tools(clock=service.clock, tracer=service.tracer, metrics=service.metrics)
    async with contextlib.AsyncExitStack() as stack:
        deps = Deps(
            espocrm=await stack.enter_async_context(Espocrm(settings.espocrm, tools).open()),
            xai=await stack.enter_async_context(Xai(settings.xai, tools).open()),
            journal=Journal(Bucket(service.bus.nc, IDEMPOTENCY.name), service.clock),
            snapshots=Snapshots(Bucket(service.bus.nc, SNAPSHOTS.name)),
            publisher=service.publisher,
            clock=service.clock,
            names=settings.names,
            guard_max_changes=settings.guard.guard_max_changes,
            guard_max_share=settings.guard.guard_max_share,
        )
        sweep = Cron(
            name="vmh.cron.document_sweep",
            expression=settings.document_sweep_cron,
            target=DOCUMENT_SWEEP.name,
            timezone=settings.schedule.hub_timezone,
        )
        await work(
            service,
            settings.worker,
            settings.health,
            stream=VMH,
            retry_subject="vmh.retry",
            routes=ROUTES,
            deps=deps,
            crons=(sweep,),
        )
