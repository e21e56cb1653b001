"""One run at a time per entity, over all replicas: a lease in KV that its holder renews while the run lives."""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from shared.clock import Clock, stamp
from shared.outcomes.errors import Unavailable
from shared.state.kv import Bucket

_log = logging.getLogger(__name__)


class Holder(msgspec.Struct, frozen=True):
    """The value of a lock: who, for which run, since when."""

    holder: str
    run: str
    since: str


class Lease:
    """A lock that is held, and the fence of everything written under it."""

    __slots__ = ("fence", "key", "on_lost", "renewed_at", "revision", "value")

    def __init__(
        self, key: str, value: bytes, revision: int, fence: int, now: float, on_lost: Callable[[], None]
    ) -> None:
        self.key = key
        self.value = value
        self.fence = fence
        self.revision = revision
        self.renewed_at = now
        self.on_lost = on_lost


class Locks:
    """Acquires, renews and releases leases of `lease_s` seconds (at least 1).

    A fence is the lock's revision under the bucket's `epoch` (when the bucket was made, unix seconds): revisions
    begin again in a bucket that was removed and made anew, and must not look older than what is remembered.
    """

    def __init__(self, bucket: Bucket, *, holder: str, lease_s: int, clock: Clock, epoch: int) -> None:
        self._epoch = epoch
        self._bucket = bucket
        self._holder = holder
        self._lease_s = max(1, lease_s)
        self._clock = clock
        self._held: set[Lease] = set()

    @property
    def renew_every_s(self) -> float:
        """How often `renew_all` must run: three chances within a lease."""
        return self._lease_s / 3

    async def acquire(self, key: str, *, run: str, on_lost: Callable[[], None]) -> Lease | None:
        """The lease, or None while somebody else holds it. `on_lost` is called once if it cannot be kept."""
        asked_at = self._clock.monotonic()
        value = msgspec.json.encode(Holder(self._holder, run, stamp(self._clock.now())))
        revision = await self._bucket.create(key, value, ttl_s=self._lease_s)
        if revision is None:
            return None
        fence = (self._epoch << 32) + revision
        lease = Lease(key, value, revision, fence, asked_at, on_lost)
        self._held.add(lease)
        return lease

    async def renew_all(self) -> None:
        """Renews every lease held here. One that has a new owner, or could not be renewed in time, is lost."""
        now = self._clock.monotonic()
        for lease in list(self._held):
            # By our own clock and without asking: whoever cannot reach NATS must stop all the same.
            if now - lease.renewed_at >= self._lease_s:
                self._lose(lease)
        await asyncio.gather(*(self._renew(lease) for lease in list(self._held)))

    async def _renew(self, lease: Lease) -> None:
        asked_at = self._clock.monotonic()
        try:
            async with asyncio.timeout(self.renew_every_s):
                revision = await self._bucket.update(lease.key, lease.value, lease.revision, ttl_s=self._lease_s)
                if revision is None:
                    revision = await self._renewed_unheard(lease)
        except (Unavailable, TimeoutError):
            return
        if lease not in self._held:
            # It was released while we asked; our renewal may have come after that release.
            await self._forget(lease, revision)
        elif revision is None:
            self._lose(lease)
        else:
            lease.revision = revision
            lease.renewed_at = asked_at

    async def _renewed_unheard(self, lease: Lease) -> int | None:
        """A renewal whose answer was lost has moved the lock on; it is still ours when it holds our value."""
        entry = await self._bucket.get(lease.key)
        if entry is None or entry.value != lease.value:
            return None
        if entry.revision <= lease.revision:
            # Refused, and yet not moved on: another write is under way, or a leader of yesterday has answered.
            raise Unavailable("whether the lock is still held is not known")
        return entry.revision

    async def release(self, lease: Lease) -> None:
        """Gives the lock back: deletes our revision and no other. If NATS is away, the lease runs out by itself."""
        self._held.discard(lease)
        await self._forget(lease, lease.revision)

    async def _forget(self, lease: Lease, revision: int | None) -> None:
        if revision is None:
            return
        try:
            await self._bucket.delete(revision)
        except Unavailable as failed:
            _log.warning("lock not released, it runs out by itself", extra={"lock": lease.key, "reason": failed.reason})

    def _lose(self, lease: Lease) -> None:
        self._held.discard(lease)
        lease.on_lost()
