"""Disaster and recovery: what docs/operations/backup.md promises of a restore, and of starting with nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from document_worker.handlers import on_sweep
from shared.clients.redis_cache import RedisSettings
from shared.contracts.events import EntityEvent, SweepEvent
from shared.contracts.permissions import OPERATOR
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.contracts.topology import BUCKETS, LOCKS, SNAPSHOTS, STREAMS
from shared.runtime.service import Service
from shared.state.kv import Bucket
from tests.support.backup import Backup, backed_up, restored
from tests.support.guarded import connected, guarded
from tests.support.office import Office, open_office, settled, stored, working
from tests.support.parties import open_parties
from tests.support.party_staff import in_step, person, record, there

_LEFT_OUT = f"KV_{LOCKS.name}"
_ALL = (*(stream.name for stream in STREAMS), *(f"KV_{bucket.name}" for bucket in BUCKETS))


@pytest.fixture
async def office(service: Service) -> AsyncIterator[Office]:
    """Both vendors, empty."""
    async with open_office(service) as opened:
        yield opened


async def _synced(service: Service, office: Office, *documents: str) -> None:
    async with working(service, office):
        for document in documents:
            await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id=document, entity_type="CDokumente"))
        await settled(service)


async def _everything_lost(service: Service) -> None:
    for name in _ALL:
        await service.bus.api(f"STREAM.DELETE.{name}")


async def _swept(service: Service, office: Office) -> None:
    async with working(service, office):
        for _ in range(2):
            await on_sweep(SweepEvent(), office.deps)
            await settled(service)


@pytest.mark.parametrize("kept", ["a backup of yesterday", "nothing"])
async def test_nothing_is_done_twice_after_all_of_nats_was_lost(service: Service, office: Office, kept: str) -> None:
    """P2, P8: what was not told is found by sweeps, and what was done after the backup is not done again; with no
    backup at all EspoCRM's own fields still say what is there."""
    owner = office.owner()
    same, gone = (office.document(name.encode(), owner=owner) for name in ("eins", "zwei"))
    await _synced(service, office, same, gone)
    backups: list[Backup] = [await backed_up(service.bus, name) for name in _ALL if name != _LEFT_OUT]
    later = office.document(b"drei", owner=owner)
    await _synced(service, office, later)
    files = sorted(file.id for file in office.xai.live_files())
    assert len(files) == 3
    office.espocrm.remove("CDokumente", gone)

    await _everything_lost(service)
    if kept != "nothing":
        for backup in backups:
            await restored(service.bus, backup)
    await service.bus.ensure_topology()
    await _swept(service, office)

    assert sorted(file.id for file in office.xai.live_files()) == files
    for document in (same, later):
        record = office.record(document)
        assert record["xaiSyncStatus"] == "clean"
        assert record["xaiId"] in office.attached(office.collection_of(owner))
    held = len(office.attached(office.collection_of(owner)))
    # Of what was deleted meanwhile only the memory knows that it was there.
    assert held == (2 if kept != "nothing" else 3)
    office.forget_writes()
    await _swept(service, office)
    assert office.writes() == []


async def test_a_restored_consumer_goes_on_where_it_was(service: Service, office: Office) -> None:
    """P1: what was settled before the backup is not delivered again; what waited is."""
    owner = office.owner()
    first = office.document(b"eins", owner=owner)
    await _synced(service, office, first)
    second = office.document(b"zwei", owner=owner)
    await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id=second, entity_type="CDokumente"))
    backups = [await backed_up(service.bus, name) for name in _ALL if name != _LEFT_OUT]
    await _everything_lost(service)
    for backup in backups:
        await restored(service.bus, backup)
    await service.bus.ensure_topology()
    before = len(await stored(service, "HISTORY"))
    async with working(service, office):
        await settled(service)
    runs = [row["subject"] for row in (await stored(service, "HISTORY"))[before:]]
    assert runs == [f"history.CDokumente.{second}"]
    assert office.record(second)["xaiSyncStatus"] == "clean"


@pytest.mark.parametrize("memory", ["of that day", "newer"])
async def test_espocrm_restored_to_an_earlier_day(service: Service, redis: RedisSettings, memory: str) -> None:
    """With a memory of that day Advoware's newer value comes back; with a newer one the old value would be a change."""
    async with open_parties(service, redis) as parties:
        party = person(parties)
        await in_step(parties, party)
        backup = await backed_up(service.bus, f"KV_{SNAPSHOTS.name}")
        was = record(parties, party)["lastName"]
        parties.espocrm.save("CBeteiligte", party, {"lastName": "Schön"})
        await in_step(parties, party)
        parties.espocrm.save("CBeteiligte", party, {"lastName": was})
        if memory == "of that day":
            await service.bus.api(f"STREAM.DELETE.KV_{SNAPSHOTS.name}")
            await restored(service.bus, backup)
        await in_step(parties, party)
        wanted = "Schön" if memory == "of that day" else was
        assert (record(parties, party)["lastName"], there(parties, party)["name"]) == (wanted, wanted)


async def test_an_operator_may_back_up_and_restore(tmp_path: Path) -> None:
    """With the credentials of people, and nothing beside them; also what does not fit into one piece."""
    large = bytes(range(256)) * 2_000
    with guarded(tmp_path) as broker:
        await broker.make_topology()
        async with connected(broker.settings(OPERATOR), "hub") as bus:
            bucket = Bucket(bus.requests, SNAPSHOTS.name)
            for number in range(4):
                await bucket.put(f"document_sync.CDokumente.d{number}", large + bytes([number]))
            backup = await backed_up(bus, f"KV_{SNAPSHOTS.name}")
            await bus.api(f"STREAM.DELETE.KV_{SNAPSHOTS.name}")
            await restored(bus, backup)
            entry = await bucket.get("document_sync.CDokumente.d3")
        assert entry is not None
        assert entry.value == large + bytes([3])
        assert broker.violations() == []
