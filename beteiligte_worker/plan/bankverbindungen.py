"""Bankverbindungen: new ones go to Advoware, Advoware's changes come to EspoCRM, people do the rest.

Advoware's API has POST and nothing else. No account is made in EspoCRM from Advoware: whoever can slip a wrong account
into one system shall not have it spread by a program.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from beteiligte_worker.fields.bankverbindungen import (
    BY_ATTRIBUTE,
    ENTITY,
    IBAN,
    PAIRS,
    Pair,
    advoware_body,
    is_iban,
    normal,
)
from beteiligte_worker.model.bankverbindungen import (
    AdvowareKonto,
    AgreedKonto,
    BankverbindungenPlan,
    EspoKonto,
    KontoPost,
    KontoUpdate,
    Values,
)
from beteiligte_worker.model.notice import Notice, NoticeKind
from beteiligte_worker.model.stammdaten import Value
from beteiligte_worker.plan.merge import NEVER, merge
from beteiligte_worker.plan.partners import Claim, partners_of

_CLEAN, _UNCLEAN = "clean", "unclean"
_CHANGED = (
    "Die Bankverbindung weicht in Advoware ab und lässt sich dort nur von Hand ändern. Bitte prüfen und angleichen."
)
_DEACTIVATED = "Die Bankverbindung wurde in EspoCRM deaktiviert. Bitte in Advoware von Hand entfernen."
_DELETED = "Die Bankverbindung wurde in EspoCRM gelöscht. Bitte in Advoware von Hand entfernen."
_NEW = (
    "In Advoware steht eine Bankverbindung, die EspoCRM nicht kennt. Bitte prüfen und, wenn sie stimmt, dort eintragen."
)
_NO_IBAN = "Ohne gültige IBAN wird die Bankverbindung nicht nach Advoware übertragen. Bitte in EspoCRM ergänzen."
_TWICE = "Die IBAN gehört schon zu einer anderen Bankverbindung des Beteiligten. Bitte die überzählige entfernen."


class _Sides(msgspec.Struct, frozen=True, kw_only=True):
    records: Mapping[str, EspoKonto]
    rows: Mapping[int, AdvowareKonto]
    known: Mapping[str, AgreedKonto]
    partners: Mapping[str, AdvowareKonto]


def plan_bankverbindungen(
    espocrm: Iterable[EspoKonto],
    advoware: Iterable[AdvowareKonto],
    agreed: Iterable[AgreedKonto] | None,
    *,
    party_id: str,
    betnr: int,
) -> BankverbindungenPlan:
    """Decides. Both sides must be complete. After the writes and `agree_bankverbindungen`, the next plan is empty."""
    sides = _match(espocrm, advoware, agreed)
    draft = _Draft(party_id=party_id, betnr=betnr)
    listed = {row.values[IBAN.espocrm] for row in sides.rows.values()}
    for record in sides.records.values():
        if (row := sides.partners.get(record.id)) is not None:
            _paired(draft, record, row, sides.known.get(record.id))
        elif _was_paired(record, sides.rows, sides.known):
            _lost(draft, record)
        elif record.is_active:
            _new_record(draft, record, listed)
    taken = {row.id for row in sides.partners.values()}
    deleted = {pair.advoware_id for pair in sides.known.values() if pair.espocrm_id not in sides.records}
    for row in (row for row in sides.rows.values() if row.id not in taken):
        if row.id in deleted:
            draft.ask(_DELETED, None, _account(row))
        elif any((*row.values.values(), row.konto_nr, row.blz)):
            draft.ask(_NEW, None, _account(row))
    return BankverbindungenPlan(notices=tuple(draft.notices), posts=tuple(draft.posts), updates=tuple(draft.updates))


def with_receipts(todo: BankverbindungenPlan, rows: Mapping[str, AdvowareKonto]) -> BankverbindungenPlan:
    """The plan once its posts are done: `rows` as Advoware has made them, by the EspoCRM id they belong to."""
    updates = {update.espocrm_id: dict(update.attributes) for update in todo.updates}
    for post in todo.posts:
        if (row := rows.get(post.espocrm_id)) is not None:
            updates[post.espocrm_id] = {**updates.get(post.espocrm_id, {}), "advowareKontoId": row.id}
    filled = (KontoUpdate(espocrm_id=key, attributes=attributes) for key, attributes in sorted(updates.items()))
    return msgspec.structs.replace(todo, updates=tuple(filled))


def agree_bankverbindungen(
    espocrm: Iterable[EspoKonto],
    advoware: Iterable[AdvowareKonto],
    agreed: Iterable[AgreedKonto] | None,
    todo: BankverbindungenPlan,
) -> tuple[AgreedKonto, ...]:
    """What to remember. Both sides as read again after `todo`; `agreed` as it was given to the plan.

    A field that still differs keeps its last agreed value, so that the difference is seen again. A row whose record
    is deleted stays known, and a record whose row is gone.
    """
    sides = _match(espocrm, advoware, agreed)
    partner_ids = {row.id for row in sides.partners.values()}
    remembered = {
        pair.espocrm_id: pair
        for pair in sides.known.values()
        if pair.espocrm_id not in sides.records and pair.advoware_id in sides.rows.keys() - partner_ids
    }
    sent = {post.espocrm_id: post.sent for post in todo.posts}
    taken = {update.espocrm_id: update.attributes for update in todo.updates}
    for record in sides.records.values():
        before = sides.known.get(record.id)
        if (row := sides.partners.get(record.id)) is not None:
            known = before.values if before is not None and before.advoware_id == row.id else {}
            values = {**known, **_learnt(record, row, sent.get(record.id, {}), taken.get(record.id, {}))}
            remembered[record.id] = AgreedKonto(espocrm_id=record.id, advoware_id=row.id, values=values)
        elif _was_paired(record, sides.rows, sides.known):
            lost = AgreedKonto(espocrm_id=record.id, advoware_id=record.advoware_id or 0)
            remembered[record.id] = before or lost
    return tuple(remembered[espocrm_id] for espocrm_id in sorted(remembered))


class _Draft(msgspec.Struct, kw_only=True):
    party_id: str
    betnr: int
    notices: list[Notice] = []
    posts: list[KontoPost] = []
    updates: list[KontoUpdate] = []

    def ask(self, text: str, espocrm_id: str | None, details: Iterable[tuple[str, str]], *pairs: Pair) -> None:
        self.tell(NoticeKind.GENERAL_MANUAL_ACTION, espocrm_id, [*details, ("Aufgabe", text)], *pairs)

    def tell(self, kind: NoticeKind, espocrm_id: str | None, details: Iterable[tuple[str, str]], *pairs: Pair) -> None:
        """Without a record it is about the party."""
        about = f"{ENTITY}.{espocrm_id}" if espocrm_id else f"CBeteiligte.{self.party_id}"
        told = (("Beteiligter", str(self.betnr)), *details)
        names = tuple(pair.espocrm for pair in pairs)
        self.notices.append(Notice(kind=kind, about=about, fields=names, details=told))

    def update(self, record: EspoKonto, wanted: Mapping[str, Value]) -> None:
        """Only what differs."""
        present: dict[str, Value] = {
            **record.values,
            "advowareKontoId": record.advoware_id,
            "syncStatus": record.sync_status,
        }
        changed = {name: value for name, value in wanted.items() if value != present[name]}
        if changed:
            self.updates.append(KontoUpdate(espocrm_id=record.id, attributes=changed))


def _match(
    espocrm: Iterable[EspoKonto], advoware: Iterable[AdvowareKonto], agreed: Iterable[AgreedKonto] | None
) -> _Sides:
    """Pairs each record with at most one row, in a fixed order: what was agreed, EspoCRM's id, and then the IBAN."""
    records = {record.id: record for record in sorted(espocrm, key=lambda record: record.id)}
    rows = {row.id: row for row in sorted(advoware, key=lambda row: row.id)}
    known = {pair.espocrm_id: pair for pair in sorted(agreed or (), key=lambda pair: pair.espocrm_id)}
    partners = partners_of(_claims(records, rows, known), records, rows)
    return _Sides(records=records, rows=rows, known=known, partners=partners)


def _claims(
    records: Mapping[str, EspoKonto], rows: Mapping[int, AdvowareKonto], known: Mapping[str, AgreedKonto]
) -> Iterator[Claim]:
    yield from ((pair.espocrm_id, pair.advoware_id) for pair in known.values())
    yield from ((record.id, record.advoware_id) for record in records.values() if record.advoware_id is not None)
    there: dict[Value, list[int]] = {}
    for row in rows.values():
        there.setdefault(row.values[IBAN.espocrm], []).append(row.id)
    # First who may have been posted a moment ago. One that is out of use and out of Advoware stays so.
    never = [record for record in records.values() if not _was_paired(record, rows, known)]
    once = [record for record in records.values() if _was_paired(record, rows, known)]
    in_use = [record for record in (*never, *once) if record.is_active]
    for record in (*in_use, *(record for record in never if not record.is_active)):
        iban = record.values[IBAN.espocrm]
        yield from ((record.id, row_id) for row_id in (there.get(iban, ()) if iban is not None else ()))


def _was_paired(record: EspoKonto, rows: Mapping[int, AdvowareKonto], known: Mapping[str, AgreedKonto]) -> bool:
    """Whether a record without a row once had one. An id that is another record's was copied with the record."""
    return record.id in known or (record.advoware_id is not None and record.advoware_id not in rows)


def _paired(draft: _Draft, record: EspoKonto, row: AdvowareKonto, known: AgreedKonto | None) -> None:
    """A record and its row. Where one is switched off, both keep what they have."""
    wanted: dict[str, Value] = {"advowareKontoId": row.id}
    if not record.is_active:
        draft.ask(_DEACTIVATED, record.id, _account(row))
        draft.update(record, {**wanted, "syncStatus": _UNCLEAN})
        return
    agreed = known.values if known is not None and known.advoware_id == row.id else {}
    differing, refused = [], []
    for pair in PAIRS:
        espocrm, advoware = record.values[pair.espocrm], row.values[pair.espocrm]
        base = agreed.get(pair.espocrm) if pair.espocrm in agreed else NEVER
        verdict = merge(espocrm, advoware, base, newer="espocrm")
        if verdict == "to_espocrm" and pair.accepts(advoware):
            wanted[pair.espocrm] = advoware
        elif verdict == "to_espocrm":
            refused.append(pair)
        elif verdict != "agreed":
            differing.append(pair)
    # Staff read the IBAN as it is after this run, so that the same news is the same in the next.
    iban = str(wanted.get(IBAN.espocrm, record.values[IBAN.espocrm]) or "")
    if differing:
        draft.ask(_CHANGED, record.id, _both(differing, iban, record, row), *differing)
    if agreed.get(IBAN.espocrm) is not None and IBAN.espocrm in wanted:
        draft.tell(NoticeKind.IBAN_CHANGED, record.id, _both([IBAN], iban, record, row), IBAN)
    if refused:
        draft.tell(NoticeKind.VALUE_REFUSED, record.id, _both(refused, iban, record, row), *refused)
    draft.update(record, {**wanted, "syncStatus": _UNCLEAN if differing or refused else _CLEAN})


def _lost(draft: _Draft, record: EspoKonto) -> None:
    """A record that had a row. Nothing is posted again: people have taken it out of Advoware."""
    if record.is_active:
        draft.tell(NoticeKind.MISSING_IN_ADVOWARE, record.id, _shown(record.values))
    draft.update(record, {"syncStatus": _UNCLEAN if record.is_active else _CLEAN})


def _new_record(draft: _Draft, record: EspoKonto, listed: set[Value]) -> None:
    """`listed`: the IBANs that Advoware has or is about to get. By its IBAN an account of unknown fate is found again,
    so each is posted once.
    """
    iban = record.values[IBAN.espocrm]
    if iban is None or not is_iban(str(iban)) or iban in listed:
        twice = iban is not None and iban in listed
        draft.ask(_TWICE if twice else _NO_IBAN, record.id, _shown(record.values), IBAN)
        draft.update(record, {"syncStatus": _UNCLEAN})
        return
    listed.add(iban)
    sent = {name: value for name, value in record.values.items() if value is not None}
    draft.posts.append(KontoPost(espocrm_id=record.id, body=advoware_body(sent), sent=sent))
    draft.update(record, {"syncStatus": _CLEAN})


def _learnt(record: EspoKonto, row: AdvowareKonto, sent: Values, taken: Mapping[str, Value]) -> dict[str, Value]:
    """The fields on which both agree, or did for the moment between our write and somebody's next change."""
    learnt: dict[str, Value] = {}
    for name, pair in BY_ATTRIBUTE.items():
        espocrm, advoware = record.values[name], row.values[name]
        if espocrm == advoware or (name in sent and advoware == sent[name]):
            learnt[name] = advoware
        elif name in taken and espocrm == normal(taken[name], pair.kind):
            learnt[name] = espocrm
    return learnt


def _account(row: AdvowareKonto) -> list[tuple[str, str]]:
    old = (("Kontonummer", row.konto_nr), ("BLZ", row.blz))
    details = [*_shown(row.values), *((label, value) for label, value in old if value)]
    return [*details, ("Nummer der Bankverbindung in Advoware", str(row.id))]


def _shown(values: Values) -> list[tuple[str, str]]:
    return [(pair.label, str(values[pair.espocrm])) for pair in PAIRS if values[pair.espocrm] is not None]


def _both(pairs: list[Pair], iban: str, record: EspoKonto, row: AdvowareKonto) -> Iterator[tuple[str, str]]:
    if IBAN not in pairs:
        yield IBAN.label, iban
    for pair in pairs:
        yield f"{pair.label} in EspoCRM", str(record.values[pair.espocrm] or "")
        yield f"{pair.label} in Advoware", str(row.values[pair.espocrm] or "")
