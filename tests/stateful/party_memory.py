"""What people see and have typed on both sides of a party, and who had the last word on what."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from tests.stateful.party_values import ACCOUNT_FIELDS, ADDRESS_FIELDS, STAMMDATEN, meaning, plain, plain_account
from tests.stateful.party_world import World

Value = str | bool | None
Key = tuple[str, str]
"""Kind of a contact, and what its value means; what EspoCRM does not take means itself."""
Place = tuple[str, str, str]
"""Side, id of an address or account, field."""
DATA = {"mail": ("emailAddressData", "emailAddress"), "phone": ("phoneNumberData", "phoneNumber")}
_MAIL_KZ = (4, 8, 11, 12)
MARKER = re.compile(r"\[ESPOCRM(?::([A-Za-z0-9+/]+=*)|-SLOT):(\d+)\]")


class Typed(NamedTuple):
    """The last word of a person on something."""

    step: int
    side: str
    value: Value


class Sight(msgspec.Struct, kw_only=True):
    """Both sides of a party as a person sees them."""

    number: int | None = None
    fields: dict[str, dict[str, Value]] = {}
    """By side."""
    contacts: dict[str, set[Key]] = {}
    """By side."""
    entries: dict[int, Key] = {}
    parts: dict[Place, Value] = {}
    records: dict[tuple[bool, str], str] = {}
    """EspoCRM's records, by whether they are accounts, and the row of Advoware that they stand for."""


def fields_of_espocrm(record: Mapping[str, Any]) -> dict[str, Value]:
    """The fields in force: a company has one name, a person two."""
    found = {espocrm: plain(record.get(espocrm)) for espocrm, _, _ in STAMMDATEN}
    firm = plain(record.get("firmenname"))
    if firm is not None:
        return found | {"name": firm}
    return found | {"name": plain(record.get("lastName")), "firstName": plain(record.get("firstName"))}


def fields_of_advoware(record: Mapping[str, Any]) -> dict[str, Value]:
    """The same of the other side."""
    found = {espocrm: plain(record.get(advoware)) for espocrm, advoware, _ in STAMMDATEN}
    return found | {"name": plain(record.get("name")), "firstName": plain(record.get("vorname"))}


def contacts_of(record: Mapping[str, Any]) -> dict[Key, Mapping[str, Any]]:
    """A party's mails and phones in EspoCRM, by what they mean."""
    found = {}
    for kind, (data, value) in DATA.items():
        for row in record.get(data) or ():
            found[kind, meaning(kind, row[value]) or str(row[value])] = row
    return found


def key_of_entry(entry: Mapping[str, Any], *, shown: bool) -> Key | None:
    """What an entry of Advoware holds; None: nothing that is a mail or a phone. `shown`: kommKz can be seen."""
    text = str(entry["tlf"] or "").strip()
    marker = MARKER.search(entry["bemerkung"] or "")
    number = entry["kommKz"] if shown else int(marker[2]) if marker else None
    if number is None:
        number = 4 if "@" in text else 5 if text.startswith("www.") else 1
    kind = None if number == 5 else "mail" if number in _MAIL_KZ else "phone"
    return (kind, meaning(kind, text) or text) if kind and text else None


def places(side: str, rows: list[dict[str, Any]], *, account: bool) -> dict[Place, Value]:
    """The fields of addresses or accounts."""
    table = ACCOUNT_FIELDS if account else ADDRESS_FIELDS
    number = 0 if side == "espocrm" else 1
    read = plain_account if account else lambda _name, value: plain(value)
    fields = [(name, names[number]) for name, names in table.items()]
    return {(side, str(row["id"]), name): read(name, row.get(theirs)) for row in rows for name, theirs in fields}


class Memory:
    """Who typed what last."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.step = 0
        """Deeds so far."""
        self.fields: dict[tuple[str, str], Typed] = {}
        """By party and field."""
        self.parts: dict[Place, Typed] = {}
        self.contacts: dict[tuple[str, Key], Typed] = {}
        """By party and contact; the value says whether it is wanted."""
        self.entries: dict[int, set[Key]] = {}
        """What people have typed into an entry of Advoware, by its id."""
        self.touched: set[Place] = set()
        """Where people have ever typed."""
        self.rows: set[int] = set()
        """Addresses and accounts that people have made in Advoware."""
        self.numbers: set[int] = set()
        """All that EspoCRM has ever held."""
        self._news: dict[str, tuple[str, int]] = {}

    def look(self, party: str) -> Sight:
        """Both sides as they are now."""
        record = self.world.record("CBeteiligte", party)
        shown = self.world.advoware.switches.komm_kz_shown == "stored"
        sight = Sight(number=record.get("betnr"))
        self.numbers |= {sight.number} if sight.number else set()
        sight.fields["espocrm"] = fields_of_espocrm(record)
        sight.contacts["espocrm"] = set(contacts_of(record))
        for link, number in (("adressens", "advowareAdressId"), ("bankverbindungens", "advowareKontoId")):
            children = self.world.children(party, link)
            account = link != "adressens"
            sight.parts |= places("espocrm", children, account=account)
            sight.records |= {(account, str(child[number])): str(child["id"]) for child in children}
        if (beteiligter := self.world.beteiligter(party)) is not None:
            sight.fields["advoware"] = fields_of_advoware(beteiligter)
            rows = beteiligter["kommunikation"]
            sight.entries = {row["id"]: key for row in rows if (key := key_of_entry(row, shown=shown)) is not None}
            sight.contacts["advoware"] = set(sight.entries.values())
            sight.parts |= places("advoware", beteiligter["adressen"], account=False)
            sight.parts |= places("advoware", beteiligter["bankverbindungen"], account=True)
        return sight

    def note(self, party: str, before: Sight, *, racing: bool = False) -> None:
        """After a deed: what has changed was typed by a person. What was typed into a record that a run was writing
        is not held against anybody: neither vendor can tell a writer that it is late.
        """
        after = self.look(party)
        sides = ("espocrm",) if before.number != after.number else ("espocrm", "advoware")
        for side in sides:
            old, new = before.fields.get(side, {}), after.fields.get(side, {})
            for field, value in new.items():
                if old.get(field) != value:
                    self.fields[party, field] = Typed(self.step, side, None if racing else value)
            if side in after.contacts:
                had, has = before.contacts.get(side, set()), after.contacts[side]
                for key in had ^ has:
                    self.contacts[party, key] = Typed(self.step, side, key in has and not racing)
        for place, value in after.parts.items():
            if before.parts.get(place) != value and place[0] in sides:
                self.parts[place] = Typed(self.step, place[0], None if racing else value)
                self.touched.add(place)
                side, row, name = place
                record = after.records.get((name in ACCOUNT_FIELDS, row)) if side == "advoware" else None
                if record is not None:
                    # It goes to the record too, and what was typed there earlier is no last word any more, also not
                    # when the row is taken away later.
                    self.parts.pop(("espocrm", record, name), None)
        for number, key in after.entries.items():
            if before.entries.get(number) != key:
                self.entries.setdefault(number, set()).add(key)

    def note_tasks(self) -> None:
        """Looks at the tasks that are there now: the same news twice needs a deed in between."""
        for task in map(str, self.world.espocrm.list_ids("Task")):
            if task in self._news:
                continue
            told = str(self.world.record("Task", task)["description"])
            party, _, rest = told.rpartition("[hub:")[2].rstrip("]").partition(":")
            said = f"{party}:{rest.partition(':')[2]}"
            same = [step for other, step in self._news.values() if other == said]
            assert all(step < self.step for step in same), f"told twice: {told}"
            self._news[task] = (said, self.step)
