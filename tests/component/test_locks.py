"""Leases against a real NATS server: exclusive, renewed while alive, lost in time, and never freed by a stranger."""

import asyncio
import time

import pytest

from local_stack.nats_server import NatsServer
from shared.contracts.topology import LOCKS
from shared.runtime.service import Service
from shared.state.kv import Bucket
from shared.state.locks import Lease, Locks

KEY = "document_sync.CDokumente.d1"


def locks(service: Service, holder: str = "a", *, lease_s: int = 1, epoch: int = 100) -> Locks:
    return Locks(
        Bucket(service.bus.requests, LOCKS.name), holder=holder, lease_s=lease_s, clock=service.clock, epoch=epoch
    )


class Losses:
    """Counts, and says when."""

    def __init__(self) -> None:
        self.count = 0
        self.told = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self.told.set()


async def taken(service: Service, holder: Locks, *, seconds: float = 4.0) -> Lease:
    """Asks until the lock is free."""
    async with asyncio.timeout(seconds):
        while True:
            lease = await holder.acquire(KEY, run="r", on_lost=Losses())
            if lease is not None:
                return lease
            await asyncio.sleep(0.02)


async def test_one_at_a_time(service: Service) -> None:
    """P3: of many that ask at once exactly one gets it; another entity's lock is free."""
    holders = [locks(service, str(number)) for number in range(8)]
    got = await asyncio.gather(*(holder.acquire(KEY, run="r", on_lost=Losses()) for holder in holders))
    assert sum(lease is not None for lease in got) == 1
    assert await holders[0].acquire(f"{KEY}2", run="r", on_lost=Losses()) is not None


async def test_a_released_lock_is_free_and_leaves_nothing(service: Service) -> None:
    """No tombstone remains in the bucket, however many entities were worked on."""
    first, second = locks(service, "a"), locks(service, "b")
    lease = await first.acquire(KEY, run="r", on_lost=Losses())
    assert lease is not None
    await first.release(lease)
    assert (await service.bus.api("STREAM.INFO.KV_locks"))["state"]["messages"] == 0
    again = await second.acquire(KEY, run="r", on_lost=Losses())
    assert again is not None
    assert again.fence > lease.fence


async def test_a_dead_holders_lock_runs_out(service: Service) -> None:
    """A killed worker frees its entity by itself, after its lease."""
    assert await locks(service, "dead", lease_s=1).acquire(KEY, run="r", on_lost=Losses()) is not None
    started = time.monotonic()
    await taken(service, locks(service, "next"))
    assert 0.5 < time.monotonic() - started < 3.5


async def test_a_living_holder_keeps_it(service: Service) -> None:
    """Renewed every third of a lease, it lives for several; nobody else gets in."""
    losses = Losses()
    holder, other = locks(service, "a"), locks(service, "b")
    lease = await holder.acquire(KEY, run="r", on_lost=losses)
    assert lease is not None
    until = time.monotonic() + 2.2
    while time.monotonic() < until:
        await asyncio.sleep(holder.renew_every_s)
        await holder.renew_all()
        assert await other.acquire(KEY, run="r", on_lost=Losses()) is None
    assert losses.count == 0
    await holder.release(lease)
    assert await other.acquire(KEY, run="r", on_lost=Losses()) is not None


async def test_a_lease_that_ran_out_is_told_once_and_frees_nobody_elses(service: Service) -> None:
    """A holder that slept hears of its loss at the next renewal, and its release leaves the new owner alone."""
    losses = Losses()
    sleeper, owner, third = locks(service, "sleeper"), locks(service, "owner", lease_s=30), locks(service, "third")
    lease = await sleeper.acquire(KEY, run="r", on_lost=losses)
    assert lease is not None
    new = await taken(service, owner)
    assert new.fence > lease.fence
    await sleeper.renew_all()
    await sleeper.renew_all()
    assert losses.count == 1
    await sleeper.release(lease)
    assert await third.acquire(KEY, run="r", on_lost=Losses()) is None
    await owner.renew_all()
    assert await third.acquire(KEY, run="r", on_lost=Losses()) is None


async def test_a_lease_that_somebody_removed_is_lost(service: Service) -> None:
    """An operator deletes the key: the holder hears of it and does not write over the next one's."""
    losses = Losses()
    holder = locks(service, lease_s=30)
    lease = await holder.acquire(KEY, run="r", on_lost=losses)
    assert lease is not None
    await Bucket(service.bus.requests, LOCKS.name).delete(lease.revision)
    await holder.renew_all()
    assert losses.count == 1
    assert await locks(service, "b").acquire(KEY, run="r", on_lost=Losses()) is not None


async def test_a_holder_cut_off_from_nats_is_told_by_the_end_of_its_lease(
    service: Service, nats_server: NatsServer
) -> None:
    """P3: the others see the lock as free when the lease is over, so the run must not go on beyond it."""
    holder = locks(service, lease_s=1)
    losses = Losses()
    assert await holder.acquire(KEY, run="r", on_lost=losses) is not None

    async def renew() -> None:
        while True:
            await asyncio.sleep(holder.renew_every_s)
            await holder.renew_all()

    async with asyncio.TaskGroup() as tasks:
        renewing = tasks.create_task(renew())
        nats_server.freeze()
        try:
            async with asyncio.timeout(2.5):
                await losses.told.wait()
        finally:
            nats_server.thaw()
            renewing.cancel()


async def test_fences_grow_also_over_a_new_bucket(service: Service) -> None:
    """Revisions begin again in a bucket that was made anew; its later epoch keeps the order."""
    before: list[int] = []
    holder = locks(service, epoch=100)
    for _ in range(5):
        lease = await holder.acquire(KEY, run="r", on_lost=Losses())
        assert lease is not None
        before.append(lease.fence)
        await holder.release(lease)
    assert before == sorted(set(before))
    await service.bus.api("STREAM.DELETE.KV_locks")
    await service.bus.ensure_topology()
    lease = await locks(service, epoch=101).acquire(KEY, run="r", on_lost=Losses())
    assert lease is not None
    assert lease.revision == 1
    assert lease.fence > before[-1]


async def test_the_nats_command_line_can_read_it(service: Service) -> None:
    """`nats kv get locks …` shows holder, run and since: the bucket is one by everybody's reading."""
    await locks(service, "w@host", lease_s=30).acquire(KEY, run="run7", on_lost=Losses())
    bucket = await service.bus.nc.jetstream().key_value("locks")
    entry = await bucket.get(KEY)
    assert entry.value is not None
    assert b'"holder":"w@host","run":"run7","since":"2' in entry.value


@pytest.mark.parametrize("lease_s", [0, -5])
def test_a_lease_is_at_least_a_second(service: Service, lease_s: int) -> None:
    """The broker knows no shorter one."""
    assert locks(service, lease_s=lease_s).renew_every_s == pytest.approx(1 / 3)
