"""Both sides of a party's mails and phones, read so that they can be compared, and what is remembered of them."""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from beteiligte_worker.fields.kommunikation import (
    BY_NUMBER,
    Key,
    for_espocrm,
    key_of,
    komm_kz_of,
    read_note,
    same_type,
)
from beteiligte_worker.model.kommunikation import Agreed, Eintrag, Kind, Kontakt, Note


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of EspoCRM."""

    key: Key
    kontakt: Kontakt

    @property
    def type(self) -> str | None:
        """As it is compared."""
        return same_type(self.kontakt.kind, self.kontakt.type)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of Advoware."""

    eintrag: Eintrag
    note: Note
    komm_kz: int
    kind: Kind
    type: str | None
    key: Key | None
    """None: empty."""
    carried: str | None
    """The value as EspoCRM takes it, if it does."""
    base: Key | None
    """What it held when both sides last agreed."""
    remembered: Agreed | None

    @property
    def id(self) -> int:
        """Advoware's."""
        return self.eintrag.id

    @property
    def is_slot(self) -> bool:
        """Marked as empty by us, whatever it holds by now."""
        return self.note.marker is not None and self.note.marker.value is None

    @property
    def is_remembered(self) -> bool:
        """It held this very value when both sides last agreed; others have got it from us or from staff since."""
        was = self.remembered
        return was is not None and key_of(was.kind, was.value) == self.key

    @property
    def retyped(self) -> bool:
        """Staff changed its kommKz to one that is another type in EspoCRM."""
        if self.note.marker is None or self.is_slot:
            return False
        was = BY_NUMBER[self.note.marker.komm_kz]
        return was.kind == self.kind and was.type != self.type


class Sides(msgspec.Struct, kw_only=True):
    """Both sides. `rows` becomes what EspoCRM has in the end; all else is as it was found."""

    rows: list[Row]
    lines: list[Line]
    """By id."""
    left: frozenset[Key]
    """Bases of entries, there or gone. A value of EspoCRM without an entry was deleted in Advoware if it is in here,
    else it is new in EspoCRM."""
    types: Mapping[Key, str | None]
    """EspoCRM's types of the values that we remember."""
    moved: frozenset[Key]
    """Values whose type was changed in EspoCRM."""

    def keys(self) -> set[Key]:
        """What EspoCRM has."""
        return {row.key for row in self.rows}

    def row(self, key: Key | None) -> Row | None:
        """EspoCRM's first row of the value."""
        return next((row for row in self.rows if row.key == key), None)

    def linked(self, key: Key | None) -> list[Line]:
        """Entries that hold the value."""
        return [line for line in self.lines if line.key is not None and line.key == key]

    def lacking(self) -> list[Line]:
        """Entries whose value EspoCRM does not have."""
        keys = self.keys()
        return [line for line in self.lines if line.key is not None and line.key not in keys]

    def held(self) -> set[Key]:
        """Values that EspoCRM has, and that some entry held before it got one that EspoCRM does not have."""
        return {line.base for line in self.lacking() if line.base is not None} & self.keys()

    def lost(self) -> list[Line]:
        """Entries whose value was deleted or changed in EspoCRM, whatever Advoware has made of it since."""
        keys = self.keys()
        return [line for line in self.lacking() if line.base is not None and line.base not in keys]


def read_sides(
    kontakte: Iterable[Kontakt],
    eintraege: Iterable[Eintrag],
    agreed: Iterable[Agreed] | None = None,
    *,
    is_first: bool = False,
) -> Sides:
    """Both sides in a fixed order, so that two runs decide alike.

    `is_first`: nothing is remembered. Then a marker is believed only if EspoCRM has its value: one that another record
    has left behind, or a lost memory, must not read as *deleted in EspoCRM*.
    """
    remembered = {one.id: one for one in agreed or ()}
    entries = sorted(eintraege, key=lambda one: one.id)
    gone = remembered.keys() - {one.id for one in entries}
    lines = [line for one in entries if (line := _line(one, remembered.get(one.id))) is not None]
    rows = [Row(key=key, kontakt=one) for one in kontakte if (key := key_of(one.kind, one.value)) is not None]
    was = {id_: key for id_, one in remembered.items() if (key := key_of(one.kind, one.value)) is not None}
    if is_first:
        there = {row.key for row in rows}
        lines = [line if line.base in there else msgspec.structs.replace(line, base=None) for line in lines]
    bases = {line.base for line in lines} | {key for id_, key in was.items() if id_ in gone}
    types = {row.key: row.type for row in reversed(rows)}
    moved = {key for id_, key in was.items() if key in types and types[key] != _type(remembered[id_])}
    return Sides(
        rows=rows,
        lines=lines,
        left=frozenset(base for base in bases if base is not None),
        types={key: remembered[id_].type for id_, key in was.items()},
        moved=frozenset(moved),
    )


def agree(kontakte: tuple[Kontakt, ...], eintraege: tuple[Eintrag, ...]) -> tuple[Agreed, ...]:
    """What to remember, from both sides as they are after the writes: each entry and the row that it stands for.

    An entry with a value that EspoCRM does not take stands for what it held before.
    """
    sides = read_sides(kontakte, eintraege)
    found = []
    for line in sides.lines:
        row = None if line.key is None else sides.row(line.key) or sides.row(line.base)
        if row is not None:
            one = row.kontakt
            found.append(Agreed(id=line.id, kind=one.kind, value=one.value, type=one.type))
    return tuple(found)


def kommunikation_hash(eintraege: tuple[Eintrag, ...]) -> str:
    """16 hex digits that change when an entry that matters does: one with a value or a marker, but no empty slot."""
    lines = read_sides((), eintraege).lines
    row_ids = (line.eintrag.row_id for line in lines if line.key is not None or line.base is not None)
    return hashlib.md5("".join(sorted(row_ids)).encode(), usedforsecurity=False).hexdigest()[:16]


def _type(one: Agreed) -> str | None:
    return same_type(one.kind, one.type)


def _line(eintrag: Eintrag, remembered: Agreed | None) -> Line | None:
    """None: out of the sync."""
    note = read_note(eintrag.bemerkung)
    pair = BY_NUMBER.get(komm_kz_of(eintrag, note.marker, remembered) or 0)
    if pair is None:
        return None
    base = None
    if note.marker is not None:
        base = key_of(BY_NUMBER[note.marker.komm_kz].kind, note.marker.value)
    elif remembered is not None:
        base = key_of(remembered.kind, remembered.value)
    return Line(
        eintrag=eintrag,
        note=note,
        komm_kz=pair.number,
        kind=pair.kind,
        type=pair.type,
        key=key_of(pair.kind, eintrag.tlf),
        carried=for_espocrm(pair.kind, eintrag.tlf),
        base=base,
        remembered=remembered,
    )
