"""Keeping the memory: rows in shards, since a value may not be larger than NATS allows; the head last."""

import asyncio
import zlib

import msgspec

from calendar_worker.effects.deps import Deps
from calendar_worker.effects.keys import employee_key
from calendar_worker.model.memory import Failure, Memory, Row

SHARDS = 16
"""A row takes some 300 bytes and a value may have a megabyte: room for 50,000 appointments."""


class Shard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One part of the rows and failures."""

    rows: tuple[Row, ...] = ()
    failed: tuple[Failure, ...] = ()


async def read_memory(kuerzel: str, deps: Deps) -> Memory:
    """What is remembered of an employee; nothing where nothing is."""
    base = employee_key(kuerzel)
    head = await deps.snapshots.read(base, Memory) or Memory()
    shards = await asyncio.gather(*(deps.snapshots.read(_shard_key(base, number), Shard) for number in range(SHARDS)))
    return msgspec.structs.replace(
        head,
        rows={row.event_id: row for shard in shards if shard for row in shard.rows},
        failed={one.key: one for shard in shards if shard for one in shard.failed},
    )


async def write_memory(kuerzel: str, after: Memory, before: Memory, deps: Deps) -> None:
    """Writes what is new in it: shards first, and the head, which has the sync token, when they are safe."""
    base = employee_key(kuerzel)
    was, now = _shards(before), _shards(after)
    for number in range(SHARDS):
        if now[number] != was[number]:
            await deps.snapshots.write(_shard_key(base, number), now[number])
    if _head(after) != _head(before):
        await deps.snapshots.write(base, _head(after))


def _head(memory: Memory) -> Memory:
    return msgspec.structs.replace(memory, rows={}, failed={})


def _shards(memory: Memory) -> list[Shard]:
    rows: list[list[Row]] = [[] for _ in range(SHARDS)]
    failed: list[list[Failure]] = [[] for _ in range(SHARDS)]
    for name in sorted(memory.rows):
        rows[_number(name)].append(memory.rows[name])
    for name in sorted(memory.failed):
        failed[_number(name)].append(memory.failed[name])
    return [Shard(rows=tuple(one), failed=tuple(other)) for one, other in zip(rows, failed, strict=True)]


def _number(name: str) -> int:
    return zlib.crc32(name.encode()) % SHARDS


def _shard_key(base: str, number: int) -> str:
    return f"{base}.{number}"
