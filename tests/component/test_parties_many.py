"""Many parties at once: pages, a watermark, no write the second time, and what a party costs."""

import contextlib
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from urllib.parse import parse_qs

import msgspec
import pytest

from shared.clients.redis_cache import RedisSettings
from shared.contracts.events import EntityEvent, SweepEvent
from shared.contracts.subjects import BETEILIGTE_SWEEP, BETEILIGTE_UPDATE
from shared.runtime.service import Service
from shared.settings import Secret
from tests.support.office import settled, stored
from tests.support.parties import Parties, open_parties, syncing
from tests.support.party_staff import full_person, open_intents, person, record
from tests.support.redis import RedisPlace

PAGE = 200


@contextlib.asynccontextmanager
async def firm(service: Service, redis_server: RedisPlace, *, lists: bool) -> AsyncIterator[Parties]:
    """A worker at work between both vendors."""
    redis = RedisSettings(redis_url=Secret(redis_server.url))
    async with open_parties(service, redis, lists=lists) as parties, syncing(service, parties, concurrency=16):
        yield parties


async def sweep(service: Service, *, seconds: float) -> None:
    """One sweep and all that it asks for."""
    await service.publisher.publish(BETEILIGTE_SWEEP, SweepEvent(source="schedule"))
    await settled(service, seconds=seconds)


def queries(parties: Parties) -> list[dict[str, object]]:
    """How EspoCRM's list of parties was asked, one by one."""
    rows = [row for row in parties.espocrm.log.rows() if row.method == "GET" and row.path == "/api/v1/CBeteiligte"]
    return [msgspec.json.decode(parse_qs(row.query)["searchParams"][0]) for row in rows]


def by_watermark(parties: Parties) -> list[dict[str, object]]:
    """Those of them that ask for what was changed."""
    return [one for one in queries(parties) if one["orderBy"] == "modifiedAt"]


def reads(parties: Parties) -> Counter[str]:
    """Requests that only read, by vendor."""
    return Counter(
        {
            "espocrm": sum(not row.is_write for row in parties.espocrm.log.rows()),
            "advoware": sum(not row.is_write for row in parties.advoware.log.rows()),
        }
    )


async def cold_and_again(
    service: Service, parties: Parties, ids: Sequence[str], *, seconds: float
) -> dict[str, object]:
    """All parties by sweeps, then a quiet sweep, then an event for each of them; what each of it has cost."""
    count = len(ids)
    parties.forget_logs()
    began = time.process_time()
    await sweep(service, seconds=seconds)
    cold_cpu_s = time.process_time() - began
    assert Counter(str(record(parties, one)["syncStatus"]) for one in ids) == {"clean": count}
    assert len(parties.advoware.beteiligte()) == count
    assert await open_intents(service) == []
    assert all(one["maxSize"] == PAGE for one in queries(parties))
    unfinished = [one for one in queries(parties) if "pending_sync" in str(one["where"])]
    assert len(unfinished) >= math.floor(count / PAGE), "pages of 200"
    cold_reads = reads(parties)
    await sweep(service, seconds=seconds)  # it sees our own writes once, and who has not been asked since
    parties.forget_logs()
    await sweep(service, seconds=seconds)
    quiet_reads = reads(parties)
    assert parties.writes() == []
    [since] = {str(one["where"]) for one in by_watermark(parties)[:1]}
    assert "greaterThanOrEquals" in since
    assert len(by_watermark(parties)) <= 1 + count // PAGE
    parties.forget_logs()
    began = time.process_time()
    for one in ids:
        await service.publisher.publish(BETEILIGTE_UPDATE, EntityEvent(entity_id=one, source="webhook"))
    await settled(service, seconds=seconds)
    again_cpu_s = time.process_time() - began
    assert parties.writes() == []
    assert await stored(service, "DEAD") == []
    again_reads = reads(parties)
    return {
        "parties": count,
        "cold_ms_of_cpu_per_party": round(cold_cpu_s / count * 1000, 2),
        "again_ms_of_cpu_per_party": round(again_cpu_s / count * 1000, 2),
        "cold_reads_per_party": {name: round(told / count, 2) for name, told in cold_reads.items()},
        "again_reads_per_run": {name: round(told / count, 2) for name, told in again_reads.items()},
        "reads_of_a_quiet_sweep": dict(quiet_reads),
    }


async def test_two_hundred_parties(service: Service, redis_server: RedisPlace) -> None:
    """P5: cold by one sweep in pages of 200, then not one write, by sweeps and by an event for each."""
    async with firm(service, redis_server, lists=False) as parties:
        ids = [person(parties, name=f"Müßig {one}") for one in range(200)]
        await cold_and_again(service, parties, ids, seconds=60)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("lists", [False, True])
async def test_five_thousand_parties(service: Service, redis_server: RedisPlace, lists: bool) -> None:
    """P5: the same with 5,000; prints reads and CPU per party, those of both simulators included."""
    async with firm(service, redis_server, lists=lists) as parties:
        ids = [full_person(parties, name=f"Müßig {one}").party for one in range(5_000)]
        costs = await cold_and_again(service, parties, ids, seconds=1_500)
    print(f"\nlisting: {lists}; {costs}")  # noqa: T201 - the numbers are what it is for
