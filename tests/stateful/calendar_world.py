"""The calendars' world under a state machine: both vendors, two workers, one clock, and deliveries that may die."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from calendar_worker.effects.deps import Deps
from calendar_worker.effects.memory import read_memory
from calendar_worker.handlers import ROUTES
from calendar_worker.model.memory import Memory
from calendar_worker.model.plan import Policy
from shared.clients.google_calendar import GoogleCalendarSettings
from shared.clients.http import Tools
from shared.clients.redis_cache import RedisSettings
from shared.contracts.topology import IDEMPOTENCY, SNAPSHOTS
from shared.outcomes.errors import HubError
from shared.outcomes.outcome import Outcome
from shared.outcomes.settle import Attempts, Bury, settle
from shared.runtime.bus import NatsSettings
from shared.runtime.service import start
from shared.settings import Secret
from shared.state.idempotency import Journal
from shared.state.kv import Bucket
from shared.state.snapshots import Snapshots
from shared.telemetry.run import Run, enter_run, leave_run
from simulators.advoware import Advoware, Switches
from simulators.google_calendar import GoogleCalendar
from simulators.harness import serve
from tests.stateful.calendar_values import BEGIN, BERLIN, FUTURE_DAYS, PAST_DAYS
from tests.stateful.deliveries import Deliveries, Delivery
from tests.support.advoware import advoware_client
from tests.support.crash import DiesAfter, Interrupted, Killed
from tests.support.google import google_account, google_calendar, google_client

KUERZEL, COLLEAGUE, HUB_USER = "SB", "PM", "demo"
MAILS = {KUERZEL: "sb@kanzlei.example", COLLEAGUE: "pm@kanzlei.example"}
BETWEEN_RUNS_S = 120.0
"""A vendor's pause after a 429, and its delay until new things are seen, are over by the next delivery."""
ONE, ALL = "calendar.sync.employee", "calendar.sync.all"
_ROUTES = {route.subject.name: route for route in ROUTES}
_STREAMS = ("CALENDAR", "HISTORY", "DEAD", "KV_locks", "KV_idempotency", "KV_snapshots")
_HANDSHAKE = ("/api/v1/Token", "/AdvonetConfigurator/api/Url", "/token")

"""Subject and body."""


class MovedClock:
    """A clock that begins on a certain day and is moved, and both vendors' clocks with it."""

    def __init__(self, advoware: Advoware, google: GoogleCalendar) -> None:
        self.seconds = 0.0
        self._ahead = BEGIN - datetime.now(UTC)
        self._vendors = (advoware, google)
        for vendor in self._vendors:
            vendor.advance(self._ahead.total_seconds())

    def now(self) -> datetime:
        """The machine's own time, and what was moved."""
        return datetime.now(UTC) + self._ahead + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Only what was moved."""
        return self.seconds

    def move(self, seconds: float) -> None:
        """Forward."""
        self.seconds += seconds
        for vendor in self._vendors:
            vendor.advance(seconds)

    def window(self) -> tuple[date, date]:
        """The days that are kept in step, both included."""
        today = self.now().astimezone(BERLIN).date()
        return today - timedelta(days=PAST_DAYS), today + timedelta(days=FUTURE_DAYS)


class World:
    """What the machine holds in its hands. Everything runs on `runner`'s loop."""

    def __init__(self, nats_url: str, redis_url: str, switches: Switches, *, policy: Policy, write: bool) -> None:
        self.runner = asyncio.Runner()
        self.advoware = Advoware(switches=switches)
        for kuerzel, mail in MAILS.items():
            self.advoware.staff.add_mitarbeiter(kuerzel=kuerzel, name="Beispiel", eMail=mail)
        self.akte = self.advoware.staff.add_akte(aktenzeichen="12/26", kurzRubrum="Müßig ./. Groß")
        self.google = GoogleCalendar(account=google_account(), users=MAILS.values())
        self.clock = MovedClock(self.advoware, self.google)
        self.policy: Policy = policy
        self.write = write
        self.full = True
        """What the firm has set: whether texts go to Google."""
        self.dead: list[HubError] = []
        """Why deliveries became dead letters."""
        self._stack = contextlib.AsyncExitStack()
        self._fence = 1_000_000
        self.runner.run(self._open(nats_url, RedisSettings(redis_url=Secret(redis_url))))

    def close(self) -> None:
        """Everything."""
        try:
            self.runner.run(self._stack.aclose())
        finally:
            self.runner.close()

    async def _open(self, nats_url: str, redis: RedisSettings) -> None:
        self.service = await self._stack.enter_async_context(
            start("calendar_worker", NatsSettings(nats_url=nats_url), {})
        )
        for stream in _STREAMS:
            await self.service.bus.api(f"STREAM.PURGE.{stream}")
        self.deliveries = Deliveries(self.service, "CALENDAR")
        await self.deliveries.skip()
        self.service.clock = self.clock
        url = await self._stack.enter_async_context(serve(self.advoware))
        _, settings = await self._stack.enter_async_context(google_calendar(simulator=self.google))
        self.workers = [await self._worker(f"worker{number}", url, settings, redis) for number in range(2)]

    async def _worker(self, holder: str, url: str, google: GoogleCalendarSettings, redis: RedisSettings) -> Deps:
        service = self.service
        tools = Tools(clock=self.clock, tracer=service.tracer, metrics=service.metrics)
        return Deps(
            advoware=await self._stack.enter_async_context(advoware_client(service, url, redis, holder=holder)),
            google=await self._stack.enter_async_context(google_client(google, tools=tools)),
            journal=Journal(Bucket(service.bus.requests, IDEMPOTENCY.name), self.clock),
            snapshots=Snapshots(Bucket(service.bus.requests, SNAPSHOTS.name)),
            publisher=service.publisher,
            clock=self.clock,
            timezone=BERLIN,
            past_days=PAST_DAYS,
            future_days=FUTURE_DAYS,
            policy=self.policy,
            advoware_write=self.write,
        )

    # Deliveries

    async def run(
        self, delivery: Delivery, worker: int, steps: int | None, *, meanwhile: Callable[[], None] | None = None
    ) -> Outcome | HubError | None:
        """One delivery as the consumer makes it, with a later fence than all before. `steps`: dies there, or
        lives and is overtaken there by what happens `meanwhile`.

        How it ended; None: it died. What failed for now, or died, comes again; what was refused is dead.
        """
        self.clock.move(BETWEEN_RUNS_S)
        self._fence += 1
        subject, body = delivery
        route = _ROUTES[subject]
        deps = msgspec.structs.replace(self.workers[worker], full_content=self.full)
        token = enter_run(Run(event_id="machine", run_id=str(self._fence), fence=self._fence))
        try:
            work = route.handler(route.subject.decode(body), deps)
            if meanwhile is not None and steps is not None:
                return await Interrupted(work, steps, meanwhile)
            return await DiesAfter(work, steps, tidies=True)
        except Killed:
            self.deliveries.again(delivery)
            return None
        except HubError as failed:
            if isinstance(settle(failed, Attempts(failures=2), 0.5), Bury):
                self.dead.append(failed)
            else:
                self.deliveries.again(delivery)
            return failed
        finally:
            leave_run(token)

    async def queue(self) -> list[Delivery]:
        """Everything that was published or came back since it was last asked, each once."""
        return await self.deliveries.take()

    def requests(self) -> list[str]:
        """What was asked of either vendor since `forget_requests`, and how it ended; the handshakes left out."""
        rows = [("advoware", row) for row in self.advoware.log.rows()]
        rows += [("google", row) for row in self.google.log.rows()]
        return [f"{vendor} {row.method} {row.path} {row.status}" for vendor, row in rows if row.path not in _HANDSHAKE]

    def writes(self) -> list[str]:
        """Those that could have changed something."""
        return [one for one in self.requests() if one.split()[1] != "GET"]

    def changes(self) -> list[str]:
        """Those that have: what Advoware refuses to its user is tried again every day."""
        return [one for one in self.writes() if not one.endswith("Termine 403")]

    def forget_requests(self) -> None:
        """From here on, `requests` counts anew."""
        self.advoware.log.clear()
        self.google.log.clear()

    # What the hub keeps

    async def memory(self, kuerzel: str = KUERZEL) -> Memory:
        """What it remembers."""
        return await read_memory(kuerzel, self.workers[0])

    # What is there

    def calendar(self, kuerzel: str = KUERZEL) -> str | None:
        """Id of an employee's calendar. There is never a second one."""
        found = self.google.calendar_ids(f"AW-{kuerzel}")
        assert len(found) <= 1, "two calendars"
        return found[0] if found else None

    def events(self, kuerzel: str = KUERZEL) -> list[dict[str, Any]]:
        """Living events, a series as one, without its exceptions."""
        calendar = self.calendar(kuerzel)
        rows = self.google.events(calendar) if calendar else []
        return [row for row in rows if "recurringEventId" not in row]

    def termine(self) -> dict[int, dict[str, Any]]:
        """All of Advoware's, whosever they are."""
        return {int(str(row["frNr"])): dict(row) for row in self.advoware.termine()}
