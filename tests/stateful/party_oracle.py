"""What must hold in the end, said once more and without the worker's own plans: the policy as people know it."""

import base64
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

from beteiligte_worker.effects.keys import party_key
from beteiligte_worker.model.party import Base
from tests.stateful.party_memory import (
    MARKER,
    Key,
    contacts_of,
    fields_of_advoware,
    fields_of_espocrm,
    key_of_entry,
)
from tests.stateful.party_oracle_parts import check_accounts, check_addresses
from tests.stateful.party_staff import Staff
from tests.stateful.party_values import STAMMDATEN, meaning, plain
from tests.stateful.party_world import World

_LABELS = {espocrm: label for espocrm, _, label in STAMMDATEN}
_FAILED = ("failed", "permanently_failed")


def check_parties(world: World, staff: Staff) -> None:
    """Every party, alone and together."""
    numbers: Counter[int] = Counter()
    for party in staff.parties:
        record = world.record("CBeteiligte", party)
        if record["deleted"]:
            _check_deleted(world, party, record)
            continue
        if record.get("betnr"):
            numbers[record["betnr"]] += 1
        status = record["syncStatus"]
        if status in _FAILED:
            _check_failed(world, party, record)
        elif status == "deleted_in_advoware":
            assert world.beteiligter(party) is None
            assert record["syncErrorMessage"]
            assert _told(world, party, "in Advoware nicht mehr vorhanden"), record
        elif not record.get("betnr") and fields_of_espocrm(record)["name"] is None:
            continue  # a person without a last name cannot be one in Advoware
        else:
            assert status == "clean", record
            assert not record["syncErrorMessage"], record
            _check_pair(world, staff, party, record)
    assert all(count == 1 for count in numbers.values()), f"two parties of EspoCRM share one in Advoware: {numbers}"
    held = {world.record("CBeteiligte", one).get("betnr") for one in staff.parties} | staff.memory.numbers
    orphans = {row["betNr"] for row in world.advoware.beteiligte()} - held
    parked = [one for one in staff.parties if not world.record("CBeteiligte", one).get("betnr")]
    assert len(orphans) <= len(parked), f"made and nobody's: {orphans}"


def check_tasks(world: World, staff: Staff) -> None:
    """No task twice."""
    staff.memory.note_tasks()
    tasks = [world.record("Task", one) for one in world.espocrm.list_ids("Task")]
    markers = Counter(str(task["description"]).rpartition("[hub:")[2] for task in tasks)
    assert all(count == 1 for count in markers.values()), markers


def _check_deleted(world: World, party: str, record: Mapping[str, Any]) -> None:
    """Nothing is deleted in Advoware; staff are asked to."""
    beteiligter = world.beteiligter(party)
    base = _base(world, party)
    if beteiligter is not None and base is not None and base.bet_nr is not None:
        assert _told(world, party, "Der Beteiligte wurde in EspoCRM gelöscht"), record


def _check_failed(world: World, party: str, record: Mapping[str, Any]) -> None:
    text = str(record["syncErrorMessage"] or "")
    assert text, record
    if not record.get("betnr"):
        assert text.startswith("Unklar, ob"), record
        assert _told(world, party, "ging die Antwort verloren"), record
        return
    beteiligter = world.beteiligter(party)
    assert beteiligter is not None, record
    assert text.startswith("Zur Sicherheit angehalten"), record
    assert beteiligter["kommunikation"] == []


def _check_pair(world: World, staff: Staff, party: str, record: Mapping[str, Any]) -> None:
    beteiligter = world.beteiligter(party)
    assert beteiligter is not None, record
    assert record["advowareRowId"] == beteiligter["rowId"]
    _check_stammdaten(world, staff, party, record, beteiligter)
    _check_contacts(world, staff, party, record, beteiligter)
    told, kept = partial(_told, world, party), partial(_kept, world, party)
    check_addresses(world, staff, party, beteiligter, told, kept)
    check_accounts(world, staff, party, beteiligter, told, kept)


# Stammdaten


def _check_stammdaten(
    world: World, staff: Staff, party: str, record: Mapping[str, Any], beteiligter: Mapping[str, Any]
) -> None:
    ours, theirs = fields_of_espocrm(record), fields_of_advoware(beteiligter)
    firm = plain(record.get("firmenname")) is not None
    labels = _LABELS | {"name": "Firmenname" if firm else "Nachname", "firstName": "Vorname"}
    for field, value in ours.items():
        if value != theirs[field]:
            lines = (f"Feld: {labels[field]}", f"EspoCRM: {value or '–'}", f"Advoware: {theirs[field] or '–'}")
            assert _told(world, party, *lines), (field, value, theirs[field])
        typed = staff.memory.fields.get((party, field))
        if typed is not None and typed.value not in (value, theirs[field]):
            assert _kept(world, party, typed.value), (field, typed, value, theirs[field])


# Mails and phones


def _check_contacts(
    world: World, staff: Staff, party: str, record: Mapping[str, Any], beteiligter: Mapping[str, Any]
) -> None:
    shown = world.advoware.switches.komm_kz_shown == "stored"
    ours = set(contacts_of(record))
    entries = [(row, key_of_entry(row, shown=shown)) for row in beteiligter["kommunikation"]]
    typed = staff.memory.entries
    theirs = Counter(key for row, key in entries if key is not None and key not in typed.get(row["id"], ()))
    assert all(count == 1 for count in theirs.values()), f"made twice: {theirs}"
    for row, key in entries:
        _check_entry(world, party, ours, row, key)
    there = {key for _, key in entries}
    # What EspoCRM does not take holds the place of what stood there before.
    held = {_marked(row, key) for row, key in entries if key is not None and key not in ours}
    assert ours <= there | held, f"in EspoCRM only: {ours - there}"
    for (whose, key), last in staff.memory.contacts.items():
        if whose == party and last.value and key not in ours and key not in there:
            assert _kept(world, party, key[1]), f"typed and gone: {key}"


def _check_entry(world: World, party: str, ours: set[Key], row: Mapping[str, Any], key: Key | None) -> None:
    marker = MARKER.search(row["bemerkung"] or "")
    if key is None:
        return
    if key in ours:
        assert marker is not None, row
        assert _marked(row, key) == key, row
    else:
        assert _told(world, party, f"Advoware: {row['tlf']}"), row


def _marked(row: Mapping[str, Any], key: Key) -> Key | None:
    """What our marker says that the entry held when both sides last agreed."""
    marker = MARKER.search(row["bemerkung"] or "")
    value = base64.b64decode(marker[1]).decode() if marker is not None and marker[1] is not None else None
    return (key[0], meaning(key[0], value) or value) if value is not None else None


# Telling


def _told(world: World, party: str, *lines: str) -> bool:
    """Whether a task says all of this."""
    texts = [str(task["description"]).replace("\r\n", "\n") for task in world.tasks(party)]
    return any(all(line in text for line in lines) for text in texts)


def _kept(world: World, party: str, value: object) -> bool:
    """Whether a value that gave way is in a task or in the memory of conflicts. Nothing cannot get lost."""
    if value is None:
        return True
    base = _base(world, party)
    lost = [conflict.lost for conflict in base.conflicts] if base is not None else []
    return _told(world, party, str(value)) or any(str(value) in one for one in lost)


def _base(world: World, party: str) -> Base | None:
    return world.runner.run(world.workers[0].snapshots.read(party_key(party), Base))
