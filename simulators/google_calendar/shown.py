"""Calendars, lists, rules and events as answers have them."""

import base64

import msgspec

from simulators.google_calendar.access import role
from simulators.google_calendar.answers import JsonObject
from simulators.google_calendar.clock import stamp
from simulators.google_calendar.records import Calendar, Entry, Event, Rule
from simulators.google_calendar.times import shown

_HIDDEN_FROM = ("freeBusyReader", "reader", "writerWithoutPrivateAccess")


class View(msgspec.Struct, frozen=True, kw_only=True):
    """For whom an event is shown, and how."""

    email: str
    role: str
    zone: str | None = None
    max_attendees: int | None = None


def calendar(one: Calendar) -> JsonObject:
    """The schema `Calendar`."""
    owner: JsonObject = {} if one.is_primary else {"dataOwner": one.owner}
    return {"kind": "calendar#calendar", "etag": one.etag, "id": one.id, **one.values, **owner}


def entry(one: Entry, of: Calendar | None, email: str) -> JsonObject:
    """The schema `CalendarListEntry`; of one that has left the list, little more than the id."""
    if one.is_deleted or of is None:
        return {"kind": "calendar#calendarListEntry", "etag": one.etag, "id": one.calendar_id, "deleted": True}
    body: JsonObject = {
        **calendar(of),
        "kind": "calendar#calendarListEntry",
        "etag": one.etag,
        "accessRole": role(of, email),
        "defaultReminders": [],
        **one.values,
    }
    return {**body, "primary": True} if of.is_primary and of.id == email else body


def rule(one: Rule) -> JsonObject:
    """The schema `AclRule`."""
    scope = {"type": one.scope_type} | ({"value": one.scope_value} if one.scope_value else {})
    return {"kind": "calendar#aclRule", "etag": one.etag, "id": one.id, "scope": scope, "role": one.role}


def event(one: Event, of: Calendar, view: View, *, details: bool = True) -> JsonObject:
    """The schema `Event`. Without `details` a cancelled one shows no more than the reference guarantees."""
    body: JsonObject = {"kind": "calendar#event", "etag": one.etag, "id": one.id, "status": one.status}
    series: JsonObject = {}
    if one.recurring_event_id is not None and one.original_start is not None:
        original = shown(one.original_start, of.zone, view.zone)
        series = {"recurringEventId": one.recurring_event_id, "originalStartTime": original}
    if one.is_cancelled and (one.moved_away or not details):
        return {**body, **series}
    times: JsonObject = {"start": shown(one.start, of.zone, view.zone), "end": shown(one.end, of.zone, view.zone)}
    if one.values.get("visibility") in ("private", "confidential") and view.role in _HIDDEN_FROM:
        return {**body, **series, **times, "visibility": one.values["visibility"]}
    return {
        **body,
        "htmlLink": "https://www.google.com/calendar/event?eid=" + _eid(one.id, of.id),
        "created": stamp(one.created),
        "updated": stamp(one.updated),
        **_content(one, view),
        "creator": _person(one.creator, view, of),
        "organizer": {"email": of.id, "displayName": of.values.get("summary", of.id), "self": True},
        **times,
        **series,
        "iCalUID": one.i_cal_uid,
        "sequence": one.sequence,
        "eventType": "default",
    }


def _content(one: Event, view: View) -> JsonObject:
    """What was written. Guests above `maxAttendees` are left out, and the answer says so."""
    guests = one.values.get("attendees")
    if view.max_attendees is None or not isinstance(guests, list) or len(guests) <= view.max_attendees:
        return one.values
    own = [guest for guest in guests if guest.get("email") == view.email]
    return {**one.values, "attendees": own, "attendeesOmitted": True}


def _person(email: str, view: View, of: Calendar) -> JsonObject:
    return {"email": email, "self": True} if email in (view.email, of.id) else {"email": email}


def _eid(event_id: str, calendar_id: str) -> str:
    return base64.urlsafe_b64encode(f"{event_id} {calendar_id}".encode()).rstrip(b"=").decode()
