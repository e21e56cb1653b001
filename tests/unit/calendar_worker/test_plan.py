"""The plan of a calendar: from any state, what must hold; and single decisions that no simulator can bring about."""

from collections import Counter
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from calendar_worker.model.memory import Memory
from calendar_worker.model.plan import Policy
from calendar_worker.plan.employee import plan_employee
from calendar_worker.plan.states import event_prints, termin_prints
from calendar_worker.translate.event import ANONYMOUS_TEXT
from tests.unit.calendar_worker.world import World, terms

# Deeds of staff on either side; numbers choose among what is there.

_TEXTS = st.sampled_from(["A", "B", "C", "A (1/26 X)"])
_DAYS = st.sampled_from(["2026-05-06", "2026-07-01", "2025-06-01", "2027-06-01"])
_WHICH = st.integers(0, 7)
_DEEDS = st.one_of(
    st.tuples(st.just("add_termin"), _DAYS, _TEXTS, st.sampled_from(["SB", "ALLE", "sb"])),
    st.tuples(st.just("change_termin"), _WHICH, _TEXTS),
    st.tuples(st.just("move_termin"), _WHICH, _DAYS),
    st.tuples(st.just("hide_termin"), _WHICH),
    st.tuples(st.just("remove_termin"), _WHICH),
    st.tuples(st.just("add_event"), _DAYS, _TEXTS),
    st.tuples(st.just("change_event"), _WHICH, _TEXTS),
    st.tuples(st.just("move_event"), _WHICH, _DAYS),
    st.tuples(st.just("rule_event"), _WHICH, st.sampled_from(["FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO,TU"])),
    st.tuples(st.just("hide_event"), _WHICH, st.sampled_from(["private", "default"])),
    st.tuples(st.just("strip_event"), _WHICH),
    st.tuples(st.just("copy_event"), _WHICH),
    st.tuples(st.just("delete_event"), _WHICH),
    st.tuples(st.just("restore_event"), _WHICH),
    st.tuples(st.just("forget")),
    st.tuples(st.just("run"), st.booleans(), st.booleans(), st.booleans()),
)


def do(world: World, deed: tuple[Any, ...], policy: Policy) -> None:
    """One deed, where there is something to do it to."""
    name, *given_ = deed
    numbers = sorted(world.termine)
    live = sorted(event.id for event in world.live())
    if name == "forget":
        world.memory = Memory(calendar_id="c")
    elif name == "run":
        whole, full, write = given_
        now = terms(policy=policy, full=full, advoware_write=write, force=True)
        world.run(whole=whole or not world.memory.rows, terms=now)
    elif name == "add_termin":
        day, text, owner = given_
        world.add_termin(**_day(day), text=text, anwalt=owner, sb="PM" if owner == "ALLE" else owner)
    elif name == "add_event":
        day, text = given_
        world.add_event(summary=text, **_times(day))
    elif name.endswith("_termin") and numbers:
        _to_termin(world, name, numbers[given_[0] % len(numbers)], *given_[1:])
    elif name == "restore_event" and world.events:
        one = sorted(world.events)[given_[0] % len(world.events)]
        if one not in live:
            world._put({"id": one, "summary": "wieder da", **_times("2026-05-06")})
    elif name.endswith("_event") and live:
        _to_event(world, name, live[given_[0] % len(live)], *given_[1:])


def _to_termin(world: World, name: str, number: int, value: str = "") -> None:
    if name == "change_termin":
        world.change_termin(number, text=value)
    elif name == "move_termin":
        world.change_termin(number, **_day(value))
    elif name == "hide_termin":
        world.change_termin(number, privat=1)
    else:
        del world.termine[number]


def _to_event(world: World, name: str, event: str, value: str = "") -> None:
    if name == "change_event":
        world.change_event(event, summary=value)
    elif name == "move_event":
        world.change_event(event, **_times(value))
    elif name == "rule_event":
        world.change_event(event, recurrence=[f"RRULE:{value}"])
    elif name == "hide_event":
        world.change_event(event, visibility=value)
    elif name == "strip_event":
        world.change_event(event, extendedProperties={})
    elif name == "copy_event":
        world.add_event(**{member: one for member, one in world.events[event].items() if member not in ("id", "etag")})
    else:
        world.delete_event(event)


def _day(day: str) -> dict[str, str]:
    return {"datum": f"{day}T09:00:00", "datumBis": f"{day}T10:00:00"}


def _times(day: str) -> dict[str, Any]:
    return {
        "start": {"dateTime": f"{day}T12:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": f"{day}T13:00:00", "timeZone": "Europe/Berlin"},
    }


def at_rest(world: World, policy: Policy, *, full: bool, write: bool) -> None:
    """Invariants 1 and 2: at most two runs with work, then none, also when everything is listed again."""
    now = terms(policy=policy, full=full, advoware_write=write, force=True)
    world.run(whole=True, terms=now)
    world.run(terms=now)
    world.written.clear()
    for whole in (False, True, False):
        todo = world.run(whole=whole, terms=now)
        assert todo.writes == {}
    assert world.written == []


@given(
    deeds=st.lists(_DEEDS, max_size=14),
    policy=st.sampled_from(["source_system_wins", "last_change_wins"]),
    full=st.booleans(),
    write=st.booleans(),
)
def test_from_any_state_both_sides_come_to_rest(
    deeds: list[tuple[Any, ...]], policy: Policy, full: bool, write: bool
) -> None:
    """Invariants 1, 2, 3, 17, 20 and 24: in step, one event per Termin, nothing hidden comes out, none is guessed."""
    world = World()
    for deed in deeds:
        do(world, deed, policy)
    before = {number: dict(record) for number, record in world.termine.items()}
    at_rest(world, policy, full=full, write=write)
    shown = world.read()
    linked = Counter(event.link.fr_nr for event in world.live() if event.link)
    assert max(linked.values(), default=1) == 1
    in_window = {number for number, one in shown.items() if world.window.meets(one.when.first_day, one.when.last_day)}
    assert in_window <= linked.keys()
    assert all(record["text"] != ANONYMOUS_TEXT for record in world.termine.values())
    if not write:
        assert world.termine == before
    for event in world.live():
        if event.link is None or event.link.fr_nr not in in_window or not full:
            continue
        here, there = event_prints(event), termin_prints(shown[event.link.fr_nr])
        assert event.id in world.memory.left or here == there


@given(deeds=st.lists(_DEEDS, max_size=10), scattered=st.randoms())
def test_the_order_of_a_list_decides_nothing(deeds: list[tuple[Any, ...]], scattered: Any) -> None:
    """Invariant 22: the plan of a shuffled list is the plan."""
    world = World()
    for deed in deeds:
        do(world, deed, "source_system_wins")
    seen = world.seen(whole=True)
    events, termine = list(seen.events.items()), list(seen.termine.items())
    scattered.shuffle(events)
    scattered.shuffle(termine)
    again = msgspec.structs.replace(seen, events=dict(events), termine=dict(termine))
    assert plan_employee(again) == plan_employee(seen)
