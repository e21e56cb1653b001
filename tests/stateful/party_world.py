"""The parties' world under a state machine: both vendors, two workers, one clock, and deliveries that may die."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from beteiligte_worker.effects.deps import Deps
from beteiligte_worker.fields.names import PartyNames
from beteiligte_worker.handlers import ROUTES
from shared.clients.advoware import Advoware as AdvowareClient
from shared.clients.espocrm import Espocrm as EspocrmClient
from shared.clients.espocrm import EspocrmSettings
from shared.clients.http import Tools
from shared.clients.redis_cache import RedisCache, RedisSettings
from shared.contracts.topology import IDEMPOTENCY, SNAPSHOTS
from shared.outcomes.errors import Busy, Halt, HubError
from shared.outcomes.settle import Attempts, Bury, settle
from shared.runtime.bus import NatsSettings
from shared.runtime.service import Service, start
from shared.settings import Secret
from shared.state.idempotency import Journal
from shared.state.kv import Bucket
from shared.state.snapshots import Snapshots
from shared.telemetry.run import Run, enter_run, leave_run
from simulators.advoware import Advoware, Switches
from simulators.espocrm import Espocrm
from simulators.harness import serve
from tests.stateful.deliveries import Deliveries, Delivery
from tests.support.advoware import advoware_settings
from tests.support.crash import DiesAfter, Interrupted, Killed

ADMIN_ID = "06b0301bb00000000"
BETWEEN_RUNS_S = 120.0
"""A vendor's pause after a 429, and its delay until new things are seen, are over by the next delivery."""
_ROUTES = {route.subject.name: route for route in ROUTES}
_STREAMS = ("VMH", "HISTORY", "DEAD", "KV_locks", "KV_idempotency", "KV_snapshots")

"""Subject and body."""


class MovedClock:
    """A clock that is moved, and both vendors' clocks with it."""

    def __init__(self, espocrm: Espocrm, advoware: Advoware) -> None:
        self.seconds = 0.0
        self._advoware = advoware
        espocrm.records.now = lambda: self.now().timestamp()

    def now(self) -> datetime:
        """The machine's own time, and what was moved."""
        return datetime.now(UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Only what was moved."""
        return self.seconds

    def move(self, seconds: float) -> None:
        """Forward."""
        self.seconds += seconds
        self._advoware.advance(seconds)


class World:
    """What the machine holds in its hands. Everything runs on `runner`'s loop."""

    def __init__(self, nats_url: str, redis_url: str, switches: Switches) -> None:
        self.runner = asyncio.Runner()
        self.espocrm = Espocrm(tick_s=None)
        self.advoware = Advoware(switches=switches)
        self.advoware.staff.add_mitarbeiter(kuerzel="SB", name="Beispiel")
        self.clock = MovedClock(self.espocrm, self.advoware)
        self.lists = switches.beteiligte_list
        self.hub_id = self.espocrm.actor("hub").id
        self.dead: list[tuple[str, HubError]] = []
        """Deliveries that became dead letters."""
        self._stack = contextlib.AsyncExitStack()
        self._fence = 1_000_000
        self._redis = RedisSettings(redis_url=Secret(redis_url))
        self.runner.run(self._open(nats_url))

    def close(self) -> None:
        """Everything."""
        try:
            self.runner.run(self._stack.aclose())
        finally:
            self.runner.close()

    async def _open(self, nats_url: str) -> None:
        self.service = await self._stack.enter_async_context(
            start("beteiligte_worker", NatsSettings(nats_url=nats_url), {})
        )
        for stream in _STREAMS:
            await self.service.bus.api(f"STREAM.PURGE.{stream}")
        self.deliveries = Deliveries(self.service, "VMH")
        await self.deliveries.skip()
        espocrm_url = await self._stack.enter_async_context(serve(self.espocrm))
        advoware_url = await self._stack.enter_async_context(serve(self.advoware))
        self.workers = [await self._worker(f"worker{number}", espocrm_url, advoware_url) for number in range(2)]

    async def _worker(self, holder: str, espocrm_url: str, advoware_url: str) -> Deps:
        service: Service = self.service
        tools = Tools(clock=self.clock, tracer=service.tracer, metrics=service.metrics)
        settings = EspocrmSettings(espocrm_api_base_url=f"{espocrm_url}/api/v1", espocrm_api_key=Secret("demo"))
        espocrm = await self._stack.enter_async_context(EspocrmClient(settings, tools).open())
        cache = RedisCache(self._redis, metrics=service.metrics)
        await self._stack.enter_async_context(cache.open())
        advoware = await self._stack.enter_async_context(
            AdvowareClient(advoware_settings(advoware_url), cache, tools, holder=holder).open()
        )
        return Deps(
            espocrm=espocrm,
            advoware=advoware,
            journal=Journal(Bucket(service.bus.requests, IDEMPOTENCY.name), self.clock),
            snapshots=Snapshots(Bucket(service.bus.requests, SNAPSHOTS.name)),
            publisher=service.publisher,
            clock=self.clock,
            names=PartyNames(),
            timezone=ZoneInfo("Europe/Berlin"),
            guard_max_changes=20,
            guard_max_share=0.3,
            notify_user_id=ADMIN_ID,
            advoware_lists=self.lists,
        )

    # Deliveries

    async def run(
        self, delivery: Delivery, worker: int, steps: int | None, *, meanwhile: Callable[[], None] | None = None
    ) -> bool:
        """One delivery as the consumer makes it, with a later fence than all before. `steps`: dies there, or
        lives and is overtaken there by what happens `meanwhile`.

        Whether it came to its end. What failed for now, or died, comes again; what was refused is shown and is dead.
        """
        self.clock.move(BETWEEN_RUNS_S)
        self._fence += 1
        subject, body = delivery
        route = _ROUTES[subject]
        event = route.subject.decode(body)
        deps = self.workers[worker]
        token = enter_run(Run(event_id="machine", run_id=str(self._fence), fence=self._fence))
        try:
            work = route.handler(event, deps)
            if meanwhile is not None and steps is not None:
                await Interrupted(work, steps, meanwhile)
            else:
                await DiesAfter(work, steps, tidies=True)
        except Killed:
            self.deliveries.again(delivery)
            return False
        except HubError as failed:
            settlement = settle(failed, Attempts(failures=2), 0.5)
            if not isinstance(failed, (Busy, Halt)) and route.failed is not None:
                with contextlib.suppress(HubError):
                    await route.failed(event, deps, failed)
            if isinstance(settlement, Bury):
                self.dead.append((subject, failed))
            else:
                self.deliveries.again(delivery)
            return False
        finally:
            leave_run(token)
        return True

    async def publish(self, subject: str, entity_id: str, **more: Any) -> None:
        """An event from outside."""
        event = _ROUTES[subject].subject.decode(msgspec.json.encode({"entity_id": entity_id, **more}))
        await self.service.publisher.publish(_ROUTES[subject].subject, event)

    async def queue(self) -> list[Delivery]:
        """Everything that was published or came back since it was last asked, each once."""
        return await self.deliveries.take()

    def writes(self) -> list[str]:
        """What was written to either vendor since `forget_writes`, the handshake left out."""
        rows = [("espocrm", row) for row in self.espocrm.log.writes()]
        rows += [("advoware", row) for row in self.advoware.log.writes() if row.path != "/api/v1/Token"]
        return [f"{vendor} {row.method} {row.path}" for vendor, row in rows]

    def forget_writes(self) -> None:
        """From here on, `writes` counts anew."""
        self.espocrm.log.clear()
        self.advoware.log.clear()

    # What is there

    def parties(self) -> list[str]:
        """EspoCRM's, alive."""
        return self.espocrm.list_ids("CBeteiligte")

    def record(self, entity_type: str, record_id: str) -> dict[str, Any]:
        """As EspoCRM has it, deleted or not."""
        found = self.espocrm.get(entity_type, record_id)
        assert found is not None
        return dict(found)

    def beteiligter(self, party_id: str) -> dict[str, Any] | None:
        """The party in Advoware whose number EspoCRM holds."""
        number = self.record("CBeteiligte", party_id).get("betnr")
        return self.numbered(number)

    def numbered(self, number: object) -> dict[str, Any] | None:
        """The party in Advoware with this number."""
        try:
            return dict(self.advoware.beteiligter(int(str(number)))) if number else None
        except KeyError:
            return None

    def children(self, party_id: str, link: str) -> list[dict[str, Any]]:
        """Living addresses or accounts of a party."""
        entity = {"adressens": "CAdressen", "bankverbindungens": "CBankverbindungen"}[link]
        return [self.record(entity, one) for one in self.espocrm.linked_ids("CBeteiligte", party_id, link)]

    def tasks(self, party_id: str) -> list[dict[str, Any]]:
        """All tasks about a party, by our marker."""
        found = [self.record("Task", one) for one in self.espocrm.list_ids("Task")]
        return [task for task in found if f"[hub:{party_id}:" in str(task["description"])]
