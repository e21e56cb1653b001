"""What a user does in Google's own screen: everything there, past all tokens, roles and limits."""

import datetime as dt

from simulators.google_calendar.answers import JsonObject, Refused
from simulators.google_calendar.bodies import Terms, body_of, draft, merged
from simulators.google_calendar.book import Book
from simulators.google_calendar.calendars import checked
from simulators.google_calendar.clock import instant
from simulators.google_calendar.records import Calendar, Event
from simulators.google_calendar.series import starts
from simulators.google_calendar.state import State
from simulators.google_calendar.times import When, as_body, length, when

USER = "nutzer@kanzlei.example"


class Staff:
    """Deeds of one user. Members have the API's names and shapes; what is not named stays, None takes it out.

    Starts and ends may also be plain texts: a day, or an instant with its offset (the calendar's zone is added).
    Unknown ids raise KeyError, wrong values ValueError. Deleted events count as unknown, except to restore them.
    """

    def __init__(self, state: State, book: Book) -> None:
        self._state = state
        self._book = book

    def add_calendar(self, summary: str, owner: str | None = None, **members: object) -> str:
        """The new calendar's id. The owner is the first service account unless said."""
        try:
            values = checked({"summary": summary, "timeZone": "Europe/Berlin", **members})
        except Refused as refused:
            raise ValueError(str(refused)) from None
        return self._state.add_calendar(values, owner=owner or self._state.directory.account_email).id

    def change_calendar(self, calendar_id: str, **members: object) -> None:
        """New title, zone, description or place."""
        calendar = self._state.calendars[calendar_id]
        try:
            self._state.change_calendar(calendar, checked(merged(calendar.values, members)))
        except Refused as refused:
            raise ValueError(str(refused)) from None

    def delete_calendar(self, calendar_id: str) -> None:
        """404 for everybody from now on."""
        self._state.delete_calendar(self._state.calendars[calendar_id])

    def empty_calendar(self, calendar_id: str) -> int:
        """Deletes every event; says how many."""
        calendar = self._state.calendars[calendar_id]
        live = [one for one in calendar.events.values() if not one.is_cancelled and not one.is_exception]
        for event in live:
            self._book.cancel(calendar, event)
        return len(live)

    def share(self, calendar_id: str, mail: str, role: str = "writer") -> None:
        """Gives somebody a role; `none` takes it away. Sync tokens of the calendar notice."""
        calendar = self._state.calendars[calendar_id]
        self._state.set_rule(calendar, "user", mail, role, deleted=role == "none")

    def add_event(self, calendar_id: str, **members: object) -> str:
        """The new event's id. Without an end it lasts an hour, or a day."""
        calendar = self._state.calendars[calendar_id]
        body = _timed(members, calendar)
        body.setdefault("end", _usual_end(body, calendar))
        return self._made(calendar, body).id

    def change_event(self, calendar_id: str, event_id: str, **members: object) -> None:
        """A single event, a whole series, or by its instance id one occurrence."""
        calendar, event = self._live(calendar_id, event_id)
        self._change(calendar, event, members)

    def move_event(self, calendar_id: str, event_id: str, start: str) -> None:
        """Drags it to another start; it lasts as long as before."""
        calendar, event = self._live(calendar_id, event_id)
        self._change(calendar, event, self._moved(calendar, event, start))

    def delete_event(self, calendar_id: str, event_id: str) -> None:
        """A tombstone stays."""
        calendar, event = self._live(calendar_id, event_id)
        self._book.cancel(calendar, event)

    def restore_event(self, calendar_id: str, event_id: str) -> None:
        """Takes it out of the bin."""
        calendar = self._state.calendars[calendar_id]
        event = calendar.events[event_id]
        if not event.is_cancelled or event.moved_away:
            raise KeyError(event_id)
        self._change(calendar, event, {"status": "confirmed"})

    def change_occurrence(self, calendar_id: str, event_id: str, original_start: str, **members: object) -> str:
        """One occurrence of a series becomes an exception; says its id."""
        calendar, one = self._occurrence(calendar_id, event_id, original_start)
        self._change(calendar, one, members)
        return one.id

    def move_occurrence(self, calendar_id: str, event_id: str, original_start: str, start: str) -> str:
        """Drags one occurrence elsewhere; says its id."""
        calendar, one = self._occurrence(calendar_id, event_id, original_start)
        self._change(calendar, one, self._moved(calendar, one, start))
        return one.id

    def delete_occurrence(self, calendar_id: str, event_id: str, original_start: str) -> str:
        """A hole in the series; says the id of the cancelled exception."""
        calendar, one = self._occurrence(calendar_id, event_id, original_start)
        return self._book.cancel(calendar, one).id

    def split_series(self, calendar_id: str, event_id: str, at: str, **members: object) -> str:
        """Changes an occurrence "and all that follow": the series ends before it, a new one begins with it.

        The series must have one RRULE and nothing else. Says the new series' id, which ends in `_R` and the start.
        """
        calendar, first = self._occurrence(calendar_id, event_id, at)
        master = calendar.events[event_id]
        lines = master.values.get("recurrence")
        if not isinstance(lines, list) or len(lines) != 1 or master.recurrence is None or first.original_start is None:
            raise ValueError("the series has not exactly one rule")
        begin = first.original_start
        before = sum(1 for _ in starts(master.recurrence, master.start, begin.begins(calendar.zone), calendar.zone))
        if not before:
            raise ValueError("the series would have no occurrence left")
        until = begin.shifted(-dt.timedelta(days=1) if begin.day is not None else -dt.timedelta(seconds=1)).key()
        parts = [part for part in lines[0].split(";") if not part.startswith(("UNTIL=", "COUNT="))]
        following = _count_from(lines[0], before)
        self._change(calendar, master, {"recurrence": [";".join([*parts, f"UNTIL={until}"])]})
        body = {**body_of(first), "sequence": 0, "recurrence": [following]}
        body = merged(body, _timed(members, calendar))
        return self._made(calendar, body, event_id=f"{master.id}_R{begin.key().rstrip('Z')}").id

    def copy_event(
        self, calendar_id: str, event_id: str, to: str | None = None, *, with_properties: bool = True
    ) -> str:
        """Duplicates it, here or into another calendar, with its hidden properties or without; says the new id."""
        _, event = self._live(calendar_id, event_id)
        target = self._state.calendars[to or calendar_id]
        body = {**body_of(event), "sequence": 0}
        if not with_properties:
            body.pop("extendedProperties", None)
        return self._made(target, body).id

    def move_to_calendar(self, calendar_id: str, event_id: str, to: str) -> None:
        """Under the same id in another calendar; a cancelled id stays behind. ValueError where the id is taken."""
        calendar, event = self._live(calendar_id, event_id)
        target = self._state.calendars[to]
        if event.id in target.used_ids or event.is_exception:
            raise ValueError("the event cannot be moved there")
        self._book.move(calendar, event, target)

    def touch_event(self, calendar_id: str, event_id: str) -> None:
        """A new etag without any change, as a reminder of somebody else's makes it."""
        _, event = self._live(calendar_id, event_id)
        self._book.touch(event)

    def purge_event(self, calendar_id: str, event_id: str) -> None:
        """Out of the bin for good: 404 from now on, and its id is never free again."""
        del self._state.calendars[calendar_id].events[event_id]

    def _live(self, calendar_id: str, event_id: str) -> tuple[Calendar, Event]:
        calendar = self._state.calendars[calendar_id]
        event = self._book.find(calendar, event_id)
        if event is None or event.is_cancelled:
            raise KeyError(event_id)
        return calendar, event

    def _occurrence(self, calendar_id: str, event_id: str, original_start: str) -> tuple[Calendar, Event]:
        calendar, master = self._live(calendar_id, event_id)
        key = _when(original_start, calendar).key()
        return self._live(calendar_id, f"{master.id}_{key}")

    def _moved(self, calendar: Calendar, event: Event, start: str) -> JsonObject:
        begin = _when(start, calendar)
        if (begin.day is None) != (event.start.day is None):
            raise ValueError("an all-day event stays one, and a timed one too")
        return {"start": as_body(begin), "end": as_body(begin.shifted(length(event.start, event.end)))}

    def _change(self, calendar: Calendar, event: Event, members: JsonObject) -> None:
        try:
            content = draft(merged(body_of(event), _timed(members, calendar)), self._terms(), event)
            self._book.change(calendar, event, content)
        except Refused as refused:
            raise ValueError(str(refused)) from None

    def _made(self, calendar: Calendar, body: JsonObject, event_id: str | None = None) -> Event:
        try:
            content = draft(body, self._terms())
        except Refused as refused:
            raise ValueError(str(refused)) from None
        return self._book.add(calendar, content, creator=USER, event_id=event_id)

    def _terms(self) -> Terms:
        return Terms(switches=self._state.switches, conference=True, attachments=True)


DEEDS = frozenset(name for name in vars(Staff) if not name.startswith("_"))
"""What `POST /_sim/staff/{deed}` can do."""


def _timed(members: JsonObject, calendar: Calendar) -> JsonObject:
    """The members with plain texts of start and end made into their objects, which replace what was there."""
    body = dict(members)
    for name in ("start", "end"):
        given = body.get(name)
        if isinstance(given, str):
            given = as_body(_when(given, calendar))
        if isinstance(given, dict):
            body[name] = {"date": None, "dateTime": None, "timeZone": None, **given}
    return body


def _when(text: str, calendar: Calendar) -> When:
    return When(at=instant(text), zone=calendar.zone) if "T" in text else When(day=dt.date.fromisoformat(text))


def _usual_end(body: JsonObject, calendar: Calendar) -> JsonObject:
    try:
        begin = when(body.get("start"), "start")
    except Refused as refused:
        raise ValueError(str(refused)) from None
    later = begin.shifted(dt.timedelta(days=1) if begin.day is not None else dt.timedelta(hours=1))
    return as_body(later) | ({"timeZone": later.zone or calendar.zone} if later.at is not None else {})


def _count_from(line: str, used: int) -> str:
    """The rule of what follows: of a COUNT only what is left."""
    parts = line.split(";")
    return ";".join(f"COUNT={int(part[6:]) - used}" if part.startswith("COUNT=") else part for part in parts)
