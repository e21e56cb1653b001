"""The writes of events, one place for the API and for staff: etags, sequence, tombstones, exceptions of a series."""

import datetime as dt
import re
from collections.abc import Iterator

import msgspec

from simulators.google_calendar import series
from simulators.google_calendar.answers import bad
from simulators.google_calendar.bodies import Draft
from simulators.google_calendar.records import Calendar, Event
from simulators.google_calendar.state import State
from simulators.google_calendar.times import When, length

_OCCURRENCE = re.compile(r"(.+)_(\d{8}(?:T\d{6}Z)?)")


class Book:
    """Finds, adds, changes and cancels events. Each write moves the etag and the change counter of what it touches."""

    def __init__(self, state: State) -> None:
        self._state = state

    def find(self, calendar: Calendar, event_id: str) -> Event | None:
        """The event of that id, cancelled ones too; an occurrence that nobody touched is made on the spot."""
        stored = calendar.events.get(event_id)
        if stored is not None:
            return stored
        found = _OCCURRENCE.fullmatch(event_id)
        master = calendar.events.get(found[1]) if found else None
        if found is None or master is None or master.recurrence is None or master.is_cancelled:
            return None
        before = dt.datetime.strptime(found[2][:8], "%Y%m%d").replace(tzinfo=dt.UTC) + dt.timedelta(days=2)
        for start in series.starts(master.recurrence, master.start, before, calendar.zone):
            if start.key() == found[2]:
                return occurrence(master, start)
        return None

    def occurrences(self, calendar: Calendar, master: Event, before: dt.datetime) -> Iterator[Event]:
        """Those of a series that nobody touched, before an instant."""
        if master.recurrence is None:
            return
        for start in series.starts(master.recurrence, master.start, before, calendar.zone):
            if f"{master.id}_{start.key()}" not in calendar.events:
                yield occurrence(master, start)

    def add(
        self, calendar: Calendar, draft: Draft, *, creator: str, event_id: str | None = None, uid: str | None = None
    ) -> Event:
        """A new event; without an id it gets one. The caller has seen to it that the id is free."""
        now, change = self._state.clock.now(), self._state.next_change()
        event_id = event_id or self._state.event_id()
        event = Event(
            id=event_id,
            values=draft.values,
            start=draft.start,
            end=draft.end,
            status=draft.status,
            sequence=draft.sequence,
            etag=self._state.next_etag(),
            order=change,
            change=change,
            created=now,
            updated=now,
            creator=creator,
            i_cal_uid=uid or f"{event_id}@google.com",
            recurrence=draft.recurrence,
        )
        calendar.events[event.id] = event
        calendar.used_ids.add(event.id)
        return event

    def change(self, calendar: Calendar, event: Event, draft: Draft) -> Event:
        """Writes new content. Raises Refused(400) for a sequence that goes back; new times raise it by themselves."""
        if draft.sequence < event.sequence:
            raise bad("Invalid sequence value.")
        if draft.status == "cancelled" and not event.is_cancelled:
            return self.cancel(calendar, event)
        before = msgspec.structs.replace(event)
        stored = self._stored(calendar, event)
        moved = _times(draft) != _times(before)
        stored.sequence = draft.sequence + 1 if moved and draft.sequence == before.sequence else draft.sequence
        stored.values, stored.start, stored.end = draft.values, draft.start, draft.end
        stored.status, stored.recurrence, stored.moved_away = draft.status, draft.recurrence, False
        self._touch(stored, updated=not _only_reminders(before, stored))
        self._drop_vanished(calendar, before, stored)
        return stored

    def cancel(self, calendar: Calendar, event: Event) -> Event:
        """A tombstone. With a series its exceptions go too."""
        stored = self._stored(calendar, event)
        stored.status = "cancelled"
        self._touch(stored)
        if stored.recurrence is not None:
            for one in self._exceptions(calendar, stored):
                if not one.is_cancelled:
                    one.status = "cancelled"
                    self._touch(one)
        return stored

    def touch(self, event: Event) -> None:
        """A new etag and nothing else."""
        self._touch(event, updated=False)

    def move(self, calendar: Calendar, event: Event, target: Calendar) -> Event:
        """Into another calendar under the same ids, exceptions too; cancelled ids stay behind, and nothing of them."""
        for one in [event, *self._exceptions(calendar, event)]:
            moved = msgspec.structs.replace(one, order=self._state.next_change())
            target.events[moved.id] = moved
            target.used_ids.add(moved.id)
            self._touch(moved)
            one.status, one.moved_away = "cancelled", True
            self._touch(one)
        return target.events[event.id]

    def sweep(self, calendar: Calendar) -> None:
        """Forgets tombstones that are too old. An exception's lasts as long as its series; no id becomes free."""
        oldest = self._state.clock.now() - self._state.switches.memory_days * 86_400
        for event in list(calendar.events.values()):
            master = calendar.events.get(event.recurring_event_id or "")
            if event.is_cancelled and event.updated < oldest and (master is None or master.is_cancelled):
                del calendar.events[event.id]
        calendar.vanished = {key: one for key, one in calendar.vanished.items() if one.updated >= oldest}

    def _exceptions(self, calendar: Calendar, master: Event) -> list[Event]:
        return [one for one in calendar.events.values() if one.recurring_event_id == master.id]

    def _stored(self, calendar: Calendar, event: Event) -> Event:
        """The event that the calendar holds; an untouched occurrence becomes an exception."""
        if event.id not in calendar.events:
            event.order = self._state.next_change()
            calendar.events[event.id] = event
            calendar.used_ids.add(event.id)
        return calendar.events[event.id]

    def _touch(self, event: Event, *, updated: bool = True) -> None:
        event.etag, event.change = self._state.next_etag(), self._state.next_change()
        if updated:
            event.updated = self._state.clock.now()

    def _drop_vanished(self, calendar: Calendar, before: Event, after: Event) -> None:
        """Remembers occurrences that a changed series no longer has: who lists single events must hear of them."""
        if before.recurrence is None or _times(before) == _times(after):
            return
        days = self._state.switches.horizon_days
        horizon = dt.datetime.fromtimestamp(self._state.clock.now(), tz=dt.UTC) + dt.timedelta(days=days)
        left = {one.key() for one in _starts(after, horizon, calendar.zone)}
        for start in _starts(before, horizon, calendar.zone):
            gone = occurrence(before, start)
            kept = calendar.events.get(gone.id)
            if start.key() in left:
                calendar.vanished.pop(gone.id, None)
            elif kept is not None:
                kept.status, kept.moved_away = "cancelled", True
                self._touch(kept)
            else:
                gone.status, gone.moved_away = "cancelled", True
                self._touch(gone)
                calendar.vanished[gone.id] = gone
        for key in left:
            calendar.vanished.pop(f"{after.id}_{key}", None)


def occurrence(master: Event, start: When) -> Event:
    """One occurrence as an event of its own: the series' content, its own times, both ids."""
    return msgspec.structs.replace(
        master,
        id=f"{master.id}_{start.key()}",
        values={name: value for name, value in master.values.items() if name != "recurrence"},
        start=start,
        end=start.shifted(length(master.start, master.end)),
        recurrence=None,
        recurring_event_id=master.id,
        original_start=start,
    )


def _starts(event: Event, before: dt.datetime, zone: str) -> Iterator[When]:
    return iter(()) if event.recurrence is None else series.starts(event.recurrence, event.start, before, zone)


def _times(one: Event | Draft) -> tuple[object, ...]:
    """What a sequence number counts. A single event's zone is no more than how it is shown."""
    zone = one.start.zone if one.recurrence is not None else None
    lines = one.values.get("recurrence")
    return one.start.day, one.start.at, one.end.day, one.end.at, zone, lines


def _only_reminders(before: Event, after: Event) -> bool:
    def rest(one: Event) -> tuple[object, ...]:
        return {**one.values, "reminders": None}, _times(one), one.status, one.sequence

    return before.values["reminders"] != after.values["reminders"] and rest(before) == rest(after)
