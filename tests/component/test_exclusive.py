"""Work by hand under an entity's lock, against a real NATS server."""

import asyncio

import pytest

from shared.contracts.topology import LOCKS
from shared.outcomes.errors import Busy
from shared.runtime.exclusive import Exclusive, locks_of
from shared.runtime.service import Service
from shared.state.kv import Bucket


async def test_a_lock_that_is_lost_ends_the_work(service: Service) -> None:
    """Somebody else may have begun: what is going on is cut off, and what it raises itself comes as it is."""
    locks = await locks_of(service, lease_s=1)
    alone = Exclusive(locks)

    async def work() -> None:
        entry = await Bucket(service.bus.requests, LOCKS.name).get("k")
        assert entry is not None
        await Bucket(service.bus.requests, LOCKS.name).delete(entry.revision)
        await asyncio.sleep(20)

    with pytest.raises(Busy, match="lost the lock"):
        await alone.run("k", work)

    async def fail() -> None:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        await alone.run("k", fail)
