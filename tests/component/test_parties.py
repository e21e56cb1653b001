"""The parties' sync against both simulators over HTTP, with a real NATS and a real Redis under it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from beteiligte_worker.handlers import preview
from beteiligte_worker.plan.notices import gone_text
from local_stack.nats_server import NatsServer
from shared.clients.redis_cache import RedisSettings
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import BANKVERBINDUNGEN_DELETE, BANKVERBINDUNGEN_UPDATE, BETEILIGTE_CREATE
from shared.outcomes.errors import Parked, Refused, Unavailable
from shared.outcomes.outcome import Done, Skip
from shared.outcomes.reason import Reason
from shared.runtime.bus import NatsSettings
from shared.runtime.service import Service, start
from simulators.faults import Fault
from simulators.harness import serve
from tests.support.office import history, settled, stored
from tests.support.parties import Parties, open_parties, syncing
from tests.support.party_staff import (
    IBAN,
    SECOND_IBAN,
    account,
    address,
    base_of,
    child,
    contacts,
    full_person,
    in_step,
    number,
    one_of_each,
    open_intents,
    person,
    record,
    tasks,
    there,
)
from tests.support.processes import ROOT
from tests.support.redis import RedisPlace


@pytest.fixture
async def parties(service: Service, redis: RedisSettings) -> AsyncIterator[Parties]:
    """Both vendors, empty; Advoware lists no parties."""
    async with open_parties(service, redis) as opened:
        yield opened


@pytest.fixture
async def listing(service: Service, redis: RedisSettings) -> AsyncIterator[Parties]:
    """Both vendors, empty; Advoware can list parties, and the worker knows."""
    async with open_parties(service, redis, lists=True) as opened:
        yield opened


async def test_a_new_party_ends_in_advoware_with_everything_of_it(service: Service, parties: Parties) -> None:
    """The main job: one event, and party, contacts, address and account are there, and clean in EspoCRM."""
    ids = full_person(parties)
    async with syncing(service, parties):
        await service.publisher.publish(BETEILIGTE_CREATE, EntityEvent(entity_id=ids.party, source="webhook"))
        await settled(service)
    one_of_each(parties, ids)
    made = there(parties, ids.party)
    assert (made["name"], made["vorname"], made["anrede"]) == ("Müßig", "Jürgen", "Herr")
    assert made["geburtsdatum"] == "1961-02-03T00:00:00"
    assert [(row["tlf"], row["kommKz"], row["online"]) for row in made["kommunikation"]] == [
        ("j.muessig@example.org", 4, True),
        ("+4951112345", 1, True),
        ("+491701234567", 3, False),
    ]
    [place] = made["adressen"]
    assert (place["strasse"], place["plz"], place["ort"]) == ("Große Straße 1", "30159", "Hannover")
    [konto] = made["bankverbindungen"]
    assert (konto["iban"], konto["kontoinhaber"]) == (IBAN, "J. Müßig")
    told = record(parties, ids.party)
    assert told["advowareRowId"] == made["rowId"]
    assert told["advowareLastSync"]
    assert (told["syncErrorMessage"], told["syncRetryCount"] or 0) == (None, 0)
    assert child(parties, "CAdressen", ids.address)["syncStatus"] == "clean"
    assert child(parties, "CBankverbindungen", ids.account)["syncStatus"] == "clean"
    assert tasks(parties) == []
    assert await open_intents(service) == []
    endings = [(row["subject"], row["outcome"], row["reason"]) for row in await history(service)]
    assert endings[:2] == [
        ("vmh.beteiligte.create", "done", "party_created"),
        ("vmh.beteiligte.sync_check", "done", "party_synced"),
    ]


async def test_a_second_run_writes_nothing(parties: Parties) -> None:
    """P5: everything is in step, so neither vendor sees a write."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    parties.forget_logs()
    for _ in range(3):
        assert await parties.sync(ids.party) == Skip(Reason.IN_STEP)
    assert parties.writes() == []


async def test_a_party_that_both_sides_have_is_matched_and_not_doubled(parties: Parties) -> None:
    """The first sync of an old party: what is equal is only marked, what is missing comes, nothing exists twice."""
    staff = parties.advoware.staff
    betnr = staff.add_beteiligter(name="Müßig", vorname="Jürgen", anrede="Herr", geburtsdatum="1961-02-03T00:00:00")
    staff.add_kommunikation(betnr, tlf="J.Muessig@Example.org", kommKz=4)
    staff.add_kommunikation(betnr, tlf="0511 12345", kommKz=1)
    staff.add_bankverbindung(betnr, iban=IBAN, kontoinhaber="J. Müßig")
    ids = full_person(parties, betnr=betnr)
    await in_step(parties, ids.party)
    found = there(parties, ids.party)
    assert len(parties.advoware.beteiligte()) == 1
    assert sorted(row["kommKz"] for row in found["kommunikation"]) == [1, 3, 4]
    assert len(found["bankverbindungen"]) == len(found["adressen"]) == 1
    assert len(contacts(parties, ids.party)) == 3
    assert record(parties, ids.party)["syncStatus"] == "clean"


# Both directions, part by part.


async def test_stammdaten_go_both_ways(parties: Parties) -> None:
    """A change on either side arrives at the other."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    parties.espocrm.save("CBeteiligte", ids.party, {"lastName": "Schön"})
    await in_step(parties, ids.party)
    assert there(parties, ids.party)["name"] == "Schön"
    parties.advoware.staff.change_beteiligter(number(parties, ids.party), vorname="Jörg", titel="Dr.")
    await in_step(parties, ids.party)
    found = record(parties, ids.party)
    assert (found["firstName"], found["titel"], found["syncStatus"]) == ("Jörg", "Dr.", "clean")
    assert tasks(parties) == []


async def test_a_put_takes_nothing_away_that_is_not_ours(parties: Parties) -> None:
    """Advoware resets what a PUT leaves out, so the whole record goes back."""
    party = person(parties)
    await in_step(parties, party)
    parties.advoware.staff.change_beteiligter(number(parties, party), zusatz="z. Hd. Anna", bAnrede="Sehr geehrter")
    parties.espocrm.save("CBeteiligte", party, {"titel": "Dr."})
    await in_step(parties, party)
    found = there(parties, party)
    assert (found["zusatz"], found["bAnrede"], found["titel"]) == ("z. Hd. Anna", "Sehr geehrter", "Dr.")


async def test_contacts_go_both_ways(parties: Parties) -> None:
    """New, changed and deleted mails and phones of either side."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    betnr = number(parties, ids.party)
    staff = parties.advoware.staff
    mail = next(row["id"] for row in there(parties, ids.party)["kommunikation"] if row["kommKz"] == 4)
    staff.add_kommunikation(betnr, tlf="+4951198765", kommKz=6)
    staff.change_kommunikation(betnr, mail, tlf="neu@example.org")
    await in_step(parties, ids.party)
    assert contacts(parties, ids.party) == ["neu@example.org", "+4951112345", "+491701234567", "+4951198765"]
    phones = [{"phoneNumber": "+4951112345", "type": "Office", "primary": True}, {"phoneNumber": "+4930555"}]
    parties.espocrm.save("CBeteiligte", ids.party, {"phoneNumberData": [*phones, {"phoneNumber": "+49301111111"}]})
    await in_step(parties, ids.party)
    held = sorted(str(row["tlf"]) for row in there(parties, ids.party)["kommunikation"] if row["tlf"])
    assert held == sorted(contacts(parties, ids.party))
    staff.remove_kommunikation(betnr, mail)
    await in_step(parties, ids.party)
    assert "neu@example.org" not in contacts(parties, ids.party)
    assert tasks(parties) == []


async def test_addresses_go_both_ways(parties: Parties) -> None:
    """New and changed ones of either side; what Advoware's API cannot change is told in one task."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    betnr = number(parties, ids.party)
    parties.espocrm.save("CAdressen", ids.address, {"adresseStreet": "Lange Straße 2"})
    second = parties.advoware.staff.add_adresse(betnr, strasse="Ufer 3", plz="20095", ort="Hamburg")
    await in_step(parties, ids.party)
    assert [row["strasse"] for row in there(parties, ids.party)["adressen"]] == ["Lange Straße 2", "Ufer 3"]
    [mirrored] = [one for one in parties.espocrm.list_ids("CAdressen") if one != ids.address]
    mirror = child(parties, "CAdressen", mirrored)
    assert (mirror["adresseCity"], mirror["advowareAdressId"], mirror["beteiligteId"]) == ("Hamburg", second, ids.party)
    parties.advoware.staff.change_adresse(betnr, second, ort="Altona")
    await in_step(parties, ids.party)
    assert child(parties, "CAdressen", mirrored)["adresseCity"] == "Altona"
    assert tasks(parties) == []
    parties.espocrm.save("CAdressen", ids.address, {"adresseCountry": "Österreich"})
    await in_step(parties, ids.party)
    await in_step(parties, ids.party)
    [task] = tasks(parties)
    assert "von Hand" in task["description"]
    assert task["parentId"] == ids.party
    assert child(parties, "CAdressen", ids.address)["syncStatus"] == "unclean"


async def test_accounts_go_to_advoware_and_changes_there_come_back(parties: Parties) -> None:
    """A new one is posted; a change in Advoware arrives; a new one there is told and not made here."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    betnr = number(parties, ids.party)
    second = account(parties, ids.party, iban=SECOND_IBAN)
    await in_step(parties, ids.party)
    posted = child(parties, "CBankverbindungen", second)["advowareKontoId"]
    assert [row["id"] for row in there(parties, ids.party)["bankverbindungen"]][1] == posted
    parties.advoware.staff.change_bankverbindung(betnr, posted, bank="Sparkasse")
    await in_step(parties, ids.party)
    assert child(parties, "CBankverbindungen", second)["bankname"] == "Sparkasse"
    assert tasks(parties) == []
    parties.advoware.staff.add_bankverbindung(betnr, iban="DE75512108001245126199")
    await in_step(parties, ids.party)
    assert len(parties.espocrm.list_ids("CBankverbindungen")) == 2
    assert len(tasks(parties)) == 1


async def test_edits_of_different_fields_on_both_sides_are_both_kept(parties: Parties) -> None:
    """Nobody's work is lost, in all parts at once, and nobody is bothered with it."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    betnr = number(parties, ids.party)
    parties.espocrm.save("CBeteiligte", ids.party, {"titel": "Dr.", "emailAddressData": [{"emailAddress": "a@b.de"}]})
    parties.espocrm.save("CAdressen", ids.address, {"adresseStreet": "Lange Straße 2"})
    parties.advoware.staff.change_beteiligter(betnr, name="Schön")
    parties.advoware.staff.add_kommunikation(betnr, tlf="+4951198765", kommKz=6)
    parties.advoware.staff.change_adresse(
        betnr, child(parties, "CAdressen", ids.address)["advowareAdressId"], ort="Celle"
    )
    await in_step(parties, ids.party)
    ours, theirs = record(parties, ids.party), there(parties, ids.party)
    assert (ours["titel"], ours["lastName"]) == (theirs["titel"], theirs["name"]) == ("Dr.", "Schön")
    assert set(contacts(parties, ids.party)) == {"a@b.de", "+4951112345", "+491701234567", "+4951198765"}
    assert {row["tlf"] for row in theirs["kommunikation"] if row["tlf"]} == set(contacts(parties, ids.party))
    [place] = theirs["adressen"]
    assert (place["strasse"], place["ort"]) == ("Lange Straße 2", "Celle")
    assert child(parties, "CAdressen", ids.address)["adresseCity"] == "Celle"


async def test_of_a_true_conflict_espocrms_is_kept_and_the_loser_is_not_lost(
    service: Service, parties: Parties
) -> None:
    """One task names the field and has both values; the loser's is in the snapshot, and in no history."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    parties.espocrm.save("CBeteiligte", ids.party, {"lastName": "Schön"})
    parties.advoware.staff.change_beteiligter(number(parties, ids.party), name="Kanarienvogel")
    async with syncing(service, parties):
        await service.publisher.publish(BETEILIGTE_CREATE, EntityEvent(entity_id=ids.party))
        await settled(service)
    assert record(parties, ids.party)["lastName"] == there(parties, ids.party)["name"] == "Schön"
    [task] = tasks(parties)
    assert "Nachname" in task["description"]
    assert "Kanarienvogel" in task["description"]
    assert (task["parentId"], task["assignedUserId"]) == (ids.party, parties.espocrm.actor("admin").id)
    base = await base_of(parties, ids.party)
    assert [(one.field, one.kept, one.lost) for one in base.conflicts] == [("lastName", "Schön", "Kanarienvogel")]
    assert record(parties, ids.party)["syncStatus"] == "clean"
    assert "Kanarienvogel" not in repr(await stored(service, "HISTORY"))
    await in_step(parties, ids.party)
    assert len(tasks(parties)) == 1


async def test_a_task_goes_to_the_partys_own_lawyer(parties: Parties) -> None:
    """The assigned user, where there is one; else the user of the settings."""
    user = parties.espocrm.actor("hub").id
    party = person(parties, assignedUserId=user)
    await in_step(parties, party)
    parties.espocrm.save("CBeteiligte", party, {"titel": "Dr."})
    parties.advoware.staff.change_beteiligter(number(parties, party), titel="Prof.")
    await in_step(parties, party)
    assert [task["assignedUserId"] for task in tasks(parties)] == [user]


async def test_a_task_for_a_lawyer_who_has_left_goes_to_the_one_of_the_settings(parties: Parties) -> None:
    """EspoCRM refuses an assignee who was deleted; the party is synced all the same."""
    user = "6b0301bb0000000ff"
    parties.espocrm.seed({"records": {"User": [{"id": user, "userName": "gone", "name": "Gone", "type": "regular"}]}})
    party = person(parties, assignedUserId=user)
    await in_step(parties, party)
    parties.espocrm.remove("User", user)
    parties.espocrm.save("CBeteiligte", party, {"titel": "Dr."})
    parties.advoware.staff.change_beteiligter(number(parties, party), titel="Prof.")
    await in_step(parties, party)
    assert there(parties, party)["titel"] == "Dr."
    assert [task["assignedUserId"] for task in tasks(parties)] == [parties.espocrm.actor("admin").id]


async def test_a_field_that_advoware_ignores_is_told_once_and_not_sent_again(parties: Parties) -> None:
    """P5: Advoware answers 200 and stores nothing; no loop, one task, and clean."""
    party = person(parties, firmenname="Müßig GmbH", handelsregisterNummer="HRB 1")
    await in_step(parties, party)
    parties.espocrm.save("CBeteiligte", party, {"handelsregisterNummer": "HRB 2"})
    await in_step(parties, party)
    parties.forget_logs()
    for _ in range(3):
        assert await parties.sync(party) == Skip(Reason.IN_STEP)
    assert parties.writes() == []
    [task] = tasks(parties)
    assert "Handelsregisternummer" in task["description"]
    assert record(parties, party)["syncStatus"] == "clean"
    assert there(parties, party)["handelsRegisterNummer"] == "HRB 1"


# Gone.


async def test_a_party_deleted_in_espocrm_stays_in_advoware(parties: Parties) -> None:
    """Nothing is ever deleted there; one task asks staff to, without a parent, since that is gone."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    before = there(parties, ids.party)
    parties.espocrm.remove("CBeteiligte", ids.party)
    parties.forget_logs()
    assert await parties.sync(ids.party) == Done(Reason.DELETE_TOLD, {"tell": 1})
    assert parties.writes() == ["espocrm POST /api/v1/Task"]
    assert parties.advoware.beteiligter(before["betNr"]) == before
    [task] = tasks(parties)
    assert str(before["betNr"]) in task["description"]
    assert not task["parentId"]
    assert await parties.sync(ids.party) == Skip(Reason.IN_STEP)
    assert len(tasks(parties)) == 1


async def test_a_party_brought_back_in_espocrm_is_the_same_in_advoware(parties: Parties) -> None:
    """restoreDeleted: no second party."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    parties.espocrm.remove("CBeteiligte", ids.party)
    await in_step(parties, ids.party)
    parties.espocrm.restore("CBeteiligte", ids.party)
    parties.espocrm.save("CBeteiligte", ids.party, {"titel": "Dr."})
    await in_step(parties, ids.party)
    assert there(parties, ids.party)["titel"] == "Dr."
    assert len(parties.advoware.beteiligte()) == 1


async def test_a_party_gone_in_advoware_is_marked_and_told(parties: Parties) -> None:
    """State, text and one task; in EspoCRM nothing is deleted, and a second look writes nothing."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    before = contacts(parties, ids.party)
    betnr = number(parties, ids.party)
    parties.advoware.staff.remove_beteiligter(betnr)
    assert (await parties.sync(ids.party)).reason == Reason.PARTY_GONE
    found = record(parties, ids.party)
    assert (found["syncStatus"], found["syncErrorMessage"]) == ("deleted_in_advoware", gone_text())
    assert contacts(parties, ids.party) == before
    [task] = tasks(parties)
    assert str(betnr) in task["description"]
    parties.forget_logs()
    assert await parties.sync(ids.party) == Skip(Reason.IN_STEP)
    assert parties.writes() == []


async def test_a_lost_party_is_made_anew_when_staff_empty_its_number(service: Service, parties: Parties) -> None:
    """What the task says: everything of it is there again, under another number."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    old = number(parties, ids.party)
    parties.advoware.staff.remove_beteiligter(old)
    await in_step(parties, ids.party)
    parties.espocrm.save("CBeteiligte", ids.party, {"betnr": None})
    await in_step(parties, ids.party)
    assert number(parties, ids.party) != old
    one_of_each(parties, ids)
    assert await open_intents(service) == []


@pytest.mark.parametrize("path", ["/api/v1/advonet/.*", "/api/v1/advonet/(Beteiligte/.*|Mitarbeiter)"])
async def test_an_advoware_that_knows_nothing_marks_nobody_gone(parties: Parties, path: str) -> None:
    """P9: a wrong base URL answers 404 to everything; nobody is gone, nothing is told, and it is tried again."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    parties.advoware.faults.add(Fault(kind="error", status=404, path=path, times=None))
    parties.forget_logs()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await parties.sync(ids.party)
    assert parties.writes() == []
    assert record(parties, ids.party)["syncStatus"] == "clean"
    parties.advoware.faults.clear()
    assert await parties.sync(ids.party) == Skip(Reason.IN_STEP)


async def test_an_advoware_without_employees_is_not_believed(parties: Parties) -> None:
    """P9: another office's empty database has neither the party nor anybody."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    parties.advoware.staff.remove_beteiligter(number(parties, ids.party))
    parties.advoware.staff.remove_mitarbeiter("SB")
    with pytest.raises(Unavailable):
        await parties.sync(ids.party)
    assert record(parties, ids.party)["syncStatus"] == "clean"


async def test_contacts_that_all_vanish_at_once_are_refused(parties: Parties) -> None:
    """P9: EspoCRM keeps them until an operator says that it is right."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    before = contacts(parties, ids.party)
    betnr = number(parties, ids.party)
    for row in there(parties, ids.party)["kommunikation"]:
        parties.advoware.staff.remove_kommunikation(betnr, row["id"])
    parties.forget_logs()
    with pytest.raises(Refused, match="all 3 Kommunikation"):
        await parties.sync(ids.party)
    assert parties.writes() == []
    assert contacts(parties, ids.party) == before
    await parties.sync(ids.party, force=True)
    assert contacts(parties, ids.party) == []


async def test_another_number_by_hand_is_synced_with_that_party(parties: Parties) -> None:
    """Nothing is taken over from the old one's memory: what differs is decided as at a first sync."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    old = number(parties, ids.party)
    other = parties.advoware.staff.add_beteiligter(name="Müßig", vorname="Jürgen", titel="Dr.")
    parties.espocrm.save("CBeteiligte", ids.party, {"betnr": other})
    await in_step(parties, ids.party)
    found = there(parties, ids.party)
    assert found["betNr"] == other
    assert record(parties, ids.party)["titel"] == found["titel"] == "Dr."
    assert {row["tlf"] for row in found["kommunikation"]} == set(contacts(parties, ids.party))
    before: dict[str, Any] = dict(parties.advoware.beteiligter(old))
    assert len(before["kommunikation"]) == 3


# Lost answers that nobody can look up.


async def test_a_lost_answer_to_creating_is_parked_and_healed_by_hand(service: Service, parties: Parties) -> None:
    """P2: Advoware cannot be searched, so nothing is made twice: state, text, one task; entering the number heals."""
    ids = full_person(parties)
    parties.advoware.faults.add(Fault(kind="lost", method="POST", path="/api/v1/advonet/Beteiligte"))
    async with syncing(service, parties):
        await service.publisher.publish(BETEILIGTE_CREATE, EntityEvent(entity_id=ids.party, source="webhook"))
        await settled(service)
        [letter] = await stored(service, "DEAD")
        assert letter["headers"]["Hub-Error"] == "Parked"
        found = record(parties, ids.party)
        assert found["syncStatus"] == "failed"
        assert "Bitte dort nachsehen" in found["syncErrorMessage"]
        [task] = tasks(parties)
        assert "seine Nummer in EspoCRM eintragen" in task["description"]
        await service.publisher.publish(BETEILIGTE_CREATE, EntityEvent(entity_id=ids.party, force=True))
        await settled(service)
        assert len(await stored(service, "DEAD")) == 2
        assert len(tasks(parties)) == 1
        [made] = parties.advoware.beteiligte()
        parties.espocrm.save("CBeteiligte", ids.party, {"betnr": made["betNr"]})
        await service.publisher.publish(BETEILIGTE_CREATE, EntityEvent(entity_id=ids.party, source="webhook"))
        await settled(service)
    one_of_each(parties, ids)
    assert record(parties, ids.party)["syncErrorMessage"] is None
    assert await open_intents(service) == []
    assert len(await stored(service, "DEAD")) == 2


async def test_a_number_by_hand_heals_also_a_party_that_had_another(service: Service, parties: Parties) -> None:
    """P2: gone in Advoware, made anew with a lost answer: what the old number's memory says closes nothing wrongly."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    parties.advoware.staff.remove_beteiligter(number(parties, ids.party))
    await in_step(parties, ids.party)
    parties.espocrm.save("CBeteiligte", ids.party, {"betnr": None})
    parties.advoware.faults.add(Fault(kind="lost", method="POST", path="/api/v1/advonet/Beteiligte"))
    with pytest.raises(Unavailable):
        await parties.sync(ids.party)
    with pytest.raises(Parked):
        await parties.sync(ids.party)
    [made] = parties.advoware.beteiligte()
    parties.espocrm.save("CBeteiligte", ids.party, {"betnr": made["betNr"]})
    await in_step(parties, ids.party)
    one_of_each(parties, ids)
    assert await open_intents(service) == []


@pytest.mark.parametrize("kind", ["lost", "cut_answer"])
async def test_a_lost_answer_to_creating_is_looked_up_where_advoware_lists(
    service: Service, listing: Parties, kind: Any
) -> None:
    """P2: the one party that looks like what was sent is adopted."""
    ids = full_person(listing)
    listing.advoware.staff.add_beteiligter(name="Schön", vorname="Jürgen")
    listing.advoware.faults.add(Fault(kind=kind, method="POST", path="/api/v1/advonet/Beteiligte"))
    await in_step(listing, ids.party)
    one_of_each(listing, ids)
    assert len(listing.advoware.beteiligte()) == 2
    assert await open_intents(service) == []


async def test_two_that_look_alike_are_for_a_person_to_choose(listing: Parties) -> None:
    """P2: never guess, never duplicate."""
    ids = full_person(listing)
    fields = {"name": "Müßig", "vorname": "Jürgen", "geburtsdatum": "1961-02-03T00:00:00"}
    listing.advoware.faults.add(Fault(kind="lost", method="POST", path="/api/v1/advonet/Beteiligte"))
    with pytest.raises(Unavailable):
        await listing.sync(ids.party)
    listing.advoware.staff.add_beteiligter(**fields)
    with pytest.raises(Parked, match="2 objects"):
        await listing.sync(ids.party)
    assert len(listing.advoware.beteiligte()) == 2


# Accounts' events, many events, many workers.


async def test_an_accounts_event_asks_its_party_also_once_it_is_deleted(service: Service, parties: Parties) -> None:
    """EspoCRM can no longer tell whose it was; the snapshot can, and staff are told to delete it in Advoware."""
    ids = full_person(parties)
    await in_step(parties, ids.party)
    second = account(parties, ids.party, iban=SECOND_IBAN)
    async with syncing(service, parties):
        await service.publisher.publish(BANKVERBINDUNGEN_UPDATE, EntityEvent(entity_id=second, source="webhook"))
        await settled(service)
        assert len(there(parties, ids.party)["bankverbindungen"]) == 2
        parties.espocrm.remove("CBankverbindungen", second)
        parties.espocrm.erase("CBankverbindungen", second)
        await service.publisher.publish(BANKVERBINDUNGEN_DELETE, EntityEvent(entity_id=second, source="webhook"))
        await settled(service)
    [task] = tasks(parties)
    assert "gelöscht" in task["description"]
    assert SECOND_IBAN in task["description"]
    assert len(there(parties, ids.party)["bankverbindungen"]) == 2
    reasons = [(row["subject"], row["reason"]) for row in await history(service)]
    assert ("vmh.bankverbindungen.delete", "party_asked") in reasons


async def test_an_account_that_moves_asks_both_parties(service: Service, parties: Parties) -> None:
    """The one it belongs to now, and the one it belonged to."""
    first, second = full_person(parties), person(parties, name="Schön")
    for party in (first.party, second):
        await in_step(parties, party)
    async with syncing(service, parties):
        await service.publisher.publish(BANKVERBINDUNGEN_UPDATE, EntityEvent(entity_id=first.account))
        await settled(service)
        parties.espocrm.save("CBankverbindungen", first.account, {"beteiligteId": second})
        await service.publisher.publish(BANKVERBINDUNGEN_UPDATE, EntityEvent(entity_id=first.account))
        await settled(service)
    asked = [row["subject"] for row in await stored(service, "HISTORY") if b"vmh.beteiligte.sync_check" in row["body"]]
    assert asked.count(f"history.CBeteiligte.{first.party}") >= 2
    assert f"history.CBeteiligte.{second}" in asked


async def test_an_account_of_nobody_is_skipped(service: Service, parties: Parties) -> None:
    """With its reason."""
    nobodys = account(parties, "")
    async with syncing(service, parties):
        await service.publisher.publish(BANKVERBINDUNGEN_UPDATE, EntityEvent(entity_id=nobodys))
        await settled(service)
    assert [(row["outcome"], row["reason"]) for row in await history(service)] == [("skip", "no_party")]


async def test_two_replicas_and_two_hundred_events_are_few_runs(
    service: Service, parties: Parties, nats_server: NatsServer
) -> None:
    """P2, P4: one party, one of everything, and a handful of runs."""
    ids = full_person(parties)
    async with start("document_worker", NatsSettings(nats_url=nats_server.url), {}) as second:
        replica = msgspec.structs.replace(parties.deps, publisher=second.publisher)
        theirs = msgspec.structs.replace(parties, deps=replica)
        for _ in range(200):
            await service.publisher.publish(BETEILIGTE_CREATE, EntityEvent(entity_id=ids.party, source="webhook"))
        async with syncing(service, parties), syncing(second, theirs):
            await settled(service)
    one_of_each(parties, ids)
    assert await open_intents(service) == []
    assert await stored(service, "DEAD") == []
    runs = [row for row in await history(service) if row["outcome"] in ("done", "skip")]
    assert len(runs) <= 12, [(row["subject"], row["reason"]) for row in runs]


# The dry run.


def shown(lines: list[str]) -> list[str]:
    """The dry run's lines in the words of `Parties.writes`; bus events are not among these."""
    found = []
    for line in lines:
        vendor, method, path = line.split(" (")[0].split(" ")[:3]
        if vendor != "nats":
            base = "/api/v1/" if vendor == "espocrm" else "/api/v1/advonet/"
            found.append(f"{vendor} {method} {base}{path}")
    return sorted(found)


async def test_a_dry_run_lists_exactly_the_writes_of_the_real_run(parties: Parties) -> None:
    """It writes nothing itself, and the real run then makes just these writes: creating, filling, changing, telling."""
    ids = full_person(parties)

    async def compare() -> None:
        event = EntityEvent(entity_id=ids.party, entity_type="CBeteiligte")
        parties.forget_logs()
        _, planned = await preview(event, parties.deps)
        assert parties.writes() == []
        await parties.sync(ids.party)
        assert shown(planned) == sorted(parties.writes())

    for _ in range(3):
        await compare()
    betnr = number(parties, ids.party)
    parties.espocrm.save("CBeteiligte", ids.party, {"titel": "Dr.", "phoneNumberData": [], "syncStatus": "dirty"})
    parties.espocrm.save("CAdressen", ids.address, {"adresseStreet": "Lange Straße 2"})
    account(parties, ids.party, iban=SECOND_IBAN)
    address(parties, ids.party, street="Ufer 3")
    parties.advoware.staff.change_beteiligter(betnr, titel="Prof.", vorname="Jörg")
    parties.advoware.staff.add_adresse(betnr, strasse="Hafen 4", plz="20095", ort="Hamburg")
    parties.advoware.staff.add_kommunikation(betnr, tlf="+4951198765", kommKz=6)
    for _ in range(3):
        await compare()
    parties.espocrm.save("CBeteiligte", ids.party, {"syncStatus": "dirty"})
    await compare()
    parties.advoware.staff.remove_beteiligter(betnr)
    for _ in range(2):
        await compare()
    parties.espocrm.remove("CBeteiligte", ids.party)
    for _ in range(2):
        await compare()


async def test_a_dry_run_from_the_command_line(
    parties: Parties, redis_server: RedisPlace, nats_server: NatsServer
) -> None:
    """`python -m beteiligte_worker plan CBeteiligte <id>` prints reason and writes, no value, and writes nothing."""
    ids = full_person(parties, name="Kanarienvogel")
    async with serve(parties.espocrm) as espocrm_url, serve(parties.advoware) as advoware_url:
        account_ = parties.advoware.credentials
        environ = {
            "HUB_ENV": "demo",
            "NATS_URL": nats_server.url,
            "REDIS_URL": redis_server.url,
            "HEALTH_PORT": "0",
            "ESPOCRM_API_BASE_URL": f"{espocrm_url}/api/v1",
            "ESPOCRM_API_KEY": "demo",
            "ADVOWARE_DISCOVERY_URL": f"{advoware_url}/AdvonetConfigurator/api/Url",
            "ADVOWARE_APP_ID": account_.app_id,
            "ADVOWARE_API_KEY": account_.api_key,
            "ADVOWARE_KANZLEI": account_.kanzlei,
            "ADVOWARE_DATABASE": account_.database,
            "ADVOWARE_USER": account_.user,
            "ADVOWARE_PASSWORD": account_.password,
        }

        async def told() -> list[str]:
            parties.forget_logs()
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "beteiligte_worker", "plan", "CBeteiligte", ids.party),
                cwd=ROOT,
                env=environ,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await process.communicate()
            assert process.returncode == 0, err
            assert parties.writes() == []
            assert "Kanarienvogel" not in (out + err).decode()
            return [line.strip() for line in out.decode().splitlines() if not line.startswith("{")]  # its log

        first = await told()
        assert first[0] == f"CBeteiligte {ids.party}: party_created"
        await parties.sync(ids.party)
        assert shown(first[1:]) == sorted(parties.writes())
        await parties.sync(ids.party)
        assert await told() == [f"CBeteiligte {ids.party}: in_step", "nothing to write"]


async def test_a_consumer_of_a_party_worker_serves_all_its_routes(service: Service, parties: Parties) -> None:
    """A body without anything but the id is a complete event; one that is no event is a dead letter."""
    ids = full_person(parties)
    async with syncing(service, parties):
        await service.bus.nc.publish("vmh.beteiligte.update", msgspec.json.encode({"entity_id": ids.party}))
        await service.bus.nc.publish("vmh.beteiligte.update", b"{}")
        await service.bus.nc.flush()
        await settled(service)
    one_of_each(parties, ids)
    assert [letter["headers"]["Hub-Error"] for letter in await stored(service, "DEAD")] == ["Malformed"]
