"""The states of a party as staff see them: through the real consumer, with the worker's clock moved by hand."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec
import pytest

from beteiligte_worker.fields.names import bookkeeping
from shared.clients.redis_cache import RedisSettings
from shared.contracts.events import EntityEvent, SweepEvent
from shared.contracts.subjects import BETEILIGTE_CREATE, BETEILIGTE_SWEEP, BETEILIGTE_UPDATE
from shared.runtime.service import Service
from shared.settings import Secret
from simulators.faults import Fault
from tests.support.office import history, settled, stored
from tests.support.parties import Parties, open_parties, syncing
from tests.support.party_staff import (
    MovedClock,
    full_person,
    in_step,
    number,
    one_of_each,
    open_intents,
    person,
    record,
    tasks,
    there,
    until,
)
from tests.support.redis import RedisPlace

DAY_S = 24 * 3600
CREATING = "/api/v1/advonet/Beteiligte"


class Day(NamedTuple):
    """Both vendors, the service, and the clock by which parties rest."""

    parties: Parties
    service: Service
    clock: MovedClock

    async def webhook(self, party_id: str) -> None:
        """EspoCRM tells of a party; returns when all that follows is done."""
        await self.service.publisher.publish(BETEILIGTE_UPDATE, EntityEvent(entity_id=party_id, source="webhook"))
        await settled(self.service)

    async def sweep(self) -> None:
        """A sweep and all that it asks for."""
        await self.service.publisher.publish(BETEILIGTE_SWEEP, SweepEvent(source="schedule"))
        await settled(self.service)

    async def dead(self) -> int:
        return len(await stored(self.service, "DEAD"))

    async def last(self) -> tuple[str, str]:
        """Outcome and reason of the last delivery but sweeps."""
        rows = [row for row in await history(self.service) if row["subject"] != BETEILIGTE_SWEEP.name]
        return rows[-1]["outcome"], rows[-1]["reason"]


@pytest.fixture
async def day(service: Service, redis_server: RedisPlace) -> AsyncIterator[Day]:
    """A worker at work."""
    clock = MovedClock()
    redis = RedisSettings(redis_url=Secret(redis_server.url))
    async with open_parties(service, redis, clock=clock) as parties, syncing(service, parties):
        yield Day(parties, service, clock)


def refuse(parties: Parties, **more: Any) -> None:
    """Advoware refuses every new party."""
    parties.advoware.faults.add(Fault(kind="error", status=400, method="POST", path=CREATING, times=None, **more))


async def test_a_party_that_fails_five_times_rests_for_a_day_and_begins_anew(day: Day) -> None:
    """P6: 1, 5, 15, 60 minutes, each found by a sweep when it is due and not before; given up; after a day, clean."""
    refuse(day.parties)
    ids = full_person(day.parties)
    await day.webhook(ids.party)
    for tries, minutes in enumerate((1, 5, 15, 60), start=1):
        found = bookkeeping(record(day.parties, ids.party))
        assert (found.status, found.retries, await day.dead()) == ("failed", tries, tries)
        assert found.error is not None
        assert "abgelehnt" in found.error
        assert found.next_retry is not None
        assert abs(found.next_retry - day.clock.now().timestamp() - minutes * 60) < 30
        await day.webhook(ids.party)
        assert await day.last() == ("skip", "retry_not_due")
        await day.sweep()
        assert await day.dead() == tries
        assert tasks(day.parties) == []
        day.clock.ahead_s += minutes * 60 + 1
        await day.sweep()
    found = bookkeeping(record(day.parties, ids.party))
    assert (found.status, found.retries, await day.dead()) == ("permanently_failed", 5, 5)
    assert found.auto_reset is not None
    assert abs(found.auto_reset - day.clock.now().timestamp() - DAY_S) < 30
    [task] = tasks(day.parties)
    assert "fünfmal fehlgeschlagen" in task["description"]
    await day.webhook(ids.party)
    assert await day.last() == ("skip", "given_up")
    day.clock.ahead_s += DAY_S - 60
    await day.sweep()
    assert await day.dead() == 5
    day.parties.advoware.faults.clear()
    day.clock.ahead_s += 61
    await day.sweep()
    one_of_each(day.parties, ids)
    found = bookkeeping(record(day.parties, ids.party))
    assert (found.error, found.retries, found.next_retry, found.auto_reset) == (None, 0, None, None)
    assert await open_intents(day.service) == []
    assert len(tasks(day.parties)) == 1


async def test_a_party_that_fails_again_after_its_day_starts_at_the_first_wait(day: Day) -> None:
    """The reset gives it five new tries."""
    refuse(day.parties)
    party = person(day.parties)
    await day.webhook(party)
    for minutes in (1, 5, 15, 60, 24 * 60):
        day.clock.ahead_s += minutes * 60 + 1
        await day.sweep()
    found = bookkeeping(record(day.parties, party))
    assert (found.status, found.retries) == ("failed", 1)
    assert await day.dead() == 6


@pytest.mark.parametrize("given_up", [False, True])
async def test_a_change_in_espocrm_ends_the_rest_at_once(day: Day, given_up: bool) -> None:
    """EspoCRM makes it `dirty`: staff need not wait for what they have put right."""
    refuse(day.parties)
    party = person(day.parties)
    await day.webhook(party)
    for minutes in (1, 5, 15, 60) if given_up else ():
        day.clock.ahead_s += minutes * 60 + 1
        await day.sweep()
    day.parties.advoware.faults.clear()
    await day.webhook(party)
    assert (await day.last())[0] == "skip"
    day.parties.espocrm.save("CBeteiligte", party, {"titel": "Dr."})
    await day.webhook(party)
    assert record(day.parties, party)["syncStatus"] == "clean"
    assert there(day.parties, party)["titel"] == "Dr."
    assert not record(day.parties, party)["syncRetryCount"]


async def test_an_operator_need_not_wait(day: Day) -> None:
    """An event from the command line passes the rest."""
    refuse(day.parties)
    party = person(day.parties)
    await day.webhook(party)
    day.parties.advoware.faults.clear()
    await day.service.publisher.publish(BETEILIGTE_CREATE, EntityEvent(entity_id=party, source="nats"))
    await settled(day.service)
    assert record(day.parties, party)["syncStatus"] == "clean"


async def test_an_outage_of_advoware_ends_by_itself(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """P7: 503 for a while: shown, no try used up, nothing dead-lettered, and clean without anybody's hand."""
    monkeypatch.setattr("shared.outcomes.settle.retry_delay_s", lambda *_: 0.05)
    synced = full_person(day.parties)
    await day.webhook(synced.party)
    new = [full_person(day.parties, name=f"Schön {one}") for one in range(3)]
    day.parties.advoware.faults.add(Fault(kind="error", status=503, path="/api/v1/.*", times=None))
    day.parties.espocrm.save("CBeteiligte", synced.party, {"titel": "Dr."})
    for ids in (synced, *new):
        await day.service.publisher.publish(BETEILIGTE_UPDATE, EntityEvent(entity_id=ids.party, source="webhook"))
    await until(lambda: all(record(day.parties, one.party)["syncStatus"] == "failed" for one in (synced, *new)))
    for ids in (synced, *new):
        found = bookkeeping(record(day.parties, ids.party))
        assert found.error is not None
        assert "zurzeit nicht erreichbar" in found.error
        assert (found.retries, found.next_retry) == (0, None)
    day.parties.advoware.faults.clear()
    await settled(day.service)
    for number_, ids in enumerate(new):
        one_of_each(day.parties, ids, name=f"Schön {number_}")
    assert there(day.parties, synced.party)["titel"] == "Dr."
    assert record(day.parties, synced.party)["syncErrorMessage"] is None
    assert await day.dead() == 0
    assert tasks(day.parties) == []


async def test_an_outage_of_espocrm_ends_by_itself(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """P7: the other side away: nothing can be shown, and nothing is lost."""
    monkeypatch.setattr("shared.outcomes.settle.retry_delay_s", lambda *_: 0.05)
    ids = full_person(day.parties)
    day.parties.espocrm.faults.add(Fault(kind="error", status=500, path="/api/v1/.*", times=30))
    await day.webhook(ids.party)
    one_of_each(day.parties, ids)
    assert await day.dead() == 0


async def others(day: Day) -> None:
    """Older parties, whose turn to be compared with Advoware comes first."""
    for _ in range(5):
        await in_step(day.parties, person(day.parties, name="Andere"))


async def test_an_outage_whose_event_was_lost_is_found_after_six_hours(day: Day) -> None:
    """P8: its event goes on trying for days; if it is not there any more, a sweep takes over."""
    await others(day)
    party = person(day.parties)
    await day.webhook(party)
    day.parties.espocrm.save("CBeteiligte", party, {"titel": "Dr.", "syncStatus": "failed"})
    await day.sweep()
    assert record(day.parties, party)["syncStatus"] == "failed"
    day.clock.ahead_s += 6 * 3600 + 60
    await day.sweep()
    assert record(day.parties, party)["syncStatus"] == "clean"
    assert there(day.parties, party)["titel"] == "Dr."


@pytest.mark.parametrize("status", ["pending_sync", "dirty", "syncing", "conflict"])
async def test_a_run_that_nobody_finished_is_found_by_a_sweep(day: Day, status: str) -> None:
    """P8: whichever state a lost webhook or a dead worker has left, and whatever `modifiedAt` says."""
    await others(day)
    party = person(day.parties)
    await day.webhook(party)
    await day.sweep()
    day.parties.espocrm.save("CBeteiligte", party, {"syncStatus": status}, silent=True)
    await day.sweep()
    assert record(day.parties, party)["syncStatus"] == "clean"


async def test_the_vendors_words_are_shown_and_go_nowhere_else(day: Day) -> None:
    """P6, P10: what Advoware answered helps whoever helps the lawyer; it stands in EspoCRM only."""
    party = person(day.parties)
    refuse(day.parties)
    await day.webhook(party)
    found = record(day.parties, party)
    [letter] = await stored(day.service, "DEAD")
    words = msgspec.json.decode(day.parties.advoware.error(400).text or "")["message"]
    assert found["syncStatus"] == "failed"
    assert f"{letter['headers']['Hub-Reason']}: {words}" in found["syncErrorMessage"]
    assert words not in repr(letter) + repr(await history(day.service))


async def test_a_dead_letter_and_a_refusal_are_shown(day: Day) -> None:
    """P6, P9: a guard's refusal says what to do about it."""
    ids = full_person(day.parties)
    await day.webhook(ids.party)
    for row in there(day.parties, ids.party)["kommunikation"]:
        day.parties.advoware.staff.remove_kommunikation(number(day.parties, ids.party), row["id"])
    await day.webhook(ids.party)
    found = record(day.parties, ids.party)
    assert found["syncStatus"] == "failed"
    assert "Zur Sicherheit angehalten" in found["syncErrorMessage"]
    [letter] = await stored(day.service, "DEAD")
    assert letter["headers"]["Hub-Error"] == "Refused"
    assert '{"force": true}' in letter["headers"]["Hub-Reason"]
