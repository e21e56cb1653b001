"""Which of several is taken away, and which is only told."""

from collections.abc import Callable

import msgspec
import pytest

from calendar_worker.plan.audit.duplicates import asks_receipts, duplicates
from calendar_worker.translate.event import event_id
from tests.unit.calendar_worker.audits import DELETE, PERSON, a_pair, copied, forget, linked, seen_whole, told
from tests.unit.calendar_worker.world import World, terms


def test_of_several_events_of_a_termin_the_remembered_one_stays() -> None:
    """Else a linked one, else the oldest."""
    world, number, event = a_pair()
    second = event_id("SB", number, 2)
    third = event_id("SB", number, 3)
    for one in (second, third):
        world.events[one] = {**world.events[event], "id": one, "created": "2020-01-01T00:00:00Z"}
        linked(world, one, number)
    found = duplicates(seen_whole(world))
    assert [(one.keeps, one.deletes) for one in found.findings] == [
        (f"events/{event}", (f"events/{one}",)) for one in sorted((second, third))
    ]
    assert all(one.termin is None and one.forget_first for one in found.removals)
    forget(world, event)
    world.events[event] = {**world.events[event], "created": "2021-01-01T00:00:00Z"}
    world.events[third] = {**world.events[third], "created": "2019-01-01T00:00:00Z"}
    assert {one.keeps for one in duplicates(seen_whole(world)).findings} == {f"events/{third}"}
    del world.events[third]["extendedProperties"]
    assert {one.keeps for one in duplicates(seen_whole(world)).findings} == {f"events/{second}"}


def test_an_event_that_says_something_else_is_never_a_duplicate() -> None:
    """Not remembered, a sync makes a Termin of it; remembered for the same Termin, a person must look."""
    world, number, event = a_pair()
    other = world.add_event(summary="etwas anderes")
    linked(world, other, number)
    assert duplicates(seen_whole(world)).findings == ()
    row = msgspec.structs.replace(world.memory.rows[event], event_id=other)
    world.memory = msgspec.structs.replace(world.memory, rows={**world.memory.rows, other: row})
    found = duplicates(seen_whole(world))
    assert told(found.findings) == [("events_of_one_termin", PERSON, "they say different things")]
    assert found.removals == ()


def test_a_copy_goes_with_the_termin_that_the_hub_made_of_it() -> None:
    """Proven by its link, or by the journal."""
    world, number, event = a_pair()
    copy_id = copied(world, event)
    world.run()
    [made] = world.read().keys() - {number}
    found = duplicates(seen_whole(world))
    [finding], [removal] = found.findings, found.removals
    assert (finding.kind, finding.keeps) == ("alike", f"frNr {number}")
    assert finding.deletes == (f"events/{copy_id}", f"Termine?frnr={made}")
    assert removal.event is not None
    assert removal.termin is not None
    assert (removal.event.id, removal.termin.fr_nr, removal.forget) == (copy_id, made, copy_id)
    assert not removal.forget_first
    assert asks_receipts(seen_whole(world).seen) == {copy_id}


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        (lambda world, _event, made: world.change_termin(made, nr=7), None),
        (lambda world, event, _made: world.change_event(event, attendees=[{"email": "g@x"}]), "has guests"),
        (
            lambda world, event, _made: world.add_event(recurringEventId=event),
            "has occurrences of its own",
        ),
        (lambda world, event, _made: world.change_event(event, summary="anders"), "not in step"),
        (lambda world, event, _made: world.change_event(event, extendedProperties=None), "not in step"),
        (lambda world, _event, made: world.change_termin(made, text="anders"), None),
        (lambda world, _event, made: world.change_termin(made, anwalt="ALLE"), None),
    ],
)
def test_what_is_not_quite_alike_stays(deed: Callable[[World, str, int], object], reason: str | None) -> None:
    """`reason` None: it is not alike any more."""
    world, number, event = a_pair()
    copy_id = copied(world, event)
    world.run()
    [made] = world.read().keys() - {number}
    deed(world, copy_id, made)
    found = duplicates(seen_whole(world))
    assert found.removals == ()
    assert told(found.findings) == ([("alike", PERSON, reason)] if reason else [])


def test_two_that_staff_entered_are_told_only() -> None:
    """Also with an Akte each, when it is the same; a receipt of the journal alone would prove otherwise."""
    world, number, _ = a_pair()
    other = world.add_termin()
    world.run()
    by_hand = ("alike", PERSON, "entered in Advoware, as far as the hub knows")
    assert told(duplicates(seen_whole(world)).findings) == [by_hand]
    receipts = {"an event": other}
    assert told(duplicates(seen_whole(world, receipts=receipts)).findings) == [("alike", DELETE, "")]
    for one in (number, other):
        world.change_termin(one, nr=7)
    world.run()
    told_now = told(duplicates(seen_whole(world, receipts=receipts)).findings)
    assert told_now == [("alike", PERSON, "belongs to an Akte")]
    world.change_termin(other, nr=8)
    assert duplicates(seen_whole(world)).findings == ()
    read_only = seen_whole(world, terms(advoware_write=False), receipts=receipts)
    assert {one.cure for one in duplicates(read_only).findings} <= {PERSON}


def test_events_of_persons_are_told_only() -> None:
    """Two that were typed twice, before a sync has seen them."""
    world = World()
    world.add_event()
    world.add_event()
    assert told(duplicates(seen_whole(world)).findings) == [("alike", PERSON, "entered by a person")]
