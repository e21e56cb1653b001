"""What Advoware has in the end: which entry gets which of EspoCRM's values, which become slots, what is posted."""

import msgspec

from beteiligte_worker.fields.kommunikation import key_of, komm_kz_for, write_note
from beteiligte_worker.model.kommunikation import KommunikationPost, KommunikationPut, Kontakt, Marker, Note
from beteiligte_worker.plan.kommunikation.sides import Line, Row, Sides


class Homes(msgspec.Struct, kw_only=True):
    """Where EspoCRM's values go."""

    given: dict[int, Kontakt]
    """Entries that get another value, by id."""
    emptied: frozenset[int]
    """Entries that become slots, unless something is given to them."""
    post: list[Kontakt]
    """Values for which there is no entry."""


def displaced(sides: Sides) -> list[Line]:
    """Entries that must give up their value because EspoCRM made it another type, and kommKz cannot be written.

    None if one of the value's entries has that type already: then it is where it belongs; and none as long as an entry
    of it holds what EspoCRM does not take: a person has to look at it anyhow.
    """
    found = []
    for key in sides.moved - sides.held():
        row = sides.row(key)
        lines = [line for line in sides.linked(key) if line.is_remembered]
        if row is not None and all(line.type != row.type for line in lines):
            found += lines
    return sorted(found, key=lambda line: line.id)


def find_homes(sides: Sides, moving: list[Line]) -> Homes:
    """Values without an entry go to entries that lost theirs in EspoCRM, then to slots, then are posted.

    An entry of the same type will do where a value was changed. A slot must have the very kommKz that a new entry
    would get: an old beA address is no place for just any mail.
    """
    lost, leaving = sides.lost(), {line.id for line in moving}
    empty = [line for line in sides.lines if line.id in leaving or _is_ours_and_empty(line)]
    homes = Homes(given={}, emptied=frozenset(line.id for line in (*lost, *empty)), post=[])
    rest = [
        row
        for row in _homeless(sides, leaving)
        if not _give(homes, row, [line for line in lost if (line.kind, line.type) == (row.kontakt.kind, row.type)])
    ]
    for row in rest:
        number = komm_kz_for(row.kontakt.kind, row.kontakt.type)
        if not _give(homes, row, [line for line in empty if line.komm_kz == number]):
            homes.post.append(row.kontakt)
    return homes


def put(line: Line, sides: Sides, homes: Homes) -> KommunikationPut | None:
    """The entry as it must be; None where it is so."""
    kontakt, marker, row = homes.given.get(line.id), line.note.marker, sides.row(line.key)
    if kontakt is not None:
        return _change(line, kontakt.value, Marker(komm_kz=line.komm_kz, value=kontakt.value))
    if line.id in homes.emptied:
        is_done = line.is_slot and line.key is None
        return None if is_done else _change(line, None, Marker(komm_kz=line.komm_kz, value=None))
    if row is not None:
        is_done = marker is not None and (key_of(line.kind, marker.value), marker.komm_kz) == (line.key, line.komm_kz)
        fresh = Marker(komm_kz=line.komm_kz, value=row.kontakt.value)
        return None if is_done else _change(line, line.eintrag.tlf, fresh)
    if marker is not None and marker.value is not None and line.base is None:
        # A marker that was not believed, on what EspoCRM does not take: the next run must not believe it either.
        return _change(line, line.eintrag.tlf, Marker(komm_kz=line.komm_kz, value=None))
    if marker is None and line.base is not None and line.remembered is not None:
        # Staff took the marker away and wrote what EspoCRM does not take: the base must outlive what we remember.
        was = line.remembered
        return _change(line, line.eintrag.tlf, Marker(komm_kz=komm_kz_for(was.kind, was.type), value=was.value))
    return None


def post(kontakt: Kontakt) -> KommunikationPost:
    """A new entry."""
    number = komm_kz_for(kontakt.kind, kontakt.type)
    bemerkung = write_note(Note(), Marker(komm_kz=number, value=kontakt.value))
    return KommunikationPost(tlf=kontakt.value, bemerkung=bemerkung, komm_kz=number, online=kontakt.primary)


def _homeless(sides: Sides, leaving: set[int]) -> list[Row]:
    homes = {line.key for line in sides.lines if line.id not in leaving} | sides.held()
    return list({row.key: row for row in reversed(sides.rows) if row.key not in homes}.values())[::-1]


def _give(homes: Homes, row: Row, candidates: list[Line]) -> bool:
    home = next((line.id for line in candidates if line.id not in homes.given), None)
    if home is not None:
        homes.given[home] = row.kontakt
    return home is not None


def _is_ours_and_empty(line: Line) -> bool:
    """Was ever synced. Other empty entries are nobody's slots."""
    return line.key is None and (line.note.marker is not None or line.base is not None)


def _change(line: Line, tlf: str | None, marker: Marker) -> KommunikationPut:
    bemerkung = write_note(line.note, marker)
    body = KommunikationPost(tlf=tlf, bemerkung=bemerkung, komm_kz=line.komm_kz, online=line.eintrag.online)
    return KommunikationPut(id=line.id, body=body)
