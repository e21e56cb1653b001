"""What goes wrong between Advoware and Google: lost answers, deaths, ended tokens, refusals, empty sides."""

from collections import Counter
from datetime import datetime, timedelta

import msgspec
import pytest

from calendar_worker.handlers import preview
from shared.contracts.events import CalendarEvent
from shared.outcomes.errors import Busy, HubError, RateLimited, Refused, Rejected, Unavailable
from shared.outcomes.outcome import Done, Skip
from shared.outcomes.reason import Reason
from shared.runtime.service import Service
from simulators.faults import Fault
from tests.support.calendars import Calendars, add_event, add_termin, at, day, in_step, linked_to
from tests.support.crash import DiesAfter, Interrupted, Killed

_EVENTS = r"/calendar/v3/calendars/[^/]+/events"
_TERMINE = r".*/Termine"


async def until_in_step(calendars: Calendars) -> None:
    """As the runtime would: again after each failure, at most ten times."""
    for _ in range(10):
        try:
            if isinstance(await calendars.sync(), Skip):
                return
        except HubError:
            continue
    raise AssertionError("never came into step")


async def open_intents(calendars: Calendars) -> list[str]:
    """Rows of the journal that nobody has closed."""
    bucket = calendars.deps.journal._bucket
    keys = await bucket.keys("calendar_sync.>")
    entries = [await bucket.get(key) for key in keys]
    return [key for key, entry in zip(keys, entries, strict=True) if entry and b'"open"' in entry.value]


def one_of_each(calendars: Calendars, count: int) -> None:
    """As many live events as Termine, each linked to another one."""
    numbers = [one["frNr"] for one in calendars.termine()]
    assert len(numbers) == count
    assert sorted(linked_to(one) for one in calendars.events()) == sorted(numbers)


# Lost answers and deaths.


@pytest.mark.parametrize("kind", ["lost", "cut_answer"])
async def test_lost_answers_make_nothing_twice(calendars: Calendars, kind: str) -> None:
    """Invariant 3: of the insert, of the POST, of the calendar itself and of the patch that links."""
    add_termin(calendars)
    calendars.google.faults.add(Fault(kind=kind, method="POST", path="/calendar/v3/calendars"))  # type: ignore[arg-type]
    calendars.google.faults.add(Fault(kind=kind, method="POST", path=_EVENTS))  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        await calendars.sync()
    await until_in_step(calendars)
    one_of_each(calendars, 1)
    add_event(calendars)
    calendars.advoware.faults.add(Fault(kind=kind, method="POST", path=_TERMINE))  # type: ignore[arg-type]
    calendars.google.faults.add(Fault(kind=kind, method="PATCH", path=f"{_EVENTS}/.*"))  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        await calendars.sync()
    await until_in_step(calendars)
    one_of_each(calendars, 2)
    assert await open_intents(calendars) == []


async def world(calendars: Calendars, name: str) -> None:
    """Something of every kind of work, in a calendar that was in step before."""
    numbers = [add_termin(calendars, text=f"{name} {number}") for number in range(5)]
    await in_step(calendars)
    calendar = calendars.calendar_id()
    add_termin(calendars, text=f"{name} neu in Advoware")
    add_event(calendars, summary=f"{name} neu in Google")
    calendars.advoware.staff.remove_termin(numbers[0])
    calendars.google.staff.delete_event(calendar, calendars.event_of(numbers[1])["id"])
    calendars.advoware.staff.change_termin(numbers[2], text=f"{name} A")
    calendars.google.staff.change_event(calendar, calendars.event_of(numbers[3])["id"], summary=f"{name} G")
    calendars.advoware.staff.change_termin(numbers[4], text=f"{name} bleibt")
    calendars.google.staff.change_event(calendar, calendars.event_of(numbers[4])["id"], summary=f"{name} verliert")


@pytest.mark.timeout(600)
async def test_death_at_every_await_leaves_one_of_each(calendars: Calendars) -> None:
    """Invariant 3 and P2: wherever a run dies, the next ones end with one event per Termin and nothing lost."""
    for steps in range(0, 2_000, 3):
        name = f"W{steps}"
        await world(calendars, name)
        died = False
        try:
            await DiesAfter(calendars.sync(force=True), steps)
        except Killed:
            died = True
        await calendars.sync(force=True)
        await in_step(calendars)
        texts = sorted(one["text"] for one in calendars.termine())
        assert texts == sorted(f"{name} {one}" for one in ("neu in Advoware", "neu in Google", "A", "G", "bleibt")), (
            steps
        )
        assert sorted(one["summary"] for one in calendars.events()) == texts
        one_of_each(calendars, 5)
        assert await open_intents(calendars) == [], steps
        assert any(f"{name} verliert" in one.content for one in (await calendars.memory()).conflicts), steps
        if not died:
            return
        for record in calendars.termine():
            calendars.advoware.staff.remove_termin(record["frNr"])
        await calendars.sync(force=True)
    raise AssertionError("the run never came to its end")


# Changes while a run works.


async def test_an_event_that_changes_meanwhile_is_not_overwritten(calendars: Calendars) -> None:
    """Invariant 7: 412 is read again and decided again; the rest of the run is done."""
    number = add_termin(calendars, text="A")
    await in_step(calendars)
    calendar, event = calendars.calendar_id(), calendars.event_of(number)["id"]
    moved: list[int] = []
    stale = 0

    def move() -> None:
        moved.append(9 + len(moved) % 8)
        calendars.google.staff.move_event(calendar, event, at(2, f"{moved[-1]:02}:00"))

    for steps in range(1, 2_000):
        before = len(moved)
        calendars.advoware.staff.change_termin(number, ort=f"Saal {steps}")
        try:
            await Interrupted(calendars.sync(), steps, move)
        except Busy:
            stale += 1
        if len(moved) == before:
            break
        await in_step(calendars)
        record = calendars.termin(number)
        assert (record["ort"], record["uhrzeitVon"]) == (f"Saal {steps}", f"{moved[-1]:02}:00:00"), steps
        assert calendars.event_of(number)["location"] == f"Saal {steps}"
    assert stale > 0


# Tokens.


async def test_an_ended_sync_token_loses_nothing(calendars: Calendars) -> None:
    """Invariants 11 and 12: 410 lists all again, doubles nothing, and finds what was deleted in the gap."""
    numbers = [add_termin(calendars, text=f"T{number}") for number in range(5)]
    await in_step(calendars)
    calendar = calendars.calendar_id()
    calendars.google.staff.delete_event(calendar, calendars.event_of(numbers[0])["id"])
    calendars.google.staff.purge_event(calendar, calendars.google.events(calendar, deleted=True)[0]["id"])
    calendars.google.staff.change_event(calendar, calendars.event_of(numbers[1])["id"], summary="geändert")
    calendars.google.expire_sync_tokens()
    await in_step(calendars)
    assert sorted(one["text"] for one in calendars.termine()) == ["T2", "T3", "T4", "geändert"]
    one_of_each(calendars, 4)


async def test_pages_and_their_order_do_not_matter(calendars: Calendars) -> None:
    """Invariants 12 and 22: many short and empty pages, in any order, make the same plan."""
    for number in range(7):
        add_termin(calendars, text=f"T{number}")
    await in_step(calendars)
    calendars.google.switches = msgspec.structs.replace(
        calendars.google.switches, page_limit=2, empty_pages=1, list_order="scattered"
    )
    calendars.google.expire_sync_tokens()
    calendars.forget_logs()
    assert await calendars.sync() == Skip(Reason.IN_STEP)
    assert calendars.writes() == []
    one_of_each(calendars, 7)


async def test_a_lost_memory_is_rebuilt_from_the_links(service: Service, calendars: Calendars) -> None:
    """Invariants 3 and 11: without a memory nothing is made twice and nothing equal is written."""
    for number in range(3):
        add_termin(calendars, text=f"T{number}")
    await in_step(calendars)
    add_event(calendars)
    await in_step(calendars)
    await service.bus.api("STREAM.PURGE.KV_snapshots")
    calendars.forget_logs()
    assert await calendars.sync() == Skip(Reason.LEARNED)
    assert calendars.writes() == []
    assert len((await calendars.memory()).rows) == 4
    await in_step(calendars)
    one_of_each(calendars, 4)


# Guards.


async def test_empty_sides_are_not_believed(calendars: Calendars) -> None:
    """Invariant 10: a list without anything is refused; force passes once."""
    for number in range(4):
        add_termin(calendars, text=f"T{number}")
    await in_step(calendars)
    calendars.google.staff.empty_calendar(calendars.calendar_id())
    calendars.google.expire_sync_tokens()
    calendars.forget_logs()
    with pytest.raises(Refused, match="no event, and 4 are known"):
        await calendars.sync()
    assert calendars.writes() == []
    assert len(calendars.termine()) == 4


async def test_an_empty_list_of_advoware_is_not_believed(calendars: Calendars) -> None:
    """Invariant 10: a list that is suddenly empty is refused; with force its Termine are gone indeed."""
    numbers = [add_termin(calendars, text=f"T{number}") for number in range(4)]
    await in_step(calendars)
    for number in numbers:
        calendars.advoware.staff.remove_termin(number)
    calendars.forget_logs()
    with pytest.raises(Refused, match="no Termin, and 4 are known"):
        await calendars.sync()
    assert calendars.writes() == []
    done = await calendars.sync(force=True)
    assert isinstance(done, Done)
    assert done.plan == {"events_deleted": 4}
    await in_step(calendars)


async def test_a_mass_change_waits_for_a_human(calendars: Calendars) -> None:
    """Invariant 10: too many creations or deletions at once, on either side, are refused as a whole."""
    guard = {"guard_max_changes": 2}
    numbers = [add_termin(calendars, text=f"T{number}") for number in range(6)]
    await in_step(calendars, deps=guard)
    for number in numbers[:3]:
        calendars.google.staff.delete_event(calendars.calendar_id(), calendars.event_of(number)["id"])
    calendars.forget_logs()
    with pytest.raises(Refused, match="3 creations and deletions in Advoware, and 6 pairs are known"):
        await calendars.sync(deps=guard)
    with pytest.raises(Refused, match="3 creations"):
        await calendars.sync(deps=guard)
    assert calendars.writes() == []
    await calendars.sync(deps=guard, force=True)
    one_of_each(calendars, 3)


async def test_a_calendar_that_answers_404_is_not_made_again(calendars: Calendars) -> None:
    """Invariant 10: no access looks like no calendar; only an operator's force makes it anew."""
    for number in range(3):
        add_termin(calendars, text=f"T{number}")
    await in_step(calendars)
    calendars.google.staff.delete_calendar(calendars.calendar_id())
    calendars.forget_logs()
    with pytest.raises(Refused, match="AW-SB answers 404"):
        await calendars.sync()
    assert calendars.writes() == []
    assert isinstance(await calendars.sync(force=True), Done)
    await in_step(calendars)
    one_of_each(calendars, 3)


async def test_no_employees_at_all_is_no_answer(calendars: Calendars) -> None:
    """An empty list of employees is an outage and not silence."""
    calendars.advoware.staff.remove_mitarbeiter("SB")
    with pytest.raises(Unavailable):
        await calendars.sync()
    calendars.advoware.staff.add_mitarbeiter(kuerzel="PM", name="Möhrle")
    assert await calendars.sync() == Skip(Reason.NOT_AN_EMPLOYEE)


# Refusals and pauses.


async def test_one_bad_item_does_not_stop_the_others(calendars: Calendars) -> None:
    """Invariant 13: it is remembered, tried again later, and at once when it changes."""
    await calendars.sync()
    bad = add_event(calendars, summary="zuerst")
    add_event(calendars, summary="danach", start=at(2, "14:00"), end=at(2, "15:00"))
    calendars.advoware.faults.add(Fault(kind="error", status=400, method="POST", path=_TERMINE))
    done = await calendars.sync()
    assert isinstance(done, Done)
    assert done.plan["refused"] == 1
    [failed] = (await calendars.memory()).failed.values()
    assert (failed.attempts, "zuerst" in failed.reason) == (1, False)
    left = [one for one in calendars.events() if not linked_to(one)]
    assert len(left) == 1
    calendars.forget_logs()
    assert isinstance(await calendars.sync(), Skip)
    assert calendars.writes() == []
    calendars.google.staff.change_event(calendars.calendar_id(), left[0]["id"], summary="anders")
    await in_step(calendars)
    one_of_each(calendars, 2)
    assert (await calendars.memory()).failed == {}
    assert bad in {one["id"] for one in calendars.events()}


async def test_when_everything_is_refused_the_run_ends_early(calendars: Calendars) -> None:
    """Invariant 13: a calendar that may not be written any more is a dead letter, and not thousands of requests."""
    await calendars.sync()
    for number in range(30):
        add_termin(calendars, text=f"T{number}")
    calendars.google.faults.add(Fault(kind="error", status=400, method="POST", path=_EVENTS, times=None))
    calendars.forget_logs()
    with pytest.raises(Rejected):
        await calendars.sync(force=True)
    assert len(calendars.writes()) == 20
    calendars.google.faults.clear()
    done = await calendars.sync(force=True)
    assert isinstance(done, Done)
    assert done.plan == {"events_made": 10}


async def test_a_refused_write_is_tried_again_when_it_is_due(service: Service, calendars: Calendars) -> None:
    """Invariant 13: after a quarter of an hour, though Google does not list the event again."""
    number = add_termin(calendars)
    await in_step(calendars)
    event = calendars.event_of(number)["id"]
    calendars.google.staff.change_event(calendars.calendar_id(), event, summary="neu")
    add_event(calendars)
    for method in ("PUT", "POST"):
        calendars.advoware.faults.add(Fault(kind="error", status=400, method=method, path=_TERMINE, times=None))
    done = await calendars.sync()
    assert isinstance(done, Done)
    assert done.plan["refused"] == 2
    calendars.advoware.faults.clear()
    assert isinstance(await calendars.sync(), Skip)
    assert calendars.termin(number)["text"] == "Besprechung"
    later = {"clock": _Later(service)}
    assert isinstance(await calendars.sync(deps=later), Done)
    assert calendars.termin(number)["text"] == "neu"
    one_of_each(calendars, 2)
    await in_step(calendars)


class _Later:
    """The clock of twenty minutes from now."""

    def __init__(self, service: Service) -> None:
        self._clock = service.clock

    def now(self) -> datetime:
        return self._clock.now() + timedelta(minutes=20)

    def monotonic(self) -> float:
        return self._clock.monotonic()


async def test_throttling_delays_and_drops_nothing(calendars: Calendars) -> None:
    """Invariant 23: what was done before the pause is kept, and the rest follows."""
    for number in range(4):
        add_termin(calendars, text=f"T{number}")
    await calendars.sync()
    for number in range(4):
        add_termin(calendars, text=f"U{number}")
    calendars.google.switches = msgspec.structs.replace(calendars.google.switches, reason_of_403="quotaExceeded")
    calendars.google.faults.add(Fault(kind="error", status=403, method="POST", path=_EVENTS))
    with pytest.raises(RateLimited):
        await calendars.sync()
    await until_in_step(calendars)
    one_of_each(calendars, 8)


# The window.


async def test_leaving_the_window_is_no_deletion_and_coming_back_nothing_new(calendars: Calendars) -> None:
    """Invariant 14: neither side loses what time or a setting moves out of sight."""
    near, far = add_termin(calendars, text="nah"), add_termin(calendars, text="fern", datum=day(40))
    await in_step(calendars)
    narrow = {"future_days": 10}
    await in_step(calendars, deps=narrow)
    assert len(calendars.events()) == len(calendars.termine()) == 2
    event = calendars.event_of(far)["id"]
    calendars.google.staff.change_event(calendars.calendar_id(), event, summary="fern, geändert")
    await in_step(calendars, deps=narrow)
    assert calendars.termin(far)["text"] == "fern"
    await in_step(calendars)
    assert calendars.termin(far)["text"] == "fern, geändert"
    one_of_each(calendars, 2)
    calendars.advoware.staff.change_termin(near, datum=day(50), datumBis=day(50))
    await in_step(calendars, deps=narrow)
    assert calendars.event_of(near)["start"]["dateTime"].startswith(day(50))


# The dry run.


async def test_the_dry_run_prints_exactly_what_a_run_writes(calendars: Calendars) -> None:
    """Invariant 21: one line per write, without a text of anybody's."""
    await world(calendars, "Kanarienvogel")
    event = CalendarEvent(kuerzel="SB")
    calendars.forget_logs()
    _, lines = await preview(event, calendars.deps)
    assert calendars.writes() == []
    assert "Kanarienvogel" not in repr(lines)
    await calendars.sync()
    assert Counter(" ".join(line.split()[:2]) for line in lines) == Counter(
        " ".join(one.split()[:2]) for one in calendars.writes()
    )
    assert (await preview(event, calendars.deps))[1] == []
