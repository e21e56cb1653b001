"""A worker like ours, with lanes, locks, history and log, whose handler does nothing."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec

from shared.contracts.events import EntityEvent
from shared.contracts.keys import key
from shared.contracts.operator import PlanAnswer, PlanQuestion
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.contracts.topology import VMH
from shared.outcomes.errors import Unavailable
from shared.outcomes.outcome import Outcome, Skip
from shared.outcomes.reason import Reason
from shared.runtime.bus import NatsSettings
from shared.runtime.health import HealthSettings
from shared.runtime.operator import Operator
from shared.runtime.route import Route
from shared.runtime.service import LogSettings, Service, run
from shared.runtime.worker import WorkerSettings, work


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's settings, and what its handler does."""

    nats: NatsSettings
    log: LogSettings
    health: HealthSettings
    worker: WorkerSettings
    bench_handler_seconds: Annotated[float, msgspec.Meta(ge=0, description="How long a run takes.")] = 0.0
    bench_started: Annotated[str | None, msgspec.Meta(description="File for a line per run: entity, clock.")] = None


class Deps:
    """Writes down when runs begin, by the clock that all processes of a machine share."""

    def __init__(self, settings: Settings) -> None:
        self.handler_s = settings.bench_handler_seconds
        self._started = Path(settings.bench_started) if settings.bench_started else None
        if self._started is not None:
            self._started.touch()

    def note(self, entity_id: str) -> None:
        """A run has begun."""
        if self._started is not None:
            with self._started.open("a") as lines:
                lines.write(f"{entity_id} {time.perf_counter()}\n")


async def on_document(event: EntityEvent, deps: Deps) -> Outcome:
    """Nothing, or a pause."""
    deps.note(event.entity_id)
    if deps.handler_s:
        await asyncio.sleep(deps.handler_s)
    return Skip(Reason.IN_STEP)


def _lock(event: EntityEvent) -> str:
    return key("document_sync", event.entity_type, event.entity_id)


async def _no_plan(_question: PlanQuestion) -> PlanAnswer:
    raise Unavailable("nobody asks here")


async def main(settings: Settings, service: Service) -> None:
    """Works until told to stop."""
    await work(
        service,
        settings.worker,
        settings.health,
        stream=VMH,
        retry_subject="vmh.retry",
        routes=(Route(subject=DOCUMENT_UPDATE, handler=on_document, lock=_lock),),
        deps=Deps(settings),
        crons=(),
        operator=Operator(plans=(), plan=_no_plan, probes={}),
    )


if __name__ == "__main__":
    sys.exit(run("document_worker", Settings, main, bus_of=lambda s: s.nats, log_level_of=lambda s: s.log.log_level))
