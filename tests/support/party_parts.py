"""Addresses and accounts of a party in memory, on both sides: planned, written and remembered, run after run."""

from collections.abc import Mapping
from typing import Any

import msgspec

from beteiligte_worker.fields import adressen, bankverbindungen
from beteiligte_worker.fields.adressen import advoware_adresse, espocrm_adresse
from beteiligte_worker.fields.bankverbindungen import advoware_konto, espocrm_konto
from beteiligte_worker.model.adressen import AdvowareAdresse, AgreedAdresse, EspoAdresse
from beteiligte_worker.model.bankverbindungen import AdvowareKonto, AgreedKonto, EspoKonto
from beteiligte_worker.model.notice import Conflict, Notice
from beteiligte_worker.plan import adressen as plan_of_adressen
from beteiligte_worker.plan import bankverbindungen as plan_of_konten

Json = dict[str, Any]
TODAY = "2026-03-10"
_PUT_STORES = {"strasse", "plz", "ort", "anschrift"}
_OWN = {"advowareAdressId", "advowareKontoId", "advowareRowId", "syncStatus"}


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What one run has told and written."""

    notices: tuple[Notice, ...]
    conflicts: tuple[Conflict, ...]
    writes: Mapping[str, int]
    is_espocrm_written: bool
    """More than our own fields."""
    is_advoware_written: bool


class Adressen:
    """Both sides as the vendors keep them; `agreed` is what the last run remembered."""

    def __init__(self, records: list[Json], rows: list[Json], agreed: tuple[AgreedAdresse, ...]) -> None:
        self.records: dict[str, Json] = {record["id"]: record for record in records}
        self.rows: dict[int, Json] = {row["id"]: row for row in rows}
        self.agreed = agreed

    def run(self) -> Ran:
        """Plans, writes and remembers."""
        records, rows = self._sides()
        todo = plan_of_adressen.plan_adressen(records, rows, self.agreed, party_id="p1", betnr=10001, today=TODAY)
        there = {post.espocrm_id: self._post(dict(post.body)) for post in todo.posts}
        there |= {put.espocrm_id: self._put(put.advoware_id, dict(put.body)) for put in todo.puts}
        written = {name for update in todo.updates for name in update.attributes}
        for create in todo.creates:
            key = f"new{len(self.records)}"
            self.records[key] = {"id": key, **create.attributes}
        receipts = {key: advoware_adresse(row) for key, row in there.items()}
        for one in plan_of_adressen.with_receipts(todo, receipts).updates:
            assert one.attributes.keys() <= {*adressen.ATTRIBUTES}
            self.records[one.espocrm_id].update(one.attributes)
        self.agreed = plan_of_adressen.agree_adressen(*self._sides(), self.agreed, todo, today=TODAY)
        return Ran(
            notices=todo.notices,
            conflicts=todo.conflicts,
            writes=todo.writes,
            is_espocrm_written=bool(todo.creates or written - _OWN),
            is_advoware_written=bool(there),
        )

    def _sides(self) -> tuple[list[EspoAdresse], list[AdvowareAdresse]]:
        return [*map(espocrm_adresse, self.records.values())], [*map(advoware_adresse, self.rows.values())]

    def _post(self, body: Json) -> Json:
        number = max(self.rows, default=0) + 100
        self.rows[number] = {**body, "id": number, "rowId": f"R{number}"}
        return self.rows[number]

    def _put(self, number: int, body: Json) -> Json:
        """It replaces, and it stores four fields: the others must be sent back as they came."""
        row = self.rows[number]
        assert all(body[name] == row[name] for name in row.keys() - _PUT_STORES)
        row.update({name: body.get(name) for name in _PUT_STORES}, rowId=f"{row['rowId']}+")
        return row


class Konten:
    """The same of the accounts. Advoware's API can only add."""

    def __init__(self, records: list[Json], rows: list[Json], agreed: tuple[AgreedKonto, ...]) -> None:
        self.records: dict[str, Json] = {record["id"]: record for record in records}
        self.rows: dict[int, Json] = {row["id"]: row for row in rows}
        self.agreed = agreed

    def run(self) -> Ran:
        """Plans, writes and remembers."""
        records, rows = self._sides()
        todo = plan_of_konten.plan_bankverbindungen(records, rows, self.agreed, party_id="p1", betnr=10001)
        receipts = {post.espocrm_id: advoware_konto(self._post(dict(post.body))) for post in todo.posts}
        for one in plan_of_konten.with_receipts(todo, receipts).updates:
            assert one.attributes.keys() <= {*bankverbindungen.ATTRIBUTES}
            self.records[one.espocrm_id].update(one.attributes)
        self.agreed = plan_of_konten.agree_bankverbindungen(*self._sides(), self.agreed, todo)
        return Ran(
            notices=todo.notices,
            conflicts=todo.conflicts,
            writes=todo.writes,
            is_espocrm_written=any(update.attributes.keys() - _OWN for update in todo.updates),
            is_advoware_written=bool(todo.posts),
        )

    def _sides(self) -> tuple[list[EspoKonto], list[AdvowareKonto]]:
        return [*map(espocrm_konto, self.records.values())], [*map(advoware_konto, self.rows.values())]

    def _post(self, body: Json) -> Json:
        number = max(self.rows, default=0) + 100
        self.rows[number] = {**body, "id": number, "rowId": f"R{number}"}
        return self.rows[number]
