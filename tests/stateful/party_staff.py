"""What people do to parties on both sides. What they typed is remembered: what is theirs must not get lost."""

from collections.abc import Sequence
from typing import Any, TypeVar

from simulators.espocrm.answers import Refused
from tests.stateful.party_memory import DATA, Memory, Sight, fields_of_espocrm
from tests.stateful.party_values import ACCOUNT_FIELDS, ADDRESS_FIELDS, KOMM_KZ, TYPES, plain
from tests.stateful.party_world import World

T = TypeVar("T")


class Staff:
    """People on both sides. Deeds that make no sense at the moment are not done."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.memory = Memory(world)
        self.parties: list[str] = []
        """All that there ever were."""

    def do(self, name: str, party: str, *arguments: Any, racing: bool = False) -> None:
        """One deed. What the screen refuses is not done. `racing`: a run is writing the same record at this moment."""
        self.memory.step += 1
        before = self.memory.look(party)
        try:
            getattr(self, name)(party, *arguments)
        except (Refused, LookupError, ValueError, ZeroDivisionError):
            return
        self.memory.note(party, before, racing=racing)

    # EspoCRM

    def new_party(self, fields: dict[str, Any]) -> str:
        """Its id."""
        self.memory.step += 1
        party = str(self.world.espocrm.insert("CBeteiligte", fields)["id"])
        self.parties.append(party)
        self.memory.note(party, Sight())
        return party

    def change_espocrm(self, party: str, changes: dict[str, Any]) -> None:
        self._save(party, changes)

    def add_contact(self, party: str, contact: tuple[str, str, str | None]) -> None:
        kind, value, type_ = contact
        data, name = DATA[kind]
        rows = self._espocrm(party)[data]
        row = {name: value, "type": type_} if kind == "phone" else {name: value}
        self._save(party, {data: [*rows, row]})

    def replace_contact(self, party: str, contact: tuple[str, str, str | None], index: int) -> None:
        kind, value, _ = contact
        data, name = DATA[kind]
        rows = [dict(row) for row in self._espocrm(party)[data]]
        row = rows[index % len(rows)]
        rows[index % len(rows)] = {key: item for key, item in row.items() if key != "lower"} | {name: value}
        self._save(party, {data: rows})

    def remove_contact(self, party: str, index: int) -> None:
        kind = ("mail", "phone")[index % 2]
        rows = list(self._espocrm(party)[DATA[kind][0]])
        del rows[index // 2 % len(rows)]
        self._save(party, {DATA[kind][0]: rows})

    def retype_contact(self, party: str, index: int) -> None:
        rows = [dict(row) for row in self._espocrm(party)["phoneNumberData"]]
        rows[index // 2 % len(rows)]["type"] = TYPES[index]
        self._save(party, {"phoneNumberData": rows})

    def prefer_contact(self, party: str, index: int) -> None:
        rows = [dict(row) | {"primary": False} for row in self._espocrm(party)["phoneNumberData"]]
        rows[index % len(rows)]["primary"] = True
        self._save(party, {"phoneNumberData": rows})

    def delete_espocrm(self, party: str) -> None:
        self.world.espocrm.remove("CBeteiligte", party)

    def restore_espocrm(self, party: str) -> None:
        self.world.espocrm.restore("CBeteiligte", party)

    def clear_number(self, party: str) -> None:
        """What staff are told to do when a party shall be made anew."""
        if self._espocrm(party)["syncStatus"] == "deleted_in_advoware":
            self._save(party, {"betnr": None})

    def enter_number(self, party: str) -> None:
        """What staff are told to do when nobody knows whether a party was made: they look, and enter what they find."""
        record = self._espocrm(party)
        if record.get("betnr"):
            return
        taken = {self.world.record("CBeteiligte", other).get("betnr") for other in self.parties}
        name = fields_of_espocrm(record)["name"]
        rows = self.world.advoware.beteiligte()
        found = [row["betNr"] for row in rows if plain(row["name"]) == name and row["betNr"] not in taken]
        if found:
            self._save(party, {"betnr": found[0]})

    def add_address_espocrm(self, party: str, changes: dict[str, Any]) -> None:
        fields = {ADDRESS_FIELDS[name][0]: value for name, value in changes.items()}
        self._espocrm(party)
        self.world.espocrm.insert("CAdressen", {"name": "Anschrift", "beteiligteId": party, **fields})

    def change_address_espocrm(self, party: str, changes: dict[str, Any], index: int) -> None:
        fields = {ADDRESS_FIELDS[name][0]: value for name, value in changes.items()}
        self.world.espocrm.save("CAdressen", self._child(party, "adressens", index), fields)

    def switch_address(self, party: str, index: int) -> None:
        address = self._child(party, "adressens", index)
        active = self.world.record("CAdressen", address)["isActive"]
        self.world.espocrm.save("CAdressen", address, {"isActive": not active})

    def remove_address_espocrm(self, party: str, index: int) -> None:
        self.world.espocrm.remove("CAdressen", self._child(party, "adressens", index))

    def add_account_espocrm(self, party: str, changes: dict[str, Any]) -> None:
        fields = {ACCOUNT_FIELDS[name][0]: value for name, value in changes.items()}
        self._espocrm(party)
        self.world.espocrm.insert("CBankverbindungen", {"name": "Konto", "beteiligteId": party, **fields})

    def change_account_espocrm(self, party: str, changes: dict[str, Any], index: int) -> None:
        fields = {ACCOUNT_FIELDS[name][0]: value for name, value in changes.items()}
        self.world.espocrm.save("CBankverbindungen", self._child(party, "bankverbindungens", index), fields)

    def switch_account(self, party: str, index: int) -> None:
        account = self._child(party, "bankverbindungens", index)
        active = self.world.record("CBankverbindungen", account)["istAktiv"]
        self.world.espocrm.save("CBankverbindungen", account, {"istAktiv": not active})

    def remove_account_espocrm(self, party: str, index: int) -> None:
        self.world.espocrm.remove("CBankverbindungen", self._child(party, "bankverbindungens", index))

    # Advoware

    def change_advoware(self, party: str, changes: dict[str, Any]) -> None:
        self.world.advoware.staff.change_beteiligter(self._number(party), **changes)

    def add_entry(self, party: str, entry: tuple[str | None, int], note: str | None) -> None:
        tlf, number = entry
        self.world.advoware.staff.add_kommunikation(self._number(party), tlf=tlf, kommKz=number, bemerkung=note)

    def change_entry(self, party: str, entry: tuple[str | None, int], index: int) -> None:
        """The value alone: staff do not touch the kind."""
        self._change_entry(party, index, tlf=entry[0])

    def empty_entry(self, party: str, index: int) -> None:
        self._change_entry(party, index, tlf=("", None)[index % 2])

    def remove_entry(self, party: str, index: int) -> None:
        self.world.advoware.staff.remove_kommunikation(self._number(party), self._entry(party, index)["id"])

    def retype_entry(self, party: str, index: int) -> None:
        """Among phones only: of a mail nobody makes a phone."""
        entry = self._entry(party, index)
        if entry["kommKz"] in KOMM_KZ:
            kinds = list(KOMM_KZ)
            wanted = kinds[(kinds.index(entry["kommKz"]) + 1) % len(kinds)]
            self._change_entry(party, index, kommKz=wanted)

    def annotate_entry(self, party: str, index: int) -> None:
        """Text behind our marker."""
        note = self._entry(party, index)["bemerkung"] or ""
        self._change_entry(party, index, bemerkung=f"{note} nur vormittags"[:200])

    def spoil_marker(self, party: str, index: int) -> None:
        self._change_entry(party, index, bemerkung=("Chef", None)[index % 2])

    def add_address_advoware(self, party: str, changes: dict[str, Any]) -> None:
        fields = {ADDRESS_FIELDS[name][1]: value for name, value in changes.items()}
        self.memory.rows.add(self.world.advoware.staff.add_adresse(self._number(party), **_dated(fields)))

    def change_address_advoware(self, party: str, changes: dict[str, Any], index: int) -> None:
        fields = {ADDRESS_FIELDS[name][1]: value for name, value in changes.items()}
        row = _pick(self._advoware(party)["adressen"], index)
        self.world.advoware.staff.change_adresse(self._number(party), row["id"], **_dated(fields))

    def remove_address_advoware(self, party: str, index: int) -> None:
        row = _pick(self._advoware(party)["adressen"], index)
        self.world.advoware.staff.remove_adresse(self._number(party), row["id"])

    def add_account_advoware(self, party: str, changes: dict[str, Any]) -> None:
        fields = {ACCOUNT_FIELDS[name][1]: value for name, value in changes.items()}
        self.memory.rows.add(self.world.advoware.staff.add_bankverbindung(self._number(party), **fields))

    def change_account_advoware(self, party: str, changes: dict[str, Any], index: int) -> None:
        fields = {ACCOUNT_FIELDS[name][1]: value for name, value in changes.items()}
        row = _pick(self._advoware(party)["bankverbindungen"], index)
        self.world.advoware.staff.change_bankverbindung(self._number(party), row["id"], **fields)

    def remove_account_advoware(self, party: str, index: int) -> None:
        row = _pick(self._advoware(party)["bankverbindungen"], index)
        self.world.advoware.staff.remove_bankverbindung(self._number(party), row["id"])

    def delete_advoware(self, party: str) -> None:
        self.world.advoware.staff.remove_beteiligter(self._number(party))

    # What is where

    def _espocrm(self, party: str) -> dict[str, Any]:
        record = self.world.record("CBeteiligte", party)
        if record["deleted"]:
            raise LookupError(party)
        return record

    def _save(self, party: str, changes: dict[str, Any]) -> None:
        self.world.espocrm.save("CBeteiligte", party, changes)

    def _child(self, party: str, link: str, index: int) -> str:
        return _pick(self.world.espocrm.linked_ids("CBeteiligte", party, link), index)

    def _advoware(self, party: str) -> dict[str, Any]:
        found = self.world.beteiligter(party)
        if found is None:
            raise LookupError(party)
        return found

    def _number(self, party: str) -> int:
        return int(self._advoware(party)["betNr"])

    def _entry(self, party: str, index: int) -> dict[str, Any]:
        return dict(_pick(self._advoware(party)["kommunikation"], index))

    def _change_entry(self, party: str, index: int, **fields: Any) -> None:
        entry = self._entry(party, index)
        self.world.advoware.staff.change_kommunikation(self._number(party), entry["id"], **fields)


def _pick(rows: Sequence[T], index: int) -> T:
    """One of them, whatever the index. LookupError where there is none."""
    if not rows:
        raise LookupError
    return rows[index % len(rows)]


def _dated(fields: dict[str, Any]) -> dict[str, Any]:
    """A day is an instant in Advoware."""
    return {
        name: f"{value}T00:00:00" if name.startswith("gueltig") and value else value for name, value in fields.items()
    }
