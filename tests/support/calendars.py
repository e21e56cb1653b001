"""The calendars' sync as it runs: the worker's deps on real NATS and Redis, over both simulators."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from calendar_worker.app import operator_of
from calendar_worker.effects.deps import Deps
from calendar_worker.effects.keys import employee_key
from calendar_worker.effects.memory import read_memory
from calendar_worker.handlers import ROUTES, on_employee
from calendar_worker.model.memory import Memory
from shared.clients.http import Tools
from shared.clients.redis_cache import RedisSettings
from shared.contracts.events import CalendarEvent
from shared.contracts.topology import CALENDAR, IDEMPOTENCY, SNAPSHOTS
from shared.outcomes.outcome import Outcome, Skip
from shared.runtime.health import HealthSettings
from shared.runtime.service import Service
from shared.runtime.worker import WorkerSettings, work
from shared.state.idempotency import Journal
from shared.state.kv import Bucket
from shared.state.snapshots import Snapshots
from simulators.advoware import Advoware, Switches
from simulators.google_calendar import GoogleCalendar
from simulators.harness import serve
from tests.support.advoware import advoware_client
from tests.support.google import google_calendar, google_client
from tests.support.office import consumed

KUERZEL = "SB"
_BERLIN = ZoneInfo("Europe/Berlin")
MAIL = "sb@kanzlei.example"


class Calendars(msgspec.Struct, frozen=True):
    """Both vendors, and the deps of a worker between them."""

    advoware: Advoware
    google: GoogleCalendar
    deps: Deps

    async def sync(self, kuerzel: str = KUERZEL, **more: Any) -> Outcome:
        """One run of the handler, as the consumer would call it; `deps` in `more` replaces some of them."""
        deps = msgspec.structs.replace(self.deps, **more.pop("deps", {}))
        return await on_employee(CalendarEvent(kuerzel=kuerzel, **more), deps)

    def calendar_id(self, kuerzel: str = KUERZEL) -> str:
        """The one calendar of an employee."""
        [found] = self.google.calendar_ids(f"AW-{kuerzel}")
        return found

    def events(self, kuerzel: str = KUERZEL) -> list[dict[str, Any]]:
        """What lives in an employee's calendar."""
        return self.google.events(self.calendar_id(kuerzel))

    def event_of(self, fr_nr: int) -> dict[str, Any]:
        """The one event that stands for a Termin."""
        [found] = [one for one in self.events() if linked_to(one) == fr_nr]
        return found

    def termine(self) -> list[dict[str, Any]]:
        """All Termine of the firm."""
        return [dict(one) for one in self.advoware.termine()]

    def termin(self, fr_nr: int) -> dict[str, Any]:
        """One Termin as Advoware answers it singly."""
        return dict(self.advoware.termin(fr_nr))

    async def memory(self, kuerzel: str = KUERZEL) -> Memory:
        """What is remembered."""
        return await read_memory(kuerzel, self.deps)

    def requests(self) -> list[str]:
        """What was asked of either vendor since the logs were cleared, the handshakes left out."""
        rows = [("advoware", row) for row in self.advoware.log.rows()]
        rows += [("google", row) for row in self.google.log.rows()]
        return [f"{vendor} {row.method} {row.path}" for vendor, row in rows if not _of_the_handshake(row.path)]

    def writes(self) -> list[str]:
        """Those that could have changed something."""
        return [one for one in self.requests() if one.split()[1] != "GET"]

    def forget_logs(self) -> None:
        """From here on, `requests` counts anew."""
        self.advoware.log.clear()
        self.google.log.clear()


def linked_to(event: dict[str, Any]) -> int:
    """The Termin that an event says it stands for; 0: none."""
    return int(event.get("extendedProperties", {}).get("private", {}).get("advoware_frnr", 0))


def _of_the_handshake(path: str) -> bool:
    return path in ("/api/v1/Token", "/AdvonetConfigurator/api/Url", "/token")


@contextlib.asynccontextmanager
async def open_calendars(
    service: Service, redis: RedisSettings, *, switches: Switches | None = None, **more: Any
) -> AsyncIterator[Calendars]:
    """Starts the simulators and the clients, with one employee in Advoware."""
    advoware = Advoware(switches=switches or Switches())
    advoware.staff.add_mitarbeiter(kuerzel=KUERZEL, name="Birkenau", eMail=MAIL)
    tools = Tools(clock=service.clock, tracer=service.tracer, metrics=service.metrics)
    async with contextlib.AsyncExitStack() as stack:
        advoware_url = await stack.enter_async_context(serve(advoware))
        client = await stack.enter_async_context(advoware_client(service, advoware_url, redis))
        google, settings = await stack.enter_async_context(google_calendar(users=[MAIL]))
        google_side = await stack.enter_async_context(google_client(settings, tools=tools))
        deps: dict[str, Any] = {
            "advoware": client,
            "google": google_side,
            "journal": Journal(Bucket(service.bus.requests, IDEMPOTENCY.name), service.clock),
            "snapshots": Snapshots(Bucket(service.bus.requests, SNAPSHOTS.name)),
            "publisher": service.publisher,
            "clock": service.clock,
            "timezone": _BERLIN,
            "past_days": 365,
            "future_days": 3650,
            "visible_after_s": 0.0,
        }
        yield Calendars(advoware, google, Deps(**{**deps, **more}))


@contextlib.asynccontextmanager
async def working(service: Service, calendars: Calendars) -> AsyncIterator[None]:
    """The worker's consumer, running; drained at the end."""
    service.stopping.clear()
    service.health.draining = False
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            work(
                service,
                WorkerSettings(worker_concurrency=8, lock_lease_seconds=5),
                HealthSettings(health_port=0),
                stream=CALENDAR,
                retry_subject="calendar.retry",
                routes=ROUTES,
                deps=calendars.deps,
                crons=(),
                operator=operator_of(calendars.deps),
            )
        )
        try:
            yield
        finally:
            service.stopping.set()


async def settled(service: Service, *, seconds: float = 30.0) -> None:
    """Returns when the worker's consumer of CALENDAR has nothing left, and the history of it is stored."""
    await consumed(service, CALENDAR.name, service.name, seconds=seconds)


async def lose_memory(service: Service) -> None:
    """As if somebody had deleted the keys."""
    bucket = Bucket(service.bus.requests, SNAPSHOTS.name)
    base = employee_key(KUERZEL)
    for key in [base, *await bucket.keys(f"{base}.>")]:
        if (entry := await bucket.get(key)) is not None:
            await bucket.delete(entry.revision)


def day(ahead: int) -> str:
    """A day from now."""
    return (date.today() + timedelta(days=ahead)).isoformat()  # noqa: DTZ011 - the simulators go by this clock too


def at(ahead: int, time: str) -> str:
    """A minute of the firm's clock on a day from now, with its offset."""
    return datetime.fromisoformat(f"{day(ahead)}T{time}").replace(tzinfo=_BERLIN).isoformat()


def add_termin(calendars: Calendars, **fields: Any) -> int:
    """A Termin of the employee, tomorrow from nine to ten unless said."""
    usual = {"text": "Besprechung", "datum": day(1), "uhrzeitVon": "09:00", "uhrzeitBis": "10:00", "anwalt": KUERZEL}
    return calendars.advoware.staff.add_termin(**{**usual, **fields})


def add_event(calendars: Calendars, **members: Any) -> str:
    """An event of the employee, tomorrow from two to three unless said."""
    usual = {"summary": "Mittagessen", "start": at(1, "14:00"), "end": at(1, "15:00")}
    return calendars.google.staff.add_event(calendars.calendar_id(), **{**usual, **members})


async def in_step(calendars: Calendars, **more: Any) -> None:
    """Runs until nothing is left to do: invariant 2, at most one run more than the one that has work."""
    await calendars.sync(**more)
    calendars.forget_logs()
    assert isinstance(await calendars.sync(**more), Skip)
    assert calendars.writes() == []
