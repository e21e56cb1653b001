"""What a user does at Advoware's own screen: everything, deleting included, past the API's refusals."""

from simulators.advoware.answers import JsonObject, Refused
from simulators.advoware.fields import (
    ADRESSE,
    AKTE,
    BANKVERBINDUNG,
    BETEILIGTER,
    KOMMUNIKATION,
    MITARBEITER,
    TERMIN,
    Table,
)
from simulators.advoware.parts import next_index
from simulators.advoware.records import Part
from simulators.advoware.state import State
from simulators.advoware.termine import checked
from simulators.advoware.values import created


class Staff:
    """Adds, changes and removes records. Fields have the API's names; `change_…` leaves what is not named.

    Unknown numbers raise KeyError, unknown fields and wrong values ValueError.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def add_beteiligter(self, **fields: object) -> int:
        """The new betNr. `name` is required."""
        return self._state.add_beteiligter(_values(BETEILIGTER, {}, fields)).bet_nr

    def change_beteiligter(self, betnr: int, **fields: object) -> None:
        """Moves rowId and geaendertAm, also without fields."""
        party = self._state.beteiligte[betnr]
        self._state.change_beteiligter(party, _values(BETEILIGTER, party.values, fields))

    def remove_beteiligter(self, betnr: int) -> None:
        """From then on 404, with all that hung on it."""
        del self._state.beteiligte[betnr]

    def add_kommunikation(self, betnr: int, **fields: object) -> int:
        """The new id. `kommKz` is required."""
        return self._add(KOMMUNIKATION, self._state.beteiligte[betnr].kommunikationen, fields)

    def change_kommunikation(self, betnr: int, id: int, **fields: object) -> None:  # noqa: A002  the vendor's word
        """Also its `kommKz`, which the API cannot."""
        self._change(KOMMUNIKATION, self._state.beteiligte[betnr].kommunikationen[id], fields)

    def remove_kommunikation(self, betnr: int, id: int) -> None:  # noqa: A002
        del self._state.beteiligte[betnr].kommunikationen[id]

    def add_adresse(self, betnr: int, **fields: object) -> int:
        """The new id."""
        adressen = self._state.beteiligte[betnr].adressen
        return self._add(ADRESSE, adressen, {"reihenfolgeIndex": next_index(adressen), **fields})

    def change_adresse(self, betnr: int, id: int, **fields: object) -> None:  # noqa: A002
        self._change(ADRESSE, self._state.beteiligte[betnr].adressen[id], fields)

    def remove_adresse(self, betnr: int, id: int) -> None:  # noqa: A002
        del self._state.beteiligte[betnr].adressen[id]

    def add_bankverbindung(self, betnr: int, **fields: object) -> int:
        """The new id."""
        return self._add(BANKVERBINDUNG, self._state.beteiligte[betnr].bankverbindungen, fields)

    def change_bankverbindung(self, betnr: int, id: int, **fields: object) -> None:  # noqa: A002
        self._change(BANKVERBINDUNG, self._state.beteiligte[betnr].bankverbindungen[id], fields)

    def remove_bankverbindung(self, betnr: int, id: int) -> None:  # noqa: A002
        del self._state.beteiligte[betnr].bankverbindungen[id]

    def add_termin(self, *, special: int = 0, sb: str | None = None, **fields: object) -> int:
        """The new frNr; negative with a `special` of 1 to 4. `sb` who entered it is the owner unless said."""
        if special not in range(5):
            raise ValueError("special is 0 to 4")
        values = self._termin({}, fields)
        owner = str(values["anwalt"])
        return self._state.add_termin(values, sb=owner if sb is None else sb, special=special).fr_nr

    def change_termin(self, frnr: int, **fields: object) -> None:
        """Moves zuletztGeaendertAm."""
        termin = self._state.termine[frnr]
        self._state.change_termin(termin, self._termin(termin.values, fields))

    def remove_termin(self, frnr: int) -> None:
        del self._state.termine[frnr]

    def add_mitarbeiter(self, kuerzel: str, **fields: object) -> str:
        """The Kürzel. ValueError when it is taken."""
        if kuerzel in self._state.mitarbeiter:
            raise ValueError("kuerzel is taken")
        self._state.mitarbeiter[kuerzel] = _values(MITARBEITER, {}, {"kuerzel": kuerzel, **fields})
        return kuerzel

    def change_mitarbeiter(self, kuerzel: str, **fields: object) -> None:
        row = self._state.mitarbeiter[kuerzel]
        self._state.mitarbeiter[kuerzel] = _values(MITARBEITER, row, {**fields, "kuerzel": kuerzel})

    def remove_mitarbeiter(self, kuerzel: str) -> None:
        del self._state.mitarbeiter[kuerzel]

    def add_akte(self, **fields: object) -> int:
        """The new id. `aktenzeichen` is required."""
        return self._state.add_akte(_values(AKTE, {}, fields)).id

    def change_akte(self, id: int, **fields: object) -> None:  # noqa: A002
        """`ablage=1` archives it."""
        akte = self._state.akten[id]
        akte.values, akte.changed_at = _values(AKTE, akte.values, fields), self._state.clock.now()

    def remove_akte(self, id: int) -> None:  # noqa: A002
        del self._state.akten[id]

    def add_dokument(self, size_bytes: int) -> int:
        """The new id of a document with that many made-up bytes."""
        if size_bytes < 0:
            raise ValueError("size_bytes is negative")
        return self._state.add_dokument(size_bytes).id

    def _add(self, table: Table, parts: dict[int, Part], fields: JsonObject) -> int:
        return self._state.add_part(parts, _values(table, {}, fields)).id

    def _change(self, table: Table, part: Part, fields: JsonObject) -> None:
        self._state.change_part(part, _values(table, part.values, fields))

    def _termin(self, before: JsonObject, fields: JsonObject) -> JsonObject:
        values = _values(TERMIN, before, fields)
        try:
            return checked(self._state, values)
        except Refused as refused:
            raise ValueError(refused.message) from None


DEEDS = frozenset(name for name in vars(Staff) if not name.startswith("_"))
"""What `POST /_sim/staff/{deed}` can do."""


def _values(table: Table, before: JsonObject, fields: JsonObject) -> JsonObject:
    """The whole record. Raises ValueError, so that a misspelt field fails its test."""
    unknown = fields.keys() - {field.name for field in table}
    if unknown:
        raise ValueError(f"no such field: {', '.join(sorted(unknown))}")
    try:
        return created(table, {**before, **fields})
    except Refused as refused:
        raise ValueError(refused.message) from None
