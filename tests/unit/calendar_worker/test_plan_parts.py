"""Parts of the plan of a calendar: guard, shares, employees, failures, conflicts; and the settings that say how."""

from datetime import date, timedelta

import msgspec
import pytest

from calendar_worker.model.memory import Failure, Memory
from calendar_worker.model.plan import EmployeesPlan, EmployeesSeen, Policy, Window
from calendar_worker.model.sides import Unreadable
from calendar_worker.plan.employee import plan_employee
from calendar_worker.plan.employees import plan_employees
from calendar_worker.plan.preview import calendar_writes
from calendar_worker.plan.states import event_prints
from calendar_worker.settings import CalendarSettings
from shared.outcomes.reason import Reason
from shared.settings import SettingsError, load
from tests.unit.calendar_worker.world import NOW, TERMS, World, terms


def filled(count: int) -> World:
    """A calendar in step."""
    world = World()
    for number in range(count):
        world.add_termin(text=f"T{number}")
    world.run(whole=True)
    world.written.clear()
    return world


# Guard


@pytest.mark.parametrize(
    ("known", "gone", "most", "share", "is_refused"),
    [
        (10, 2, 2, 0.1, False),
        (10, 3, 2, 0.3, False),
        (10, 4, 2, 0.3, True),
        (10, 4, 4, 0.3, False),
        (4, 3, 2, 0.3, True),
    ],
)
def test_the_guard_stops_what_is_above_both(known: int, gone: int, most: int, share: float, is_refused: bool) -> None:
    """Invariant 10: of the known pairs; force passes, and a refused plan has no part."""
    world = filled(known)
    for event in sorted(world.live(), key=lambda one: one.id)[:gone]:
        world.delete_event(event.id)
    guarded = msgspec.structs.replace(TERMS, max_changes=most, max_share=share)
    todo = plan_employee(world.seen(terms=guarded))
    assert (todo.refused is not None) == is_refused
    if is_refused:
        assert todo.writes == {}
        assert todo.remember is None
        assert calendar_writes(todo, world.seen()) == [f"refused: {todo.refused}"]
    forced = plan_employee(world.seen(terms=msgspec.structs.replace(guarded, force=True)))
    assert forced.writes == {"termine_deleted": gone}


def test_the_first_fill_of_google_is_free_and_one_of_advoware_is_not() -> None:
    """Invariant 10: a calendar that is new to us and full is a copy more likely than work."""
    few = msgspec.structs.replace(TERMS, max_changes=2, max_share=0.3)
    world = World()
    for number in range(9):
        world.add_termin(text=f"T{number}")
    assert plan_employee(world.seen(whole=True, terms=few)).writes == {"events_made": 9}
    for number in range(3):
        world.add_event(summary=f"E{number}")
    assert plan_employee(world.seen(whole=True, terms=few)).refused is not None


def test_a_first_fill_pairs_what_is_alike() -> None:
    """Invariant 3: a calendar that another program has filled is taken over, and nothing is doubled."""
    world = filled(3)
    foreign = World()
    foreign.termine = world.termine
    for event in world.live():
        foreign.add_event(**{name: one for name, one in event.record.items() if name in ("summary", "start", "end")})
    todo = foreign.run(whole=True)
    assert todo.writes == {"events_changed": 3}
    assert all(update.to_google == ("shown",) for update in todo.updates)
    assert foreign.run(whole=True).writes == {}


def test_too_many_missing_termine_are_not_even_looked_for() -> None:
    """Invariant 10: the report names both counts."""
    world = filled(5)
    seen = msgspec.structs.replace(world.seen(), not_asked=4)
    assert plan_employee(seen).refused == (
        '4 of 5 known Termine are missing in Advoware\'s list; if that is right, publish {"force": true} once'
    )


# Failures


def test_a_refused_write_rests_until_it_is_due_or_changed() -> None:
    """Invariant 13: and is kept, though nothing lists its event any more."""
    world = filled(1)
    [row] = world.memory.rows.values()
    world.change_termin(row.fr_nr, text="neu")
    todo = plan_employee(world.seen())
    [(key, content)] = todo.tried.items()
    failure = Failure(
        key=key,
        fr_nr=row.fr_nr,
        attempts=1,
        next_at=NOW + timedelta(minutes=15),
        content=content,
        reason="google patch event 400",
    )
    world.memory = msgspec.structs.replace(world.memory, failed={key: failure})
    assert plan_employee(world.seen()).writes == {}
    due = msgspec.structs.replace(world.seen(), now=NOW + timedelta(minutes=15))
    assert plan_employee(due).writes == {"events_changed": 1}
    world.change_termin(row.fr_nr, text="noch neuer")
    assert plan_employee(world.seen()).writes == {"events_changed": 1}


# What cannot be read


def test_an_unreadable_termin_is_listed_and_its_event_stays() -> None:
    """Neither a deletion nor a change: nobody knows what it says."""
    world = filled(2)
    number = min(world.termine)
    world.change_termin(number, datum="irgendwann")
    todo = world.run()
    assert todo.writes == {}
    assert set(world.memory.left) == {f"frNr {number}"}
    world.change_termin(number, datum="2026-05-06T09:00:00", text="wieder lesbar")
    assert world.run().writes == {"events_changed": 1}
    assert world.memory.left == {}


def test_an_event_outside_of_the_window_is_not_made() -> None:
    """Invariant 14: what is only in Google, and long ago, stays there."""
    world = World()
    world.add_event(start={"date": "2020-01-01"}, end={"date": "2020-01-02"})
    assert world.run(whole=True).writes == {}
    wide = Window(first=date(2019, 1, 1), last=date(2030, 1, 1))
    assert world.run(whole=True, window=wide).writes == {"termine_made": 1}


# Conflicts


@pytest.mark.parametrize("policy", ["source_system_wins", "last_change_wins"])
def test_the_last_hundred_losers_are_kept_each_once(policy: Policy) -> None:
    """Invariant 6: and one that a repeated run finds again is not kept twice."""
    world = filled(1)
    [event] = world.live()
    number = min(world.termine)
    for turn in range(105):
        world.change_event(event.id, summary=f"G{turn}")
        world.change_termin(number, text=f"A{turn}")
        first = plan_employee(world.seen(terms=terms(policy=policy)))
        assert first.remember is not None
        world.memory = msgspec.structs.replace(world.memory, conflicts=first.remember.conflicts)
        world.run(terms=terms(policy=policy))
    kept = [one.content for one in world.memory.conflicts]
    assert len(kept) == len(set(kept)) == 100
    assert '"G104"' in kept[-1]


def test_a_time_without_a_form_is_kept_as_google_has_it() -> None:
    """Invariant 4: also of what we cannot read nothing is lost."""
    world = World()
    number = world.add_termin(anwalt="ALLE")
    world.run(whole=True)
    [event] = world.live()
    world.change_event(event.id, recurrence=["RRULE:FREQ=WEEKLY;BYDAY=MO,TU"])
    [read] = world.live()
    assert isinstance(read.when, Unreadable)
    assert event_prints(read).when == "no form"
    world.run()
    [lost] = world.memory.conflicts
    assert (lost.fr_nr, lost.loser) == (number, "google")
    assert "BYDAY=MO,TU" in lost.content


# Whom it concerns


def test_nobody_of_that_name_is_a_reason() -> None:
    """Without an employee there is nothing to look at."""
    seen = msgspec.structs.replace(World().seen(), kuerzel="")
    assert plan_employee(seen).reason == Reason.NOT_AN_EMPLOYEE


@pytest.mark.parametrize(
    ("active", "wanted", "only", "plan"),
    [
        (("SB", "AI"), "ALL", (), EmployeesPlan(ask=("AI", "SB"))),
        (("SB", "sb", "Öz"), "ALL", (), EmployeesPlan(ask=("SB", "Öz"))),
        (("SB", "AI"), "ALL", ("SB",), EmployeesPlan(ask=("SB",))),
        (("SB", "AI"), "ai", (), EmployeesPlan(ask=("AI",))),
        (("SB", "AI"), "ai", ("SB",), EmployeesPlan(ask=())),
        (("SB", "a b", "All", "x" * 21), "ALL", (), EmployeesPlan(ask=("SB",), unfit=3)),
        (("Ruß", "RUSS"), "russ", (), EmployeesPlan(ask=("RUSS",))),
    ],
)
def test_whose_calendars_are_looked_at(
    active: tuple[str, ...], wanted: str, only: tuple[str, ...], plan: EmployeesPlan
) -> None:
    """Each once, in any spelling; whoever the setting and the event leave."""
    assert plan_employees(EmployeesSeen(active=active, wanted=wanted, only=frozenset(only))) == plan


# Shares


def test_shares_are_what_is_wanted_and_not_yet_so() -> None:
    """An owner stays one, a role that is there is not given again, and what we gave and nobody wants goes."""
    seen = msgspec.structs.replace(
        World().seen(),
        memory=Memory(calendar_id="c", shares={"weg@x.example": "reader", "da@x.example": "writer"}),
        wanted_shares={"da@x.example": "writer", "neu@x.example": "reader", "chef@x.example": "writer"},
        rules={"da@x.example": "writer", "weg@x.example": "reader", "chef@x.example": "owner"},
    )
    todo = plan_employee(seen)
    assert dict(todo.share) == {"neu@x.example": "reader"}
    assert todo.unshare == ("weg@x.example",)
    assert "x.example" not in repr(calendar_writes(todo, seen))


# Settings


@pytest.mark.parametrize(
    ("told", "shares"),
    [
        ("", {}),
        ("A@x.example:reader", {"a@x.example": "reader"}),
        (
            " a@x.example:writer , b@x.example:freeBusyReader ",
            {"a@x.example": "writer", "b@x.example": "freeBusyReader"},
        ),
        ("a@x.example", None),
        ("a@x.example:boss", None),
        ("a:reader", None),
    ],
)
def test_who_shares_is_read_or_refused_at_start(told: str, shares: dict[str, str] | None) -> None:
    """A misspelt role is found before it is needed."""
    if shares is None:
        with pytest.raises(SettingsError, match="CALENDAR_SHARE_WITH"):
            load(CalendarSettings, {"CALENDAR_SHARE_WITH": told})
    else:
        assert load(CalendarSettings, {"CALENDAR_SHARE_WITH": told}).shares() == shares
