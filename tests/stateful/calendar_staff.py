"""What people do to appointments on both sides. What they typed is remembered: what is theirs must not get lost."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from tests.stateful.calendar_memory import Memory, Sight
from tests.stateful.calendar_values import (
    ANONYMOUS,
    BERLIN,
    EVENTS,
    STARTS,
    TERMINE,
    typed_html,
    typed_text,
    when_of_event,
)
from tests.stateful.calendar_world import COLLEAGUE, KUERZEL, World

T = TypeVar("T")
MOST = 8
"""Appointments at a time: far from the guard against mass changes."""
_SERIAL = re.compile(r"[0-9]+")


class Staff:
    """People on both sides. Deeds that make no sense at the moment are not done."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.memory = Memory(world)
        self.serial = 0
        """Of the last text: no two are alike."""
        self.copies: Counter[str] = Counter()
        """How many more there may be of what a text stands in."""
        self.hidden: set[str] = set()
        """Serials of what never was anything of the employee's."""
        self.is_uncertain = False
        """Whether the hub does not know if Advoware has made a Termin."""
        self.entered: set[int] = set()
        """Termine that people have entered in Advoware."""
        self.furnished: dict[str, dict[str, Any]] = {}
        """Members of events that the hub does not know."""
        self.reminders: dict[int, int] = {}
        """The same of Termine."""

    def do(self, name: str, *arguments: Any, racing: bool = False) -> None:
        """One deed, a second after the last. What the screen refuses is not done."""
        self.world.clock.move(1.0)
        before = self.memory.begin()
        try:
            getattr(self, name)(*arguments)
        except (LookupError, ValueError):
            return
        after = self.memory.note(before, racing=racing)
        if self.is_uncertain:
            self._lose_sight(before, after)

    def text(self, field: str = "text") -> str:
        """What nobody has typed before."""
        self.serial += 1
        return typed_text(field, self.serial)

    # Advoware

    def add_termin(self, shape: str, sort: str) -> None:
        if len(self.world.termine()) >= MOST:
            raise LookupError
        owner = {"everybody": "ALLE", "colleague": COLLEAGUE, "foreign": COLLEAGUE}.get(sort, KUERZEL)
        text = self.text()
        if sort in ("colleague", "foreign", "virtual"):
            self.hidden.add(serial_of(text))
        number = self.world.advoware.staff.add_termin(
            **TERMINE[shape],
            text=text,
            anwalt=owner,
            nr=self.world.akte if sort == "akte" else 0,
            privat=int(sort in ("private", "foreign")),
            special=1 if sort == "virtual" else 0,
        )
        self.entered.add(number)

    def retime_termin(self, index: int, shape: str) -> None:
        self._change_termin(index, **TERMINE[shape])

    def retext_termin(self, index: int, field: str) -> None:
        record = self._termin(index)
        text = self.text(field)
        if serial_of(str(record["text"])) in self.hidden:
            self.hidden.add(serial_of(text))
        self.world.advoware.staff.change_termin(record["frNr"], **{field: text})

    def remove_termin(self, index: int) -> None:
        self.world.advoware.staff.remove_termin(self._termin(index)["frNr"])

    def hand_over(self, index: int, owner: str) -> None:
        """To a colleague, everybody, or back."""
        record = self._termin(index)
        self.hidden -= {serial_of(str(record[name])) for name in ("text", "notiz", "ort")}
        self.world.advoware.staff.change_termin(record["frNr"], anwalt=owner)

    def switch_akte(self, index: int) -> None:
        self._change_termin(index, nr=0 if self._termin(index)["nr"] else self.world.akte)

    def switch_private(self, index: int) -> None:
        record = self._termin(index)
        if serial_of(str(record["text"])) in self.hidden:
            raise LookupError
        self._change_termin(index, privat=1 - int(record["privat"]))

    def switch_reminder(self, index: int) -> None:
        """A field that the hub does not know."""
        record = self._termin(index)
        self.reminders[record["frNr"]] = 1 - int(record["erinnerung"])
        self._change_termin(index, erinnerung=self.reminders[record["frNr"]])

    # Google

    def add_event(self, shape: str) -> None:
        if len(self.world.events()) >= MOST:
            raise LookupError
        members = {name: value for name, value in EVENTS[shape].items() if value is not None}
        self.world.google.staff.add_event(self._calendar(), summary=self.text(), **members)

    def retime_event(self, index: int, shape: str) -> None:
        self._change_event(index, **EVENTS[shape])

    def move_event(self, index: int, start: str) -> None:
        self.world.google.staff.move_event(self._calendar(), self._event(index)["id"], start)

    def retext_event(self, index: int, field: str) -> None:
        name = {"text": "summary", "notiz": "description", "ort": "location"}[field]
        self._change_event(index, **{name: self.text(field)})

    def format_note(self, index: int) -> None:
        self.serial += 1
        self._change_event(index, description=typed_html(self.serial))

    def delete_event(self, index: int) -> None:
        self.world.google.staff.delete_event(self._calendar(), self._event(index)["id"])

    def restore_event(self, index: int) -> None:
        """Out of the bin. Meanwhile the hub may have made it anew."""
        event = _pick(self._bin(), index)
        self.world.google.staff.restore_event(self._calendar(), event["id"])
        self._one_more(self.world.google.event(self._calendar(), event["id"]))

    def purge_deleted(self) -> None:
        """After weeks nobody can list any more what was deleted: neither the bin, nor an old token."""
        for event in self._bin():
            self.world.google.staff.purge_event(self._calendar(), event["id"])
        self.world.google.expire_sync_tokens()

    def copy_event(self, index: int, with_properties: bool) -> None:
        if len(self.world.events()) >= MOST:
            raise LookupError
        event = self._event(index)
        self.world.google.staff.copy_event(self._calendar(), event["id"], with_properties=with_properties)
        self._one_more(event)

    def strip_event(self, index: int) -> None:
        """A template tool throws away what it does not know."""
        event = self._event(index)
        names = event.get("extendedProperties", {}).get("private", {})
        self._change_event(index, extendedProperties={"private": dict.fromkeys(names)})

    def touch_event(self, index: int) -> None:
        self.world.google.staff.touch_event(self._calendar(), self._event(index)["id"])

    def furnish_event(self, index: int) -> None:
        """Members that the hub does not know."""
        event = self._event(index)
        self.furnished[event["id"]] = members = {
            "colorId": "5",
            "transparency": "transparent",
            "attendees": [{"email": "gast@example.org", "responseStatus": "needsAction"}],
            "reminders": {"useDefault": False, "overrides": [{"method": "popup", "minutes": 15}]},
        }
        self._change_event(index, **members)

    def switch_visibility(self, index: int) -> None:
        is_private = self._event(index).get("visibility") == "private"
        self._change_event(index, visibility="default" if is_private else "private")

    def move_occurrence(self, index: int) -> None:
        event, at = self._occurrence(index)
        start = STARTS[0] if "T" in at else STARTS[3]
        self.world.google.staff.move_occurrence(self._calendar(), event["id"], at, start)

    def delete_occurrence(self, index: int) -> None:
        event, at = self._occurrence(index)
        self.world.google.staff.delete_occurrence(self._calendar(), event["id"], at)

    def split_series(self, index: int) -> None:
        event, at = self._occurrence(index)
        self.world.google.staff.split_series(self._calendar(), event["id"], at)
        self._one_more(event)

    def share_with_stranger(self) -> None:
        """Which ends all tokens of the calendar."""
        calendar = self._calendar()
        is_in = "user:fremd@example.org" in self.world.google.roles(calendar)
        self.world.google.staff.share(calendar, "fremd@example.org", "none" if is_in else "reader")

    # The hub

    def lose_memory(self) -> None:
        """Everything that was remembered is gone. Of what has lost its link too nobody can know what it stood for."""
        self.memory.step += 1
        self.memory.agreed = 0
        self.memory.expected_gone.clear()
        for event in self.world.events():
            if "extendedProperties" not in event:
                self._one_more(event)

    # What is where

    def _change_termin(self, index: int, **fields: Any) -> None:
        self.world.advoware.staff.change_termin(self._termin(index)["frNr"], **fields)

    def _termin(self, index: int) -> dict[str, Any]:
        return _pick(list(self.world.termine().values()), index)

    def _change_event(self, index: int, **members: Any) -> None:
        self.world.google.staff.change_event(self._calendar(), self._event(index)["id"], **members)

    def _event(self, index: int) -> dict[str, Any]:
        return _pick(self.world.events(), index)

    def _bin(self) -> list[dict[str, Any]]:
        rows = self.world.google.events(self._calendar(), deleted=True)
        return [one for one in rows if one["status"] == "cancelled" and "recurringEventId" not in one]

    def _occurrence(self, index: int) -> tuple[dict[str, Any], str]:
        """A series with a plain rule, and the start of its third occurrence."""
        rows = [one for one in self.world.events() if one.get("recurrence") and when_of_event(one)]
        event = _pick(rows, index)
        when = when_of_event(event)
        assert when is not None
        day = when[3][2]
        if "date" in event["start"]:
            return event, day
        begin = datetime.fromisoformat(event["start"]["dateTime"]).astimezone(BERLIN)
        return event, datetime.combine(date.fromisoformat(day), begin.time(), tzinfo=BERLIN).isoformat()

    def _calendar(self) -> str:
        calendar = self.world.calendar()
        if calendar is None:
            raise LookupError
        return calendar

    def _lose_sight(self, before: Sight, after: Sight) -> None:
        """What is changed before the hub has looked for the Termin that it asked for cannot be known again."""
        changed = [key for key in before if before[key] != after.get(key)]
        self.copies.update(serial_of(one.get(key, {}).get("text", "")) for one in (before, after) for key in changed)

    def _one_more(self, event: dict[str, Any]) -> None:
        self.copies[serial_of(event.get("summary", ""))] += 1


def serial_of(text: str) -> str:
    """The number that a text was typed with; that of the Akte comes behind it."""
    found = _SERIAL.search(text) if text != ANONYMOUS else None
    return found[0] if found else ""


def _pick(rows: Sequence[T], index: int) -> T:
    """One of them, whatever the index. LookupError where there is none."""
    if not rows:
        raise LookupError
    return rows[index % len(rows)]
