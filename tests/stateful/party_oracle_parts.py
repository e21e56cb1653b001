"""What must hold of addresses and accounts in the end."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from tests.stateful.party_memory import Value, places
from tests.stateful.party_staff import Staff
from tests.stateful.party_values import ACCOUNT_FIELDS, ADDRESS_FIELDS
from tests.stateful.party_world import World

Told = Callable[..., bool]
"""Whether a task of this party says all of these lines."""
Kept = Callable[[object], bool]
"""Whether a value that gave way is in a task or in the memory of conflicts."""
_PUT = ("street", "code", "city")
"""What Advoware's PUT stores: these must be equal, or one side does not take the other's."""
_WHERE = ("street", "code", "city", "box", "box_code")


def check_addresses(
    world: World, staff: Staff, party: str, beteiligter: Mapping[str, Any], told: Told, kept: Kept
) -> None:
    """Each record has its own row and each row its record, or a person is told."""
    records = world.children(party, "adressens")
    rows = {row["id"]: row for row in beteiligter["adressen"]}
    ours, theirs = places("espocrm", records, account=False), places("advoware", list(rows.values()), account=False)
    _once(staff, records, rows, "advowareAdressId", lambda row: row["bemerkung"])
    for record in records:
        row = rows.get(record["advowareAdressId"])
        values = {name: ours["espocrm", record["id"], name] for name in ADDRESS_FIELDS}
        if row is None:
            assert not record["isActive"] or told(*_somewhere(values)), record
            continue
        if not record["isActive"]:
            assert told("Die Adresse wurde in EspoCRM gelöscht oder deaktiviert", f"in Advoware: {row['id']}"), record
            continue
        for name, value in values.items():
            other = theirs["advoware", str(row["id"]), name]
            label = ADDRESS_FIELDS[name][2]
            if value != other:
                lines = [f"{label} in EspoCRM: {_shown(name, value)}", f"{label} in Advoware: {_shown(name, other)}"]
                assert told(*lines), (name, record, row)
            assert name not in _PUT or value == other or _is_refused(name, other), (name, value, other)
            _check_typed(staff, record, row, name, (value, other), kept)
    held = {record["advowareAdressId"] for record in records}
    for number in rows.keys() - held:
        if any(theirs["advoware", str(number), name] for name in _WHERE):
            assert told(f"in Advoware: {number}"), rows[number]


def check_accounts(
    world: World, staff: Staff, party: str, beteiligter: Mapping[str, Any], told: Told, kept: Kept
) -> None:
    """Each record is paired with the row of its IBAN, or a person is told; nothing is made in EspoCRM."""
    records = world.children(party, "bankverbindungens")
    rows = {row["id"]: row for row in beteiligter["bankverbindungen"]}
    ours, theirs = places("espocrm", records, account=True), places("advoware", list(rows.values()), account=True)
    _once(staff, records, rows, "advowareKontoId", lambda row: theirs["advoware", str(row["id"]), "iban"])
    assert all(record["createdById"] != world.hub_id for record in records), "a program has made an account"
    for record in records:
        row = rows.get(record["advowareKontoId"])
        values = {name: ours["espocrm", record["id"], name] for name in ACCOUNT_FIELDS}
        lines = [f"{ACCOUNT_FIELDS[name][2]}: {value}" for name, value in values.items() if value is not None]
        if row is None:
            assert not record["istAktiv"] or told(*lines), record
            continue
        if not record["istAktiv"]:
            assert told("Die Bankverbindung wurde in EspoCRM deaktiviert", f"in Advoware: {row['id']}"), record
            continue
        for name, value in values.items():
            other = theirs["advoware", str(row["id"]), name]
            label = ACCOUNT_FIELDS[name][2]
            if value != other:
                lines = [f"{label} in EspoCRM: {value or '–'}", f"{label} in Advoware: {other or '–'}"]
                assert told(*lines), (name, record, row)
            _check_typed(staff, record, row, name, (value, other), kept)
    held = {record["advowareKontoId"] for record in records}
    for number in rows.keys() - held:
        if any(value for (_, row, _), value in theirs.items() if row == str(number)):
            assert told(f"in Advoware: {number}"), rows[number]


def _once(
    staff: Staff,
    records: list[dict[str, Any]],
    rows: Mapping[int, Mapping[str, Any]],
    number: str,
    same: Callable[[Mapping[str, Any]], object],
) -> None:
    """No two records share a row, and nothing that a program has made is there twice."""
    pairs = Counter(record[number] for record in records if record[number] in rows)
    assert all(count == 1 for count in pairs.values()), pairs
    memory = staff.memory
    people = memory.rows | {number for number in rows if ("advoware", str(number), "iban") in memory.touched}
    made = Counter(str(same(row)) for row in rows.values() if row["id"] not in people)
    assert all(count == 1 for count in made.values()), f"made twice: {made}"


def _check_typed(
    staff: Staff,
    record: Mapping[str, Any],
    row: Mapping[str, Any],
    name: str,
    present: tuple[Value, Value],
    kept: Kept,
) -> None:
    """What was typed last on either side is there, or kept."""
    parts = staff.memory.parts
    both = (parts.get(("espocrm", record["id"], name)), parts.get(("advoware", str(row["id"]), name)))
    typed = max((one for one in both if one is not None), default=None)
    assert typed is None or typed.value in present or kept(typed.value), (name, typed, present)


def _is_refused(name: str, value: Value) -> bool:
    text = str(value or "")
    return bool(set("<>=") & set(text)) or len(text) > {"code": 40, "city": 100}.get(name, 255)


def _somewhere(values: Mapping[str, Value]) -> list[str]:
    return [f"{ADDRESS_FIELDS[name][2]}: {values[name]}" for name in ("street", "city") if values[name]]


def _shown(name: str, value: Value) -> str:
    """As people read it in a task."""
    if name == "primary":
        return "ja" if value else "nein"
    text = str(value or "–")
    return ".".join(reversed(text.split("-"))) if name in ("from", "until") else text
