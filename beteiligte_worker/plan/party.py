"""A whole party: what is to be done on both sides, and afterwards, how it has ended."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from beteiligte_worker.fields.names import BET_NR, ERROR, HASH, LAST_SYNC, ROW_ID, stamp
from beteiligte_worker.model.kommunikation import KommunikationPlan
from beteiligte_worker.model.notice import Notice, NoticeKind
from beteiligte_worker.model.party import Advoware, Base, Ending, Espocrm, Plan, Seen
from beteiligte_worker.plan.adressen import agree_adressen, plan_adressen
from beteiligte_worker.plan.bankverbindungen import agree_bankverbindungen, plan_bankverbindungen
from beteiligte_worker.plan.kommunikation import agree, kommunikation_hash, plan_kommunikation
from beteiligte_worker.plan.merge import Newer
from beteiligte_worker.plan.notices import gone_text
from beteiligte_worker.plan.stammdaten import agree_stammdaten, new_beteiligter, plan_stammdaten
from beteiligte_worker.plan.states import rests, settled
from shared.contracts.vocabulary import PartySyncStatus
from shared.outcomes.reason import Reason

_CONFLICTS_MAX = 50
_SUDDENLY_EMPTY = 3
"""Rows that were agreed on and are all gone at once: nobody deletes so in Advoware, so its answer is doubted."""


def plan_party(seen: Seen) -> Plan:
    """Decides. `plan(apply(plan(x)))` has no writes."""
    if seen.espocrm is None:
        return _plan_deleted(seen)
    resting = rests(seen.espocrm.keeping, seen.now)
    if resting is not None and not seen.asked:
        return Plan(reason=resting)
    if seen.advoware is not None and seen.bet_nr is not None:
        return _plan_both(seen, seen.espocrm, seen.advoware, seen.bet_nr)
    if seen.espocrm.keeping.bet_nr is not None:
        return _plan_gone(seen, seen.espocrm)
    return _plan_create(seen, seen.espocrm)


def known(seen: Seen) -> Base:
    """What we remember, as long as it is about this number: another one is another party."""
    base = seen.base
    if base is None:
        return Base(bet_nr=seen.bet_nr)
    if base.bet_nr == seen.bet_nr:
        return base
    return Base(bet_nr=seen.bet_nr, conflicts=base.conflicts, told=base.told, tellings=base.tellings)


def conclude(todo: Plan, before: Seen, after: Seen) -> Ending:
    """How a run ends that has written: by both sides as read back. `before` is what `todo` was made of."""
    assert after.espocrm is not None
    assert after.advoware is not None
    base = _agreed(todo, before, after, after.espocrm, after.advoware)
    again = _plan_both(msgspec.structs.replace(after, base=base), after.espocrm, after.advoware, after.bet_nr or 0)
    base = _forget_ended(base, again)
    # Somebody has gone on working while we wrote: the next run looks at it, and EspoCRM says that there will be one.
    status = PartySyncStatus.DIRTY if again.changes_data else PartySyncStatus.CLEAN
    final = {**_bookkeeping(after, after.espocrm, after.advoware, status), LAST_SYNC: stamp(after.now)}
    return Ending(final=final, notices=again.notices, base=base, stuck=_stuck(todo, again))


def _plan_deleted(seen: Seen) -> Plan:
    """Deleted in EspoCRM. In Advoware nothing is ever deleted: staff are asked to."""
    base = seen.base
    if base is None or base.bet_nr is None:
        return Plan(reason=Reason.NEVER_SYNCED)
    if base.gone == "espocrm":
        return Plan(reason=Reason.IN_STEP)
    notices: tuple[Notice, ...] = ()
    if seen.advoware is not None:
        if not seen.can_tell:
            return Plan(reason=Reason.NOBODY_TO_TELL)
        notice = Notice(
            kind=NoticeKind.PARTY_DELETE_REQUIRED,
            about=_about(seen),
            details=(("Beteiligtennummer", str(base.bet_nr)), ("Name", _name(seen.advoware))),
        )
        notices = _new((notice,), base)
    remember = msgspec.structs.replace(base.with_told(*notices), gone="espocrm")
    return Plan(reason=Reason.DELETE_TOLD if notices else Reason.LEARNED, notices=notices, remember=remember)


def _plan_gone(seen: Seen, espocrm: Espocrm) -> Plan:
    """Deleted in Advoware. EspoCRM keeps everything and says so."""
    base = known(seen)
    final = _differing(espocrm, {**settled(PartySyncStatus.DELETED_IN_ADVOWARE), ERROR: gone_text()})
    notice = Notice(kind=NoticeKind.PARTY_GONE, about=_about(seen), details=(("Beteiligtennummer", str(seen.bet_nr)),))
    notices = _new((notice,), base) if seen.can_tell else ()
    remember = msgspec.structs.replace(
        base.with_told(*notices), gone="advoware", modified_at=espocrm.keeping.modified_at
    )
    return Plan(
        reason=Reason.PARTY_GONE if final or notices else Reason.IN_STEP,
        final=final,
        notices=notices,
        remember=remember if remember != seen.base else None,
    )


def _plan_create(seen: Seen, espocrm: Espocrm) -> Plan:
    fields = new_beteiligter(espocrm.record)
    if "name" not in fields:
        return Plan(reason=Reason.NO_NUMBER_YET)
    return Plan(
        reason=Reason.PARTY_CREATED,
        mark=PartySyncStatus.SYNCING,
        create=fields,
        gone_bet_nr=seen.bet_nr,
    )


def _plan_both(seen: Seen, espocrm: Espocrm, advoware: Advoware, bet_nr: int) -> Plan:
    base = known(seen)
    if refused := _refused(seen, base, advoware):
        return Plan(reason=Reason.IN_STEP, refused=refused)
    espocrm = _without_ids_of_another(espocrm, seen)
    about = _about(seen)
    plan = Plan(
        reason=Reason.PARTY_SYNCED,
        stammdaten=plan_stammdaten(
            espocrm.record, advoware.record, base.stammdaten, newer=_newer(espocrm, advoware), about=about
        ),
        kommunikation=plan_kommunikation(espocrm.kontakte, advoware.eintraege, base.kommunikation, about),
        adressen=plan_adressen(
            espocrm.adressen,
            advoware.adressen,
            base.adressen,
            party_id=seen.entity_id,
            betnr=bet_nr,
            today=seen.today,
        ),
        konten=plan_bankverbindungen(
            espocrm.konten, advoware.konten, base.konten, party_id=seen.entity_id, betnr=bet_nr
        ),
    )
    standing = _standing(plan)
    notices = _new(standing, base) if seen.can_tell else ()
    if plan.changes_data:
        mark = PartySyncStatus.CONFLICT if plan.conflicts else PartySyncStatus.SYNCING
        return msgspec.structs.replace(plan, mark=mark, notices=notices)
    final = _differing(espocrm, _bookkeeping(seen, espocrm, advoware, PartySyncStatus.CLEAN))
    if final:
        final = {**final, LAST_SYNC: stamp(seen.now)}
    remember = _forget_ended(_agreed(plan, seen, seen, espocrm, advoware).with_told(*notices), plan)
    reason = Reason.PARTY_SYNCED if final else Reason.TOLD if notices else Reason.IN_STEP
    # The parts stay: they hold what stands, though there is nothing in them to write.
    remembered = remember if remember != seen.base else None
    return msgspec.structs.replace(plan, reason=reason, final=final, notices=notices, remember=remembered)


def _without_ids_of_another(espocrm: Espocrm, seen: Seen) -> Espocrm:
    """After a change of number, Advoware's ids at addresses and accounts name rows of another party."""
    if seen.base is None or seen.base.bet_nr in (None, seen.bet_nr):
        return espocrm
    return msgspec.structs.replace(
        espocrm,
        adressen=tuple(
            msgspec.structs.replace(row, advoware_id=None, advoware_row_id=None) for row in espocrm.adressen
        ),
        konten=tuple(msgspec.structs.replace(row, advoware_id=None) for row in espocrm.konten),
    )


def _refused(seen: Seen, base: Base, advoware: Advoware) -> str | None:
    if seen.force:
        return None
    lists: Mapping[str, tuple[Collection[object], Collection[object]]] = {
        "Kommunikation": (base.kommunikation or (), advoware.eintraege),
        "Adressen": (base.adressen or (), advoware.adressen),
        "Bankverbindungen": (base.konten or (), advoware.konten),
    }
    emptied = {name: len(agreed) for name, (agreed, present) in lists.items() if not present}
    told = " and ".join(f"all {count} {name}" for name, count in emptied.items() if count >= _SUDDENLY_EMPTY)
    return f'{told} are gone in Advoware; if that is right, publish {{"force": true}}' if told else None


def _agreed(todo: Plan, before: Seen, after: Seen, espocrm: Espocrm, advoware: Advoware) -> Base:
    """What to remember of both sides as they are now."""
    base = known(before)
    return Base(
        bet_nr=after.bet_nr,
        row_id=advoware.row_id,
        stammdaten=agree_stammdaten(espocrm.record, advoware.record, base.stammdaten, sent=todo.stammdaten.sent),
        kommunikation=agree(espocrm.kontakte, advoware.eintraege),
        adressen=agree_adressen(espocrm.adressen, advoware.adressen, base.adressen, todo.adressen, today=after.today),
        konten=agree_bankverbindungen(espocrm.konten, advoware.konten, base.konten, todo.konten),
        conflicts=base.conflicts,
        told=base.told,
        tellings=base.tellings,
        modified_at=espocrm.keeping.modified_at,
        assigned_user_id=espocrm.keeping.assigned_user_id,
    )


def noted(todo: Plan, seen: Seen) -> Base:
    """What is remembered before the first write: what loses is kept, and what was told is not told again.

    Once the writes are done, nobody could tell any more what has lost.
    """
    base = known(seen).with_told(*todo.notices)
    return msgspec.structs.replace(
        base,
        # A run that dies after a change of number is finished by one that still knows of the change.
        bet_nr=seen.base.bet_nr if seen.base is not None else base.bet_nr,
        conflicts=(*(one for one in base.conflicts if one not in todo.conflicts), *todo.conflicts)[-_CONFLICTS_MAX:],
        begun=True,
    )


def _forget_ended(base: Base, present: Plan) -> Base:
    """What no longer stands may be news again one day."""
    standing = {notice.key for notice in _standing(present)}
    return msgspec.structs.replace(base, told=tuple(key for key in base.told if key in standing))


def _bookkeeping(seen: Seen, espocrm: Espocrm, advoware: Advoware, status: PartySyncStatus) -> Mapping[str, Any]:
    return _differing(
        espocrm,
        {
            **settled(status),
            BET_NR: seen.bet_nr,
            ROW_ID: advoware.row_id,
            HASH: kommunikation_hash(advoware.eintraege),
        },
    )


def _differing(espocrm: Espocrm, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Zero and nothing are the same: EspoCRM shows a number never set as null."""
    return {name: value for name, value in wanted.items() if (espocrm.record.get(name) or None) != (value or None)}


def _standing(plan: Plan) -> tuple[Notice, ...]:
    parts = (plan.stammdaten, plan.kommunikation, plan.adressen, plan.konten)
    return tuple({notice.key: notice for part in parts for notice in part.notices}.values())


def _new(notices: Iterable[Notice], base: Base) -> tuple[Notice, ...]:
    return tuple(notice for notice in notices if notice.key not in base.told)


def _stuck(todo: Plan, again: Plan) -> tuple[str, ...]:
    """The parts in which the very same would be written again: what was written is not there."""
    pairs = {
        "kommunikation": (_komm(todo.kommunikation), _komm(again.kommunikation)),
        "adressen": (_new_adressen(todo), _new_adressen(again)),
        "bankverbindungen": (todo.konten.posts, again.konten.posts),
        "stammdaten": (tuple(todo.stammdaten.to_espocrm.items()), tuple(again.stammdaten.to_espocrm.items())),
    }
    return tuple(name for name, (first, second) in pairs.items() if second and first == second)


def _new_adressen(plan: Plan) -> tuple[object, ...]:
    """On either side: a record that EspoCRM took and does not show with its party would be made for ever."""
    parts = (plan.adressen.posts, plan.adressen.creates)
    return parts if any(parts) else ()


def _komm(plan: KommunikationPlan) -> tuple[object, ...]:
    parts = (plan.kontakte, plan.put, plan.post)
    return parts if any(parts) else ()


def _newer(espocrm: Espocrm, advoware: Advoware) -> Newer:
    """For fields that never were agreed on. Without both instants EspoCRM counts."""
    ours, theirs = _instant(espocrm.keeping.modified_at), _instant(advoware.changed_at)
    return "advoware" if ours is not None and theirs is not None and theirs > ours else "espocrm"


def _instant(told: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _about(seen: Seen) -> str:
    return f"CBeteiligte.{seen.entity_id}"


def _name(advoware: Advoware) -> str:
    return " ".join(str(advoware.record.get(part) or "") for part in ("vorname", "name")).strip()
