"""What the state machine of calendars has found, each by itself."""

import asyncio

import pytest

from shared.outcomes.errors import Unavailable
from shared.runtime.service import Service
from simulators.faults import Fault
from tests.support.calendars import (
    Calendars,
    add_event,
    add_termin,
    at,
    day,
    in_step,
    linked_to,
    lose_memory,
)


async def test_what_was_hidden_after_a_lost_memory_is_compared_later(calendars: Calendars, service: Service) -> None:
    """Invariant 2: texts that differ, met again without a memory in the anonymous mode, are not agreed on by that."""
    later_wins = {"policy": "last_change_wins"}
    await calendars.sync()
    event = add_event(calendars)
    await in_step(calendars, deps=later_wins)
    [number] = [record["frNr"] for record in calendars.termine()]
    await lose_memory(service)
    calendars.google.staff.change_event(calendars.calendar_id(), event, summary="Mittagessen mit Frau Groß")
    await asyncio.sleep(0.01)
    calendars.advoware.staff.change_termin(number, text="Verhandlung")
    await calendars.sync(deps=later_wins, full_content=False)
    await calendars.sync(deps=later_wins, full_content=True)
    await in_step(calendars, deps=later_wins)
    assert calendars.event_of(number)["summary"] == calendars.termin(number)["text"] == "Verhandlung"


async def test_a_copy_does_not_share_its_originals_termin(calendars: Calendars) -> None:
    """P2: a Termin that this very run has made for a copy is not taken for the lost one of the original."""
    await calendars.sync()
    original = add_event(calendars)
    calendars.advoware.faults.add(Fault(kind="cut_request", method="POST", path=".*/Termine"))
    with pytest.raises(Unavailable):
        await calendars.sync()
    copies = [calendars.google.staff.copy_event(calendars.calendar_id(), original) for _ in range(6)]
    assert min(copies) < original < max(copies), "the order of ids is the order of the work"
    await in_step(calendars)
    assert len({linked_to(event) for event in calendars.events()}) == len(calendars.termine()) == 7


async def test_a_text_is_safe_before_it_is_hidden(calendars: Calendars) -> None:
    """P2: what somebody has typed in Google is in Advoware before the anonymous mode writes over it."""
    number = add_termin(calendars)
    await in_step(calendars)
    event = calendars.event_of(number)["id"]
    calendars.google.staff.change_event(calendars.calendar_id(), event, summary="Verhandlung")
    calendars.advoware.faults.add(Fault(kind="error", method="PUT", path=".*/Termine", times=None))
    with pytest.raises(Unavailable):
        await calendars.sync(full_content=False)
    calendars.advoware.faults.clear()
    await in_step(calendars, full_content=False)
    assert calendars.termin(number)["text"] == "Verhandlung"
    assert calendars.event_of(number)["summary"] == "Advoware blocked"


async def test_a_refused_text_is_not_written_over(calendars: Calendars, service: Service) -> None:
    """P2: a pair that was met without a memory, and whose change Advoware refuses, is not taken for a new Termin."""
    later_wins = {"policy": "last_change_wins"}
    number = add_termin(calendars, privat=1)
    await in_step(calendars, deps=later_wins)
    await lose_memory(service)
    event = calendars.event_of(number)["id"]
    calendars.google.staff.change_event(calendars.calendar_id(), event, summary="Arzttermin, verlegt")
    for _ in range(3):
        await calendars.sync(deps=later_wins)
    assert calendars.event_of(number)["summary"] == "Arzttermin, verlegt"


@pytest.mark.parametrize("moved", [False, True])
async def test_a_lost_answer_is_met_though_the_event_has_changed_since(calendars: Calendars, moved: bool) -> None:
    """P2: the POST was done and its answer lost; what somebody types before the next run goes to that one Termin."""
    await calendars.sync()
    event = add_event(calendars)
    calendars.advoware.faults.add(Fault(kind="lost", method="POST", path=".*/Termine"))
    with pytest.raises(Unavailable):
        await calendars.sync()
    if moved:
        calendars.google.staff.move_event(calendars.calendar_id(), event, at(3, "11:00"))
    else:
        calendars.google.staff.change_event(calendars.calendar_id(), event, summary="Mittagessen mit Frau Groß")
    await in_step(calendars)
    [termin] = calendars.termine()
    assert [linked_to(one) for one in calendars.events()] == [termin["frNr"]]
    assert termin["datum"][:10] == (day(3) if moved else day(1))
    assert termin["text"] == ("Mittagessen" if moved else "Mittagessen mit Frau Groß")


async def test_an_equal_event_is_not_taken_for_a_lost_one(calendars: Calendars) -> None:
    """P2: its POST never arrived; the Termin that looks the same is another event's."""
    await calendars.sync()
    add_event(calendars)
    await in_step(calendars)
    add_event(calendars)
    calendars.advoware.faults.add(Fault(kind="cut_request", method="POST", path=".*/Termine"))
    with pytest.raises(Unavailable):
        await calendars.sync()
    await in_step(calendars)
    assert len(calendars.termine()) == len({linked_to(one) for one in calendars.events()}) == 2


async def test_a_blank_event_out_of_the_bin_is_surplus(calendars: Calendars, service: Service) -> None:
    """Invariant 3: it says the fixed text at a time that is past; its Termin has another event by now."""
    number = add_termin(calendars)
    await in_step(calendars, full_content=False)
    first = calendars.event_of(number)["id"]
    calendars.google.staff.delete_event(calendars.calendar_id(), first)
    await lose_memory(service)
    await in_step(calendars, full_content=False)
    calendars.google.staff.restore_event(calendars.calendar_id(), first)
    calendars.advoware.staff.change_termin(number, uhrzeitVon="11:00", uhrzeitBis="12:00")
    await in_step(calendars, full_content=False)
    assert calendars.event_of(number)["id"] != first
    [kept] = (await calendars.memory()).conflicts
    assert (kept.event_id, kept.part, kept.loser) == (first, "when", "google")
