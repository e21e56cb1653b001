"""events.list and events.instances: which events a query means, and one page of them."""

import datetime as dt
import hashlib
from collections.abc import Iterator

import msgspec

from simulators.google_calendar import shown
from simulators.google_calendar.access import Call, role
from simulators.google_calendar.answers import JsonObject, Reason, Refused, bad
from simulators.google_calendar.book import Book, occurrence
from simulators.google_calendar.clock import stamp
from simulators.google_calendar.lists import Begun, Listing, Lists
from simulators.google_calendar.marks import Key
from simulators.google_calendar.query import Query
from simulators.google_calendar.records import Calendar, Event
from simulators.google_calendar.series import starts
from simulators.google_calendar.shown import View
from simulators.google_calendar.state import State
from simulators.google_calendar.times import time_range_empty

_USUAL_PAGE, _LARGEST_PAGE = 250, 2500
_DAY_S = 86_400
_END_OF_TIME = dt.datetime(9000, 1, 1, tzinfo=dt.UTC)
_EVENT_TYPES = ("birthday", "default", "focusTime", "fromGmail", "outOfOffice", "workingLocation")

# The reference, `syncToken`: not together with these; all others as in the first request.
NOT_WITH_SYNC_TOKEN = (
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
)
_SAME = frozenset({"singleEvents", "showHiddenInvitations", "eventTypes", "maxAttendees", "timeZone"})


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a list asks for."""

    single: bool = False
    show_deleted: bool = False
    time_min: dt.datetime | None = None
    time_max: dt.datetime | None = None
    updated_min: dt.datetime | None = None
    i_cal_uid: str | None = None
    words: str = ""
    private: list[tuple[str, str]] = []
    shared: list[tuple[str, str]] = []
    types: list[str] = []
    order: str | None = None


class Listings:
    """Whole lists, increments and the instances of one series."""

    def __init__(self, state: State, book: Book) -> None:
        self._state = state
        self._book = book
        self._lists = Lists(state)

    def events(self, call: Call, calendar: Calendar) -> JsonObject:
        """One page of the schema `Events`. Raises Refused with 400 or 410."""
        query = call.query
        wanted = self._wanted(query)
        if query.has("syncToken") and any(query.has(name) for name in NOT_WITH_SYNC_TOKEN):
            raise bad("Sync token cannot be used with request restrictions.", "badRequest", parameter="syncToken")
        scope = f"events {call.principal.email} {calendar.id}"
        begun = self._lists.begin(query, Listing(scope, query.asked(_SAME), calendar.rules_changed))
        rows = ((self._key(wanted, one), one) for one in self._meant(calendar, wanted, begun.since))
        # A list in an order of its own, or of recent changes only, is no base for increments.
        syncs = wanted.order is None and wanted.updated_min is None
        return self._page(call, calendar, begun, rows, wanted, syncs=syncs)

    def instances(self, call: Call, calendar: Calendar, master: Event) -> JsonObject:
        """One page of a series' occurrences; cancelled ones with `showDeleted`. There are no increments."""
        query = call.query
        wanted = msgspec.structs.replace(self._wanted(query), single=True)
        original = query.instant("originalStart") if "T" in (query.text("originalStart") or "") else None
        begun = self._lists.begin(query, Listing(f"instances {call.principal.email} {calendar.id} {master.id}", ()))
        every = [one for one in calendar.events.values() if one.recurring_event_id == master.id]
        every += self._occurrences(calendar, master, wanted)
        rows = (
            (self._key(wanted, one), one)
            for one in every
            if self._is_meant(calendar, one, wanted, None) and _starts_at(one, original, query.text("originalStart"))
        )
        return self._page(call, calendar, begun, rows, wanted, syncs=False)

    def _page(
        self,
        call: Call,
        calendar: Calendar,
        begun: Begun,
        rows: Iterator[tuple[Key, Event]],
        wanted: Wanted,
        *,
        syncs: bool,
    ) -> JsonObject:
        limit = min(call.query.number("maxResults") or _USUAL_PAGE, _LARGEST_PAGE)
        page, token = self._lists.end(begun, rows, limit, syncs=syncs)
        view = View(
            email=call.principal.email,
            role=role(calendar, call.principal.email),
            zone=call.query.zone(),
            max_attendees=call.query.number("maxAttendees"),
        )
        # The reference, `status`: an increment that did not ask for deleted ones shows no details of them.
        asked = wanted.show_deleted or wanted.updated_min is not None
        tells = {"documented": asked, "never": False, "always": True}[self._state.switches.cancelled_details]
        named: JsonObject = {
            name: calendar.values[name] for name in ("summary", "description") if name in calendar.values
        }
        latest = max((one.updated for one in calendar.events.values()), default=calendar.updated)
        return {
            "kind": "calendar#events",
            "etag": f'"p{self._state.change}"',
            **named,
            "updated": stamp(latest),
            "timeZone": view.zone or calendar.zone,
            "accessRole": view.role,
            "defaultReminders": [],
            "items": [shown.event(one, calendar, view, details=tells) for one in page],
            **token,
        }

    def _wanted(self, query: Query) -> Wanted:
        time_min, time_max = query.instant("timeMin"), query.instant("timeMax")
        if time_min is not None and time_max is not None and time_min >= time_max:
            raise time_range_empty()
        single, order = query.flag("singleEvents") or False, query.word("orderBy", ("startTime", "updated"))
        if order == "startTime" and not single:
            message = "The requested ordering is not available for the particular query."
            raise bad(message, "badRequest", parameter="orderBy")
        updated_min = query.instant("updatedMin")
        oldest = self._state.clock.now() - self._state.switches.memory_days * _DAY_S
        if updated_min is not None and updated_min.timestamp() < oldest:
            message = "The requested minimum modification time lies too far in the past."
            raise Refused(410, Reason("updatedMinTooLongAgo", message, "calendar", "parameter", "updatedMin"))
        types = query.texts("eventTypes")
        if not set(types) <= set(_EVENT_TYPES):
            raise bad("Invalid value for: eventTypes", parameter="eventTypes")
        query.flag("showHiddenInvitations")
        return Wanted(
            single=single,
            show_deleted=query.flag("showDeleted") or False,
            time_min=time_min,
            time_max=time_max,
            updated_min=updated_min,
            i_cal_uid=query.text("iCalUID"),
            words=query.text("q") or "",
            private=query.pairs("privateExtendedProperty"),
            shared=query.pairs("sharedExtendedProperty"),
            types=types,
            order=order,
        )

    def _meant(self, calendar: Calendar, wanted: Wanted, since: int | None) -> Iterator[Event]:
        for one in self._candidates(calendar, wanted, since):
            if self._is_meant(calendar, one, wanted, since):
                yield one

    def _candidates(self, calendar: Calendar, wanted: Wanted, since: int | None) -> Iterator[Event]:
        """Stored events; as single events, occurrences stand in for each series."""
        for one in calendar.events.values():
            if not wanted.single or one.recurrence is None:
                yield one
            elif since is None or one.change > since:
                yield from self._occurrences(calendar, one, wanted)
        if wanted.single:
            yield from calendar.vanished.values()

    def _occurrences(self, calendar: Calendar, master: Event, wanted: Wanted) -> Iterator[Event]:
        """Those that nobody touched, up to the list's end or the horizon behind its begin."""
        begin = max(self._state.clock.now(), wanted.time_min.timestamp() if wanted.time_min else 0.0)
        until = dt.datetime.fromtimestamp(begin + self._state.switches.horizon_days * _DAY_S, tz=dt.UTC)
        yield from self._book.occurrences(calendar, master, min(until, wanted.time_max or until))

    def _is_meant(self, calendar: Calendar, one: Event, wanted: Wanted, since: int | None) -> bool:
        if since is not None and one.change <= since:
            return False
        shows_all = since is not None or wanted.show_deleted or wanted.updated_min is not None
        if one.is_cancelled and not shows_all and not _is_hole(calendar, one, wanted):
            return False
        if wanted.updated_min is not None and one.updated < wanted.updated_min.timestamp():
            return False
        return self._is_in_window(calendar, one, wanted) and self._matches(one, wanted)

    def _is_in_window(self, calendar: Calendar, one: Event, wanted: Wanted) -> bool:
        """timeMin bounds the end, timeMax the start, both exclusively; a series counts by any of its occurrences."""
        if wanted.time_min is None and wanted.time_max is None:
            return True
        if one.recurrence is not None:
            last = wanted.time_max or _END_OF_TIME
            every: Iterator[Event] = (
                occurrence(one, when) for when in starts(one.recurrence, one.start, last, calendar.zone)
            )
        else:
            every = iter([one])
        return any(_overlaps(single, wanted, calendar.zone) for single in every)

    def _matches(self, one: Event, wanted: Wanted) -> bool:
        if wanted.i_cal_uid is not None and one.i_cal_uid != wanted.i_cal_uid:
            return False
        if wanted.types and "default" not in wanted.types:
            return False
        text = " ".join(str(one.values.get(name, "")) for name in ("summary", "description", "location")).lower()
        if not all(word in text for word in wanted.words.lower().split()):
            return False
        given = one.values.get("extendedProperties")
        combined = all if self._state.switches.property_filter == "all" else any
        for kind, pairs in (("private", wanted.private), ("shared", wanted.shared)):
            own = given.get(kind, {}) if isinstance(given, dict) else {}
            if pairs and not combined(own.get(key) == value for key, value in pairs):
                return False
        return True

    def _key(self, wanted: Wanted, one: Event) -> Key:
        """What a list is sorted by: stable, and without orderBy in no order that anybody may count on."""
        if wanted.order == "startTime":
            return one.start.begins("UTC").timestamp(), one.id
        if wanted.order == "updated":
            return one.updated, one.id
        if self._state.switches.list_order == "scattered":
            return hashlib.sha256(one.id.encode()).hexdigest(), one.id
        return one.order, one.id


def _overlaps(one: Event, wanted: Wanted, zone: str) -> bool:
    begin, end = one.start.begins(zone), one.end.begins(zone)
    return (wanted.time_min is None or end > wanted.time_min) and (wanted.time_max is None or begin < wanted.time_max)


def _is_hole(calendar: Calendar, one: Event, wanted: Wanted) -> bool:
    """A cancelled occurrence of a living series, which a list of series must show to be complete."""
    master = calendar.events.get(one.recurring_event_id or "")
    return not wanted.single and not one.moved_away and master is not None and not master.is_cancelled


def _starts_at(one: Event, at: dt.datetime | None, text: str | None) -> bool:
    if text is None or one.original_start is None:
        return True
    if one.original_start.day is not None:
        return one.original_start.day.isoformat() == text
    return one.original_start.at == at
