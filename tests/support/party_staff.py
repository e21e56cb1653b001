"""What staff do with parties on both sides, what they see, and a clock that can be moved."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from beteiligte_worker.effects.keys import party_key
from beteiligte_worker.model.party import Base
from shared.contracts.topology import IDEMPOTENCY
from shared.outcomes.errors import HubError
from shared.outcomes.outcome import Outcome, Skip
from shared.runtime.service import Service
from shared.state.idempotency import Row
from shared.state.kv import Bucket
from tests.support.parties import Parties

IBAN = "DE89370400440532013000"
SECOND_IBAN = "DE02120300000000202051"


class MovedClock:
    """The machine's clock, and as many seconds ahead of it as a test wants."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)

    def monotonic(self) -> float:
        return self.now().timestamp()


class Ids(NamedTuple):
    """A party in EspoCRM with one address and one account."""

    party: str
    address: str
    account: str


def person(parties: Parties, *, name: str = "Müßig", **fields: Any) -> str:
    """A new person in EspoCRM; the id."""
    return str(parties.espocrm.insert("CBeteiligte", {"firstName": "Jürgen", "lastName": name, **fields})["id"])


def full_person(parties: Parties, *, name: str = "Müßig", iban: str = IBAN, **fields: Any) -> Ids:
    """A new person with a mail, two phones, an address and an account."""
    party = person(
        parties,
        name=name,
        salutationName="Herr",
        dateOfBirth="1961-02-03",
        emailAddressData=[{"emailAddress": "j.muessig@example.org", "primary": True}],
        phoneNumberData=[
            {"phoneNumber": "+4951112345", "type": "Office", "primary": True},
            {"phoneNumber": "+491701234567", "type": "Mobile"},
        ],
        **fields,
    )
    return Ids(party, address(parties, party), account(parties, party, iban=iban))


def address(parties: Parties, party_id: str, *, street: str = "Große Straße 1", **fields: Any) -> str:
    """A new address of a party; the id."""
    place = {"adresseStreet": street, "adressePostalCode": "30159", "adresseCity": "Hannover"}
    values = {"name": "Zuhause", **place, "beteiligteId": party_id, **fields}
    return str(parties.espocrm.insert("CAdressen", values)["id"])


def account(parties: Parties, party_id: str, *, iban: str = IBAN, **fields: Any) -> str:
    """A new account of a party; the id."""
    values = {"name": "Konto", "iban": iban, "kontoinhaber": "J. Müßig", "beteiligteId": party_id, **fields}
    return str(parties.espocrm.insert("CBankverbindungen", values)["id"])


def record(parties: Parties, party_id: str) -> dict[str, Any]:
    """The party as EspoCRM has it, deleted or not."""
    found = parties.espocrm.get("CBeteiligte", party_id)
    assert found is not None
    return found


def child(parties: Parties, entity_type: str, record_id: str) -> dict[str, Any]:
    """An address or account as EspoCRM has it."""
    found = parties.espocrm.get(entity_type, record_id)
    assert found is not None
    return found


def number(parties: Parties, party_id: str) -> int:
    """Its number in Advoware."""
    return int(record(parties, party_id)["betnr"])


def there(parties: Parties, party_id: str) -> dict[str, Any]:
    """The party as Advoware has it."""
    return dict(parties.advoware.beteiligter(number(parties, party_id)))


def tasks(parties: Parties) -> list[dict[str, Any]]:
    """All tasks, oldest first."""
    return [child(parties, "Task", one) for one in parties.espocrm.list_ids("Task")]


async def base_of(parties: Parties, party_id: str) -> Base:
    """What is remembered of a party."""
    base = await parties.deps.snapshots.read(party_key(party_id), Base)
    assert base is not None
    return base


async def in_step(parties: Parties, party_id: str, *, most: int = 8) -> list[Outcome]:
    """Runs until there is nothing to do; failed runs count too. What the runs answered."""
    found: list[Outcome] = []
    for _ in range(most):
        try:
            found.append(await parties.sync(party_id))
        except HubError:
            continue
        if isinstance(found[-1], Skip):
            return found
    raise AssertionError(f"never in step: {found}")


async def open_intents(service: Service, party_id: str = "*") -> list[str]:
    """Rows of the journal that nobody has closed: writes of unknown fate."""
    bucket = Bucket(service.bus.requests, IDEMPOTENCY.name)
    found = []
    for key in await bucket.keys(f"beteiligte_sync.CBeteiligte.{party_id}.>"):
        entry = await bucket.get(key)
        if entry is not None and msgspec.json.decode(entry.value, type=Row).state == "open":
            found.append(key)
    return found


def one_of_each(parties: Parties, ids: Ids, *, name: str = "Müßig") -> None:
    """P2: one party of that name in Advoware, and in it one entry per value, one address, one account."""
    found: list[dict[str, Any]] = [dict(one) for one in parties.advoware.beteiligte() if one["name"] == name]
    [party] = found
    assert party["betNr"] == number(parties, ids.party)
    held = sorted(str(row["tlf"]) for row in party["kommunikation"] if row["tlf"])
    assert held == sorted(contacts(parties, ids.party))
    assert len(party["kommunikation"]) == len(held)
    assert [row["id"] for row in party["adressen"]] == [child(parties, "CAdressen", ids.address)["advowareAdressId"]]
    [account_there] = party["bankverbindungen"]
    assert account_there["id"] == child(parties, "CBankverbindungen", ids.account)["advowareKontoId"]
    assert record(parties, ids.party)["syncStatus"] == "clean"


def contacts(parties: Parties, party_id: str) -> list[str]:
    """Mails and phones of a party in EspoCRM."""
    found = record(parties, party_id)
    mails: Sequence[dict[str, Any]] = found["emailAddressData"] or []
    phones: Sequence[dict[str, Any]] = found["phoneNumberData"] or []
    return [str(row["emailAddress"]) for row in mails] + [str(row["phoneNumber"]) for row in phones]


async def until(happened: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Returns when it has happened in a vendor, which tells nobody."""
    async with asyncio.timeout(seconds):
        while True:
            if happened():
                return
            await asyncio.sleep(0.01)
