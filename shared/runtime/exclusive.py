"""Work on one entity outside of a delivery, under the same lock as its deliveries."""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from shared.contracts.topology import LOCKS
from shared.outcomes.errors import Busy, Unavailable
from shared.runtime.bus import ApiError, MissingPart
from shared.runtime.service import Service
from shared.state.kv import Bucket
from shared.state.locks import Lease, Locks
from shared.telemetry.run import Run, enter_run, leave_run

_ASK_EVERY_S = 0.25
T = TypeVar("T")


class Exclusive:
    """Runs something while nobody else works on the entity; waits up to `patience_s` for whoever does."""

    def __init__(self, locks: Locks, *, patience_s: float = 30.0) -> None:
        self._locks = locks
        self._patience_s = patience_s

    async def run(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` returns or raises. Raises Busy when the lock is not to be had, or is lost on the way."""
        run_id = f"hand.{secrets.token_hex(8)}"
        hold = _Hold()
        lease = await self._acquire(key, run_id, hold)
        token = enter_run(Run(event_id=run_id, run_id=run_id, fence=lease.fence))
        try:
            return await self._work(work, hold)
        finally:
            leave_run(token)
            await self._locks.release(lease)

    async def _acquire(self, key: str, run_id: str, hold: "_Hold") -> Lease:
        try:
            async with asyncio.timeout(self._patience_s):
                while True:
                    lease = await self._locks.acquire(key, run=run_id, on_lost=hold.lose)
                    if lease is not None:
                        return lease
                    await asyncio.sleep(_ASK_EVERY_S)
        except TimeoutError:
            raise Busy("somebody else works on this entity") from None

    async def _work(self, work: Callable[[], Awaitable[T]], hold: "_Hold") -> T:
        async with asyncio.TaskGroup() as tasks:
            renewal = tasks.create_task(self._renew())
            try:
                async with hold.scope:
                    return await work()
            except Exception as wrong:
                failed = wrong  # raised below, without the task group around it
            finally:
                renewal.cancel()
        if isinstance(failed, TimeoutError) and hold.is_lost:
            raise Busy("lost the lock")
        raise failed

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._locks.renew_every_s)
            await self._locks.renew_all()


class _Hold:
    """Ends the work when its lock is lost."""

    def __init__(self) -> None:
        self.scope = asyncio.timeout(None)
        self.is_lost = False

    def lose(self) -> None:
        self.is_lost = True
        with contextlib.suppress(RuntimeError):  # it has not begun, or has ended: then there is nothing to stop
            self.scope.reschedule(asyncio.get_running_loop().time())


async def locks_of(service: Service, *, lease_s: int) -> Locks:
    """The locks of this replica. Raises MissingPart when their bucket does not answer."""
    return Locks(
        Bucket(service.bus.requests, LOCKS.name),
        holder=service.holder,
        lease_s=lease_s,
        clock=service.clock,
        epoch=await _epoch(service),
    )


async def _epoch(service: Service) -> int:
    """When the lock bucket was made, in unix seconds."""
    try:
        info = await service.bus.api(f"STREAM.INFO.KV_{LOCKS.name}")
    except (ApiError, Unavailable):
        raise MissingPart("the lock bucket does not answer") from None
    return int(datetime.fromisoformat(info["created"][:19] + "+00:00").timestamp())
