"""An employee's calendar in step with Advoware, against both simulators over HTTP, with a real NATS and Redis."""

import pytest

from shared.outcomes.outcome import Done, Skip
from shared.outcomes.reason import Reason
from tests.support.calendars import MAIL, Calendars, add_event, add_termin, at, day, in_step, linked_to


async def test_the_first_run_makes_the_calendar_and_fills_it(calendars: Calendars) -> None:
    """One calendar, shared with its employee, with one event for each Termin."""
    number = add_termin(calendars, notiz="Unterlagen\r\nmitbringen", ort="Saal 3")
    done = await calendars.sync()
    assert isinstance(done, Done)
    assert done.plan == {"calendar": 1, "shares": 1, "events_made": 1}
    assert calendars.google.roles(calendars.calendar_id())[f"user:{MAIL}"] == "writer"
    assert calendars.google.mails() == []
    [event] = calendars.events()
    assert linked_to(event) == number
    assert event["summary"] == "Besprechung"
    assert event["location"] == "Saal 3"


async def test_an_unchanged_run_writes_nothing_and_asks_three_times(calendars: Calendars) -> None:
    """Invariants 1 and 8: neither our own writes coming back nor anything else moves either side."""
    add_termin(calendars)
    await calendars.sync()
    await calendars.sync()
    calendars.forget_logs()
    assert await calendars.sync() == Skip(Reason.IN_STEP)
    assert calendars.writes() == []
    assert len(calendars.requests()) == 3, calendars.requests()


# Both directions.


async def test_edits_go_both_ways(calendars: Calendars) -> None:
    """Invariant 2: a change of time, text, note or place on either side arrives at the other."""
    number = add_termin(calendars)
    await in_step(calendars)
    event = calendars.event_of(number)["id"]
    calendars.advoware.staff.change_termin(number, text="Verhandlung", ort="Saal 3", uhrzeitBis="11:30")
    await in_step(calendars)
    found = calendars.event_of(number)
    assert (found["summary"], found["location"]) == ("Verhandlung", "Saal 3")
    assert found["end"]["dateTime"].startswith(f"{day(1)}T11:30")
    calendars.google.staff.change_event(calendars.calendar_id(), event, description="Akte mitnehmen")
    calendars.google.staff.move_event(calendars.calendar_id(), event, at(2, "15:00"))
    await in_step(calendars)
    record = calendars.termin(number)
    assert (record["text"], record["notiz"]) == ("Verhandlung", "Akte mitnehmen")
    assert (record["datum"][:10], record["uhrzeitVon"], record["uhrzeitBis"]) == (day(2), "15:00:00", "17:30:00")
    assert len(calendars.events()) == len(calendars.termine()) == 1


async def test_an_event_becomes_a_termin(calendars: Calendars) -> None:
    """Invariant 4: what stood in Google only stands on both sides, once."""
    await calendars.sync()
    event = add_event(calendars, description="mit Frau Groß", location="Kantine", visibility="private")
    done = await calendars.sync()
    assert isinstance(done, Done)
    assert done.plan == {"termine_made": 1}
    [record] = calendars.termine()
    assert (record["text"], record["notiz"], record["ort"]) == ("Mittagessen", "mit Frau Groß", "Kantine")
    assert (record["anwalt"], record["privat"], record["uhrzeitVon"]) == ("SB", 1, "14:00:00")
    assert calendars.event_of(record["frNr"])["id"] == event
    await in_step(calendars)
    calendars.advoware.staff.change_termin(record["frNr"], text="Abendessen")
    await in_step(calendars)
    assert [one["summary"] for one in calendars.events()] == ["Abendessen"]


async def test_deletions_go_both_ways(calendars: Calendars) -> None:
    """Invariant 5: what is deleted on one side is deleted on the other, once; on both, it is only forgotten."""
    first, second, third = (add_termin(calendars, text=name) for name in ("A", "B", "C"))
    add_termin(calendars, text="bleibt")
    await in_step(calendars)
    calendars.advoware.staff.remove_termin(first)
    calendars.google.staff.delete_event(calendars.calendar_id(), calendars.event_of(second)["id"])
    calendars.google.staff.delete_event(calendars.calendar_id(), calendars.event_of(third)["id"])
    calendars.advoware.staff.remove_termin(third)
    done = await calendars.sync()
    assert isinstance(done, Done)
    assert done.plan == {"events_deleted": 1, "termine_deleted": 1}
    assert [one["summary"] for one in calendars.events()] == ["bleibt"]
    assert [one["text"] for one in calendars.termine()] == ["bleibt"]
    await in_step(calendars)
    assert len((await calendars.memory()).rows) == 1


async def test_an_edit_beats_a_deletion(calendars: Calendars) -> None:
    """Invariant 4: deleted on one side and changed on the other since they agreed, it is made anew."""
    number, other = add_termin(calendars, text="A"), add_termin(calendars, text="B")
    await in_step(calendars)
    calendars.google.staff.delete_event(calendars.calendar_id(), calendars.event_of(number)["id"])
    calendars.advoware.staff.change_termin(number, text="A, verlegt")
    event = calendars.event_of(other)["id"]
    calendars.advoware.staff.remove_termin(other)
    calendars.google.staff.change_event(calendars.calendar_id(), event, summary="B, verlegt")
    await in_step(calendars)
    assert calendars.event_of(number)["summary"] == "A, verlegt"
    assert sorted(one["text"] for one in calendars.termine()) == ["A, verlegt", "B, verlegt"]
    assert len(calendars.events()) == 2
    [made] = [one["frNr"] for one in calendars.termine() if one["text"] == "B, verlegt"]
    assert calendars.event_of(made)["id"] == event


@pytest.mark.parametrize("polled_first", ["advoware", "google"])
async def test_of_a_conflict_the_source_wins_and_the_loser_is_kept(calendars: Calendars, polled_first: str) -> None:
    """Invariant 6: whoever changed it first; the parts are merged apart, and what lost is remembered."""
    number = add_termin(calendars)
    await in_step(calendars)
    event = calendars.event_of(number)["id"]

    def in_advoware() -> None:
        calendars.advoware.staff.change_termin(number, text="Verhandlung")

    def in_google() -> None:
        calendars.google.staff.change_event(calendars.calendar_id(), event, summary="Kanarienvogel")
        calendars.google.staff.move_event(calendars.calendar_id(), event, at(3, "09:00"))

    for deed in (in_advoware, in_google) if polled_first == "advoware" else (in_google, in_advoware):
        deed()
    await in_step(calendars)
    record = calendars.termin(number)
    assert calendars.event_of(number)["summary"] == record["text"] == "Verhandlung"
    assert record["datum"][:10] == day(3)
    [lost] = (await calendars.memory()).conflicts
    assert (lost.fr_nr, lost.part, lost.loser) == (number, "what", "google")
    assert "Kanarienvogel" in lost.content


@pytest.mark.parametrize(("later", "kept"), [("google", "Kanarienvogel"), ("advoware", "Verhandlung")])
async def test_of_a_conflict_the_last_change_wins_where_that_is_the_policy(
    calendars: Calendars, later: str, kept: str
) -> None:
    """Invariant 6: by the vendors' own instants."""
    policy = {"policy": "last_change_wins"}
    number = add_termin(calendars)
    await in_step(calendars, deps=policy)
    event = calendars.event_of(number)["id"]
    (calendars.google if later == "google" else calendars.advoware).advance(5)
    calendars.advoware.staff.change_termin(number, text="Verhandlung")
    calendars.google.staff.change_event(calendars.calendar_id(), event, summary="Kanarienvogel")
    await in_step(calendars, deps=policy)
    assert calendars.event_of(number)["summary"] == calendars.termin(number)["text"] == kept
    [lost] = (await calendars.memory()).conflicts
    assert lost.loser == ("advoware" if later == "google" else "google")


async def test_a_bare_etag_moves_nothing(calendars: Calendars) -> None:
    """Invariant 9: a new etag or instant without new content is no change."""
    number = add_termin(calendars)
    await in_step(calendars)
    calendars.google.staff.touch_event(calendars.calendar_id(), calendars.event_of(number)["id"])
    calendars.advoware.staff.change_termin(number)
    calendars.forget_logs()
    assert isinstance(await calendars.sync(), Skip)
    assert calendars.writes() == []
    calendars.advoware.staff.change_termin(number, text="neu")
    await in_step(calendars)
    assert calendars.event_of(number)["summary"] == "neu"


async def test_what_we_do_not_map_survives(calendars: Calendars) -> None:
    """Invariant 18: colour, reminders, other properties and an absence's Akte stay through our writes."""
    number = add_termin(calendars, erinnerung=1, erinnerungsDatum=f"{day(1)}T08:00:00")
    await in_step(calendars)
    event = calendars.event_of(number)["id"]
    reminders = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 30}]}
    attendees = [{"email": "gast@kanzlei.example", "responseStatus": "accepted"}]
    private = {"fremd": "bleibt"}
    calendars.google.staff.change_event(
        calendars.calendar_id(),
        event,
        colorId="7",
        reminders=reminders,
        attendees=attendees,
        extendedProperties={"private": private},
    )
    calendars.advoware.staff.change_termin(number, text="Verhandlung")
    await in_step(calendars)
    found = calendars.event_of(number)
    assert (found["summary"], found["colorId"], found["reminders"]) == ("Verhandlung", "7", reminders)
    assert [one["email"] for one in found["attendees"]] == ["gast@kanzlei.example"]
    assert found["extendedProperties"]["private"]["fremd"] == "bleibt"
    calendars.google.staff.change_event(calendars.calendar_id(), event, summary="Verkündung")
    await in_step(calendars)
    record = calendars.termin(number)
    assert (record["text"], record["erinnerung"]) == ("Verkündung", 1)


async def test_a_copied_event_is_a_new_one(calendars: Calendars) -> None:
    """Invariant 20: a copy carries the hidden link of its original, and becomes a Termin of its own."""
    number = add_termin(calendars)
    await in_step(calendars)
    calendar = calendars.calendar_id()
    copy = calendars.google.staff.copy_event(calendar, calendars.event_of(number)["id"])
    calendars.google.staff.move_event(calendar, copy, at(5, "09:00"))
    await in_step(calendars)
    assert len(calendars.events()) == len(calendars.termine()) == 2
    assert {linked_to(one) for one in calendars.events()} == {one["frNr"] for one in calendars.termine()}
    calendars.google.staff.delete_event(calendar, copy)
    await in_step(calendars)
    assert [one["frNr"] for one in calendars.termine()] == [number]


# What is not the employee's to write.


async def test_everybodys_termine_are_shown_and_never_written(calendars: Calendars) -> None:
    """Invariant 17: Advoware's always counts; what was typed in Google is put back and kept."""
    number = add_termin(calendars, text="Kanzleifest", anwalt="ALLE")
    await in_step(calendars)
    event = calendars.event_of(number)["id"]
    calendars.google.staff.change_event(calendars.calendar_id(), event, summary="fällt aus")
    await in_step(calendars)
    assert calendars.event_of(number)["summary"] == calendars.termin(number)["text"] == "Kanzleifest"
    assert len((await calendars.memory()).conflicts) == 1
    calendars.google.staff.delete_event(calendars.calendar_id(), event)
    await in_step(calendars)
    assert calendars.event_of(number)["summary"] == "Kanzleifest"
    assert calendars.event_of(number)["id"] != event
    assert not [one for one in calendars.requests() if one.startswith("advoware") and " GET " not in one]


async def test_virtual_and_foreign_private_termine_are_never_copied(calendars: Calendars) -> None:
    """Invariant 17: neither is shown; one that becomes such is taken out of the calendar."""
    add_termin(calendars, text="Anfahrt", special=2)
    add_termin(calendars, text="Geheim", anwalt="ALLE", sb="PM", privat=1)
    number = add_termin(calendars, text="Fest", anwalt="ALLE", sb="PM")
    await in_step(calendars)
    assert [one["summary"] for one in calendars.events()] == ["Fest"]
    calendars.advoware.staff.change_termin(number, privat=1)
    await in_step(calendars)
    assert calendars.events() == []
    assert len(calendars.termine()) == 3


async def test_a_termin_that_is_handed_over_leaves_the_calendar(calendars: Calendars) -> None:
    """It goes to its new owner's calendar, and is not deleted in Advoware."""
    calendars.advoware.staff.add_mitarbeiter(kuerzel="PM", name="Möhrle")
    number = add_termin(calendars)
    add_termin(calendars, text="bleibt")
    await in_step(calendars)
    calendars.advoware.staff.change_termin(number, anwalt="PM")
    await in_step(calendars)
    await calendars.sync("PM")
    assert [one["summary"] for one in calendars.events()] == ["bleibt"]
    assert [linked_to(one) for one in calendars.events("PM")] == [number]
    assert len(calendars.termine()) == 2


async def test_read_only_writes_nothing_to_advoware(calendars: Calendars) -> None:
    """Invariant 24: not even in a conflict; an event of Google's own waits until writing is allowed."""
    reading = {"advoware_write": False}
    number = add_termin(calendars)
    await in_step(calendars, deps=reading)
    event = calendars.event_of(number)["id"]
    calendars.google.staff.change_event(calendars.calendar_id(), event, summary="geändert")
    add_event(calendars)
    calendars.advoware.log.clear()
    await in_step(calendars, deps=reading)
    calendars.google.staff.delete_event(calendars.calendar_id(), event)
    await in_step(calendars, deps=reading)
    assert calendars.event_of(number)["summary"] == "Besprechung"
    assert len(calendars.termine()) == 1
    assert [row for row in calendars.advoware.log.writes() if row.path != "/api/v1/Token"] == []
    await in_step(calendars)
    assert sorted(one["text"] for one in calendars.termine()) == ["Besprechung", "Mittagessen"]


async def test_anonymous_mode_hides_texts_and_brings_them_back(calendars: Calendars) -> None:
    """Invariant 17: the fixed text never becomes a Termin's; back in full mode Advoware's is written over it."""
    number = add_termin(calendars, text="Scheidung Müßig", notiz="vertraulich", ort="Saal 3")
    await in_step(calendars)
    await in_step(calendars, full_content=False)
    found = calendars.event_of(number)
    assert (found["summary"], found["visibility"]) == ("Advoware blocked", "private")
    assert "description" not in found
    assert "location" not in found
    assert "Müßig" not in repr(found)
    calendars.google.staff.change_event(calendars.calendar_id(), found["id"], summary="Hallo")
    calendars.google.staff.move_event(calendars.calendar_id(), found["id"], at(4, "09:00"))
    await in_step(calendars, full_content=False)
    record = calendars.termin(number)
    assert (record["text"], record["datum"][:10]) == ("Scheidung Müßig", day(4))
    await in_step(calendars, full_content=True)
    back = calendars.event_of(number)
    assert (back["summary"], back["description"], back["location"]) == ("Scheidung Müßig", "vertraulich", "Saal 3")
    assert back.get("visibility", "default") == "default"


async def test_an_event_of_google_keeps_its_text_in_anonymous_mode(calendars: Calendars) -> None:
    """It was typed there; but what Advoware makes of it does not follow until the mode is full again."""
    await calendars.sync(full_content=False)
    add_event(calendars)
    await in_step(calendars, full_content=False)
    [record] = calendars.termine()
    assert (record["text"], calendars.event_of(record["frNr"])["summary"]) == ("Mittagessen", "Mittagessen")
    calendars.advoware.staff.change_termin(record["frNr"], text="Essen mit Müßig")
    await in_step(calendars, full_content=False)
    assert calendars.event_of(record["frNr"])["summary"] == "Mittagessen"
    await in_step(calendars, full_content=True)
    assert calendars.event_of(record["frNr"])["summary"] == "Essen mit Müßig"


async def test_the_reference_of_an_akte_is_shown_and_never_written_back(calendars: Calendars) -> None:
    """Advoware's lists show it behind the text; so does Google, and neither doubles it."""
    akte = calendars.advoware.staff.add_akte(aktenzeichen="1/26", kurzRubrum="Müßig ./. Drossel")
    number = add_termin(calendars, nr=akte)
    await in_step(calendars)
    event = calendars.event_of(number)
    assert event["summary"] == "Besprechung (1/26 Müßig ./. Drossel)"
    calendars.google.staff.change_event(
        calendars.calendar_id(), event["id"], summary="Vorgespräch (1/26 Müßig ./. Drossel)"
    )
    await in_step(calendars)
    assert calendars.termin(number)["text"].startswith("Vorgespräch")
    assert calendars.event_of(number)["summary"] == "Vorgespräch (1/26 Müßig ./. Drossel)"


async def test_a_link_that_somebody_took_away_is_put_back(calendars: Calendars) -> None:
    """Invariant 3: a tool that strips hidden properties makes no second Termin."""
    number = add_termin(calendars)
    await in_step(calendars)
    event = calendars.event_of(number)["id"]
    calendars.google.staff.change_event(calendars.calendar_id(), event, extendedProperties=None)
    await in_step(calendars)
    assert calendars.event_of(number)["id"] == event
    assert len(calendars.events()) == len(calendars.termine()) == 1


async def test_shares_are_granted_and_withdrawn(calendars: Calendars) -> None:
    """Only those that we have given: what others have given is theirs. Nobody gets a mail."""
    add_termin(calendars)
    share = {"share_with": {"buero@kanzlei.example": "reader"}}
    await in_step(calendars, deps=share)
    calendar = calendars.calendar_id()
    calendars.google.staff.share(calendar, "chef@kanzlei.example", "reader")
    mails = len(calendars.google.mails())
    calendars.advoware.staff.change_mitarbeiter("SB", eMail="neu@kanzlei.example")
    await in_step(calendars)
    roles = calendars.google.roles(calendar)
    assert roles["user:neu@kanzlei.example"] == "writer"
    assert roles["user:chef@kanzlei.example"] == "reader"
    assert f"user:{MAIL}" not in roles
    assert "user:buero@kanzlei.example" not in roles
    assert len(calendars.google.mails()) == mails
