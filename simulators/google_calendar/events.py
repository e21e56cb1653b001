"""Handlers of `calendars/{calendarId}/events`: one event, its writes, its instances, its move."""

from aiohttp import web

from simulators.google_calendar import fields, shown
from simulators.google_calendar.access import Call, check_match, is_known, opened, role
from simulators.google_calendar.answers import FORBIDDEN, JsonObject, Reason, Refused, answer, bad, json_object, nothing
from simulators.google_calendar.bodies import Draft, Terms, body_of, draft, merged
from simulators.google_calendar.book import Book
from simulators.google_calendar.listing import Listings
from simulators.google_calendar.records import Calendar, Event
from simulators.google_calendar.shown import View
from simulators.google_calendar.state import State

_SEND_UPDATES = ("all", "externalOnly", "none")


class EventsApi:
    """One handler a method. Every body is read before anything is looked at, so that each write is one step."""

    def __init__(self, state: State, book: Book) -> None:
        self._state = state
        self._book = book
        self._listings = Listings(state, book)

    async def list(self, call: Call) -> web.Response:
        calendar = self._opened(call, "reader")
        return answer(self._listings.events(call, calendar))

    async def get(self, call: Call) -> web.Response:
        """Also a deleted one, as `cancelled`. 304 for an etag the client has."""
        calendar = self._opened(call, "reader")
        event = self._event(call, calendar)
        if is_known(call.request, event.etag):
            return nothing(304)
        return self._shown(call, calendar, event)

    async def instances(self, call: Call) -> web.Response:
        calendar = self._opened(call, "reader")
        event = self._event(call, calendar)
        if event.recurrence is None:
            raise bad("The event is not a recurring event.")
        return answer(self._listings.instances(call, calendar, event))

    async def insert(self, call: Call) -> web.Response:
        """With the client's own id, or an `iCalUID`, or neither. 409 for an id that was ever there."""
        body = await json_object(call.request)
        calendar = self._opened(call, "writer")
        wanted_id, uid = body.get("id"), body.get("iCalUID")
        if wanted_id is not None and uid is not None:
            raise bad("Only one of id and iCalUID may be given.")
        content = draft(body, self._terms(call))
        if content.status == "cancelled":
            raise bad("Invalid value for: status")
        event_id = None if wanted_id is None else fields.event_id(wanted_id)
        if event_id in calendar.used_ids or self._by_uid(calendar, uid) is not None:
            raise Refused(409)
        made = self._book.add(
            calendar, content, creator=call.principal.email, event_id=event_id, uid=None if uid is None else str(uid)
        )
        self._send(call, calendar, made, "event added")
        return self._shown(call, calendar, made)

    async def import_(self, call: Call) -> web.Response:
        """A private copy of an event from elsewhere, known by its `iCalUID`; one that is there is replaced."""
        body = await json_object(call.request)
        calendar = self._opened(call, "writer")
        uid = body.get("iCalUID")
        if not isinstance(uid, str) or not uid:
            raise bad("Missing iCalUID.", "required")
        known = self._by_uid(calendar, uid)
        content = draft(body, self._terms(call), known)
        if known is not None:
            return self._shown(call, calendar, self._book.change(calendar, known, content))
        event_id = None if body.get("id") is None else fields.event_id(body["id"])
        if event_id in calendar.used_ids:
            raise Refused(409)
        made = self._book.add(calendar, content, creator=call.principal.email, event_id=event_id, uid=uid)
        return self._shown(call, calendar, made)

    async def update(self, call: Call) -> web.Response:
        """Replaces the whole event: what the body lacks is gone."""
        body = await json_object(call.request)
        calendar = self._opened(call, "writer")
        event = self._writable(call, calendar)
        return self._write(call, calendar, event, draft(body, self._terms(call), event))

    async def patch(self, call: Call) -> web.Response:
        """Changes what the body names."""
        body = await json_object(call.request)
        calendar = self._opened(call, "writer")
        event = self._writable(call, calendar)
        return self._write(call, calendar, event, draft(merged(body_of(event), body), self._terms(call), event))

    async def delete(self, call: Call) -> web.Response:
        """204, and 410 for one that is deleted already."""
        calendar = self._opened(call, "writer")
        event = self._event(call, calendar)
        if event.is_cancelled:
            raise Refused(410)
        check_match(call.request, event.etag)
        self._send(call, calendar, self._book.cancel(calendar, event), "event cancelled")
        return nothing()

    async def move(self, call: Call) -> web.Response:
        """To another calendar under the same id; a cancelled event with no more than an id stays."""
        destination = call.query.text("destination")
        if destination is None:
            raise bad("Required parameter: destination", "required", parameter="destination")
        calendar = self._opened(call, "writer")
        target = opened(self._state, call, destination, "writer")
        event = self._event(call, calendar)
        check_match(call.request, event.etag)
        if event.is_cancelled or event.is_exception or target is calendar:
            raise bad("The event cannot be moved.")
        if event.id in target.used_ids:
            raise Refused(409)
        return self._shown(call, target, self._book.move(calendar, event, target))

    def _write(self, call: Call, calendar: Calendar, event: Event, content: Draft) -> web.Response:
        revives = event.is_cancelled and content.status != "cancelled"
        if revives and self._state.switches.revive == "forbidden":
            raise Refused(403, FORBIDDEN["forbidden"])
        written = self._book.change(calendar, event, content)
        self._send(call, calendar, written, "event changed")
        return self._shown(call, calendar, written)

    def _opened(self, call: Call, least: str) -> Calendar:
        needed = "writerWithoutPrivateAccess" if least == "writer" else least
        calendar = opened(self._state, call, call.place("calendarId"), needed)
        self._book.sweep(calendar)
        return calendar

    def _event(self, call: Call, calendar: Calendar) -> Event:
        event = self._book.find(calendar, call.place("eventId"))
        if event is None:
            raise Refused(404)
        return event

    def _writable(self, call: Call, calendar: Calendar) -> Event:
        """The event of the path, whose version is the one of If-Match, and whose details the caller may see."""
        event = self._event(call, calendar)
        if event.moved_away:
            raise Refused(403, FORBIDDEN["forbidden"])
        check_match(call.request, event.etag)
        is_private = event.values.get("visibility") in ("private", "confidential")
        if is_private and role(calendar, call.principal.email) == "writerWithoutPrivateAccess":
            message = "You need to have writer access to this calendar."
            raise Refused(403, Reason("requiredAccessLevel", message, "calendar"))
        return event

    def _by_uid(self, calendar: Calendar, uid: object) -> Event | None:
        if uid is None:
            return None
        return next((one for one in calendar.events.values() if one.i_cal_uid == uid and not one.is_exception), None)

    def _terms(self, call: Call) -> Terms:
        call.query.number("eventLabelVersion", least=0, most=1)
        return Terms(
            switches=self._state.switches,
            is_bare=call.principal.is_bare,
            conference=bool(call.query.number("conferenceDataVersion", least=0, most=1)),
            attachments=call.query.flag("supportsAttachments") or False,
        )

    def _send(self, call: Call, calendar: Calendar, event: Event, about: str) -> None:
        """Mails to guests, where the request wants them; the default is to send none."""
        wanted = call.query.word("sendUpdates", _SEND_UPDATES)
        sends = wanted in ("all", "externalOnly") or (wanted is None and call.query.flag("sendNotifications"))
        guests = event.values.get("attendees")
        for guest in guests if sends and isinstance(guests, list) else []:
            self._state.mail(guest["email"], about, calendar)

    def _shown(self, call: Call, calendar: Calendar, event: Event) -> web.Response:
        view = View(
            email=call.principal.email,
            role=role(calendar, call.principal.email),
            zone=call.query.zone(),
            max_attendees=call.query.number("maxAttendees"),
        )
        details = self._state.switches.cancelled_details != "never"
        body: JsonObject = shown.event(event, calendar, view, details=details)
        return answer(body)
