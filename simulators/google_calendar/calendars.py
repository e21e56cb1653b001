"""Handlers of `calendars`: a calendar's own data, its end, and its emptying."""

from aiohttp import web

from simulators.google_calendar import shown
from simulators.google_calendar.access import Call, check_match, is_known, opened
from simulators.google_calendar.answers import FORBIDDEN, JsonObject, Refused, answer, bad, json_object, nothing
from simulators.google_calendar.bodies import merged
from simulators.google_calendar.book import Book
from simulators.google_calendar.records import Calendar
from simulators.google_calendar.state import State
from simulators.google_calendar.times import is_zone

_WRITABLE = ("summary", "description", "location", "timeZone")


class CalendarsApi:
    """One handler a method."""

    def __init__(self, state: State, book: Book) -> None:
        self._state = state
        self._book = book

    async def insert(self, call: Call) -> web.Response:
        """A secondary calendar: the caller owns it, and it stands on the caller's list."""
        values = checked(await json_object(call.request))
        principal = call.principal
        made = self._state.add_calendar(values, owner=principal.email, made_by=principal.client_email)
        return answer(shown.calendar(made))

    async def get(self, call: Call) -> web.Response:
        calendar = opened(self._state, call, call.place("calendarId"), "freeBusyReader")
        return nothing(304) if is_known(call.request, calendar.etag) else answer(shown.calendar(calendar))

    async def update(self, call: Call) -> web.Response:
        """Replaces title, description and place; without a zone the calendar keeps its own."""
        body = await json_object(call.request)
        calendar = self._owned(call)
        return self._changed(calendar, {"timeZone": calendar.zone, **body})

    async def patch(self, call: Call) -> web.Response:
        body = await json_object(call.request)
        calendar = self._owned(call)
        return self._changed(calendar, merged(calendar.values, body))

    async def delete(self, call: Call) -> web.Response:
        """Only a secondary one. From then on it is 404 for everybody."""
        calendar = self._owned(call)
        if calendar.is_primary:
            raise Refused(403, FORBIDDEN["forbidden"])
        self._state.delete_calendar(calendar)
        return nothing()

    async def clear(self, call: Call) -> web.Response:
        """Deletes all events, of a primary calendar only."""
        calendar = self._owned(call)
        if not calendar.is_primary:
            raise bad("Only a primary calendar can be cleared.")
        for event in list(calendar.events.values()):
            if not event.is_cancelled:
                self._book.cancel(calendar, event)
        return nothing()

    def _owned(self, call: Call) -> Calendar:
        calendar = opened(self._state, call, call.place("calendarId"), "owner")
        check_match(call.request, calendar.etag)
        return calendar

    def _changed(self, calendar: Calendar, body: JsonObject) -> web.Response:
        self._state.change_calendar(calendar, {"timeZone": calendar.zone, **checked(body)})
        return answer(shown.calendar(calendar))


def checked(body: JsonObject) -> JsonObject:
    """The members that can be written. Raises Refused(400); a title is required."""
    values = {name: body[name] for name in _WRITABLE if body.get(name)}
    if not all(isinstance(value, str) for value in values.values()):
        raise bad("Invalid value.")
    if "summary" not in values:
        raise bad("Missing title.", "required")
    if not is_zone(str(values.get("timeZone", "UTC"))):
        raise bad("Invalid time zone.")
    return values
