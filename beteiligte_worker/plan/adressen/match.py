"""Which record is which row."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from beteiligte_worker.fields.adressen import Place, place
from beteiligte_worker.model.adressen import AdvowareAdresse, AgreedAdresse, EspoAdresse
from beteiligte_worker.plan.partners import Claim, partners_of


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides and our memory, in a fixed order, so that two runs pair alike."""

    records: Mapping[str, EspoAdresse]
    rows: Mapping[int, AdvowareAdresse]
    known: Mapping[str, AgreedAdresse]
    partners: Mapping[str, AdvowareAdresse]
    """The row of each record that has one."""

    def was_paired(self, record: EspoAdresse) -> bool:
        """Whether a record without a row once had one. An id that is another record's was copied with the record."""
        return _was_paired(record, self.rows, self.known)


def match_adressen(
    espocrm: Iterable[EspoAdresse], advoware: Iterable[AdvowareAdresse], agreed: Iterable[AgreedAdresse] | None
) -> Sides:
    """Pairs each record with at most one row, by the strongest evidence first.

    The marker in `bemerkung`, what was agreed, the id that EspoCRM holds; and where these are silent, the place.
    """
    records = {record.id: record for record in sorted(espocrm, key=lambda record: record.id)}
    rows = {row.id: row for row in sorted(advoware, key=lambda row: row.id)}
    known = {pair.espocrm_id: pair for pair in sorted(agreed or (), key=lambda pair: pair.espocrm_id)}
    partners = partners_of(_claims(records, rows, known), records, rows)
    return Sides(records=records, rows=rows, known=known, partners=partners)


def _claims(
    records: Mapping[str, EspoAdresse], rows: Mapping[int, AdvowareAdresse], known: Mapping[str, AgreedAdresse]
) -> Iterator[Claim]:
    remembered = [(pair.espocrm_id, pair.advoware_id) for pair in known.values()]
    held = [(record.id, record.advoware_id) for record in records.values() if record.advoware_id is not None]
    # Of several rows with one marker, that which is known anyway.
    marked = {(row.marker, row.id) for row in rows.values() if row.marker is not None}
    yield from (claim for claim in remembered if claim in marked)
    yield from (claim for claim in held if claim in marked)
    yield from sorted(marked, key=lambda claim: claim[1])
    yield from remembered
    yield from held
    yield from _by_place(records, rows, known)


def _by_place(
    records: Mapping[str, EspoAdresse], rows: Mapping[int, AdvowareAdresse], known: Mapping[str, AgreedAdresse]
) -> Iterator[Claim]:
    """Records in use first. One that is out of use and out of Advoware stays so, whatever is entered there anew."""
    there: dict[Place, list[int]] = {}
    for row in rows.values():
        if (found := place(row.values)) is not None:
            there.setdefault(found, []).append(row.id)
    in_use = [record for record in records.values() if record.is_active]
    never_told = [
        record for record in records.values() if not record.is_active and not _was_paired(record, rows, known)
    ]
    for record in (*in_use, *never_told):
        found = place(record.values)
        yield from ((record.id, row_id) for row_id in (there.get(found, ()) if found is not None else ()))


def _was_paired(record: EspoAdresse, rows: Mapping[int, AdvowareAdresse], known: Mapping[str, AgreedAdresse]) -> bool:
    return record.id in known or (record.advoware_id is not None and record.advoware_id not in rows)
