"""What the deleting audits take away, kind by kind, and that a sync then has nothing to do."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from calendar_worker.effects.creating import made_termin
from shared.clients.redis_cache import RedisSettings
from shared.outcomes.outcome import Skip
from shared.runtime.exclusive import Exclusive, locks_of
from shared.runtime.service import Service
from shared.state.locks import Locks
from tests.support.audits import Office
from tests.support.calendars import add_event, add_termin, at, linked_to, open_calendars
from tests.support.crash import DiesAfter, Killed


@pytest.fixture
async def locks(service: Service) -> Locks:
    """As the command has them."""
    return await locks_of(service, lease_s=3)


@pytest.fixture
async def office(service: Service, redis: RedisSettings, locks: Locks) -> AsyncIterator[Office]:
    """Both vendors, with one employee; syncs and audits take turns."""
    async with open_calendars(service, redis) as opened:
        yield Office(opened, Exclusive(locks))


# Duplicates.


async def test_a_second_event_of_a_termin_is_deleted_and_its_termin_stays(office: Office) -> None:
    """An older generation that was taken out of the bin while nobody looked, remembered or not."""
    calendars = office.calendars
    number = add_termin(calendars)
    await office.in_step()
    old = calendars.event_of(number)["id"]
    calendars.google.staff.delete_event(calendars.calendar_id(), old)
    calendars.advoware.staff.change_termin(number, text="Verhandlung")
    await office.in_step()
    kept = calendars.event_of(number)["id"]
    calendars.google.staff.restore_event(calendars.calendar_id(), old)
    calendars.google.staff.change_event(calendars.calendar_id(), old, summary="Verhandlung")
    rows = (await calendars.memory()).rows
    await office.remember(rows={**rows, old: msgspec.structs.replace(rows[kept], event_id=old)})
    calendars.forget_logs()
    report = await office.audit("delete-duplicates")
    assert calendars.writes() == []
    [found] = report.findings
    assert (found.kind, found.fr_nrs, len(found.deletes)) == ("events_of_one_termin", (number,), 1)
    done = await office.audit("delete-duplicates", apply=True)
    assert done.done == {"events_deleted": 1}
    assert len(calendars.writes()) == 1
    assert [linked_to(one) for one in calendars.events()] == [number]
    await office.is_clean_and_quiet()
    assert [one["frNr"] for one in calendars.termine()] == [number]


async def test_a_copy_that_became_a_termin_goes_on_both_sides(office: Office) -> None:
    """The hub made its Termin, as journal and link say; what staff entered stays, and a copy moved elsewhere too."""
    calendars = office.calendars
    number = add_termin(calendars)
    await office.in_step()
    calendar = calendars.calendar_id()
    event = calendars.event_of(number)["id"]
    copies = [calendars.google.staff.copy_event(calendar, event) for _ in range(2)]
    moved = calendars.google.staff.copy_event(calendar, event)
    calendars.google.staff.move_event(calendar, moved, at(7, "09:00"))
    await office.in_step()
    assert len(calendars.events()) == len(calendars.termine()) == 4
    calendars.forget_logs()
    found = await office.audit("find-duplicates", apply=True)
    assert [(one.kind, one.cure, one.keeps) for one in found.findings] == [("alike", "delete", f"frNr {number}")] * 2
    assert calendars.writes() == []
    done = await office.audit("delete-duplicates", apply=True)
    assert done.done == {"events_deleted": 2, "termine_deleted": 2}
    assert len(calendars.writes()) == 4
    assert not {one["id"] for one in calendars.events()} & set(copies)
    assert {one["frNr"] for one in calendars.termine()} >= {number}
    assert len(calendars.termine()) == 2
    await office.is_clean_and_quiet()


async def test_what_the_hub_did_not_make_is_only_told(office: Office) -> None:
    """Two Termine that staff entered, and a copy whose Termin has become part of an Akte."""
    calendars = office.calendars
    one, two = add_termin(calendars), add_termin(calendars)
    third = add_termin(calendars, text="Frist")
    await office.in_step()
    calendars.google.staff.copy_event(calendars.calendar_id(), calendars.event_of(third)["id"])
    await office.in_step()
    made = max(record["frNr"] for record in calendars.termine())
    akte = calendars.advoware.staff.add_akte(aktenzeichen="1/26", kurzRubrum="")
    for number in (third, made):
        calendars.advoware.staff.change_termin(number, nr=akte)
    await office.in_step()
    calendars.forget_logs()
    report = await office.audit("delete-duplicates", apply=True)
    assert [(found.cure, found.fr_nrs, found.reason) for found in report.findings] == [
        ("person", (one, two), "entered in Advoware, as far as the hub knows"),
        ("person", (third, made), "belongs to an Akte"),
    ]
    assert calendars.writes() == []
    read_only = await office.audit("find-duplicates", deps={"advoware_write": False})
    assert {found.cure for found in read_only.findings} == {"person"}


# Orphans.


async def test_an_event_that_nobody_remembers_and_whose_termin_is_gone(office: Office) -> None:
    """It is no longer listed by changes, so no sync sees it; what somebody typed into it is kept."""
    calendars = office.calendars
    number = add_termin(calendars)
    add_termin(calendars, text="bleibt")
    await office.in_step()
    event = calendars.event_of(number)["id"]
    calendars.google.staff.change_event(calendars.calendar_id(), event, summary="Kanarienvogel")
    await office.in_step()
    await office.forget(event)
    calendars.advoware.staff.remove_termin(number)
    assert isinstance(await office.sync(), Skip)
    calendars.forget_logs()
    report = await office.audit("cleanup-orphaned")
    assert [(one.kind, one.fr_nrs, one.event_ids) for one in report.findings] == [("termin_gone", (number,), (event,))]
    assert calendars.writes() == []
    done = await office.audit("cleanup-orphaned", apply=True)
    assert done.done == {"events_deleted": 1}
    assert any("Kanarienvogel" in one.content for one in (await calendars.memory()).conflicts)
    await office.is_clean_and_quiet()


async def test_pairs_of_long_past_days_are_looked_at_too(office: Office) -> None:
    """The Termin of one is gone, both sides of another, one is all right; a sync asks for none of them."""
    calendars = office.calendars
    numbers = [add_termin(calendars, text=name, datum="2001-05-05") for name in ("A", "B", "C")]
    await office.in_step(deps={"past_days": 36_000})
    events = {number: calendars.event_of(number)["id"] for number in numbers}
    await office.in_step()
    assert await office.findings() == []
    calendars.advoware.staff.remove_termin(numbers[0])
    calendars.advoware.staff.remove_termin(numbers[1])
    calendars.google.staff.delete_event(calendars.calendar_id(), events[numbers[1]])
    await office.in_step()
    report = await office.audit("cleanup-orphaned", apply=True)
    assert [(one.kind, one.fr_nrs) for one in report.findings] == [
        ("termin_gone", (numbers[0],)),
        ("both_gone", (numbers[1],)),
    ]
    assert report.done == {"events_deleted": 1, "forgotten": 1}
    assert list((await calendars.memory()).rows) == [events[numbers[2]]]
    await office.is_clean_and_quiet()


async def test_an_event_of_another_persons_termin(office: Office) -> None:
    """Handed over, forgotten, and therefore never taken out of the calendar by a sync."""
    calendars = office.calendars
    calendars.advoware.staff.add_mitarbeiter(kuerzel="PM", name="Möhrle")
    number = add_termin(calendars)
    add_termin(calendars, text="bleibt")
    await office.in_step()
    event = calendars.event_of(number)["id"]
    await office.forget(event)
    calendars.advoware.staff.change_termin(number, anwalt="PM")
    await office.in_step()
    report = await office.audit("cleanup-orphaned", apply=True)
    assert [(one.kind, one.event_ids) for one in report.findings] == [("termin_of_another", (event,))]
    assert [one["summary"] for one in calendars.events()] == ["bleibt"]
    assert len(calendars.termine()) == 2
    await office.is_clean_and_quiet()


async def test_an_event_without_its_link_and_a_copy_of_a_blank_one(office: Office) -> None:
    """The first is ours by its id and goes; the second is a person's, who must decide."""
    calendars = office.calendars
    number = add_termin(calendars)
    add_termin(calendars, text="bleibt")
    await office.in_step(full_content=False)
    calendar = calendars.calendar_id()
    event = calendars.event_of(number)["id"]
    copy = calendars.google.staff.copy_event(calendar, event)
    calendars.google.staff.change_event(calendar, event, summary="frei", extendedProperties=None)
    calendars.advoware.staff.remove_termin(number)
    await office.forget(event)
    report = await office.audit("cleanup-orphaned", apply=True)
    assert [(one.kind, one.cure, one.event_ids) for one in report.findings] == [
        ("link_lost", "delete", (event,)),
        ("copied_blank", "person", (copy,)),
    ]
    assert len(calendars.events()) == 2
    left = await office.audit("find-orphaned")
    assert [one.kind for one in left.findings] == ["copied_blank"]


async def test_a_termin_that_doubles_a_linked_one(office: Office) -> None:
    """It goes where the journal says that the hub made it; where staff entered it, it is told."""
    calendars = office.calendars
    await office.sync()
    event = add_event(calendars)
    await office.in_step()
    [made] = [one["frNr"] for one in calendars.termine()]
    assert await made_termin("SB", event, (), calendars.deps) == made
    by_hand = add_termin(calendars, text="Mittagessen", uhrzeitVon="14:00", uhrzeitBis="15:00")
    report = await office.audit("cleanup-orphaned", apply=True)
    assert [(one.kind, one.cure, one.fr_nrs) for one in report.findings] == [
        ("unlinked_double", "person", (made, by_hand))
    ]
    # The event has been linked to the other one since, by whatever accident: so the hub's own is the surplus one.
    calendars.google.staff.change_event(
        calendars.calendar_id(),
        event,
        extendedProperties={"private": {"advoware_frnr": str(by_hand), "hub_link": event, "hub_content": "full"}},
    )
    await office.forget(event)
    report = await office.audit("cleanup-orphaned", apply=True)
    assert [(one.cure, one.deletes) for one in report.findings] == [("delete", (f"Termine?frnr={made}",))]
    assert report.done == {"termine_deleted": 1}
    assert [one["frNr"] for one in calendars.termine()] == [by_hand]
    await office.in_step()
    assert await office.findings() in ([], ["not_remembered sync"])


# Deaths.


@pytest.mark.timeout(600)
async def test_death_at_every_await_of_a_deletion(office: Office) -> None:
    """P2: wherever the command dies, audits and syncs end with what was to stay, and with nothing else."""
    calendars = office.calendars
    for steps in range(1, 2_000):
        number = add_termin(calendars, text=f"W{steps}")
        await office.in_step()
        event = calendars.event_of(number)["id"]
        calendar = calendars.calendar_id()
        copy = calendars.google.staff.copy_event(calendar, event)
        await office.in_step()
        rows = (await calendars.memory()).rows
        second = calendars.google.staff.add_event(
            calendar, **{name: calendars.event_of(number)[name] for name in ("summary", "start", "end")}
        )
        link = {"advoware_frnr": str(number), "hub_link": second, "hub_content": "full"}
        calendars.google.staff.change_event(calendar, second, extendedProperties={"private": link})
        await office.remember(rows={**rows, second: msgspec.structs.replace(rows[event], event_id=second)})
        died = False
        try:
            await DiesAfter(office.audit("delete-duplicates", apply=True, force=True), steps, tidies=True)
        except (Killed, BaseExceptionGroup):
            died = True
        await office.audit("delete-duplicates", apply=True, force=True)
        await office.in_step()
        assert [one["frNr"] for one in calendars.termine()] == [number], steps
        assert [one["id"] for one in calendars.events()] in ([event], [copy], [second]), steps
        await office.is_clean_and_quiet()
        if not died:
            return
        calendars.advoware.staff.remove_termin(number)
        await office.sync(force=True)
    raise AssertionError("the command never came to its end")
