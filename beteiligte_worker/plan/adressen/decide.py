"""What to write and whom to tell, for all addresses of a party."""

from collections.abc import Iterable, Mapping

import msgspec

from beteiligte_worker.fields import adressen as fields
from beteiligte_worker.fields.adressen import BY_ATTRIBUTE, ENTITY, Pair
from beteiligte_worker.model.adressen import (
    AdresseCreate,
    AdressenPlan,
    AdressePost,
    AdressePut,
    AdresseUpdate,
    AdvowareAdresse,
    AgreedAdresse,
    EspoAdresse,
    Values,
)
from beteiligte_worker.model.notice import Conflict, Notice, NoticeKind
from beteiligte_worker.model.stammdaten import Value
from beteiligte_worker.plan.adressen.match import match_adressen
from beteiligte_worker.plan.adressen.merged import Merged, merge_fields, moved_row, new_row

_CLEAN, _UNCLEAN = "clean", "unclean"
_NEWS = frozenset({NoticeKind.CONFLICT, NoticeKind.READONLY_FIELD_CONFLICT})
_EMPTY = "Die Adresse ist leer und wird nicht übertragen. Bitte ausfüllen oder löschen."
_TWIN = "Eine zweite Adresse in Advoware trägt dieselbe EspoCRM-ID. Bitte die überzählige Adresse entfernen."


def plan_adressen(
    espocrm: Iterable[EspoAdresse],
    advoware: Iterable[AdvowareAdresse],
    agreed: Iterable[AgreedAdresse] | None,
    *,
    party_id: str,
    betnr: int,
    today: str,
) -> AdressenPlan:
    """Decides. Both sides must be complete; `today` is YYYY-MM-DD.

    After the writes and `agree_adressen`, the next plan writes nothing; where Advoware ignored a PUT that it should
    have stored, the one after that.
    """
    sides = match_adressen(espocrm, advoware, agreed)
    draft = _Draft(party_id=party_id, betnr=betnr)
    for record in sides.records.values():
        known, row = sides.known.get(record.id), sides.partners.get(record.id)
        if row is not None:
            _paired(draft, record, row, known, today)
        elif sides.was_paired(record):
            _lost(draft, record, known)
        elif record.is_active:
            _new_record(draft, record)
    taken = {row.id for row in sides.partners.values()}
    deleted = {pair.advoware_id for pair in sides.known.values() if pair.espocrm_id not in sides.records}
    for row in (row for row in sides.rows.values() if row.id not in taken):
        if row.id in deleted or (row.marker is not None and row.marker not in sides.records):
            # It must not come back from here.
            draft.tell(NoticeKind.ADDRESS_DELETE_REQUIRED, None, row.values, _number(row))
        elif row.marker is not None:
            draft.tell(NoticeKind.GENERAL_MANUAL_ACTION, row.marker, row.values, _number(row), ("Aufgabe", _TWIN))
        else:
            _new_row(draft, row)
    return draft.plan()


def with_receipts(todo: AdressenPlan, rows: Mapping[str, AdvowareAdresse]) -> AdressenPlan:
    """The plan once its posts and puts are done: `rows` as Advoware has them now, by the EspoCRM id they belong to.

    A POST brings the id, and every write another rowId; each record is still saved once.
    """
    updates = {update.espocrm_id: dict(update.attributes) for update in todo.updates}
    written = [*(post.espocrm_id for post in todo.posts), *(put.espocrm_id for put in todo.puts)]
    for espocrm_id in written:
        if (row := rows.get(espocrm_id)) is not None:
            updates[espocrm_id] = {**updates.get(espocrm_id, {}), **_identity(row)}
    filled = (AdresseUpdate(espocrm_id=key, attributes=attributes) for key, attributes in sorted(updates.items()))
    return msgspec.structs.replace(todo, updates=tuple(filled))


class _Draft(msgspec.Struct, kw_only=True):
    party_id: str
    betnr: int
    conflicts: list[Conflict] = []
    notices: list[Notice] = []
    posts: list[AdressePost] = []
    puts: list[AdressePut] = []
    creates: list[AdresseCreate] = []
    updates: list[AdresseUpdate] = []

    def tell(
        self,
        kind: NoticeKind,
        espocrm_id: str | None,
        values: Values,
        *more: tuple[str, str],
        names: Iterable[str] = (),
    ) -> None:
        """Without a record it is about the party."""
        about = f"{ENTITY}.{espocrm_id}" if espocrm_id else f"CBeteiligte.{self.party_id}"
        details = (("Beteiligter", str(self.betnr)), *fields.where(values), *more)
        self.notices.append(Notice(kind=kind, about=about, fields=tuple(names), details=details))

    def update(self, record: EspoAdresse, wanted: Mapping[str, Value]) -> None:
        """Only what differs."""
        present: dict[str, Value] = {
            "name": record.name,
            "advowareAdressId": record.advoware_id,
            "advowareRowId": record.advoware_row_id,
            "syncStatus": record.sync_status,
            **fields.attributes(record.values),
        }
        changed = {name: value for name, value in wanted.items() if value != present[name]}
        if changed:
            self.updates.append(AdresseUpdate(espocrm_id=record.id, attributes=changed))

    def plan(self) -> AdressenPlan:
        return AdressenPlan(
            conflicts=tuple(self.conflicts),
            notices=tuple(self.notices),
            posts=tuple(self.posts),
            puts=tuple(self.puts),
            creates=tuple(self.creates),
            updates=tuple(self.updates),
        )


def _paired(draft: _Draft, record: EspoAdresse, row: AdvowareAdresse, known: AgreedAdresse | None, today: str) -> None:
    """A record and its row. Where one is switched off, both keep what they have."""
    before = len(draft.notices)
    wanted: dict[str, Value] = dict(_identity(row))
    if record.is_active:
        same = known is not None and known.advoware_id == row.id
        agreed = known if known is not None and same else AgreedAdresse(espocrm_id=record.id, advoware_id=row.id)
        merged = merge_fields(record.values, row.values, agreed)
        # Staff read the address as it is after this run, so that the same news is the same in the next.
        after = {**record.values, **merged.take}
        if known is not None and known.deactivated and not fields.is_usable(row, today):
            draft.tell(NoticeKind.ADDRESS_REACTIVATE_REQUIRED, record.id, after, _number(row))
        _write_and_tell(draft, record, row, agreed, merged)
        wanted |= fields.attributes(merged.take)
        # A name that a person has given stays.
        if merged.take and record.name == fields.composed_name(record.values, row.id):
            wanted["name"] = fields.composed_name(after, row.id)
    else:
        draft.tell(NoticeKind.ADDRESS_DELETE_REQUIRED, record.id, row.values, _number(row))
    stands = any(notice.kind not in _NEWS for notice in draft.notices[before:])
    draft.update(record, {**wanted, "syncStatus": _UNCLEAN if stands else _CLEAN})


def _write_and_tell(
    draft: _Draft, record: EspoAdresse, row: AdvowareAdresse, agreed: AgreedAdresse, merged: Merged
) -> None:
    after = {**record.values, **merged.take}
    draft.conflicts += merged.conflicts
    if merged.put:
        put, lost = moved_row(row, merged.put, agreed)
        draft.puts.append(put)
        if lost is not None:
            draft.conflicts.append(lost)
            blocks = (("Anschrift neu", lost.kept), ("Anschrift bisher in Advoware", lost.lost))
            draft.tell(NoticeKind.CONFLICT, record.id, after, *blocks, names=[lost.field])
    elif agreed.kept_anschrift is not None and agreed.kept_anschrift == row.anschrift:
        block = ("Anschrift in Advoware", agreed.kept_anschrift)
        draft.tell(NoticeKind.FIELD_IGNORED, record.id, after, block, names=["anschrift"])
    for kind, told in merged.told.items():
        details = [line for pair in told for line in _both(pair, record, row)]
        draft.tell(kind, record.id, after, _number(row), *details, names=[pair.espocrm for pair in told])


def _lost(draft: _Draft, record: EspoAdresse, known: AgreedAdresse | None) -> None:
    """A record that had a row. Nothing is posted again: people have taken it out of Advoware."""
    if not record.is_active:
        draft.update(record, {"syncStatus": _CLEAN})
        return
    was_off = known is not None and known.deactivated
    kind = NoticeKind.ADDRESS_REACTIVATE_REQUIRED if was_off else NoticeKind.MISSING_IN_ADVOWARE
    draft.tell(kind, record.id, record.values)
    draft.update(record, {"syncStatus": _UNCLEAN})


def _new_record(draft: _Draft, record: EspoAdresse) -> None:
    """Most fields can be told only once, so an empty one waits until it is filled in."""
    if fields.place(record.values) is None:
        draft.tell(NoticeKind.GENERAL_MANUAL_ACTION, record.id, record.values, ("Aufgabe", _EMPTY))
        draft.update(record, {"syncStatus": _UNCLEAN})
        return
    draft.posts.append(new_row(record))
    draft.update(record, {"syncStatus": _CLEAN})


def _new_row(draft: _Draft, row: AdvowareAdresse) -> None:
    """A row that people have made in Advoware. One without a place is nothing to show."""
    if fields.place(row.values) is None:
        return
    good = {name: value for name, value in row.values.items() if BY_ATTRIBUTE[name].accepts(value)}
    attributes = {
        "name": fields.composed_name(row.values, row.id),
        **fields.attributes(good),
        "isActive": True,
        **_identity(row),
        # What EspoCRM does not take, the next run tells: it knows the record's id.
        "syncStatus": _CLEAN if len(good) == len(row.values) else _UNCLEAN,
    }
    draft.creates.append(AdresseCreate(advoware_id=row.id, attributes=attributes))


def _identity(row: AdvowareAdresse) -> dict[str, Value]:
    row_id: dict[str, Value] = {"advowareRowId": row.row_id} if row.row_id else {}
    return {"advowareAdressId": row.id} | row_id


def _number(row: AdvowareAdresse) -> tuple[str, str]:
    return "Nummer der Adresse in Advoware", str(row.id)


def _both(pair: Pair, record: EspoAdresse, row: AdvowareAdresse) -> tuple[tuple[str, str], tuple[str, str]]:
    return (
        (f"{pair.label} in EspoCRM", pair.shown(record.values[pair.espocrm])),
        (f"{pair.label} in Advoware", pair.shown(row.values[pair.espocrm])),
    )
