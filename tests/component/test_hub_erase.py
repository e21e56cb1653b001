"""`hub erase`: what the hub keeps of a record, and that nothing of it is left, not even on the broker's disk."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from console.desk import erase as desk
from local_stack.nats_server import NatsServer
from shared.contracts.envelope import MSG_ID
from shared.contracts.keys import key
from shared.contracts.permissions import OPERATOR
from shared.contracts.topology import BUCKETS, IDEMPOTENCY, LOCKS, SNAPSHOTS
from shared.runtime.bus import NatsSettings
from shared.runtime.dead_letter import DeadLetter, DeadLetters
from shared.runtime.history import Record
from shared.runtime.service import Service, start
from shared.state.idempotency import Row
from shared.state.kv import Bucket
from tests.support.guarded import connected, guarded
from tests.support.hub import CANARY, hub
from tests.support.office import stored

_PARTY = "bet456"
_OTHER = "bet457"


def _row(state: Any) -> bytes:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return msgspec.json.encode(Row(state=state, since=now, sent_at=now, run="r", fence=1, marker=CANARY))


async def _remembered(service: Service, party: str) -> None:
    snapshots, journal = Bucket(service.bus.requests, SNAPSHOTS.name), Bucket(service.bus.requests, IDEMPOTENCY.name)
    state = {"fence": 1, "state": {"lastName": CANARY}}
    await snapshots.put(f"beteiligte_sync.CBeteiligte.{party}", json.dumps(state).encode())
    await snapshots.put(f"collection_sync.CBeteiligte.{party}", b"{}")
    await journal.put(f"beteiligte_sync.CBeteiligte.{party}.party.party", _row("done"))
    await journal.put(f"collection_sync.CBeteiligte.{party}.collection.1", _row("done"))
    for number in range(3):
        record = Record(
            at="2026-11-22T00:00:00.000+00:00",
            event_id=f"{party}-{number}",
            subject="vmh.beteiligte.update",
            outcome="done",
            reason="in_step",
            attempt=1,
            source="webhook",
            duration_ms=1.0,
            trace_id="",
            worker="w",
        )
        await service.publisher.store(
            f"history.CBeteiligte.{party}", msgspec.json.encode(record), {MSG_ID: record.event_id}
        )
    letter = DeadLetter(
        subject="vmh.beteiligte.update",
        body=json.dumps({"entity_id": party}).encode(),
        headers={},
        kind="Rejected",
        reason="advoware put: 400",
        attempts=1,
        stream="VMH",
        sequence=7,
        consumer=f"house-{party}",
    )
    await DeadLetters(service.publisher).store(letter)


async def _left(service: Service, party: str) -> dict[str, int]:
    def mentions(row: dict[str, Any]) -> bool:
        return party in row["subject"] or party.encode() in row["body"]

    streams = ("KV_snapshots", "KV_idempotency", "HISTORY", "DEAD")
    return {name: sum(map(mentions, await stored(service, name))) for name in streams}


async def test_nothing_of_the_record_is_left_and_all_of_the_others(service: Service) -> None:
    """Dry first; then asked, recorded by its id, and gone from memory, journal, history and dead letters."""
    url = service.bus.settings.nats_url
    await _remembered(service, _PARTY)
    await _remembered(service, _OTHER)
    before = await _left(service, _PARTY)
    assert before == {"KV_snapshots": 2, "KV_idempotency": 2, "HISTORY": 3, "DEAD": 1}
    dry = await hub(url, "erase", "CBeteiligte", _PARTY, "--dry-run", "--json")
    assert dry.json["kept"]["snapshots"] == [
        f"{step}.CBeteiligte.{_PARTY}" for step in ("beteiligte_sync", "collection_sync")
    ]
    assert await _left(service, _PARTY) == before
    no = await hub(url, "erase", "CBeteiligte", _PARTY, stdin="n\n")
    assert (no.code, await _left(service, _PARTY), await stored(service, "AUDIT")) == (1, before, [])
    done = await hub(url, "erase", "CBeteiligte", _PARTY, stdin="y\n")
    assert (done.code, done.out.splitlines()[-1]) == (0, f"removed 8 of CBeteiligte {_PARTY}")
    assert CANARY not in done.out + done.err
    assert set((await _left(service, _PARTY)).values()) == {0}
    assert await _left(service, _OTHER) == before
    (deed,) = [msgspec.json.decode(row["body"]) for row in await stored(service, "AUDIT")]
    assert (deed["deed"], deed["about"], deed["count"]) == ("erase", f"CBeteiligte {_PARTY}", 8)
    again = await hub(url, "erase", "CBeteiligte", _PARTY, "--yes")
    assert (again.code, again.err) == (1, f"hub: nothing is kept of CBeteiligte {_PARTY}\n")


async def test_a_documents_places_in_collections_go_too(service: Service) -> None:
    """They lie under their collections."""
    snapshots = Bucket(service.bus.requests, SNAPSHOTS.name)
    for document in ("doc1", "doc2"):
        await snapshots.put(f"document_sync.CDokumente.{document}", b"{}")
        await snapshots.put(f"collection_member.col1.{document}", b"{}")
    done = await hub(service.bus.settings.nats_url, "erase", "CDokumente", "doc1", "--yes", "--json")
    assert done.json["erased"]["snapshots"] == ["collection_member.col1.doc1", "document_sync.CDokumente.doc1"]
    assert await snapshots.keys(">") == ["collection_member.col1.doc2", "document_sync.CDokumente.doc2"]


async def test_an_employee_is_known_in_any_case(service: Service) -> None:
    """A calendar's memory lies in shards below its head."""
    snapshots = Bucket(service.bus.requests, SNAPSHOTS.name)
    for name in ("calendar_sync.employee.SB", "calendar_sync.employee.SB.3", "calendar_sync.employee.AI"):
        await snapshots.put(name, b"{}")
    done = await hub(service.bus.settings.nats_url, "erase", "Employee", "sb", "--yes")
    assert done.code == 0
    assert await snapshots.keys(">") == ["calendar_sync.employee.AI"]


@pytest.mark.parametrize("kind", ["locked", "open"])
async def test_what_is_in_use_stays(service: Service, kind: str) -> None:
    """P2: while somebody works on it, or a write has an unknown outcome, nothing is removed; it says why."""
    await _remembered(service, _PARTY)
    before = await _left(service, _PARTY)
    if kind == "locked":
        await Bucket(service.bus.requests, LOCKS.name).put(f"beteiligte_sync.CBeteiligte.{_PARTY}", b"{}")
    else:
        await Bucket(service.bus.requests, IDEMPOTENCY.name).put(
            key("beteiligte_sync", "CBeteiligte", _PARTY, "adresse", "x"), _row("open")
        )
        before |= {"KV_idempotency": 3}
    refused = await hub(service.bus.settings.nats_url, "erase", "CBeteiligte", _PARTY, "--yes")
    assert refused.code == 1
    assert ("hub locks ls" if kind == "locked" else "hub intents") in refused.err
    assert await _left(service, _PARTY) == before


async def test_a_value_is_written_over_on_the_disk(tmp_path: Path) -> None:
    """P10: what was remembered cannot be read from the broker's files afterwards."""
    server = NatsServer(tmp_path / "nats")
    await server.astart()
    try:
        async with start("document_worker", NatsSettings(nats_url=server.url), {}) as service:
            await _remembered(service, _PARTY)
        # What the broker has not written yet, it writes when it stops.
        server.stop()
        assert _on_disk(tmp_path), "the test must see it before"
        await server.astart()
        done = await hub(server.url, "erase", "CBeteiligte", _PARTY, "--yes")
        assert done.code == 0
    finally:
        server.stop()
    assert not _on_disk(tmp_path)


async def test_an_operator_may(tmp_path: Path) -> None:
    """With the credentials of people, and nothing beside them."""
    with guarded(tmp_path) as broker:
        await broker.make_topology()
        async with connected(broker.settings(OPERATOR), "hub") as bus:
            snapshots = Bucket(bus.requests, SNAPSHOTS.name)
            await snapshots.put(f"beteiligte_sync.CBeteiligte.{_PARTY}", b"{}")
            done = await hub(broker.url, "erase", "CBeteiligte", _PARTY, "--yes", NATS_CREDS=broker.creds(OPERATOR))
            assert (done.code, await snapshots.keys(">")) == (0, [])
        assert broker.violations() == []


def _on_disk(folder: Path) -> bool:
    return any(CANARY.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_every_bucket_is_looked_into() -> None:
    """A new bucket must be placed here: it may hold something about a record."""
    assert {bucket.name for bucket in BUCKETS} == {LOCKS.name, IDEMPOTENCY.name, SNAPSHOTS.name}
    assert set(desk.Kept.__struct_fields__) >= {"snapshots", "idempotency", "history", "letters"}
