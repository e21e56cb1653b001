"""The calendar worker as it runs: events for all and for one, one run per calendar at a time, odd appointments."""

import logging
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from calendar_worker.effects.memory import SHARDS, read_memory, write_memory
from calendar_worker.handlers import on_all
from calendar_worker.model.memory import Memory, Prints, Row
from shared.contracts.events import CalendarEvent
from shared.contracts.subjects import CALENDAR_SYNC_ALL, CALENDAR_SYNC_EMPLOYEE
from shared.outcomes.errors import Unavailable
from shared.outcomes.outcome import Done, Skip
from shared.outcomes.reason import Reason
from shared.runtime.bus import NatsSettings
from shared.runtime.service import Service, start
from simulators.faults import Fault
from tests.support.calendars import (
    Calendars,
    add_event,
    add_termin,
    at,
    day,
    in_step,
    linked_to,
    settled,
    working,
)
from tests.support.office import history, stored


def _last_sunday(month: int) -> str:
    """Of next year: when clocks are put forward or back."""
    last = date(date.today().year + 1, month, 31)  # noqa: DTZ011 - the simulators go by this clock too
    return (last - timedelta(days=(last.weekday() + 1) % 7)).isoformat()


_SPRING, _AUTUMN = _last_sunday(3), _last_sunday(10)


def staffed(calendars: Calendars) -> None:
    """Some more employees, one of whom has left."""
    calendars.advoware.staff.add_mitarbeiter(kuerzel="Öz", name="Öhlschläger")
    calendars.advoware.staff.add_mitarbeiter(kuerzel="XY", name="Ehemals", aktiv=False)
    calendars.advoware.staff.add_mitarbeiter(kuerzel="a b", name="Unpassend")


# Events.


async def test_an_event_for_all_brings_every_calendar_into_step(service: Service, calendars: Calendars) -> None:
    """One event per active employee whose Kürzel can be a key, and each has its calendar afterwards."""
    staffed(calendars)
    add_termin(calendars, anwalt="Öz", text="Kanarienvogel")
    async with working(service, calendars):
        await service.publisher.publish(CALENDAR_SYNC_ALL, CalendarEvent())
        await settled(service)
    assert len(calendars.google.calendars()) == 3, "one is the account's own"
    assert [one["summary"] for one in calendars.events("Öz")] == ["Kanarienvogel"]
    told = {(row["subject"], row["outcome"], row["reason"]) for row in await history(service)}
    assert told == {
        ("calendar.sync.all", "done", "employees_asked"),
        ("calendar.sync.employee", "done", "calendar_synced"),
    }
    everything = repr(await stored(service, "HISTORY")) + repr(await stored(service, "CALENDAR"))
    assert "Kanarienvogel" not in everything
    assert "kanzlei.example" not in everything


async def test_who_is_asked(calendars: Calendars) -> None:
    """Everybody active; or those that a setting names; or the one that the event names."""
    staffed(calendars)
    assert await on_all(CalendarEvent(), calendars.deps) == Done(Reason.EMPLOYEES_ASKED, {"employees": 2, "unfit": 1})
    assert await on_all(CalendarEvent(kuerzel="öZ"), calendars.deps) == Done(
        Reason.EMPLOYEES_ASKED, {"employees": 1, "unfit": 1}
    )
    assert await on_all(CalendarEvent(kuerzel="XY"), calendars.deps) == Skip(Reason.NOT_AN_EMPLOYEE)
    calendars.advoware.staff.change_mitarbeiter("SB", aktiv=False)
    calendars.advoware.staff.change_mitarbeiter("Öz", aktiv=False)
    calendars.advoware.staff.remove_mitarbeiter("a b")
    with pytest.raises(Unavailable):
        await on_all(CalendarEvent(), calendars.deps)


async def test_what_an_event_asks_for_reaches_each_employee(service: Service, calendars: Calendars) -> None:
    """`full_content` and `force` are passed on."""
    await on_all(CalendarEvent(full_content=False, force=True), calendars.deps)
    [row] = await stored(service, "CALENDAR")
    event = CALENDAR_SYNC_EMPLOYEE.decode(row["body"])
    assert (event.kuerzel, event.full_content, event.force) == ("SB", False, True)


async def test_two_workers_at_once_give_the_result_of_one(service: Service, calendars: Calendars) -> None:
    """Invariant 19: each calendar has one run at a time, whatever the spelling of the Kürzel."""
    for number in range(5):
        add_termin(calendars, text=f"T{number}")
    calendars.google.faults.add(Fault(kind="late", delay_s=0.05, times=20))
    async with (
        start("document_worker", NatsSettings(nats_url=service.bus.settings.nats_url), {}) as other,
        working(service, calendars),
        working(other, calendars),
    ):
        for kuerzel in ("SB", "sb", "Sb") * 3:
            await service.publisher.publish(CALENDAR_SYNC_EMPLOYEE, CalendarEvent(kuerzel=kuerzel))
        await settled(service)
    assert len(calendars.google.calendar_ids("AW-SB")) == 1
    assert sorted(linked_to(one) for one in calendars.events()) == sorted(one["frNr"] for one in calendars.termine())


# Odd appointments.


@pytest.mark.parametrize(
    "fields",
    [
        {"abwesenheit": 1, "datum": day(1), "datumBis": day(3), "uhrzeitVon": None, "uhrzeitBis": None},
        {"uhrzeitVon": None, "uhrzeitBis": None},
        {"uhrzeitBis": None},
        {"uhrzeitVon": "10:00", "uhrzeitBis": "10:00"},
        {"uhrzeitVon": "00:00", "uhrzeitBis": "23:59"},
        {"datumBis": day(3)},
        {"datum": _SPRING, "uhrzeitVon": "02:30", "uhrzeitBis": "03:30"},
        {"datum": _AUTUMN, "uhrzeitVon": "02:30", "uhrzeitBis": "03:30"},
        {"dauertermin": 1, "turnus": 2, "turnusArt": 2, "datumBis": day(100)},
        {"dauertermin": 1, "turnus": 1, "turnusArt": 4, "datumBis": "2037-12-31"},
    ],
)
async def test_odd_times_come_to_rest_and_stay_as_they_are(calendars: Calendars, fields: dict[str, Any]) -> None:
    """Invariants 15 and 16: it is shown, comes back equal, and a change of text leaves its time alone."""
    number = add_termin(calendars, **fields)
    before = calendars.termin(number)
    await in_step(calendars)
    event = calendars.event_of(number)
    calendars.google.staff.change_event(calendars.calendar_id(), event["id"], summary="neu")
    await in_step(calendars)
    after = calendars.termin(number)
    changed = {name for name in before if before[name] != after[name]} - {"zuletztGeaendertAm"}
    assert changed == {"text"}


@pytest.mark.parametrize(
    "members",
    [
        {"start": day(1), "end": day(3)},
        {"start": at(1, "22:00"), "end": at(2, "00:00")},
        {"start": f"{_SPRING}T01:30:00+01:00", "end": f"{_SPRING}T03:30:00+02:00"},
        {"start": f"{_AUTUMN}T02:30:00+01:00", "end": f"{_AUTUMN}T03:30:00+01:00"},
        {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=5"]},
        {"recurrence": ["RRULE:FREQ=DAILY;INTERVAL=3;UNTIL=20370101T000000Z"]},
    ],
)
async def test_what_is_entered_in_google_comes_to_rest(calendars: Calendars, members: dict[str, Any]) -> None:
    """Invariants 15 and 16: it becomes one Termin, and its own event stays as its owner entered it."""
    await calendars.sync()
    event = add_event(calendars, **members)
    before = calendars.google.event(calendars.calendar_id(), event)
    await in_step(calendars)
    assert len(calendars.termine()) == 1
    after = calendars.google.event(calendars.calendar_id(), event)
    assert [after.get(name) for name in ("start", "end", "recurrence")] == [
        before.get(name) for name in ("start", "end", "recurrence")
    ]


async def test_a_rule_that_advoware_cannot_say_is_left_alone(calendars: Calendars) -> None:
    """Invariant 16: nothing is guessed; it is listed with its reason, and comes when it can be said."""
    number = add_termin(calendars)
    await in_step(calendars)
    own = add_event(calendars, recurrence=["RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE"])
    event = calendars.event_of(number)["id"]
    calendars.google.staff.change_event(
        calendars.calendar_id(), event, recurrence=["RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE"], summary="neu"
    )
    await in_step(calendars)
    assert [(one["text"], one["dauertermin"]) for one in calendars.termine()] == [("neu", 0)]
    assert set((await calendars.memory()).left) == {own, event}
    calendars.advoware.staff.change_termin(number, uhrzeitBis="12:00")
    await in_step(calendars)
    assert calendars.event_of(number)["recurrence"] == ["RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE"]
    calendars.google.staff.change_event(calendars.calendar_id(), own, recurrence=None)
    await in_step(calendars)
    assert len(calendars.termine()) == 2
    assert set((await calendars.memory()).left) == {event}


async def test_moved_and_cancelled_occurrences_stay_in_google(calendars: Calendars) -> None:
    """Invariant 16: exceptions of a series are nobody's Termine, and no other occurrence suffers."""
    number = add_termin(calendars, dauertermin=1, turnus=1, turnusArt=2, datumBis=day(60))
    await in_step(calendars)
    event = calendars.event_of(number)["id"]
    calendar = calendars.calendar_id()
    calendars.google.staff.delete_occurrence(calendar, event, at(8, "09:00"))
    calendars.google.staff.move_occurrence(calendar, event, at(15, "09:00"), at(15, "11:00"))
    await in_step(calendars)
    assert len(calendars.termine()) == 1
    assert len(calendars.google.events(calendar)) == 2
    calendars.google.expire_sync_tokens()
    await in_step(calendars)
    assert len(calendars.google.events(calendar)) == 2


# The memory.


def row(number: int) -> Row:
    """A row as long as they get."""
    prints = Prints(when="0" * 16, what="1" * 16)
    return Row(
        event_id=f"{number:052}",
        fr_nr=number,
        origin="advoware",
        generation=1,
        advoware=prints,
        google=prints,
        shown="2" * 16,
        full=False,
        private=True,
        made_private=True,
        etag='"3181161784712000"',
        first=date(2026, 5, 5),
        last=date(2026, 5, 5),
        unseen=True,
    )


async def test_ten_thousand_pairs_fit_and_one_change_writes_one_shard(service: Service, calendars: Calendars) -> None:
    """A value of NATS may have a megabyte; a memory may be larger than that."""
    whole = Memory(
        calendar_id="c", sync_token="s", rows={row(number).event_id: row(number) for number in range(10_000)}
    )
    await write_memory("SB", whole, Memory(), calendars.deps)
    assert await read_memory("sb", calendars.deps) == whole
    state = (await service.bus.api("STREAM.INFO.KV_snapshots"))["state"]
    assert state["messages"] == SHARDS + 1
    seven = msgspec.structs.replace(row(7), unseen=False)
    changed = {**whole.rows, seven.event_id: seven}
    await write_memory("SB", Memory(calendar_id="c", sync_token="t", rows=changed), whole, calendars.deps)
    after = (await service.bus.api("STREAM.INFO.KV_snapshots"))["state"]
    assert after["last_seq"] - state["last_seq"] == 2
    assert (await read_memory("SB", calendars.deps)).sync_token == "t"


async def test_an_event_moved_into_another_calendar_is_lost_by_nobody(calendars: Calendars) -> None:
    """Invariants 4 and 20: one employee's Termin becomes the other's, whichever calendar is looked at first."""
    calendars.advoware.staff.add_mitarbeiter(kuerzel="PM", name="Möhrle")
    await calendars.sync("PM")
    for first, second in (("PM", "SB"), ("SB", "PM")):
        number = add_termin(calendars, text="wandert")
        await in_step(calendars)
        event = calendars.event_of(number)["id"]
        calendars.google.staff.move_to_calendar(calendars.calendar_id(), event, calendars.calendar_id("PM"))
        await calendars.sync(first)
        await calendars.sync(second)
        await calendars.sync(first)
        [record] = calendars.termine()
        assert (record["text"], record["anwalt"]) == ("wandert", "PM")
        assert [linked_to(one) for one in calendars.events("PM")] == [record["frNr"]]
        assert calendars.events() == []
        calendars.advoware.staff.remove_termin(record["frNr"])
        await calendars.sync("PM")


async def test_no_text_and_no_mail_gets_out(
    service: Service, calendars: Calendars, caplog: pytest.LogCaptureFixture
) -> None:
    """P10: of what was synced, lost a conflict or was refused: not into logs, history, dead letters or the journal."""
    number = add_termin(calendars, text="Kanarienvogel", notiz="Kanarienvogel", ort="Kanarienvogel")
    with caplog.at_level(logging.DEBUG):
        async with working(service, calendars):
            await service.publisher.publish(CALENDAR_SYNC_EMPLOYEE, CalendarEvent(kuerzel="SB"))
            await settled(service)
            event = calendars.event_of(number)["id"]
            calendars.advoware.staff.change_termin(number, text="Kanarienvogel A")
            calendars.google.staff.change_event(calendars.calendar_id(), event, summary="Kanarienvogel G")
            add_event(calendars, summary="Kanarienvogel neu")
            calendars.advoware.faults.add(Fault(kind="error", status=400, method="POST", path=".*/Termine"))
            await service.publisher.publish(CALENDAR_SYNC_EMPLOYEE, CalendarEvent(kuerzel="SB"))
            await settled(service)
            calendars.google.staff.delete_calendar(calendars.calendar_id())
            await service.publisher.publish(CALENDAR_SYNC_EMPLOYEE, CalendarEvent(kuerzel="SB"))
            await settled(service)
    assert len((await calendars.memory()).conflicts) == 1
    said = repr([record.__dict__ for record in caplog.records])
    for stream in ("HISTORY", "CALENDAR", "DEAD"):
        rows = await stored(service, stream)
        assert rows, stream
        said += repr(rows)
    journal = calendars.deps.journal._bucket
    said += repr([await journal.get(key) for key in await journal.keys("calendar_sync.>")])
    assert "delivery" in said
    assert "answers 404" in said
    assert "Kanarienvogel" not in said
    assert "kanzlei.example" not in said
