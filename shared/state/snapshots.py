"""The last agreed state of each entity: what the vendor can no longer tell us once a record is gone."""

from typing import TypeVar

import msgspec

from shared.outcomes.errors import Busy
from shared.state.kv import Bucket
from shared.telemetry.run import current_run

S = TypeVar("S", bound=msgspec.Struct)


class _Row(msgspec.Struct, frozen=True):
    fence: int
    state: msgspec.Raw


class Snapshots:
    """Structs by key. A write carries the run's fence; one from a run that has lost its lock is refused."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def read(self, key: str, kind: type[S]) -> S | None:
        """The state as last written, or None."""
        entry = await self._bucket.get(key)
        if entry is None:
            return None
        return msgspec.json.decode(msgspec.json.decode(entry.value, type=_Row).state, type=kind)

    async def write(self, key: str, state: msgspec.Struct, *, ttl_s: int | None = None) -> None:
        """Replaces the state. Raises Busy when a later run has written since."""
        fence = _fence()
        row = msgspec.json.encode(_Row(fence, msgspec.Raw(msgspec.json.encode(state))))
        while True:
            entry = await self._bucket.get(key)
            if entry is not None and msgspec.json.decode(entry.value, type=_Row).fence > fence:
                raise Busy("another run has taken this entity over")
            if await self._bucket.update(key, row, entry.revision if entry else 0, ttl_s=ttl_s) is not None:
                return

    async def forget(self, key: str) -> None:
        """Removes a state; nothing happens when there is none. Raises Busy when a later run has written it."""
        entry = await self._bucket.get(key)
        if entry is None:
            return
        if msgspec.json.decode(entry.value, type=_Row).fence > _fence():
            raise Busy("another run has taken this entity over")
        await self._bucket.delete(entry.revision)

    async def keys(self, pattern: str) -> list[str]:
        """The keys that match a pattern such as `document_sync.CDokumente.*`."""
        return await self._bucket.keys(pattern)


def _fence() -> int:
    run = current_run()
    return run.fence if run is not None else 0
