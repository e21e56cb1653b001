"""What must hold in the end, said once more and without the worker's own plans: the policy as people know it."""

import json
from collections import Counter
from typing import Any

from calendar_worker.model.memory import Memory as Remembered
from tests.stateful.calendar_memory import (
    Key,
    Memory,
    Sight,
    concerns,
    content_of_event,
    content_of_termin,
    is_locked,
    is_without_form,
)
from tests.stateful.calendar_staff import Staff, serial_of
from tests.stateful.calendar_values import ANONYMOUS, link_of, when_of_event, when_of_termin
from tests.stateful.calendar_world import KUERZEL, World

_OWN_ID_LENGTH = 52
"""Of the ids that the hub chooses; Google's are shorter, and those of split series have an R."""
_NOTED = ("a person must choose",)
"""Reasons of failures that only a person can end."""
Record = dict[str, Any]


def check_calendar(world: World, staff: Staff, kuerzel: str, remembered: Remembered) -> None:
    """One calendar: each Termin has its event, each event its Termin, and both say the same."""
    termine, events = world.termine(), world.events(kuerzel)
    standing = Counter(number for event in events if (number := link_of(event)[0]))
    assert all(count == 1 for count in standing.values()), f"two events of one Termin: {standing}"
    refused = {one.fr_nr for one in remembered.failed.values() if is_locked(termine.get(one.fr_nr, {}))}
    for number, record in termine.items():
        if number not in refused and concerns(world, record, kuerzel) and _inside(world, when_of_termin(record)):
            assert standing[number] == 1, ("a Termin without an event", record)
    for event in events:
        number = link_of(event)[0]
        if number in refused:
            continue
        if number and number in termine:
            _check_pair(world, staff, kuerzel, termine[number], event)
        else:
            _check_single(world, kuerzel, event, remembered)


def _check_pair(world: World, staff: Staff, kuerzel: str, record: Record, event: Record) -> None:
    when = when_of_event(event)
    is_inside = _inside(world, when_of_termin(record))
    if not concerns(world, record, kuerzel):
        assert not is_inside, ("an event of somebody else's Termin", record, event)
        return
    if not is_inside:
        return
    is_ours = record["anwalt"] == kuerzel and world.write
    if when is not None or not is_ours:
        assert when == when_of_termin(record), ("when", record, event)
    if record["privat"]:
        assert event["visibility"] == "private", (record, event)
    is_anonymous = link_of(event)[2]
    here, there = content_of_termin(record), content_of_event(event)
    if world.full:
        assert not is_anonymous, event
        assert there | {"when": None} == here | {"when": None}, ("texts", record, event)
    elif _is_advowares(staff, record["frNr"], event["id"]):
        assert is_anonymous, event
        assert event["visibility"] == "private", event
        serial = serial_of(here["text"])
        assert not serial or serial != serial_of(event.get("summary", "")), ("told", record, event)
        assert "Müßig" not in event.get("summary", ""), ("told", record, event)


def _check_single(world: World, kuerzel: str, event: Record, remembered: Remembered) -> None:
    """An event that stands alone may do so only where there is a reason."""
    when = when_of_event(event)
    if when is None or not _inside(world, when) or event.get("summary") == ANONYMOUS:
        return
    number = link_of(event)[0]
    failure = remembered.failed.get(event["id"])
    if failure is not None and any(reason in failure.reason for reason in _NOTED):
        return
    if kuerzel == KUERZEL:
        assert not world.write, ("an event without a Termin", event)
        assert not number, ("an event of a Termin that is gone", event)


def _is_advowares(staff: Staff, number: int, event_id: str) -> bool:
    """Whether a person has entered it in Advoware."""
    return number in staff.entered and len(event_id) == _OWN_ID_LENGTH


def _inside(world: World, when: tuple[Any, ...] | None) -> bool:
    """Whether it begins in the window: then there is no doubt that it counts."""
    first, last = world.clock.window()
    return when is not None and first.isoformat() <= str(when[1])[:10] <= last.isoformat()


# Staff's side


def check_nothing_twice(world: World, staff: Staff) -> None:
    """As often as people have made it, at most."""
    sides = {"advoware": world.termine().values(), "google": world.events()}
    for side, rows in sides.items():
        told = Counter(serial_of(str(row.get("text") or row.get("summary", ""))) for row in rows)
        for serial, count in told.items():
            assert not serial or count <= 1 + staff.copies[serial], (side, "made twice", serial, list(rows))


def check_nothing_lost(staff: Staff) -> None:
    """What a person typed last is on a side, or among the conflicts, or a person who saw it has replaced it."""
    memory = staff.memory
    sight = memory.look()
    for (key, name), typed in memory.typed.items():
        if typed.value is None or _is_there(memory, sight, key, name, typed.value):
            continue
        if memory.deleted.get(key, 0) > typed.step or _was_replaced(memory, key, name):
            continue
        assert _is_kept(memory, name, typed.value), ("typed and gone", key, name, typed)


def _is_there(memory: Memory, sight: Sight, key: Key, name: str, value: object) -> bool:
    where = memory.group(key) if name == "when" else sight
    return any(sight.get(one, {}).get(name) == value for one in where)


def _was_replaced(memory: Memory, key: Key, name: str) -> bool:
    """By somebody who saw it on the other side."""
    seen = memory.shown.get((key, name))
    if seen is None:
        return False
    group = memory.group(key) - {key}
    later = [memory.typed[one, name].step for one in group if (one, name) in memory.typed]
    later += [memory.deleted[one] for one in group if one in memory.deleted]
    return any(step > seen for step in later)


def _is_kept(memory: Memory, name: str, value: Any) -> bool:
    for content in memory.conflicts:
        told = json.loads(content)
        if name != "when":
            if told.get(name) == value:
                return True
        elif is_without_form(value):
            if (told.get("start"), told.get("end")) == value[:2]:
                return True
        elif "span" in told and str(told["span"].get("start", told["span"].get("first")))[:16] == value[1]:
            return True
    return False


def check_deletions(staff: Staff) -> None:
    """What a person has deleted after both sides had agreed is gone on the other side too."""
    sight = staff.memory.look()
    left = [key for key in staff.memory.expected_gone if key in sight]
    assert left == [], f"deleted on the other side: {left}"


def check_conflicts(world: World, staff: Staff) -> None:
    """The source wins, where that is the policy."""
    for one in staff.memory.conflicts.values():
        if world.policy == "source_system_wins" and one.loser == "advoware":
            assert not _is_advowares(staff, one.fr_nr, one.event_id), one


def check_untouched(world: World, staff: Staff) -> None:
    """Other people's, everybody's, virtual Termine are as people have left them; so are all in the read-only mode."""
    termine = world.termine()
    for number, left in staff.memory.left.items():
        record = termine.get(number)
        is_ours = left and left["anwalt"] == KUERZEL and number > 0 and world.write
        if not left or is_ours or ("advoware", str(number)) in staff.memory.deleted:
            continue
        assert record == left, (record, left)
    for record in termine.values():
        assert ANONYMOUS not in str(record), record
        wanted = staff.reminders.get(record["frNr"], record["erinnerung"])
        assert record["erinnerung"] == wanted, record
    calendar = world.calendar()
    for event in world.google.events(calendar, deleted=True) if calendar else ():
        told = {serial_of(str(event.get(name, ""))) for name in ("summary", "description", "location")}
        assert not told & staff.hidden, ("told what is not the employee's", event)
    for event in world.events():
        members = staff.furnished.get(event["id"], {})
        for name, value in members.items():
            if name == "attendees":
                assert [one["email"] for one in event[name]] == [one["email"] for one in value], event
            else:
                assert event.get(name) == value, (name, event)
