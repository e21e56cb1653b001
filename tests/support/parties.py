"""The parties' sync as it runs: the worker's deps on real NATS and Redis, over both simulators."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from beteiligte_worker.effects.deps import Deps
from beteiligte_worker.fields.names import PartyNames
from beteiligte_worker.handlers import ROUTES, on_party
from shared.clients.espocrm import Espocrm as EspocrmClient
from shared.clients.espocrm import EspocrmSettings
from shared.clients.http import Tools
from shared.clients.redis_cache import RedisSettings
from shared.contracts.events import EntityEvent
from shared.contracts.topology import IDEMPOTENCY, SNAPSHOTS
from shared.outcomes.outcome import Outcome
from shared.runtime.service import Service
from shared.runtime.worker import WorkerSettings
from shared.settings import Secret
from shared.state.idempotency import Journal
from shared.state.kv import Bucket
from shared.state.snapshots import Snapshots
from simulators.advoware import Advoware, Switches
from simulators.espocrm import Espocrm
from simulators.harness import serve
from tests.support.advoware import advoware_client
from tests.support.office import consuming


class Parties(msgspec.Struct, frozen=True):
    """Both vendors, and the deps of a worker between them."""

    espocrm: Espocrm
    advoware: Advoware
    deps: Deps

    async def sync(self, party_id: str, **more: Any) -> Outcome:
        """One run of the handler, as the consumer would call it."""
        event = EntityEvent(entity_id=party_id, entity_type="CBeteiligte", action="sync_check", **more)
        return await on_party(event, self.deps)

    def writes(self) -> list[str]:
        """What was written to either vendor since the logs were cleared, the handshake left out."""
        rows = [("espocrm", row) for row in self.espocrm.log.writes()]
        rows += [("advoware", row) for row in self.advoware.log.writes() if row.path != "/api/v1/Token"]
        return [f"{vendor} {row.method} {row.path}" for vendor, row in rows]

    def forget_logs(self) -> None:
        """From here on, `writes` counts anew."""
        self.espocrm.log.clear()
        self.advoware.log.clear()


@contextlib.asynccontextmanager
async def open_parties(
    service: Service, redis: RedisSettings, *, switches: Switches | None = None, lists: bool = False, **more: Any
) -> AsyncIterator[Parties]:
    """Starts the simulators and the clients. `lists`: Advoware can list parties, and the worker knows."""
    espocrm = Espocrm(tick_s=None)
    advoware = Advoware(switches=switches or Switches(beteiligte_list=lists))
    advoware.staff.add_mitarbeiter(kuerzel="SB", name="Beispiel")
    tools = Tools(clock=service.clock, tracer=service.tracer, metrics=service.metrics)
    async with contextlib.AsyncExitStack() as stack:
        espocrm_url = await stack.enter_async_context(serve(espocrm))
        advoware_url = await stack.enter_async_context(serve(advoware))
        settings = EspocrmSettings(espocrm_api_base_url=f"{espocrm_url}/api/v1", espocrm_api_key=Secret("demo"))
        espocrm_client = await stack.enter_async_context(EspocrmClient(settings, tools).open())
        client = await stack.enter_async_context(advoware_client(service, advoware_url, redis))
        deps: dict[str, Any] = {
            "espocrm": espocrm_client,
            "advoware": client,
            "journal": Journal(Bucket(service.bus.requests, IDEMPOTENCY.name), service.clock),
            "snapshots": Snapshots(Bucket(service.bus.requests, SNAPSHOTS.name)),
            "publisher": service.publisher,
            "clock": service.clock,
            "names": PartyNames(),
            "timezone": ZoneInfo("Europe/Berlin"),
            "guard_max_changes": 20,
            "guard_max_share": 0.3,
            "notify_user_id": espocrm.actor("admin").id,
            "advoware_lists": lists,
            "visible_after_s": 0.0,
        }
        yield Parties(espocrm, advoware, Deps(**{**deps, **more}))


@contextlib.asynccontextmanager
async def syncing(service: Service, parties: Parties, *, concurrency: int = 8) -> AsyncIterator[None]:
    """The worker's consumer, running."""
    settings = WorkerSettings(worker_concurrency=concurrency, lock_lease_seconds=5)
    async with consuming(service, ROUTES, parties.deps, settings):
        yield
