"""The last agreed state of each entity: what the vendor can no longer tell us once a record is gone."""

from typing import TypeVar

import msgspec

from shared.outcomes.errors import Busy
from shared.state.kv import Bucket, Entry
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
            _revisions()[key] = 0
            return None
        row = _row(entry)
        if row.fence <= _fence():
            _revisions()[key] = entry.revision
        return msgspec.json.decode(row.state, type=kind)

    async def write(self, key: str, state: msgspec.Struct, *, ttl_s: int | None = None, is_new: bool = False) -> None:
        """Replaces the state. Raises Busy when a later run has written since.

        `is_new`: probably there is none yet, so that it is written without looking first. Where there is one, it is
        found by that.
        """
        row = msgspec.json.encode(_Row(_fence(), msgspec.Raw(msgspec.json.encode(state))))
        # What this run has read needs no second look: whoever writes in between moves the revision on.
        revision = _revisions().pop(key, 0 if is_new else None)
        if revision is None:
            revision = await self._rightful(key)
        while (written := await self._bucket.update(key, row, revision, ttl_s=ttl_s)) is None:
            revision = await self._rightful(key)
        _revisions()[key] = written

    async def _rightful(self, key: str) -> int:
        """The revision that this run may write over. Raises Busy when it is a later run's."""
        entry = await self._bucket.get(key)
        if entry is None:
            return 0
        if _row(entry).fence > _fence():
            raise Busy("another run has taken this entity over")
        return entry.revision

    async def forget(self, key: str) -> None:
        """Removes a state; nothing happens when there is none. Raises Busy when a later run has written it."""
        _revisions().pop(key, None)
        revision = await self._rightful(key)
        if revision:
            await self._bucket.delete(revision)

    async def keys(self, pattern: str) -> list[str]:
        """The keys that match a pattern such as `document_sync.CDokumente.*`."""
        return await self._bucket.keys(pattern)


def _row(entry: Entry) -> _Row:
    return msgspec.json.decode(entry.value, type=_Row)


def _fence() -> int:
    run = current_run()
    return run.fence if run is not None else 0


def _revisions() -> dict[str, int]:
    run = current_run()
    return run.revisions if run is not None else {}
