"""What the hub keeps of one record, and its removal: what it remembers, its journal, its history, its dead letters.

Events and the audit stay: they hold its id and nothing else, and go by age. What vendors hold is theirs.
"""

import msgspec

from console.desk.dead import Filters, drop, letter_of, matching
from console.desk.deeds import Operator
from console.desk.history import subject_of
from console.desk.intents import intents
from console.desk.reading import count, ends
from shared.contracts.events import same_kuerzel
from shared.contracts.keys import key
from shared.contracts.topology import DEAD, HISTORY, IDEMPOTENCY, LOCKS, SNAPSHOTS
from shared.runtime.bus import ApiError, Bus
from shared.state.kv import Bucket

_NO_MESSAGE = (10037, 10043, 10057)
_EMPLOYEE = "Employee"


class InUse(Exception):
    """Nothing was removed; the text is one sentence that says why."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of one record. Keys and numbers, no values."""

    entity_type: str
    entity_id: str
    snapshots: list[str]
    idempotency: list[str]
    history: int
    letters: list[int]

    @property
    def total(self) -> int:
        """How many values, records and letters."""
        return len(self.snapshots) + len(self.idempotency) + self.history + len(self.letters)


async def kept(bus: Bus, entity_type: str, entity_id: str) -> Kept:
    """Looks everywhere. Raises InUse while somebody works on the record, or a write about it is open."""
    mine = _patterns(entity_type, entity_id)
    if await _keys(bus, LOCKS.name, mine):
        raise InUse(f"somebody works on {entity_type} {entity_id} now; `hub locks ls` says who")
    kind = mine[0].split(".")[1]
    if await intents(bus, entity_type=kind, entity_id=_id(entity_type, entity_id)):
        raise InUse(
            f"a write about {entity_type} {entity_id} has an unknown outcome, and its row is the only way to find out; "
            "`hub intents` shows it, and a run settles it"
        )
    # A document's place in a collection lies under the collection.
    places = [f"collection_member.*.{key(entity_id)}"]
    _, up_to = await ends(bus, DEAD.name)
    letters = [letter_of(message) async for message in matching(bus, Filters(), up_to=up_to)]
    return Kept(
        entity_type=entity_type,
        entity_id=entity_id,
        snapshots=await _keys(bus, SNAPSHOTS.name, [*mine, *places]),
        idempotency=await _keys(bus, IDEMPOTENCY.name, mine),
        history=await count(bus, HISTORY.name, subject=subject_of(entity_type, entity_id)),
        letters=[one.sequence for one in letters if (one.entity_type, one.entity_id) == (entity_type, entity_id)],
    )


async def erase(operator: Operator, what: Kept) -> None:
    """Removes it, recorded. What may be personal data, the broker also writes over on its disk."""
    await operator.record("erase", f"{what.entity_type} {what.entity_id}", count=what.total)
    bus = operator.bus
    for bucket, keys in ((SNAPSHOTS.name, what.snapshots), (IDEMPOTENCY.name, what.idempotency)):
        for name in keys:
            await _overwrite(bus, bucket, name)
    subject = subject_of(what.entity_type, what.entity_id)
    await bus.api(f"STREAM.PURGE.{HISTORY.name}", {"filter": subject})
    for sequence in what.letters:
        await drop(operator, sequence)


def _id(entity_type: str, entity_id: str) -> str:
    return same_kuerzel(entity_id) if entity_type == _EMPLOYEE else entity_id


def _patterns(entity_type: str, entity_id: str) -> list[str]:
    """Of the record's own keys, in whatever step."""
    kind = _EMPLOYEE.lower() if entity_type == _EMPLOYEE else entity_type
    name = key(kind, _id(entity_type, entity_id))
    return [f"*.{name}", f"*.{name}.>"]


async def _keys(bus: Bus, bucket: str, patterns: list[str]) -> list[str]:
    found = {name for pattern in patterns for name in await Bucket(bus.requests, bucket).keys(pattern)}
    return sorted(found)


async def _overwrite(bus: Bus, bucket: str, name: str) -> None:
    entry = await Bucket(bus.requests, bucket).get(name)
    if entry is None:
        return
    try:
        await bus.api(f"STREAM.MSG.DELETE.KV_{bucket}", {"seq": entry.revision, "no_erase": False})
    except ApiError as refused:
        if refused.code not in _NO_MESSAGE:
            raise
