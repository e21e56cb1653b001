"""P2: death at every await of a party's run, and every answer lost once: one of each, nothing left open."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from shared.clients.redis_cache import RedisSettings
from shared.outcomes.errors import HubError
from shared.outcomes.outcome import Skip
from shared.outcomes.reason import Reason
from shared.runtime.service import Service
from shared.settings import Secret
from simulators.faults import Fault
from tests.support.crash import DiesAfter, Killed
from tests.support.parties import Parties, open_parties
from tests.support.party_staff import (
    SECOND_IBAN,
    Ids,
    account,
    address,
    base_of,
    contacts,
    full_person,
    in_step,
    number,
    one_of_each,
    open_intents,
    record,
    tasks,
    there,
)
from tests.support.redis import RedisPlace

_MOST_STEPS = 2_000
_LONG = pytest.mark.timeout(600)


@pytest.fixture
async def parties(service: Service, redis_server: RedisPlace) -> AsyncIterator[Parties]:
    """Both vendors; Advoware lists parties, so that a lost number can be found again."""
    async with open_parties(service, RedisSettings(redis_url=Secret(redis_server.url)), lists=True) as opened:
        yield opened


async def every_death(
    parties: Parties,
    prepare: Callable[[str], Awaitable[Ids]],
    check: Callable[[Ids, str], Awaitable[None]],
    *,
    stride: int = 1,
) -> int:
    """A party of its own for each await of the run: dies there, is run until in step, is checked. How many awaits."""
    for steps in range(0, _MOST_STEPS, stride):
        name = f"Müßig {steps}"
        ids = await prepare(name)
        try:
            await DiesAfter(parties.sync(ids.party), steps)
        except Killed:
            await in_step(parties, ids.party)
            await check(ids, name)
            continue
        return steps
    raise AssertionError("the run never came to its end")


async def second_run_writes_nothing(service: Service, parties: Parties, ids: Ids) -> None:
    """P5: and no row of the journal is open."""
    parties.forget_logs()
    assert await parties.sync(ids.party) == Skip(Reason.IN_STEP)
    assert parties.writes() == []
    assert await open_intents(service, ids.party) == []


@pytest.mark.parametrize("first", [True, False])
async def test_death_at_every_await_of_the_first_sync(service: Service, parties: Parties, first: bool) -> None:
    """P2: exactly one party, one entry per value, one address, one account; in the run that creates it and the next."""

    async def prepare(name: str) -> Ids:
        ids = full_person(parties, name=name)
        if not first:
            await parties.sync(ids.party)
        return ids

    async def check(ids: Ids, name: str) -> None:
        one_of_each(parties, ids, name=name)
        await second_run_writes_nothing(service, parties, ids)

    awaits = await every_death(parties, prepare, check)
    assert awaits > 10
    assert len(parties.advoware.beteiligte()) == awaits + 1
    assert tasks(parties) == []


@pytest.mark.parametrize(
    "stride", [pytest.param(3, id="every third"), pytest.param(1, id="every", marks=[pytest.mark.slow, _LONG])]
)
async def test_death_at_every_await_of_a_change(service: Service, parties: Parties, stride: int) -> None:
    """P2: edits and a conflict in all parts: both sides agree, one task per news, the loser's value is remembered."""

    async def prepare(name: str) -> Ids:
        ids = full_person(parties, name=name)
        await in_step(parties, ids.party)
        staff, betnr = parties.advoware.staff, number(parties, ids.party)
        phones = [{"phoneNumber": "+4951112345", "type": "Office", "primary": True}, {"phoneNumber": "+4930123456"}]
        parties.espocrm.save(
            "CBeteiligte",
            ids.party,
            {"titel": "Dr.", "registergericht": "Hannover", "phoneNumberData": phones},
        )
        parties.espocrm.save("CAdressen", ids.address, {"adresseStreet": "Lange Straße 2"})
        account(parties, ids.party, iban=SECOND_IBAN)
        address(parties, ids.party, street="Ufer 3")
        staff.change_beteiligter(betnr, titel="Prof.", vorname="Jörg")
        staff.add_kommunikation(betnr, tlf="+4951198765", kommKz=6)
        staff.add_adresse(betnr, strasse="Hafen 4", plz="20095", ort="Hamburg")
        return ids

    async def check(ids: Ids, name: str) -> None:
        ours, theirs = record(parties, ids.party), there(parties, ids.party)
        assert (ours["titel"], ours["firstName"]) == (theirs["titel"], theirs["vorname"]) == ("Dr.", "Jörg")
        held = sorted(str(row["tlf"]) for row in theirs["kommunikation"] if row["tlf"])
        assert held == sorted(contacts(parties, ids.party))
        assert len(held) == 4
        assert sorted(row["strasse"] for row in theirs["adressen"]) == ["Hafen 4", "Lange Straße 2", "Ufer 3"]
        assert len(parties.espocrm.linked_ids("CBeteiligte", ids.party, "adressens")) == 3
        assert len({row["iban"] for row in theirs["bankverbindungen"]}) == len(theirs["bankverbindungen"]) == 2
        assert len([one for one in parties.advoware.beteiligte() if one["name"] == name]) == 1
        assert ours["syncStatus"] == "clean"
        told = [task["name"] for task in tasks(parties) if task["parentId"] == ids.party]
        assert sorted(told) == [
            "Advoware-Abgleich: bitte in Advoware nachtragen",
            "Advoware-Abgleich: widersprüchliche Änderungen",
        ]
        lost = [(one.field, one.lost) for one in (await base_of(parties, ids.party)).conflicts]
        assert lost == [("titel", "Prof.")]
        await second_run_writes_nothing(service, parties, ids)

    assert await every_death(parties, prepare, check, stride=stride) > 30


async def test_death_at_every_await_of_saying_that_a_party_is_gone(service: Service, parties: Parties) -> None:
    """P2: one task, on either side of being gone."""

    async def prepare(name: str) -> Ids:
        ids = full_person(parties, name=name)
        await in_step(parties, ids.party)
        if name.endswith(("1", "3", "5", "7", "9")):
            parties.espocrm.remove("CBeteiligte", ids.party)
        else:
            parties.advoware.staff.remove_beteiligter(number(parties, ids.party))
        return ids

    async def check(ids: Ids, _name: str) -> None:
        betnr = str(number(parties, ids.party))
        assert len([task for task in tasks(parties) if betnr in task["description"]]) == 1
        await second_run_writes_nothing(service, parties, ids)

    assert await every_death(parties, prepare, check) > 8


async def test_death_while_a_lost_party_is_made_anew(service: Service, parties: Parties) -> None:
    """P2: staff have emptied its number: the old one's ids say nothing, whenever the run dies; everything is there."""

    async def prepare(name: str) -> Ids:
        ids = full_person(parties, name=name)
        await in_step(parties, ids.party)
        parties.advoware.staff.remove_beteiligter(number(parties, ids.party))
        await in_step(parties, ids.party)
        parties.espocrm.save("CBeteiligte", ids.party, {"betnr": None})
        await parties.sync(ids.party)
        return ids

    async def check(ids: Ids, name: str) -> None:
        one_of_each(parties, ids, name=name)
        assert len([task for task in tasks(parties) if task["parentId"] == ids.party]) == 1
        await second_run_writes_nothing(service, parties, ids)

    assert await every_death(parties, prepare, check, stride=4) > 30


LOST: list[tuple[str, str, str]] = [
    ("advoware", "POST", "/api/v1/advonet/Beteiligte"),
    ("advoware", "POST", "/api/v1/advonet/Beteiligte/[0-9]+/Kommunikationen"),
    ("advoware", "POST", "/api/v1/advonet/Beteiligte/[0-9]+/Adressen"),
    ("advoware", "POST", "/api/v1/advonet/Beteiligte/[0-9]+/Bankverbindungen"),
    ("advoware", "PUT", "/api/v1/advonet/Beteiligte/[0-9]+"),
    ("advoware", "PUT", "/api/v1/advonet/Beteiligte/[0-9]+/Kommunikationen/[0-9]+"),
    ("advoware", "PUT", "/api/v1/advonet/Beteiligte/[0-9]+/Adressen/[0-9]+"),
    ("espocrm", "PUT", "/api/v1/CBeteiligte/.*"),
    ("espocrm", "PUT", "/api/v1/CAdressen/.*"),
    ("espocrm", "PUT", "/api/v1/CBankverbindungen/.*"),
    ("espocrm", "POST", "/api/v1/CAdressen"),
    ("espocrm", "POST", "/api/v1/Task"),
]


async def test_every_answer_lost_once(service: Service, parties: Parties) -> None:
    """P2: each kind of write is done and its answer lost, in each of its ways; nothing exists twice."""
    for vendor, method, path in LOST:
        for kind in ("lost", "cut_answer"):
            name = f"Müßig {vendor} {kind} {LOST.index((vendor, method, path))}"
            await _lose(service, parties, Fault(kind=kind, method=method, path=path, times=2), vendor, name)


async def test_an_intent_that_nobody_wants_any_more_is_withdrawn(service: Service, parties: Parties) -> None:
    """P2: the phone is deleted in EspoCRM before its POST is sent again: nothing stays open, nothing is made."""
    ids = full_person(parties)
    await _until(parties, ids.party)
    before = contacts(parties, ids.party)
    rows = record(parties, ids.party)["phoneNumberData"]
    new = {"phoneNumber": "+4951199999", "type": "Office", "primary": False}
    parties.espocrm.save("CBeteiligte", ids.party, {"phoneNumberData": [*rows, new]})
    parties.advoware.faults.add(Fault(kind="error", status=503, method="POST", path=r".*Kommunikationen", times=9))
    with pytest.raises(HubError):
        await parties.sync(ids.party)
    assert await open_intents(service, ids.party)
    parties.advoware.faults.clear()
    parties.espocrm.save("CBeteiligte", ids.party, {"phoneNumberData": rows})
    await _until(parties, ids.party)
    assert await open_intents(service, ids.party) == []
    assert contacts(parties, ids.party) == before
    await second_run_writes_nothing(service, parties, ids)


async def _lose(service: Service, parties: Parties, fault: Fault, vendor: str, name: str) -> None:
    faults = {"advoware": parties.advoware.faults, "espocrm": parties.espocrm.faults}[vendor]
    faults.add(fault)
    ids = full_person(parties, name=name)
    await _until(parties, ids.party)
    one_of_each(parties, ids, name=name)
    staff, betnr = parties.advoware.staff, number(parties, ids.party)
    parties.espocrm.save("CBeteiligte", ids.party, {"titel": "Dr.", "registergericht": "Celle", "phoneNumberData": []})
    parties.espocrm.save("CAdressen", ids.address, {"adresseStreet": "Lange Straße 2"})
    staff.add_adresse(betnr, strasse="Hafen 4", plz="20095", ort="Hamburg")
    await _until(parties, ids.party)
    fired = [row for row in _rows(parties, vendor) if row.fault == fault.kind]
    assert fired, f"no {fault.method} {fault.path}"
    faults.clear()
    found = there(parties, ids.party)
    assert (found["titel"], [row["strasse"] for row in found["adressen"]]) == ("Dr.", ["Lange Straße 2", "Hafen 4"])
    assert len(parties.espocrm.linked_ids("CBeteiligte", ids.party, "adressens")) == 2
    assert [str(row["tlf"]) for row in found["kommunikation"] if row["tlf"]] == contacts(parties, ids.party)
    assert len([task for task in tasks(parties) if task["parentId"] == ids.party]) == 1
    await second_run_writes_nothing(service, parties, ids)


def _rows(parties: Parties, vendor: str) -> list[Any]:
    return (parties.advoware if vendor == "advoware" else parties.espocrm).log.rows()


async def _until(parties: Parties, party_id: str) -> None:
    """As the consumer would: again until there is nothing to do."""
    for _ in range(12):
        try:
            if isinstance(await parties.sync(party_id), Skip):
                return
        except HubError:
            continue
    raise AssertionError("never in step")
