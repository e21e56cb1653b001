"""P8: what no webhook told, in EspoCRM and in Advoware, is found by sweeps; and what is in step costs no write."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from beteiligte_worker.effects.keys import SWEEP_KEY
from beteiligte_worker.model.sweep import Listing, SweepBase
from shared.clients.redis_cache import RedisSettings
from shared.contracts.events import SweepEvent
from shared.contracts.subjects import BETEILIGTE_SWEEP
from shared.runtime.service import Service
from shared.settings import Secret
from tests.support.office import settled, stored
from tests.support.parties import Parties, open_parties, syncing
from tests.support.party_staff import (
    SECOND_IBAN,
    Ids,
    MovedClock,
    account,
    child,
    contacts,
    full_person,
    number,
    one_of_each,
    person,
    record,
    tasks,
    there,
)
from tests.support.redis import RedisPlace


class Firm(NamedTuple):
    """A worker at work between both vendors."""

    parties: Parties
    service: Service
    clock: MovedClock

    async def sweep(self, times: int = 1, *, force: bool = False) -> None:
        """Sweeps, each with all that it asks for."""
        for _ in range(times):
            await self.service.publisher.publish(BETEILIGTE_SWEEP, SweepEvent(source="schedule", force=force))
            await settled(self.service)

    async def quiet(self) -> None:
        """A quarter of an hour later there is nothing to do, and nothing is done."""
        self.clock.ahead_s += 900
        self.parties.advoware.advance(900)
        await self.sweep(2)
        self.parties.forget_logs()
        await self.sweep()
        assert self.parties.writes() == []
        assert await stored(self.service, "DEAD") == []

    async def progress(self) -> Listing:
        """How far Advoware's list was read."""
        base = await self.parties.deps.snapshots.read(SWEEP_KEY, SweepBase)
        assert base is not None
        return base.listing

    async def asked(self) -> int:
        """How many events of parties were published so far."""
        # Not what the history says: that is written in the background.
        return len([row for row in await stored(self.service, "VMH") if row["subject"] == "vmh.beteiligte.sync_check"])


@pytest.fixture
async def firm(service: Service, redis_server: RedisPlace) -> AsyncIterator[Firm]:
    """Advoware lists no parties; the guard refuses more than two vanished ones that are more than 30 %."""
    clock = MovedClock()
    redis = RedisSettings(redis_url=Secret(redis_server.url))
    async with (
        open_parties(service, redis, clock=clock, guard_max_changes=2) as parties,
        syncing(service, parties),
    ):
        yield Firm(parties, service, clock)


@pytest.fixture
async def listing(service: Service, redis_server: RedisPlace) -> AsyncIterator[Firm]:
    """Advoware lists parties, and the worker knows."""
    clock = MovedClock()
    redis = RedisSettings(redis_url=Secret(redis_server.url))
    async with open_parties(service, redis, lists=True, clock=clock) as parties, syncing(service, parties):
        yield Firm(parties, service, clock)


async def several(firm: Firm, count: int) -> list[Ids]:
    """Parties in step."""
    made = [full_person(firm.parties, name=f"Müßig {one}") for one in range(count)]
    await firm.sweep()
    for one, ids in enumerate(made):
        one_of_each(firm.parties, ids, name=f"Müßig {one}")
    return made


async def test_new_and_changed_parties_are_found(firm: Firm) -> None:
    """Both webhooks lost, and every later sweep finds nothing to write."""
    ids = (await several(firm, 3))[2]
    firm.parties.espocrm.save("CBeteiligte", ids.party, {"titel": "Dr."})
    await firm.sweep()
    assert there(firm.parties, ids.party)["titel"] == "Dr."
    await firm.quiet()


async def test_changed_accounts_and_addresses_are_found(firm: Firm) -> None:
    """Their saves leave the party as it is; the next sweep asks it all the same, and not for ever."""
    ids = (await several(firm, 6))[0]  # its turn comes first, and not again in this test
    for rows in (firm.parties.espocrm.records.rows[name].values() for name in ("CAdressen", "CBankverbindungen")):
        for row in rows:
            row["modifiedAt"] = "2026-01-01 00:00:00"
    await firm.sweep()
    before = await firm.asked()
    await firm.sweep()
    assert await firm.asked() - before == 1, "only the one whose turn it is"
    firm.parties.espocrm.save("CAdressen", ids.address, {"adresseStreet": "Lange Straße 2"})
    await firm.sweep()
    assert there(firm.parties, ids.party)["adressen"][0]["strasse"] == "Lange Straße 2"
    second = account(firm.parties, ids.party, iban=SECOND_IBAN)
    await firm.sweep()
    assert len(there(firm.parties, ids.party)["bankverbindungen"]) == 2
    assert child(firm.parties, "CBankverbindungen", second)["syncStatus"] == "clean"
    await firm.quiet()


async def test_a_sweep_that_found_an_account_once_does_not_find_it_for_ever(firm: Firm) -> None:
    """P4: a quarter of an hour later a sweep asks for the one party whose turn it is, and for nobody else."""
    await several(firm, 4)
    firm.clock.ahead_s += 900
    await firm.sweep(2)
    before = await firm.asked()
    await firm.sweep()
    assert await firm.asked() - before == 1


async def test_what_changed_in_advoware_is_found_within_a_day(firm: Firm) -> None:
    """Advoware has no webhooks: each party is compared once in as many sweeps as a day has, here in five."""
    made = await several(firm, 5)
    await firm.quiet()
    for ids in made:
        betnr = number(firm.parties, ids.party)
        firm.parties.advoware.staff.change_beteiligter(betnr, titel="Dr.")
        firm.parties.advoware.staff.add_kommunikation(betnr, tlf="+4951198765", kommKz=6)
    await firm.sweep(5)
    assert [record(firm.parties, ids.party)["titel"] for ids in made] == ["Dr."] * 5
    assert all("+4951198765" in contacts(firm.parties, ids.party) for ids in made)


async def test_what_was_deleted_beside_the_party_is_found_within_a_day(firm: Firm) -> None:
    """No list shows a deleted account: the walk does, and staff are told."""
    made = await several(firm, 3)
    await firm.quiet()
    firm.parties.espocrm.remove("CBankverbindungen", made[1].account)
    await firm.sweep(3)
    [task] = tasks(firm.parties)
    assert task["parentId"] == made[1].party


async def test_a_listed_change_is_found_by_the_next_sweep(listing: Firm) -> None:
    """Where Advoware can list what changed: at once, in one request, and not again."""
    made = await several(listing, 5)
    await listing.quiet()
    for ids in made[1:3]:
        listing.parties.advoware.staff.change_beteiligter(number(listing.parties, ids.party), titel="Dr.")
    before = await listing.asked()
    await listing.sweep()
    assert [record(listing.parties, ids.party)["titel"] for ids in made] == [None, "Dr.", "Dr.", None, None]
    assert await listing.asked() - before <= 3
    await listing.quiet()


async def test_strangers_in_advoware_are_left_alone(listing: Firm) -> None:
    """Advoware has many parties that EspoCRM never heard of: nothing is made of them."""
    for one in range(3):
        listing.parties.advoware.staff.add_beteiligter(name=f"Fremd {one}")
    ids = full_person(listing.parties)
    await listing.sweep(2)
    one_of_each(listing.parties, ids)
    assert listing.parties.espocrm.list_ids("CBeteiligte") == [ids.party]


async def test_a_long_list_is_read_in_bounded_pieces(listing: Firm) -> None:
    """P12: a sweep reads 5,000 rows of what Advoware lists and the next one goes on there: no change is passed over."""
    for one in range(5_100):
        listing.parties.advoware.staff.add_beteiligter(name=f"Fremd {one}")
    await listing.sweep()
    cut = await listing.progress()
    assert (cut.since, cut.offset, bool(cut.until)) == ("", 5_000, True)
    await listing.sweep()
    assert await listing.progress() == Listing(since=cut.until)


async def test_parties_that_vanished_are_told(firm: Firm) -> None:
    """Deleted in EspoCRM and the webhook lost: a task each, in Advoware nothing is deleted, and told once."""
    made = await several(firm, 3)
    for ids in made[:2]:
        firm.parties.espocrm.remove("CBeteiligte", ids.party)
    await firm.sweep()
    assert len(tasks(firm.parties)) == 2
    assert len(firm.parties.advoware.beteiligte()) == 3
    await firm.quiet()
    assert len(tasks(firm.parties)) == 2


async def test_many_vanished_parties_wait_for_a_human(firm: Firm) -> None:
    """P9: EspoCRM looks suddenly empty: a dead letter with the counts, no task; the rest of the sweep goes on."""
    made = await several(firm, 4)
    for ids in made[:3]:
        firm.parties.espocrm.remove("CBeteiligte", ids.party)
    firm.parties.espocrm.save("CBeteiligte", made[3].party, {"titel": "Dr."})
    await firm.sweep()
    [letter] = await stored(firm.service, "DEAD")
    assert letter["headers"]["Hub-Error"] == "Refused"
    assert "3 of 4 parties" in letter["headers"]["Hub-Reason"]
    assert tasks(firm.parties) == []
    assert there(firm.parties, made[3].party)["titel"] == "Dr."
    await firm.sweep(force=True)
    assert len(tasks(firm.parties)) == 3
    await firm.sweep()
    assert len(await stored(firm.service, "DEAD")) == 1


async def test_a_restored_party_is_found(firm: Firm) -> None:
    """restoreDeleted fires no webhook and moves no `modifiedAt`."""
    made = await several(firm, 2)
    firm.parties.espocrm.remove("CBeteiligte", made[0].party)
    await firm.sweep()
    firm.parties.espocrm.restore("CBeteiligte", made[0].party)
    firm.parties.espocrm.save("CBeteiligte", made[0].party, {"titel": "Dr."}, silent=True)
    await firm.sweep()
    assert there(firm.parties, made[0].party)["titel"] == "Dr."
    await firm.quiet()


async def test_a_party_without_a_name_is_no_endless_work(firm: Firm) -> None:
    """P5: it stays `pending_sync` and is looked at by every sweep, and nothing is ever written for it."""
    nameless = person(firm.parties, name="")
    await firm.sweep()
    assert record(firm.parties, nameless)["syncStatus"] == "pending_sync"
    firm.parties.forget_logs()
    await firm.sweep(2)
    assert firm.parties.writes() == []
    assert firm.parties.advoware.beteiligte() == []
