"""The tables: rows by entity type and id, soft deletion, ids, and the links between rows."""

import datetime as dt
import random
import time
from collections.abc import Callable, Iterator

from simulators.espocrm.answers import Refused
from simulators.espocrm.contacts import Contacts
from simulators.espocrm.schema import Link, Schema, Shape

Row = dict[str, object]


def wall_clock() -> float:
    """Seconds since 1970."""
    return time.time()


def timestamp(at: float) -> str:
    """UTC in EspoCRM's form: whole seconds, a blank between, no zone mark."""
    return dt.datetime.fromtimestamp(int(at), dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


class Ids:
    """Ids as Core/Utils/Id/DefaultRecordIdGenerator makes them: 8 hex of seconds, 5 of microseconds, 4 of dice."""

    def __init__(self, dice: random.Random, now: Callable[[], float]) -> None:
        self._dice = dice
        self._now = now
        self._last = 0

    def next(self) -> str:
        """17 lower-case hex characters, each greater than the one before."""
        self._last = max(self._last + 1, int(self._now() * 1_000_000))
        seconds, micros = divmod(self._last, 1_000_000)
        return f"{seconds:08x}{micros:05x}{self._dice.getrandbits(16):04x}"

    def secret(self) -> str:
        """A webhook's secretKey: 32 lower-case hex characters."""
        return f"{self._dice.getrandbits(128):032x}"


class Records:
    """All rows. A deleted row stays with `deleted: true` until it is erased."""

    def __init__(self, schema: Schema, ids: Ids, now: Callable[[], float]) -> None:
        self.schema = schema
        self.ids = ids
        self.now = now
        self.shapes = {entity_type.name: Shape(entity_type) for entity_type in schema.types}
        self.rows: dict[str, dict[str, Row]] = {name: {} for name in self.shapes}
        self.contacts = Contacts()
        # (entity type, link) -> id -> ids on the other side, in the order in which they were linked
        self._linked: dict[tuple[str, str], dict[str, dict[str, None]]] = {}

    def clear(self) -> None:
        for rows in self.rows.values():
            rows.clear()
        self._linked.clear()
        self.contacts.clear()

    def shape(self, entity_type: str) -> Shape:
        """404 for an entity type that does not exist."""
        shape = self.shapes.get(entity_type)
        if shape is None:
            raise Refused(404, f"Controller '{entity_type}' does not exist.")
        return shape

    def find(self, entity_type: str, record_id: object, *, with_deleted: bool = False) -> Row | None:
        row = self.rows.get(entity_type, {}).get(str(record_id))
        if row is None or (row.get("deleted") and not with_deleted):
            return None
        return row

    def alive(self, entity_type: str) -> Iterator[Row]:
        return (row for row in self.rows[entity_type].values() if not row.get("deleted"))

    def name_of(self, entity_type: str | None, record_id: object) -> object:
        row = self.find(entity_type, record_id) if entity_type and record_id else None
        return row.get("name") if row else None

    def now_text(self) -> str:
        return timestamp(self.now())

    # Links. Many-to-many is kept on both sides, so that either is one look-up.

    def linked_ids(self, entity_type: str, record_id: str, link: Link) -> list[str]:
        """Ids of living records on the other side."""
        if link.kind == "belongsTo":
            row = self.find(entity_type, record_id, with_deleted=True) or {}
            ids = [str(row[f"{link.name}Id"])] if row.get(f"{link.name}Id") else []
        elif link.kind == "hasMany":
            key = f"{link.foreign}Id"
            return [str(row["id"]) for row in self.alive(link.entity) if row.get(key) == record_id]
        else:
            ids = list(self._linked.get((entity_type, link.name), {}).get(record_id, ()))
        return [other for other in ids if self.find(link.entity, other) is not None]

    def link(self, entity_type: str, record_id: str, link: Link, other_id: str) -> bool:
        """Whether this made a new link. Touches no modifiedAt on either side."""
        if link.kind == "hasMany":
            child = self.rows[link.entity][other_id]
            changed = child.get(f"{link.foreign}Id") != record_id
            child[f"{link.foreign}Id"] = record_id
            return changed
        near = self._side(entity_type, link.name, record_id)
        changed = other_id not in near
        near[other_id] = None
        if link.foreign:
            self._side(link.entity, link.foreign, other_id)[record_id] = None
        return changed

    def unlink(self, entity_type: str, record_id: str, link: Link, other_id: str) -> bool:
        """Whether there was a link."""
        if link.kind == "hasMany":
            child = self.rows[link.entity].get(other_id, {})
            was = child.get(f"{link.foreign}Id") == record_id
            if was:
                child[f"{link.foreign}Id"] = None
            return was
        near = self._side(entity_type, link.name, record_id)
        was = other_id in near
        near.pop(other_id, None)
        if link.foreign:
            self._side(link.entity, link.foreign, other_id).pop(record_id, None)
        return was

    def all_links(self) -> list[tuple[str, str, str, str]]:
        """Every many-to-many link once, as (entity type, id, link, other id)."""
        seen: set[tuple[str, str, str, str]] = set()
        found = []
        for (entity_type, name), by_id in self._linked.items():
            link = self.shapes[entity_type].links[name]
            for record_id, others in by_id.items():
                for other in others:
                    row = (entity_type, record_id, name, other)
                    if row not in seen:
                        found.append(row)
                    seen.add((link.entity, other, link.foreign or "", record_id))
        return found

    def _side(self, entity_type: str, link: str, record_id: str) -> dict[str, None]:
        return self._linked.setdefault((entity_type, link), {}).setdefault(record_id, {})
