"""What the hub remembers, in its buckets. A value is shown as a shape: a party's snapshot is personal data."""

import re
from collections.abc import Container
from typing import Any

import msgspec

from console.desk import names as valid
from console.desk.deeds import Operator
from shared.contracts.topology import BUCKETS, IDEMPOTENCY, LOCKS
from shared.runtime.bus import Bus
from shared.state.kv import Bucket

_TELLS_NOTHING = frozenset({"state", "since", "sent_at", "run", "fence", "generation", "holder", "failures", "busy"})
"""Members of locks and journal rows that say how the hub works, and nothing of whom it works for."""
_PLAIN = {LOCKS.name: _TELLS_NOTHING, IDEMPOTENCY.name: _TELLS_NOTHING}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}", re.ASCII)
_WIDTH = 60


class BucketInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket in numbers."""

    name: str
    description: str
    keys: int
    size_bytes: int


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A value under its key. `shape` has its members with types and lengths in place of their contents."""

    bucket: str
    key: str
    revision: int
    size_bytes: int
    shape: Any


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, or removed."""

    bucket: str
    key: str
    revision: int


def names() -> list[str]:
    """The hub's buckets."""
    return [bucket.name for bucket in BUCKETS]


async def buckets(bus: Bus) -> list[BucketInfo]:
    """All of the hub. Raises ApiError where one is missing."""
    found: list[BucketInfo] = []
    for bucket in BUCKETS:
        state = (await bus.api(f"STREAM.INFO.KV_{bucket.name}"))["state"]
        found.append(
            BucketInfo(
                name=bucket.name, description=bucket.description, keys=state["messages"], size_bytes=state["bytes"]
            )
        )
    return found


async def keys(bus: Bus, bucket: str, pattern: str) -> list[str]:
    """The keys that match `document_sync.CDokumente.*` and the like. Raises BadName, as all below do."""
    return await _bucket(bus, bucket).keys(valid.keys(pattern))


async def get(bus: Bus, bucket: str, key: str) -> Value | None:
    """The present value as a shape, or None."""
    entry = await _bucket(bus, bucket).get(valid.key(key))
    if entry is None:
        return None
    return Value(
        bucket=bucket,
        key=key,
        revision=entry.revision,
        size_bytes=len(entry.value),
        shape=shape_of(entry.value, plain=_PLAIN.get(bucket, ())),
    )


async def reveal(operator: Operator, bucket: str, key: str) -> bytes | None:
    """The present value itself. Recorded, because it may be personal data."""
    await operator.record("reveal", f"{bucket} {valid.key(key)}")
    entry = await _bucket(operator.bus, bucket).get(key)
    return None if entry is None else entry.value


async def put(
    operator: Operator, bucket: str, key: str, value: bytes, *, revision: int | None = None
) -> Written | None:
    """Writes a value: over exactly `revision` where one is given (0: nothing); None when the key has moved on."""
    if bucket == LOCKS.name:
        raise valid.BadName("a lock is not written by hand: it would never run out")
    await operator.record("set", f"{bucket} {valid.key(key)}")
    writing = _bucket(operator.bus, bucket)
    if revision is None:
        written: int | None = await writing.put(key, value)
    else:
        written = await writing.update(key, value, revision)
    return None if written is None else Written(bucket=bucket, key=key, revision=written)


async def remove(operator: Operator, bucket: str, key: str, *, revision: int) -> bool:
    """Removes exactly this revision; False when the key has moved on or is gone."""
    await operator.record("rm", f"{bucket} {valid.key(key)}")
    removing = _bucket(operator.bus, bucket)
    entry = await removing.get(key)
    if entry is None or entry.revision != revision:
        return False
    await removing.delete(revision)
    return True


def _bucket(bus: Bus, name: str) -> Bucket:
    if name not in names():
        raise valid.BadName(f"{name[:40]!r} is no bucket of the hub: {', '.join(names())}")
    return Bucket(bus.requests, name)


def shape_of(value: bytes, *, plain: Container[str] = ()) -> Any:
    """A JSON value without its contents, but for members named `plain`; of anything else its size."""
    try:
        return _shape(msgspec.json.decode(value), "", plain)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return f"{len(value)} bytes"


def _shape(value: Any, name: str, plain: Container[str]) -> Any:
    match value:
        case dict():
            return {_member(str(inner)): _shape(found, str(inner), plain) for inner, found in value.items()}
        case list():
            return [_shape(found, "", plain) for found in value[:_WIDTH]]
        case None | bool():
            return value
        case str() | int() | float() if name in plain:
            return value
        case str():
            return f"text, {len(value)}"
        case _:
            return "number"


def _member(name: str) -> str:
    """What is no name of a member may be a value."""
    return name if _NAME.fullmatch(name) else "…"
