"""What to remember of the addresses, from both sides as they are after the writes."""

from collections.abc import Iterable, Mapping

import msgspec

from beteiligte_worker.fields.adressen import BY_ATTRIBUTE, is_usable, normal
from beteiligte_worker.model.adressen import (
    AdressenPlan,
    AdressePut,
    AdvowareAdresse,
    AgreedAdresse,
    EspoAdresse,
    Values,
)
from beteiligte_worker.model.stammdaten import Value
from beteiligte_worker.plan.adressen.match import Sides, match_adressen


def agree_adressen(
    espocrm: Iterable[EspoAdresse],
    advoware: Iterable[AdvowareAdresse],
    agreed: Iterable[AgreedAdresse] | None,
    todo: AdressenPlan,
    *,
    today: str,
) -> tuple[AgreedAdresse, ...]:
    """Both sides as read again after `todo`; `agreed` as it was given to the plan; `today` is YYYY-MM-DD.

    A field that still differs keeps its last agreed value, so that the difference is seen again. What Advoware was
    sent and does not show is noted as ignored. A row whose record is deleted stays known, so that it does not come
    back; a record whose row is gone stays known, so that it is not posted again.
    """
    sides = match_adressen(espocrm, advoware, agreed)
    written = _Written(todo)
    partner_ids = {row.id for row in sides.partners.values()}
    remembered = {
        pair.espocrm_id: pair
        for pair in sides.known.values()
        if pair.espocrm_id not in sides.records and pair.advoware_id in sides.rows.keys() - partner_ids
    }
    for record in sides.records.values():
        if (row := sides.partners.get(record.id)) is not None:
            remembered[record.id] = _paired(record, row, sides.known.get(record.id), written, today)
        elif (lost := _alone(record, sides)) is not None:
            remembered[record.id] = lost
    return tuple(remembered[espocrm_id] for espocrm_id in sorted(remembered))


class _Written:
    """The plan's writes, by the pair that they are about."""

    def __init__(self, todo: AdressenPlan) -> None:
        self.puts: dict[str, AdressePut] = {put.espocrm_id: put for put in todo.puts}
        self._sent: dict[str, Values] = {post.espocrm_id: post.sent for post in todo.posts}
        self._sent |= {put.espocrm_id: put.sent for put in todo.puts}
        self._updated = {update.espocrm_id: update.attributes for update in todo.updates}
        self._created = {create.advoware_id: create.attributes for create in todo.creates}

    def to_advoware(self, record: EspoAdresse) -> Values:
        return self._sent.get(record.id, {})

    def to_espocrm(self, record: EspoAdresse, row: AdvowareAdresse) -> Values:
        attributes: Mapping[str, Value] = self._updated.get(record.id) or self._created.get(row.id) or {}
        return {
            name: normal(value, BY_ATTRIBUTE[name].kind) for name, value in attributes.items() if name in BY_ATTRIBUTE
        }


def _paired(
    record: EspoAdresse, row: AdvowareAdresse, before: AgreedAdresse | None, written: _Written, today: str
) -> AgreedAdresse:
    known = before if before is not None and before.advoware_id == row.id else None
    values, ignored = (dict(known.values), dict(known.ignored)) if known is not None else ({}, {})
    _learn(values, ignored, record, row, written)
    was_off = before is not None and before.deactivated
    return AgreedAdresse(
        espocrm_id=record.id,
        advoware_id=row.id,
        values=values,
        ignored=ignored,
        kept_anschrift=_kept_anschrift(row, known, written.puts.get(record.id)),
        deactivated=not record.is_active or (was_off and not is_usable(row, today)),
    )


def _learn(
    values: dict[str, Value], ignored: dict[str, Value], record: EspoAdresse, row: AdvowareAdresse, written: _Written
) -> None:
    sent, taken = written.to_advoware(record), written.to_espocrm(record, row)
    for name, pair in BY_ATTRIBUTE.items():
        espocrm, advoware = record.values[name], row.values[name]
        if name in sent and advoware != sent[name] and espocrm != advoware:
            if pair.put:
                ignored[name], values[name] = sent[name], advoware
            continue
        if espocrm == advoware or (name in sent and advoware == sent[name]):
            values[name] = advoware
        elif name in taken and espocrm == taken[name]:
            # Advoware has been changed once more while we wrote.
            values[name] = espocrm
        else:
            continue
        ignored.pop(name, None)


def _kept_anschrift(row: AdvowareAdresse, known: AgreedAdresse | None, put: AdressePut | None) -> str | None:
    if put is not None:
        return row.anschrift if row.anschrift != normal(put.body["anschrift"], "text") else None
    return row.anschrift if known is not None and known.kept_anschrift == row.anschrift else None


def _alone(record: EspoAdresse, sides: Sides) -> AgreedAdresse | None:
    if not sides.was_paired(record):
        return None
    before = sides.known.get(record.id) or AgreedAdresse(espocrm_id=record.id, advoware_id=record.advoware_id or 0)
    return msgspec.structs.replace(before, deactivated=before.deactivated or not record.is_active)
