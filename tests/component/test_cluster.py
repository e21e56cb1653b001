"""NATS as three servers: what is read is what was written, and a leader may die with everything in the middle."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.contracts.topology import IDEMPOTENCY, LOCKS, SNAPSHOTS
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import Bus, NatsSettings
from shared.runtime.schedule import Cron, Schedules
from shared.runtime.service import Service, start
from shared.state.kv import Bucket
from shared.state.locks import Locks
from tests.component.test_pull_loop import publish, pulling
from tests.support.cluster import Cluster, cluster
from tests.support.office import stored

KEY = "document_sync.CDokumente.d1"


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster of this test's own."""
    async with cluster(tmp_path / "nats") as made:
        yield made


@contextlib.asynccontextmanager
async def service_at(servers: Cluster, *names: str) -> AsyncIterator[Service]:
    """A service that comes in at these nodes, with three copies of everything."""
    url = ",".join(servers.nodes[name].url for name in names or servers.nodes)
    async with start("document_worker", NatsSettings(nats_url=url, nats_replicas=len(servers.nodes)), {}) as started:
        yield started


@pytest.fixture
async def services(servers: Cluster) -> AsyncIterator[list[Service]]:
    """One at each node: `a`, `b`, `c`."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(service_at(servers, name)) for name in servers.nodes]


async def test_a_read_sees_every_write_before_it(services: list[Service]) -> None:
    """P2: a run that begins after another has ended sees what that one remembered, at whatever node each of them is."""
    buckets = [Bucket(service.bus.requests, SNAPSHOTS.name) for service in services]
    for number in range(900):
        writer, reader = buckets[number % 3], buckets[(number + number // 3) % 3]
        revision = await writer.put(f"k.{number % 5}", str(number).encode())
        entry = await reader.get(f"k.{number % 5}")
        assert entry is not None
        assert (entry.value, entry.revision) == (str(number).encode(), revision)


async def test_of_many_writers_at_once_one_wins(services: list[Service]) -> None:
    """P2, P3: the same intent, or the same lock, from three nodes at once; JetStream has more than one word for no."""
    buckets = [Bucket(service.bus.requests, IDEMPOTENCY.name) for service in services]
    for number in range(60):
        made = await asyncio.gather(*(buckets[at % 3].create(f"k.{number}", str(at).encode()) for at in range(9)))
        [revision] = [one for one in made if one is not None]
        moved = await asyncio.gather(*(buckets[at % 3].update(f"k.{number}", b"moved", revision) for at in range(9)))
        assert sum(one is not None for one in moved) == 1


async def test_renewals_side_by_side_lose_no_lock(services: list[Service]) -> None:
    """P3: of two renewals at once one is refused, and which revision the lock has may not be known for a moment."""
    lost: list[str] = []
    locks = Locks(
        Bucket(services[0].bus.requests, LOCKS.name), holder="a", lease_s=30, clock=services[0].clock, epoch=1
    )
    lease = await locks.acquire(KEY, run="r", on_lost=lambda: lost.append(KEY))
    assert lease is not None
    for _ in range(60):
        await asyncio.gather(locks.renew_all(), locks.renew_all(), locks.renew_all())
    assert lost == []
    await locks.renew_all()
    await locks.release(lease)
    assert await Bucket(services[1].bus.requests, LOCKS.name).get(KEY) is None


async def test_locks_when_their_leader_dies(servers: Cluster, services: list[Service]) -> None:
    """P3: one that is renewed is kept, one that is not runs out, and who asks meanwhile waits for the new leader."""
    lost: list[str] = []
    leader = await servers.leader(services[0].bus.nc, f"KV_{LOCKS.name}")
    service, other = [one for one, name in zip(services, servers.nodes, strict=True) if name != leader]
    locks = Locks(Bucket(service.bus.requests, LOCKS.name), holder="a", lease_s=15, clock=service.clock, epoch=1)
    kept = await locks.acquire(KEY, run="r", on_lost=lambda: lost.append(KEY))
    assert kept is not None
    bucket = Bucket(other.bus.requests, LOCKS.name)
    assert await bucket.create("left", b"", ttl_s=2) is not None
    servers.kill(leader)
    began = time.monotonic()
    assert await bucket.create("new", b"") is not None
    waited_s = time.monotonic() - began
    await locks.renew_all()
    assert lost == []
    assert await bucket.create(KEY, b"") is None
    async with asyncio.timeout(5):
        while await bucket.create("left", b"") is None:  # noqa: ASYNC110 - the broker's clock, not ours
            await asyncio.sleep(0.05)
    await locks.release(kept)
    assert await bucket.create(KEY, b"") is not None
    assert waited_s < 10


async def test_messages_flow_again_when_the_consumers_leader_dies(servers: Cluster) -> None:
    """P7: also for a service that is connected elsewhere and hears of nothing; the same id is still the same event."""
    async with service_at(servers) as first, pulling(first) as puller:
        await puller.until(await publish(first, 3))
        leader = await servers.leader(first.bus.nc, "VMH.puller")
        others = [name for name in servers.nodes if name != leader]
    async with service_at(servers, *others) as service, pulling(service) as puller:
        await puller.until(await publish(service, 3))
        headers = {"Nats-Msg-Id": "m1", "ce-id": "m1"}
        before = await service.publisher.store(DOCUMENT_UPDATE.name, b"{}", headers)
        servers.kill(leader)
        began = time.monotonic()
        sent = await _published(service)
        resumed_s = await puller.until(sent | {"m1"}, seconds=20) - began
        assert await service.publisher.store(DOCUMENT_UPDATE.name, b"{}", headers) == before
        assert resumed_s < 12


async def test_schedules_fire_once_when_their_leader_dies(servers: Cluster, services: list[Service]) -> None:
    """P1, P2: what was put off comes once each, also what was due meanwhile; of missed ticks one is made up."""
    leader = await servers.leader(services[0].bus.nc, "VMH")
    service = next(one for one, name in zip(services, servers.nodes, strict=True) if name != leader)
    schedules = Schedules(service.bus, service.publisher)
    await schedules.ensure(
        Cron(name="vmh.cron.each", expression="* * * * * *", target="vmh.test.tick", timezone="Europe/Berlin"),
        stream="VMH",
    )
    began = datetime.now(UTC)
    for number in range(1, 13):
        at = began + timedelta(seconds=number)
        await schedules.publish_later(
            f"vmh.test.{number}", b"{}", {}, at=at, retry_subject="vmh.retry", once=str(number)
        )
    servers.kill(leader)
    await servers.leader(service.bus.nc, "VMH", other_than=leader)
    wanted = {f"vmh.test.{number}" for number in range(1, 13)}
    came: Counter[str] = Counter()
    async with asyncio.timeout(30):
        while not wanted <= came.keys():
            await asyncio.sleep(0.2)
            came = Counter([row["subject"] for row in await stored(service, "VMH")])
    assert {came[subject] for subject in wanted} == {1}
    seconds = (datetime.now(UTC) - began).total_seconds()
    assert 2 <= came["vmh.test.tick"] <= seconds + 1


async def test_a_service_starts_while_a_server_is_away(servers: Cluster, services: list[Service]) -> None:
    """P7: two of three are enough to begin with, and what is missing is made on them."""
    await services[0].bus.api("STREAM.DELETE.AUDIT")
    leader = await servers.leader(services[0].bus.nc, "VMH")
    servers.kill(leader)
    async with service_at(servers) as service:
        assert await service.bus.check_topology() is None
        await _published(service)


async def test_a_single_server_becomes_three(servers: Cluster) -> None:
    """NATS_REPLICAS from 1 to 3: the next start makes copies of what is there, and says so in readiness until then."""
    alone = Bus(NatsSettings(nats_url=servers.url, nats_replicas=1), "document_worker")
    await alone.connect()
    await alone.ensure_topology()
    await Bucket(alone.requests, SNAPSHOTS.name).put("k", b"v")
    one_of_three = Bus(NatsSettings(nats_url=servers.url, nats_replicas=3), "document_worker")
    await one_of_three.connect()
    assert await one_of_three.check_topology() == "stream VMH is not as configured: num_replicas"
    await one_of_three.ensure_topology()
    assert await one_of_three.check_topology() is None
    async with asyncio.timeout(20):
        copies: list[bool] = []
        while copies != [True, True]:
            await asyncio.sleep(0.05)
            info = await one_of_three.api(f"STREAM.INFO.KV_{SNAPSHOTS.name}")
            copies = [replica["current"] for replica in info["cluster"].get("replicas", [])]
    entry = await Bucket(one_of_three.requests, SNAPSHOTS.name).get("k")
    assert entry is not None
    assert entry.value == b"v"
    await alone.close()
    await one_of_three.close()


async def _published(service: Service) -> set[str]:
    """Two events that are stored, however long that takes."""
    while True:
        with contextlib.suppress(Unavailable):
            return await publish(service, 2)
