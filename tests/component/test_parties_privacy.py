"""P10: canaries in names, mails, phones, addresses and accounts, and everything that leaves the worker searched."""

import contextlib
import io
from collections.abc import AsyncIterator

import msgspec
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from beteiligte_worker.effects.deps import Deps
from beteiligte_worker.handlers import ROUTES, on_party
from shared.clients.redis_cache import RedisSettings
from shared.contracts.events import EntityEvent, SweepEvent
from shared.contracts.subjects import BANKVERBINDUNGEN_UPDATE, BETEILIGTE_SWEEP, BETEILIGTE_UPDATE
from shared.contracts.topology import IDEMPOTENCY, SNAPSHOTS
from shared.outcomes.outcome import Outcome
from shared.runtime.service import Service
from shared.runtime.worker import WorkerSettings
from shared.settings import Secret
from shared.state.kv import Bucket
from shared.telemetry.traces import Tracer
from simulators.faults import Fault
from tests.component.test_lanes_consumer import first_advisories
from tests.support.office import consuming, settled, stored
from tests.support.parties import Parties, open_parties
from tests.support.party_staff import account, address, number, person, record, tasks, there
from tests.support.redis import RedisPlace

IBAN = "DE75512108001245126199"
PHONE = "+4951177889900"
CANARIES = [
    "Kanarienvogel",
    "Zeisig",
    "stieglitz@example",
    "77889900",
    "Finkenweg",
    "1245126199",
    "Drosselbart",
    "fink-im-fehler",
    "ammer-im-body",
]


async def buggy(event: EntityEvent, deps: Deps) -> Outcome:
    """The party's handler with an error in it that speaks of its party."""
    found = await deps.espocrm.search("CBeteiligte", select=["id", "lastName"])
    name = next((row["lastName"] for row in found.list if row["id"] == event.entity_id), "")
    if str(name).endswith("bug"):
        try:
            int(name)
        except ValueError as inner:
            raise RuntimeError(f"fink-im-fehler {name}") from inner
    return await on_party(event, deps)


@contextlib.asynccontextmanager
async def running(service: Service, deps: Deps) -> AsyncIterator[None]:
    """The worker's own routes, one of them with a bug."""
    routes = tuple(
        msgspec.structs.replace(route, handler=buggy) if route.handler is on_party else route for route in ROUTES
    )
    async with consuming(service, routes, deps, WorkerSettings(lock_lease_seconds=5)):
        yield


def canary(parties: Parties, kind: str) -> str:
    """A party named as no log may name it; the id."""
    party = person(
        parties,
        name=f"Kanarienvogel {kind}",
        titel="Zeisig",
        emailAddressData=[{"emailAddress": f"stieglitz@example-{kind}.org", "primary": True}],
        phoneNumberData=[
            {"phoneNumber": PHONE, "type": "Office", "primary": True},
            {"phoneNumber": "+4951177889911", "type": "Home"},
        ],
    )
    address(parties, party, street=f"Finkenweg {kind}")
    account(parties, party, iban=IBAN, kontoinhaber="Drosselbart")
    return party


async def test_no_canary_leaves_the_worker(
    service: Service, lines: io.StringIO, redis_server: RedisPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P10: success, conflict, refusals, outages, lost answers, bugs, dead letters, sweeps: ids and names of fields."""
    monkeypatch.setattr("shared.outcomes.settle.BUGS_MAX", 2)
    monkeypatch.setattr("shared.outcomes.settle.retry_delay_s", lambda *_: 0.05)
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    service.tracer = service.publisher._tracer = Tracer(provider)
    async with open_parties(service, RedisSettings(redis_url=Secret(redis_server.url))) as parties:
        async with running(service, parties.deps):
            await _bad_day(service, parties)
        await _searched(service, parties, lines, exporter)


async def _bad_day(service: Service, parties: Parties) -> None:
    """All that can happen to parties."""
    ids = {kind: canary(parties, kind) for kind in ("eins", "zwei", "drei", "vier", "fuenf", "bug")}
    refused = parties.advoware.faults
    for kind in ("eins", "zwei", "drei", "vier"):
        await service.publisher.publish(BETEILIGTE_UPDATE, EntityEvent(entity_id=ids[kind], source="webhook"))
    await settled(service)
    assert {record(parties, ids[kind])["syncStatus"] for kind in ("eins", "zwei", "drei", "vier")} == {"clean"}
    staff = parties.advoware.staff
    for kind in ("eins", "zwei"):  # conflicts and ignored fields, told in tasks
        staff.change_beteiligter(number(parties, ids[kind]), name="Kanarienvogel Advoware", titel="Zeisig Dr.")
        staff.add_bankverbindung(number(parties, ids[kind]), iban=IBAN[:-2] + "00", kontoinhaber="Drosselbart")
        parties.espocrm.save(
            "CBeteiligte", ids[kind], {"lastName": "Kanarienvogel Espo", "registergericht": "Finkenweg"}
        )
    parties.espocrm.save("CBeteiligte", ids["drei"], {"rechtsform": "Drosselbart"})
    path = f"/api/v1/advonet/Beteiligte/{number(parties, ids['drei'])}"
    refused.add(Fault(kind="error", status=400, method="PUT", path=path, times=None))
    staff.remove_beteiligter(number(parties, ids["vier"]))
    refused.add(Fault(kind="lost", method="POST", path="/api/v1/advonet/Beteiligte"))  # parked
    refused.add(Fault(kind="lost", method="PUT", path="/api/v1/advonet/Beteiligte/.*"))
    refused.add(Fault(kind="error", status=503, method="GET", path="/api/v1/advonet/Beteiligte/.*", times=5))
    parties.espocrm.faults.add(Fault(kind="error", status=500, method="PUT", path="/api/v1/CBeteiligte/.*", times=5))
    for party in ids.values():
        await service.publisher.publish(BETEILIGTE_UPDATE, EntityEvent(entity_id=party, source="webhook"))
    for one in parties.espocrm.list_ids("CBankverbindungen"):
        await service.publisher.publish(BANKVERBINDUNGEN_UPDATE, EntityEvent(entity_id=one, source="webhook"))
    nc = service.bus.nc
    await nc.publish("vmh.beteiligte.update", b'{"entity_id": "ammer-im-body '.ljust(90) + b'"}')
    await nc.publish("vmh.beteiligte.update", b"ammer-im-body is no JSON")
    await settled(service, seconds=40)
    for row in there(parties, ids["eins"])["kommunikation"]:
        staff.remove_kommunikation(number(parties, ids["eins"]), row["id"])
    parties.espocrm.remove("CBeteiligte", ids["zwei"])
    await service.publisher.publish(BETEILIGTE_UPDATE, EntityEvent(entity_id=ids["eins"], source="webhook"))
    for _ in range(2):
        await service.publisher.publish(BETEILIGTE_SWEEP, SweepEvent())
        await settled(service, seconds=40)


async def _searched(service: Service, parties: Parties, lines: io.StringIO, exporter: InMemorySpanExporter) -> None:
    """Each way out, with something in it, and no canary; where staff look and in the snapshots they are."""
    dead = await stored(service, "DEAD")
    kinds = {str(letter["headers"]["Hub-Error"]) for letter in dead}
    assert {"Malformed", "Rejected", "Parked", "Refused", "Bug"} <= kinds, kinds
    ways = {
        "logs": lines.getvalue(),
        "history": repr(await stored(service, "HISTORY")),
        "dead letters' headers": repr([letter["headers"] for letter in dead]),
        # A body is the event as it was; of an event that could be read it holds ids only.
        "dead letters' bodies": repr([row["body"] for row in dead if row["headers"]["Hub-Error"] != "Malformed"]),
        "advisories": repr(await first_advisories(service)),
        "metrics": service.metrics.render().decode(),
        "spans": "\n".join(span.to_json() for span in exporter.get_finished_spans()),
        "journal": repr(await _bucket(service, IDEMPOTENCY.name)),
        "keys of snapshots": repr(list(await _bucket(service, SNAPSHOTS.name))),
    }
    assert '"outcome":"dead"' in ways["logs"]
    assert '"traceback":' in ways["logs"]
    assert "create Beteiligter" in ways["spans"] or "create_beteiligter" in ways["spans"]
    told = repr(tasks(parties))
    assert "Kanarienvogel Advoware" in told
    assert "Kanarienvogel Advoware" in repr(await _bucket(service, SNAPSHOTS.name))
    found = {(way, bird) for way, text in ways.items() for bird in CANARIES if bird.lower() in text.lower()}
    assert found == set()


async def _bucket(service: Service, name: str) -> dict[str, str]:
    bucket = Bucket(service.bus.requests, name)
    found = {key: await bucket.get(key) for key in await bucket.keys(">")}
    return {key: entry.value.decode() for key, entry in found.items() if entry is not None}
