"""Data put in past all checks but those of kind: the made-up firm, single records, or many."""

from typing import Any

import msgspec

from simulators.advoware.answers import JsonObject
from simulators.advoware.clock import firm_day
from simulators.advoware.firm import plant_firm
from simulators.advoware.staff import Staff
from simulators.advoware.state import State

Rows = list[dict[str, Any]]


class Seed(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Everything to put in, records with the API's field names.

    A party may carry `kommunikation`, `adressen` and `bankverbindungen`; `akten_count` makes that many plain Akten,
    `dokumente` are sizes in bytes.
    """

    firm: bool = False
    mitarbeiter: Rows = []
    beteiligte: Rows = []
    akten: Rows = []
    akten_count: int = 0
    termine: Rows = []
    dokumente: list[int] = []


def plant(state: State, staff: Staff, data: dict[str, object]) -> JsonObject:
    """Puts it in and answers the new numbers by kind, the firm's under `firm`. Raises msgspec.ValidationError."""
    seed = msgspec.convert(data, Seed)
    made: JsonObject = {}
    try:
        if seed.firm:
            made["firm"] = plant_firm(staff, firm_day(state.clock.now()))
        made["mitarbeiter"] = [_with(row, staff) for row in seed.mitarbeiter]
        made["beteiligte"] = [_party(row, staff) for row in seed.beteiligte]
        made["akten"] = [staff.add_akte(**row) for row in [*seed.akten, *_many(seed.akten_count)]]
        made["termine"] = [staff.add_termin(**row) for row in seed.termine]
        made["dokumente"] = [staff.add_dokument(size) for size in seed.dokumente]
    except (KeyError, TypeError, ValueError) as wrong:
        raise msgspec.ValidationError(str(wrong)) from None
    return made


def _with(row: dict[str, object], staff: Staff) -> str:
    rest = dict(row)
    return staff.add_mitarbeiter(str(rest.pop("kuerzel", "")), **rest)


def _party(row: dict[str, object], staff: Staff) -> int:
    rest = dict(row)
    parts = {
        add: msgspec.convert(rest.pop(name, []), Rows)
        for name, add in (
            ("kommunikation", staff.add_kommunikation),
            ("adressen", staff.add_adresse),
            ("bankverbindungen", staff.add_bankverbindung),
        )
    }
    betnr = staff.add_beteiligter(**rest)
    for add, rows in parts.items():
        for part in rows:
            add(betnr, **part)
    return betnr


def _many(count: int) -> Rows:
    return [
        {"aktenzeichen": f"{number}/26", "kurzRubrum": f"Muster ./. Beispiel {number}", "mandant": "Muster"}
        for number in range(1, count + 1)
    ]
