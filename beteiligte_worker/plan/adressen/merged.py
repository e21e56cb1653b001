"""The fields of one address that both sides have."""

import msgspec

from beteiligte_worker.fields.adressen import BY_ATTRIBUTE, PAIRS, Pair, canonical, marker, moved_anschrift, told
from beteiligte_worker.fields.adressen import anschrift as composed_anschrift
from beteiligte_worker.model.adressen import (
    AdressePost,
    AdressePut,
    AdvowareAdresse,
    AgreedAdresse,
    EspoAdresse,
    Values,
)
from beteiligte_worker.model.notice import Conflict, NoticeKind
from beteiligte_worker.model.stammdaten import Value
from beteiligte_worker.plan.merge import NEVER, merge


class Merged(msgspec.Struct):
    """What becomes of the fields of one pair."""

    put: dict[str, Value] = {}
    """For Advoware."""
    take: dict[str, Value] = {}
    """For EspoCRM."""
    told: dict[NoticeKind, list[Pair]] = {}
    conflicts: list[Conflict] = []


def merge_fields(espocrm: Values, advoware: Values, agreed: AgreedAdresse) -> Merged:
    """A three-way merge of each. EspoCRM wins what a PUT can store, Advoware all else."""
    merged = Merged()
    for pair in PAIRS:
        _merge_field(merged, pair, espocrm[pair.espocrm], advoware[pair.espocrm], agreed)
    return merged


def _merge_field(merged: Merged, pair: Pair, espocrm: Value, advoware: Value, agreed: AgreedAdresse) -> None:
    name = pair.espocrm
    base = agreed.values.get(name) if name in agreed.values else NEVER
    verdict = merge(espocrm, advoware, base, newer="espocrm")
    if verdict == "agreed":
        return
    clash = verdict.startswith("conflict")
    was_ignored = name in agreed.ignored and agreed.ignored[name] == espocrm
    writable = pair.put and not was_ignored
    takes = verdict == "to_espocrm" or (clash and not writable)
    if takes and not pair.accepts(advoware):
        merged.told.setdefault(NoticeKind.VALUE_REFUSED, []).append(pair)
    elif takes:
        merged.take[name] = advoware
    elif writable:
        merged.put[name] = espocrm
    else:
        kind = NoticeKind.FIELD_IGNORED if pair.put else NoticeKind.ADDRESS_FIELD_UPDATE_REQUIRED
        merged.told.setdefault(kind, []).append(pair)
    if clash and (name in merged.take or name in merged.put):
        kept, lost = (espocrm, advoware) if writable else (advoware, espocrm)
        merged.conflicts.append(Conflict(field=name, kept=pair.shown(kept), lost=pair.shown(lost)))
        # Two spellings of one street, found when the two are paired for the first time, are nobody's change.
        if base is not NEVER or canonical(kept) != canonical(lost):
            kind = NoticeKind.CONFLICT if writable else NoticeKind.READONLY_FIELD_CONFLICT
            merged.told.setdefault(kind, []).append(pair)


def new_row(record: EspoAdresse) -> AdressePost:
    """A POST of all that is known: most of it can be told only now."""
    sent = {name: value for name, value in record.values.items() if value is not None}
    body = {BY_ATTRIBUTE[name].advoware: told(value, BY_ATTRIBUTE[name].kind) for name, value in sent.items()}
    body["anschrift"] = told(composed_anschrift(record.values), "text")
    body["bemerkung"] = marker(record.id)
    return AdressePost(espocrm_id=record.id, body=body, sent=sent)


def moved_row(row: AdvowareAdresse, changes: Values, agreed: AgreedAdresse) -> tuple[AdressePut, Conflict | None]:
    """A PUT of the whole row, and its `anschrift` where that is lost because it was written for another address."""
    before = (row.values, {**row.values, **agreed.values})
    block, loses = moved_anschrift(row.anschrift, before, {**row.values, **changes})
    body = {
        **row.body,
        **{BY_ATTRIBUTE[name].advoware: told(value, "text") for name, value in changes.items()},
        "anschrift": told(block, "text"),
    }
    lost = Conflict(field="anschrift", kept=block or "", lost=row.anschrift or "") if loses else None
    return AdressePut(espocrm_id=agreed.espocrm_id, advoware_id=row.id, body=body, sent=changes), lost
