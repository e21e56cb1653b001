"""The composition root of the calendar worker: the one place where its concrete things are built."""

import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from zoneinfo import ZoneInfo

import msgspec

from calendar_worker.effects.audit import run_audit
from calendar_worker.effects.deps import Deps
from calendar_worker.handlers import ROUTES, preview
from calendar_worker.model.audit import Asked
from calendar_worker.plan.audit.report import exit_code, rendered
from calendar_worker.settings import Settings
from shared.clients.advoware import Advoware
from shared.clients.google_calendar import GoogleCalendar
from shared.clients.http import Tools
from shared.clients.redis_cache import RedisCache
from shared.contracts.events import CalendarEvent
from shared.contracts.operator import PlanQuestion
from shared.contracts.subjects import CALENDAR_AUDIT, CALENDAR_SYNC_ALL
from shared.contracts.topology import CALENDAR, IDEMPOTENCY, SNAPSHOTS
from shared.runtime.dry_run import planner, show
from shared.runtime.exclusive import Exclusive, locks_of
from shared.runtime.operator import Operator
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
    async with cache.open(), advoware.open(), GoogleCalendar(settings.google, tools).open() as google:
        yield Deps(
            advoware=advoware,
            google=google,
            journal=Journal(Bucket(service.bus.requests, IDEMPOTENCY.name), service.clock),
            snapshots=Snapshots(Bucket(service.bus.requests, SNAPSHOTS.name)),
            publisher=service.publisher,
            clock=service.clock,
            timezone=ZoneInfo(settings.schedule.hub_timezone),
            past_days=settings.calendar.calendar_window_past_days,
            future_days=settings.calendar.calendar_window_future_days,
            policy=settings.calendar.calendar_conflict_policy,
            advoware_write=settings.calendar.calendar_advoware_write,
            full_content=settings.calendar.calendar_full_content,
            share_with=settings.calendar.shares(),
            only=settings.calendar.only(),
            guard_max_changes=settings.guard.guard_max_changes,
            guard_max_share=settings.guard.guard_max_share,
        )


async def main(settings: Settings, service: Service) -> None:
    """Works until told to stop."""
    everybody = settings.schedule.cron(
        "calendar.cron.sync_all", settings.calendar.calendar_sync_cron, CALENDAR_SYNC_ALL
    )
    nightly = settings.schedule.nightly("calendar.cron.audit", CALENDAR_AUDIT)
    async with build(settings, service) as deps:
        await work(
            service,
            settings.worker,
            settings.health,
            stream=CALENDAR,
            retry_subject="calendar.retry",
            routes=ROUTES,
            deps=deps,
            crons=(everybody, nightly),
            operator=operator_of(deps),
        )


def operator_of(deps: Deps) -> Operator:
    """What an operator can ask of this worker."""

    def event_of(question: PlanQuestion) -> CalendarEvent:
        return msgspec.convert({"kuerzel": question.entity_id}, CalendarEvent)

    async def google() -> None:
        await deps.google.find_calendars("AW-")

    return Operator(
        plans=("Employee",),
        plan=planner("calendar_worker", event_of, lambda event: preview(event, deps)),
        probes={"advoware": deps.advoware.mitarbeiter, "redis": deps.advoware.share_token, "google": google},
    )


async def show_plan(settings: Settings, service: Service, *, event: CalendarEvent) -> None:
    """The dry run of one calendar, on standard output."""
    async with build(settings, service) as deps:
        await show(event.kuerzel, preview(event, deps))


async def show_audit(
    settings: Settings, service: Service, *, asked: Asked, json: bool, ended: Callable[[int], None]
) -> None:
    """An audit, on standard output; `ended` is told the exit code."""
    alone = Exclusive(await locks_of(service, lease_s=settings.worker.lock_lease_seconds))
    async with build(settings, service) as deps:
        reports = await run_audit(asked, deps, alone)
    sys.stdout.write(rendered(asked, reports, json=json))
    ended(exit_code(reports))
