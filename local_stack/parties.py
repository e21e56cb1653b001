"""A party on both sides: staff enter it in EspoCRM, somebody changes it in Advoware, and the hub keeps both in step."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import msgspec

from local_stack.broker import Broker
from local_stack.expect import BUSY, Finding, Json, NotInStep
from local_stack.vendors import LOST, Advoware, Espocrm

PARTY = "CBeteiligte"
SYNC_CHECK = "vmh.beteiligte.sync_check"
NAME = "Ottilie Ährenfeld"

_MAIL = "ottilie@aehrenfeld.example"
_PHONE, _NEW_PHONE = "+493023125001", "+493023125002"
_TYPED = "030 / 23125-002"
"""The new one as somebody types it in Advoware."""
_STREET = "Föhrenrain 7"
_IBAN = "DE89370400440532013000"
_LOOK_EVERY_S = 0.15


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """A record in EspoCRM and its number in Advoware."""

    id: str
    bet_nr: int


class Parties:
    """The part of the story that is about parties."""

    def __init__(self, espocrm: Espocrm, advoware: Advoware, broker: Broker, say: Callable[[str], None]) -> None:
        self._espocrm = espocrm
        self._advoware = advoware
        self._broker = broker
        self._say = say

    async def tell(self, until: float) -> Party:
        """From a record that only EspoCRM has to a change in Advoware that has come back. Raises NotInStep."""
        self._say("Staff enter a party in EspoCRM, with mail, phone, address and account.")
        party_id = await self._enter()
        row = await self._in_step(party_id, until, there=_PHONE, here=_PHONE)
        party = Party(id=party_id, bet_nr=int(row["betNr"]))
        self._say(f"Advoware has it as number {party.bet_nr}. Somebody changes its phone there; a check finds that.")
        phone = next(one["id"] for one in row["kommunikation"] if one["tlf"] == _PHONE)
        await self._advoware.act("change_kommunikation", {"betnr": party.bet_nr, "id": phone, "tlf": _TYPED})
        await self._broker.publish(SYNC_CHECK, msgspec.json.encode({"entity_id": party_id, "source": "sweep"}))
        await self._in_step(party_id, until, there=_TYPED, here=_NEW_PHONE)
        return party

    async def _enter(self) -> str:
        first, _, last = NAME.partition(" ")
        attributes = {
            "salutationName": "Frau",
            "firstName": first,
            "lastName": last,
            "emailAddressData": [{"emailAddress": _MAIL, "primary": True}],
            "phoneNumberData": [{"phoneNumber": _PHONE, "type": "Office", "primary": True}],
        }
        party_id = await self._espocrm.insert(PARTY, attributes)
        place = {"adresseStreet": _STREET, "adressePostalCode": "00000", "adresseCity": "Übersehen"}
        await self._espocrm.insert("CAdressen", {"name": _STREET, **place, "beteiligteId": party_id})
        account = {"name": "Konto", "iban": _IBAN, "kontoinhaber": NAME, "beteiligteId": party_id}
        await self._espocrm.insert("CBankverbindungen", account)
        return party_id

    async def _in_step(self, party_id: str, until: float, *, there: str, here: str) -> Json:
        """Advoware's record, once both sides are as expected and nothing is under way any more."""
        began = time.monotonic()
        wrong = [BUSY]
        while time.monotonic() < until:
            with contextlib.suppress(*LOST):  # a service that is just restarted is asked again
                quiet = await self._espocrm.waiting() == 0 and await self._broker.idle()
                espocrm, advoware = await asyncio.gather(self._espocrm.state(), self._advoware.state())
                record = next(one for one in espocrm["records"][PARTY] if one["id"] == party_id)
                row = _beteiligter(record, advoware)
                wrong = differing(record, row, espocrm["records"]["Task"], there=there, here=here)
                if quiet and not wrong and row is not None:
                    return row
            await asyncio.sleep(_LOOK_EVERY_S)
        raise NotInStep(wrong or [BUSY], time.monotonic() - began)


def differing(record: Json, row: Json | None, tasks: list[Json], *, there: str, here: str) -> list[Finding]:
    """All that is not as it should be; none when both sides have the party, with the phone `there` and `here`."""
    told = (record["syncStatus"], record["syncErrorMessage"] or None, len(tasks))
    pairs: list[tuple[str, object, object]] = [
        ("EspoCRM: status, error, tasks", ("clean", None, 0), told),
        ("EspoCRM: phones", [here], _all(record["phoneNumberData"], "phoneNumber")),
        ("EspoCRM: mails", [_MAIL], _all(record["emailAddressData"], "emailAddress")),
        ("Advoware", "the party", "no such party" if row is None else "the party"),
    ]
    if row is not None:
        pairs += [
            ("Advoware: name", NAME, f"{row['vorname']} {row['name']}"),
            ("Advoware: mails and phones", sorted([_MAIL, there]), _all(row["kommunikation"], "tlf")),
            ("Advoware: streets", [_STREET], _all(row["adressen"], "strasse")),
            ("Advoware: IBANs", [_IBAN], _all(row["bankverbindungen"], "iban")),
        ]
    return [
        Finding(about=f"{NAME}, {about}", expected=str(expected), found=str(found))
        for about, expected, found in pairs
        if expected != found
    ]


def _beteiligter(record: Json, advoware: Json) -> Json | None:
    return next((one for one in advoware["beteiligte"] if one["betNr"] == record["betnr"]), None)


def _all(rows: list[dict[str, Any]] | None, member: str) -> list[str]:
    return sorted(str(row[member]) for row in rows or () if row[member])
