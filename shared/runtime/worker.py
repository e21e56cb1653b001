"""A worker: routes on one stream, with locks, schedules, health, and a drain at the end."""

import asyncio
import logging
import random
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from shared.contracts.operator import Facts, Heard, Timer
from shared.contracts.topology import IDEMPOTENCY, Stream
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import ApiError, MissingPart
from shared.runtime.consumer import Consumer
from shared.runtime.dead_letter import DeadLetters
from shared.runtime.desk import Desk
from shared.runtime.exclusive import locks_of
from shared.runtime.health import Check, HealthSettings
from shared.runtime.history import History
from shared.runtime.operator import Operator, attended
from shared.runtime.route import D, Route
from shared.runtime.schedule import Cron, Schedules
from shared.runtime.service import Service, health_server
from shared.state.attempts import AttemptsLog
from shared.state.kv import Bucket
from shared.state.locks import Locks

_log = logging.getLogger(__name__)

_GRACE_S = 20.0
_LAG_EVERY_S = 10.0


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker works."""

    worker_concurrency: Annotated[
        int, msgspec.Meta(ge=1, le=1000, description="Entities worked on at once, per process.")
    ] = 32
    lock_ttl_seconds: Annotated[int, msgspec.Meta(ge=1, description="The longest a run may take.")] = 1800
    lock_lease_seconds: Annotated[
        int,
        msgspec.Meta(ge=1, description="How long a dead worker keeps its entities; living ones renew."),
    ] = 30


class GuardSettings(msgspec.Struct, frozen=True, kw_only=True):
    """When a mass change needs a human: above both."""

    guard_max_changes: Annotated[int, msgspec.Meta(ge=0, description="Mass-change guard: changes at once.")] = 20
    guard_max_share: Annotated[float, msgspec.Meta(ge=0, le=1, description="Mass-change guard: share of all.")] = 0.3


async def work(
    service: Service,
    settings: WorkerSettings,
    health: HealthSettings,
    *,
    stream: Stream,
    retry_subject: str,
    routes: Sequence[Route[Any, D]],
    deps: D,
    crons: Sequence[Cron],
    operator: Operator,
) -> None:
    """Runs the routes until the service is told to stop, then drains. Raises MissingPart when it cannot begin."""
    async with asyncio.TaskGroup() as tasks:
        schedules = Schedules(service.bus, service.publisher)
        await _ensure(schedules, crons, stream)
        locks = await locks_of(service, lease_s=settings.lock_lease_seconds)
        consumer = Consumer(
            service.bus,
            _desk(service, settings, schedules, tasks, retry_subject, locks),
            routes,
            deps,
            stream=stream.name,
            concurrency=settings.worker_concurrency,
            ack_wait_s=settings.lock_lease_seconds,
            tasks=tasks,
        )
        service.health.add("consumer", _check(consumer))
        async with health_server(service, health):
            consumer.start()
            lag = tasks.create_task(_watch_lag(service, stream.name))
            facts = _facts(routes, crons, operator, stream)
            async with attended(service, tasks, facts=facts, probes=operator.probes, planner=operator.plan):
                _log.info("ready", extra={"holder": service.holder, "subjects": len(routes)})
                await service.until_stopped()
            lag.cancel()
            await consumer.stop(_GRACE_S)


def _facts(routes: Sequence[Route[Any, D]], crons: Sequence[Cron], operator: Operator, stream: Stream) -> Facts:
    return Facts(
        hears=tuple(Heard(subject=route.subject.name, handler=route.handler.__name__) for route in routes),
        timers=tuple(
            Timer(name=cron.name, expression=cron.expression, target=cron.target, timezone=cron.timezone)
            for cron in crons
        ),
        plans=operator.plans,
        stream=stream.name,
    )


async def _ensure(schedules: Schedules, crons: Sequence[Cron], stream: Stream) -> None:
    try:
        for cron in crons:
            await schedules.ensure(cron, stream=stream.name)
    except Unavailable as refused:
        raise MissingPart(f"a schedule cannot be made: {refused.reason}") from None


def _desk(
    service: Service,
    settings: WorkerSettings,
    schedules: Schedules,
    tasks: asyncio.TaskGroup,
    retry_subject: str,
    locks: Locks,
) -> Desk:
    return Desk(
        consumer=service.name,
        holder=service.holder,
        retry_subject=retry_subject,
        lock_ttl_s=settings.lock_ttl_seconds,
        clock=service.clock,
        tracer=service.tracer,
        metrics=service.metrics,
        locks=locks,
        attempts=AttemptsLog(Bucket(service.bus.requests, IDEMPOTENCY.name), consumer=service.name),
        history=History(service.publisher, service.metrics, tasks),
        dead_letters=DeadLetters(service.publisher),
        schedules=schedules,
        suspects=asyncio.Semaphore(1),
        dice=random.Random(),  # noqa: S311 - spreads retries, guards nothing
    )


def _check(consumer: Consumer[D]) -> Check:
    async def check() -> str | None:
        return consumer.halted

    return check


async def _watch_lag(service: Service, stream: str) -> None:
    while True:
        try:
            info = await service.bus.api(f"CONSUMER.INFO.{stream}.{service.name}")
            lag = info.get("num_pending", 0) + info.get("num_ack_pending", 0)
            service.metrics.consumer_lag.labels(service.name).set(lag)
        except (ApiError, Unavailable) as failed:
            _log.debug("lag unknown", extra={"error": type(failed).__name__})
        await asyncio.sleep(_LAG_EVERY_S)
