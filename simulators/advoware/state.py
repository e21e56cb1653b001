"""The state behind all routes: records, numbers, rowIds, the clock and the tokens."""

import random
import string
from collections.abc import Mapping
from typing import TypeVar

from simulators.advoware.answers import JsonObject, Refused
from simulators.advoware.credentials import Credentials
from simulators.advoware.records import Akte, Beteiligter, Dokument, Part, Termin
from simulators.advoware.switches import Switches
from simulators.advoware.tokens import Tokens
from simulators.clock import Clock

_ROW_ID_LETTERS = 40
_Key = TypeVar("_Key")
_Row = TypeVar("_Row")


class State:
    """One firm's database under one clock and one set of switches. Every change happens at once or not at all."""

    def __init__(self, switches: Switches, credentials: Credentials, seed: int) -> None:
        self.switches = switches
        self.credentials = credentials
        self.clock = Clock()
        self._dice = random.Random(seed)
        self.tokens = Tokens(self._dice)
        self._numbers = {"betNr": 10_000, "part": 0, "frNr": 500_000, "virtual": 0, "akte": 0, "dokument": 0}
        self._empty()

    def forget(self) -> None:
        """Drops all records and tokens. Numbers go on, so nothing old can be mistaken for something new."""
        self.tokens.forget()
        self._empty()

    def _empty(self) -> None:
        self.database_online = True
        self.beteiligte: dict[int, Beteiligter] = {}
        self.termine: dict[int, Termin] = {}
        self.mitarbeiter: dict[str, JsonObject] = {}
        self.akten: dict[int, Akte] = {}
        self.dokumente: dict[int, Dokument] = {}

    def add_beteiligter(self, values: JsonObject) -> Beteiligter:
        party = Beteiligter(
            bet_nr=self._next("betNr"), row_id=self._row_id(), values=values, changed_at=self.clock.now()
        )
        self.beteiligte[party.bet_nr] = party
        return party

    def change_beteiligter(self, party: Beteiligter, values: JsonObject) -> None:
        """Each write moves rowId and geaendertAm, also one that changes nothing."""
        party.values = values
        party.row_id = self._row_id()
        party.changed_at = self.clock.now()

    def add_part(self, parts: dict[int, Part], values: JsonObject) -> Part:
        """A new part of a party. The party's own rowId and geaendertAm stay."""
        part = Part(id=self._next("part"), row_id=self._row_id(), values=values)
        parts[part.id] = part
        return part

    def change_part(self, part: Part, values: JsonObject) -> None:
        """Moves the part's rowId, not the party's."""
        part.values = values
        part.row_id = self._row_id()

    def add_termin(self, values: JsonObject, *, sb: str, special: int = 0) -> Termin:
        """One with `special` gets a negative number."""
        number = -self._next("virtual") if special else self._next("frNr")
        termin = Termin(fr_nr=number, values=values, sb=sb, changed_at=self.clock.now(), special=special)
        self.termine[number] = termin
        return termin

    def change_termin(self, termin: Termin, values: JsonObject) -> None:
        termin.values = values
        termin.changed_at = self.clock.now()

    def add_akte(self, values: JsonObject) -> Akte:
        akte = Akte(id=self._next("akte"), values=values, changed_at=self.clock.now())
        self.akten[akte.id] = akte
        return akte

    def add_dokument(self, size_bytes: int) -> Dokument:
        dokument = Dokument(id=self._next("dokument"), size_bytes=size_bytes)
        self.dokumente[dokument.id] = dokument
        return dokument

    def _next(self, kind: str) -> int:
        self._numbers[kind] += 1
        return self._numbers[kind]

    def _row_id(self) -> str:
        return "".join(self._dice.choices(string.ascii_uppercase, k=_ROW_ID_LETTERS))


def find(rows: Mapping[_Key, _Row], key: _Key) -> _Row:
    """The row of that key. Raises Refused(404)."""
    row = rows.get(key)
    if row is None:
        raise Refused(404)
    return row
