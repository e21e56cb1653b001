"""Stammdaten: a three-way merge per field."""

from collections.abc import Mapping
from typing import Any

import msgspec

from beteiligte_worker.fields.stammdaten import FIRST_NAME, FIRST_NAME_PAIR, Pair, is_company, normal, pairs, told
from beteiligte_worker.model.notice import Conflict, Notice, NoticeKind
from beteiligte_worker.model.stammdaten import AgreedStammdaten, StammdatenPlan, Value
from beteiligte_worker.plan.merge import NEVER, Newer, merge

Record = Mapping[str, Any]


class _Draft(msgspec.Struct):
    to_espocrm: dict[str, Value] = {}
    to_advoware: dict[str, Value] = {}
    sent: dict[str, Value] = {}
    conflicts: list[Conflict] = []
    notices: list[Notice] = []


def new_beteiligter(party: Record) -> dict[str, Value]:
    """The fields of a party that Advoware does not have yet, by Advoware's names; nothing that is empty."""
    rows = pairs(company=is_company(party)).values()
    values = {pair.advoware: told(normal(party.get(pair.espocrm), pair.kind), pair.kind) for pair in rows}
    return {name: value for name, value in values.items() if value is not None}


def plan_stammdaten(
    party: Record, beteiligter: Record, agreed: AgreedStammdaten, *, newer: Newer, about: str
) -> StammdatenPlan:
    """Decides for each pair. `newer` is the record that was changed last, for fields never agreed on."""
    draft = _Draft()
    company = is_company(party)
    for field, pair in pairs(company=company).items():
        espocrm = normal(party.get(pair.espocrm), pair.kind)
        advoware = normal(beteiligter.get(pair.advoware), pair.kind)
        _decide(draft, field, pair, espocrm, advoware, agreed, newer, about)
    if company:
        _drop_first_name(draft, beteiligter, agreed)
    return StammdatenPlan(
        to_espocrm=draft.to_espocrm,
        to_advoware=draft.to_advoware,
        sent=draft.sent,
        conflicts=tuple(draft.conflicts),
        notices=tuple(draft.notices),
    )


def agree_stammdaten(
    party: Record, beteiligter: Record, agreed: AgreedStammdaten, *, sent: Mapping[str, Value]
) -> AgreedStammdaten:
    """What to remember, from both sides as they are after the writes. `sent` is what Advoware was given.

    A field that still differs keeps its last agreed value, so that the difference is seen again.
    """
    values, ignored = dict(agreed.values), dict(agreed.ignored)
    for field, pair in pairs(company=is_company(party)).items():
        espocrm = normal(party.get(pair.espocrm), pair.kind)
        advoware = normal(beteiligter.get(pair.advoware), pair.kind)
        if espocrm == advoware:
            values[field] = espocrm
            ignored.pop(field, None)
        elif field in sent and advoware != sent[field]:
            ignored[field] = sent[field]
            values.setdefault(field, advoware)
    if is_company(party):
        values[FIRST_NAME] = None  # from now on it is nobody's first name that we agreed on
        ignored.pop(FIRST_NAME, None)
    return AgreedStammdaten(values=values, ignored=ignored)


def _decide(  # noqa: PLR0917 - private, and all of it is one field
    draft: _Draft,
    field: str,
    pair: Pair,
    espocrm: Value,
    advoware: Value,
    agreed: AgreedStammdaten,
    newer: Newer,
    about: str,
) -> None:
    base = agreed.values.get(field) if field in agreed.values else NEVER
    verdict = merge(espocrm, advoware, base, newer=newer)
    if verdict == "agreed":
        return
    if field in agreed.ignored and agreed.ignored[field] == espocrm and verdict != "to_espocrm":
        if advoware == base:
            draft.notices.append(_notice(NoticeKind.FIELD_IGNORED, about, pair, espocrm, advoware))
            return
        # Advoware does not store what we send, and somebody there has said something new: theirs is kept.
        verdict = "conflict_advoware"
    if verdict in ("to_espocrm", "conflict_advoware") and not pair.accepts(advoware):
        draft.notices.append(_notice(NoticeKind.VALUE_REFUSED, about, pair, espocrm, advoware))
        return
    if pair.required and espocrm is None and verdict in ("to_advoware", "conflict_espocrm"):
        # Sent, it would be refused, and with it all else of this party.
        draft.notices.append(_notice(NoticeKind.GENERAL_MANUAL_ACTION, about, pair, espocrm, advoware))
        return
    if verdict in ("to_advoware", "conflict_espocrm"):
        draft.to_advoware[pair.advoware] = told(espocrm, pair.kind)
        draft.sent[field] = espocrm
        kept, lost = espocrm, advoware
    else:
        draft.to_espocrm[pair.espocrm] = advoware
        kept, lost = advoware, espocrm
    if verdict.startswith("conflict"):
        draft.conflicts.append(Conflict(field=pair.espocrm, kept=_text(kept), lost=_text(lost)))
        draft.notices.append(_notice(NoticeKind.CONFLICT, about, pair, espocrm, advoware))


def _drop_first_name(draft: _Draft, beteiligter: Record, agreed: AgreedStammdaten) -> None:
    """A person has become a company in EspoCRM: the first name that both had goes. One typed since then stays."""
    present = normal(beteiligter.get(FIRST_NAME_PAIR.advoware), "text")
    if present is not None and agreed.values.get(FIRST_NAME) == present:
        draft.to_advoware[FIRST_NAME_PAIR.advoware] = None
        draft.sent[FIRST_NAME] = None


def _notice(kind: NoticeKind, about: str, pair: Pair, espocrm: Value, advoware: Value) -> Notice:
    details = (("Feld", pair.label), ("EspoCRM", _text(espocrm)), ("Advoware", _text(advoware)))
    return Notice(kind=kind, about=about, fields=(pair.espocrm,), details=details)


def _text(value: Value) -> str:
    return "" if value is None else str(value)
