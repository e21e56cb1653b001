"""What EspoCRM has in the end: values deleted in Advoware leave, values changed or new there come."""

import msgspec

from beteiligte_worker.fields.kommunikation import FIELD, MAX_COUNT, Key
from beteiligte_worker.model.kommunikation import Kind, Kontakt
from beteiligte_worker.plan.kommunikation.sides import Line, Row, Sides


def merge_into_espocrm(sides: Sides) -> None:
    """Changes `sides.rows`. One change at a time: each may make room for the next, or make it unnecessary."""
    before = [row.kontakt for row in sides.rows]
    while _forget(sides) or _learn(sides):
        pass
    for index, row in enumerate(sides.rows):
        follow = _follow(row, sides)
        if follow is not None:
            sides.rows[index] = Row(key=row.key, kontakt=msgspec.structs.replace(row.kontakt, type=follow.type))
    for kind in FIELD:
        if [one for one in before if one.kind == kind] != [row.kontakt for row in sides.rows if row.key[0] == kind]:
            _leave_one_primary(sides, kind)


def _follow(row: Row, sides: Sides) -> Line | None:
    """The entry whose type EspoCRM takes over: staff changed its kommKz, and no entry has EspoCRM's type (any more).

    Among entries of one value those count that we remember: a copy is not what EspoCRM's type was about.
    """
    lines = sides.linked(row.key)
    if row.key in sides.moved or any(line.type == row.type for line in lines):
        return None
    chosen = [line for line in lines if line.is_remembered] or lines
    return next((line for line in chosen if line.retyped and line.base == row.key), None)


def _forget(sides: Sides) -> bool:
    """Deleted in Advoware, or changed there into what EspoCRM has anyhow."""
    staying = {line.key for line in sides.lines} | sides.held() | sides.moved
    kept = [row for row in sides.rows if row.key in staying or row.key not in sides.left]
    forgot = len(kept) < len(sides.rows)
    sides.rows = kept
    return forgot


def _learn(sides: Sides) -> bool:
    """Takes one value that EspoCRM lacks: in the place of its base if nothing else holds that, else at the end."""
    keys, lacking = sides.keys(), sides.lacking()
    waiting = [line for line in lacking if line.carried is not None and (line.base is None or line.base in keys)]
    for line in waiting:
        heirs = _heirs(line, sides, lacking)
        if len(heirs) == 1 and line.base is not None and line.base[0] == line.kind:
            _replace(sides, line, line.base)
            return True
        if len(heirs) > 1 and line.key == heirs[0]:
            continue  # the others first: the place is for this one
        if sum(row.kontakt.kind == line.kind for row in sides.rows) < MAX_COUNT:
            assert line.key is not None
            assert line.carried is not None
            # A value that EspoCRM had before comes back as what it was.
            type_ = sides.types.get(line.key, line.type)
            kontakt = Kontakt(kind=line.kind, value=line.carried, type=type_)
            sides.rows.append(Row(key=line.key, kontakt=kontakt))
            return True
    return False


def _heirs(line: Line, sides: Sides, lacking: list[Line]) -> list[Key]:
    """The values that Advoware's entries of the same base have become; none if the base itself stays."""
    if line.base is None or sides.linked(line.base):
        return []
    same = [other for other in lacking if other.base == line.base]
    if any(other.carried is None for other in same):
        return []
    return list(dict.fromkeys(other.key for other in same if other.key is not None))


def _replace(sides: Sides, line: Line, base: Key) -> None:
    """What hangs on the row stays: primary, opt-out, invalid, and the type unless staff changed that too."""
    assert line.key is not None
    assert line.carried is not None
    old = sides.row(base)
    assert old is not None
    type_ = sides.types.get(line.key, line.type if line.retyped else old.kontakt.type)
    new = Row(key=line.key, kontakt=msgspec.structs.replace(old.kontakt, value=line.carried, type=type_))
    sides.rows = [new if row is old else row for row in sides.rows]


def _leave_one_primary(sides: Sides, kind: Kind) -> None:
    """The first where there is none."""
    places = [index for index, row in enumerate(sides.rows) if row.key[0] == kind]
    chosen = next((index for index in places if sides.rows[index].kontakt.primary), places[0] if places else None)
    for index in places:
        row = sides.rows[index]
        new = msgspec.structs.replace(row.kontakt, primary=index == chosen)
        sides.rows[index] = Row(key=row.key, kontakt=new)
