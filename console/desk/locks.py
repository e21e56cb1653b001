"""Who works on which entity, and breaking a lock that has to go by hand."""

import msgspec

from console.desk import names
from console.desk.deeds import Operator
from console.desk.reading import forward
from shared.contracts.topology import LOCKS
from shared.runtime.bus import Bus
from shared.state.kv import Bucket, Entry
from shared.state.locks import Holder

_TRIES = 5
_PREFIX = f"$KV.{LOCKS.name}."


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """A lock that is held now."""

    key: str
    holder: str
    run: str
    since: str
    revision: int


async def locks(bus: Bus) -> list[Lock]:
    """All that are held, by key."""
    found: list[Lock] = []
    async for message in forward(bus, f"KV_{LOCKS.name}"):
        if "KV-Operation" not in message.headers:
            entry = Entry(message.body, message.sequence)
            found.append(_lock(message.subject.removeprefix(_PREFIX), entry))
    return sorted(found, key=lambda one: one.key)


async def lock(bus: Bus, key: str) -> Lock | None:
    """One, if it is held. Raises BadName."""
    entry = await Bucket(bus.requests, LOCKS.name).get(names.key(key))
    return None if entry is None else _lock(key, entry)


async def break_lock(operator: Operator, held: Lock) -> bool:
    """Takes the lock from this holder's run, and from no later one; False where that run has it no longer.

    The run is cancelled at its next renewal, and what it writes to journal and snapshots is refused.
    """
    await operator.record("break", f"{LOCKS.name} {held.key} {held.holder}")
    bucket = Bucket(operator.bus.requests, LOCKS.name)
    is_broken = False
    for _ in range(_TRIES):  # its holder may renew it between our look and our delete
        entry = await bucket.get(held.key)
        if entry is None or not _is_same(_lock(held.key, entry), held):
            return is_broken
        await bucket.delete(entry.revision)
        is_broken = True
    return False


def _is_same(now: Lock, held: Lock) -> bool:
    return (now.holder, now.run, now.since) == (held.holder, held.run, held.since)


def _lock(key: str, entry: Entry) -> Lock:
    try:
        told = msgspec.json.decode(entry.value, type=Holder)
    except msgspec.MsgspecError:
        told = Holder("somebody else's", "", "")
    return Lock(key=key, holder=told.holder, run=told.run, since=told.since, revision=entry.revision)
