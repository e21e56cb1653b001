"""What to write and whom to tell, for all mails and phones of a party."""

from beteiligte_worker.fields.kommunikation import FIELD, LABEL, MAX_COUNT
from beteiligte_worker.model.kommunikation import Agreed, Eintrag, Kind, KommunikationPlan, Kontakt
from beteiligte_worker.model.notice import Conflict, Notice, NoticeKind
from beteiligte_worker.plan.kommunikation.advoware import displaced, find_homes, post, put
from beteiligte_worker.plan.kommunikation.espocrm import merge_into_espocrm
from beteiligte_worker.plan.kommunikation.sides import Line, Sides, read_sides

_KINDS: dict[str, Kind] = {field: kind for kind, field in FIELD.items()}


def plan_kommunikation(
    kontakte: tuple[Kontakt, ...], eintraege: tuple[Eintrag, ...], agreed: tuple[Agreed, ...] | None, about: str
) -> KommunikationPlan:
    """Decides. `agreed` is None at the first sync: then no entry counts as gone, no type as changed in EspoCRM, and no
    value as deleted there.

    `about` is the party as `CBeteiligte.<id>`. Carried out, and planned again with what `agree` says then, nothing is
    left to write.
    """
    sides = read_sides(kontakte, eintraege, agreed, is_first=agreed is None)
    merge_into_espocrm(sides)
    moving = displaced(sides)
    homes = find_homes(sides, moving)
    new = tuple(row.kontakt for row in sides.rows)
    conflicts = [_conflict(line, homes.given.get(line.id)) for line in sides.lost() if line.key != line.base]
    conflicts += [_type_conflict(line, sides) for line in moving if line.retyped]
    notices = [*_refusals(sides, about), *(_conflict_notice(conflict, about) for conflict in conflicts)]
    return KommunikationPlan(
        put=tuple(one for line in sides.lines if (one := put(line, sides, homes)) is not None),
        post=tuple(post(kontakt) for kontakt in homes.post),
        kontakte=None if new == kontakte else new,
        conflicts=tuple(conflicts),
        notices=tuple({notice.key: notice for notice in notices}.values()),
    )


def _conflict(line: Line, kept: Kontakt | None) -> Conflict:
    return Conflict(field=FIELD[line.kind], kept="" if kept is None else kept.value, lost=line.eintrag.tlf or "")


def _type_conflict(line: Line, sides: Sides) -> Conflict:
    row = sides.row(line.key)
    kept = "" if row is None else f"{row.kontakt.value} ({row.type})"
    return Conflict(field=FIELD[line.kind], kept=kept, lost=f"{line.eintrag.tlf} ({line.type})")


def _conflict_notice(conflict: Conflict, about: str) -> Notice:
    label = LABEL[_KINDS[conflict.field]]
    details = (("Feld", label), ("EspoCRM", conflict.kept), ("Advoware", conflict.lost))
    return Notice(kind=NoticeKind.CONFLICT, about=about, fields=(conflict.field,), details=details)


def _refusals(sides: Sides, about: str) -> list[Notice]:
    """Of entries whose value is not in EspoCRM and does not get there."""
    lost = {line.id for line in sides.lost()}
    return [
        Notice(
            kind=NoticeKind.VALUE_REFUSED,
            about=about,
            fields=(FIELD[line.kind],),
            details=(("Feld", LABEL[line.kind]), ("Advoware", line.eintrag.tlf or ""), ("Grund", _why(line))),
        )
        for line in sides.lacking()
        if line.id not in lost
    ]


def _why(line: Line) -> str:
    if line.carried is not None:
        return f"EspoCRM fasst höchstens {MAX_COUNT}"
    return "keine gültige E-Mail-Adresse" if line.kind == "mail" else "keine lesbare Telefonnummer"
