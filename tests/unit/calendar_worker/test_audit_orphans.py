"""What has lost its other half, and who decides about it."""

from datetime import date

import pytest

from calendar_worker.model.plan import Window
from calendar_worker.plan.audit.orphans import orphans
from calendar_worker.translate.event import ANONYMOUS_TEXT, event_id
from tests.unit.calendar_worker.audits import DELETE, PERSON, a_pair, copied, forget, seen_whole, told
from tests.unit.calendar_worker.world import World, terms


@pytest.mark.parametrize(
    ("remembered", "own_id", "where", "edited", "expected"),
    [
        (False, True, "here", False, ("termin_gone", DELETE, "")),
        (False, True, "here", True, ("termin_gone", DELETE, "")),
        (False, False, "here", False, None),  # a person entered it: the sync makes the Termin again
        (True, True, "here", False, None),  # the sync deletes it
        (True, True, "far", False, ("termin_gone", DELETE, "")),
        (True, False, "far", False, ("termin_gone", DELETE, "")),
        (True, True, "far", True, ("termin_gone", PERSON, "changed in Google")),
    ],
)
def test_an_event_whose_termin_is_gone(
    remembered: bool, own_id: bool, where: str, edited: bool, expected: tuple[str, str, str] | None
) -> None:
    """By whether it is remembered, who made it, whether its days are kept in step, and whether somebody changed it."""
    world = World()
    if own_id:
        number = world.add_termin()
    else:
        world.add_event()
    world.run()
    [(event, row)] = world.memory.rows.items()
    number = row.fr_nr
    world.termine.pop(number)
    if edited:
        world.change_event(event, summary="Kanarienvogel")
    if not remembered:
        forget(world, event)
    far = Window(first=date(2027, 1, 1), last=date(2027, 12, 31)) if where == "far" else None
    audited = seen_whole(world, window=far, gone=frozenset({number}) if where == "far" else frozenset())
    found = orphans(audited)
    assert told(found.findings) == ([expected] if expected else [])
    kept = [one.content for removal in found.removals for one in removal.conflicts]
    assert any("Kanarienvogel" in one for one in kept) == (edited and expected is not None and expected[1] == DELETE)


def test_an_event_of_another_persons_termin() -> None:
    """It goes, remembered or not; what nobody has agreed on is kept."""
    world, number, event = a_pair()
    world.change_termin(number, privat=1, anwalt="PM", sb="PM")
    for remembered in (True, False):
        if not remembered:
            forget(world, event)
        found = orphans(seen_whole(world))
        assert told(found.findings) == [("termin_of_another", DELETE, "")]
        assert [bool(one.conflicts) for one in found.removals] == [not remembered]
        assert [one.forget for one in found.removals] == [event if remembered else ""]


def test_an_event_that_has_lost_its_link() -> None:
    """Ours by its id alone: certain only of days that were listed. One whose Termin lives is met again by the sync."""
    world, number, event = a_pair()
    forget(world, event)
    del world.events[event]["extendedProperties"]
    assert orphans(seen_whole(world)).findings == ()
    world.termine.pop(number)
    assert told(orphans(seen_whole(world)).findings) == [("link_lost", DELETE, "")]
    far = Window(first=date(2027, 1, 1), last=date(2027, 12, 31))
    told_far = told(orphans(seen_whole(world, window=far)).findings)
    assert told_far == [("link_lost", PERSON, "outside the days that are kept in step")]
    world.events[event] |= {"start": {}, "end": {}}
    assert told(orphans(seen_whole(world)).findings)[0][1] == PERSON


def test_a_copy_of_a_blank_event_is_a_persons() -> None:
    """It says only the fixed text, and no sync makes a Termin of it. Its occurrences are none."""
    world = World()
    number = world.add_termin()
    world.run(terms=terms(full=False))
    event = event_id("SB", number, 1)
    assert world.events[event]["summary"] == ANONYMOUS_TEXT
    copy_id = copied(world, event)
    world.add_event(**{**world.events[copy_id], "recurringEventId": "x"})
    found = orphans(seen_whole(world, terms(full=False)))
    assert [(one.kind, one.cure, one.event_ids) for one in found.findings] == [("copied_blank", PERSON, (copy_id,))]
    assert found.removals == ()


def test_a_pair_both_of_whose_sides_are_gone() -> None:
    """Only the memory changes."""
    world, number, event = a_pair()
    world.delete_event(event)
    world.termine.pop(number)
    far = Window(first=date(2027, 1, 1), last=date(2027, 12, 31))
    assert orphans(seen_whole(world, window=far)).findings == ()
    found = orphans(seen_whole(world, window=far, gone=frozenset({number})))
    assert told(found.findings) == [("both_gone", DELETE, "")]
    assert [(one.event, one.termin, one.forget) for one in found.removals] == [(None, None, event)]


def test_a_termin_that_doubles_a_linked_one() -> None:
    """Proven by the journal it goes; entered by staff it is told."""
    world, number, event = a_pair()
    other = world.add_termin()
    found = orphans(seen_whole(world))
    assert told(found.findings) == [("unlinked_double", PERSON, "entered in Advoware, as far as the hub knows")]
    found = orphans(seen_whole(world, receipts={event: other}))
    assert [(one.keeps, one.deletes) for one in found.findings] == [(f"frNr {number}", (f"Termine?frnr={other}",))]
    assert [one.event for one in found.removals] == [None]
    read_only = seen_whole(world, terms(advoware_write=False), receipts={event: other})
    assert orphans(read_only).removals == ()
