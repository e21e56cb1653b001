"""The methods that are served: verb, path, query parameters and scopes, as Google's discovery document has them."""

from typing import NamedTuple

_PREFIX = "https://www.googleapis.com/auth/"
COMMON = frozenset({"alt", "fields", "key", "oauth_token", "prettyPrint", "quotaUser", "userIp"})
"""Parameters of every method; they change nothing here."""

BASE = "/calendar/v3"
_CALENDAR = "/calendars/{calendarId}"
_ENTRY = "/users/me/calendarList/{calendarId}"
_EVENT = f"{_CALENDAR}/events/{{eventId}}"
_RULE = f"{_CALENDAR}/acl/{{ruleId}}"

_WRITES_EVENT = "conferenceDataVersion eventLabelVersion maxAttendees sendNotifications sendUpdates supportsAttachments"
_CHANGES_EVENT = f"alwaysIncludeEmail {_WRITES_EVENT}"
_PAGES = "maxResults pageToken showDeleted"

_EVENT_WRITERS = "calendar calendar.app.created calendar.events calendar.events.owned"
_EVENT_READERS = (
    f"{_EVENT_WRITERS} calendar.events.freebusy calendar.events.owned.readonly calendar.events.public.readonly"
    " calendar.events.readonly calendar.readonly"
)
_CALENDAR_WRITERS = "calendar calendar.app.created calendar.calendars"
_LIST_WRITERS = "calendar calendar.app.created calendar.calendarlist"
_ACL_WRITERS = "calendar calendar.acls"


def scope(name: str) -> str:
    """The whole scope of a short name such as `calendar.events`."""
    return _PREFIX + name


class Method(NamedTuple):
    """One method; `scopes` are alternatives."""

    verb: str
    path: str
    parameters: frozenset[str]
    scopes: frozenset[str]


def _method(verb: str, path: str, scopes: str, parameters: str = "") -> Method:
    return Method(verb, path, frozenset(parameters.split()), frozenset(map(scope, scopes.split())))


METHODS: dict[str, Method] = {
    "calendars.insert": _method("POST", "/calendars", _CALENDAR_WRITERS),
    "calendars.get": _method("GET", _CALENDAR, f"{_CALENDAR_WRITERS} calendar.calendars.readonly calendar.readonly"),
    "calendars.update": _method("PUT", _CALENDAR, _CALENDAR_WRITERS),
    "calendars.patch": _method("PATCH", _CALENDAR, _CALENDAR_WRITERS),
    "calendars.delete": _method("DELETE", _CALENDAR, _CALENDAR_WRITERS),
    "calendars.clear": _method("POST", f"{_CALENDAR}/clear", "calendar calendar.calendars"),
    "calendarList.list": _method(
        "GET",
        "/users/me/calendarList",
        "calendar calendar.calendarlist calendar.calendarlist.readonly calendar.readonly",
        f"{_PAGES} minAccessRole showHidden showOwnOrganizationOnly syncToken",
    ),
    "calendarList.insert": _method(
        "POST", "/users/me/calendarList", "calendar calendar.calendarlist", "colorRgbFormat"
    ),
    "calendarList.get": _method("GET", _ENTRY, f"{_LIST_WRITERS} calendar.calendarlist.readonly calendar.readonly"),
    "calendarList.update": _method("PUT", _ENTRY, _LIST_WRITERS, "colorRgbFormat"),
    "calendarList.patch": _method("PATCH", _ENTRY, _LIST_WRITERS, "colorRgbFormat"),
    "calendarList.delete": _method("DELETE", _ENTRY, _LIST_WRITERS),
    "acl.list": _method("GET", f"{_CALENDAR}/acl", f"{_ACL_WRITERS} calendar.acls.readonly", f"{_PAGES} syncToken"),
    "acl.insert": _method("POST", f"{_CALENDAR}/acl", _ACL_WRITERS, "sendNotifications"),
    "acl.get": _method("GET", _RULE, f"{_ACL_WRITERS} calendar.acls.readonly calendar.readonly"),
    "acl.update": _method("PUT", _RULE, _ACL_WRITERS, "sendNotifications"),
    "acl.patch": _method("PATCH", _RULE, _ACL_WRITERS, "sendNotifications"),
    "acl.delete": _method("DELETE", _RULE, _ACL_WRITERS),
    "events.list": _method(
        "GET",
        f"{_CALENDAR}/events",
        _EVENT_READERS,
        f"{_PAGES} alwaysIncludeEmail eventTypes iCalUID maxAttendees orderBy privateExtendedProperty q"
        " sharedExtendedProperty showHiddenInvitations singleEvents syncToken timeMax timeMin timeZone updatedMin",
    ),
    "events.insert": _method("POST", f"{_CALENDAR}/events", _EVENT_WRITERS, _WRITES_EVENT),
    "events.import": _method(
        "POST",
        f"{_CALENDAR}/events/import",
        _EVENT_WRITERS,
        "conferenceDataVersion eventLabelVersion supportsAttachments",
    ),
    "events.get": _method("GET", _EVENT, _EVENT_READERS, "alwaysIncludeEmail maxAttendees timeZone"),
    "events.update": _method("PUT", _EVENT, _EVENT_WRITERS, _CHANGES_EVENT),
    "events.patch": _method("PATCH", _EVENT, _EVENT_WRITERS, _CHANGES_EVENT),
    "events.delete": _method("DELETE", _EVENT, _EVENT_WRITERS, "sendNotifications sendUpdates"),
    "events.instances": _method(
        "GET",
        f"{_EVENT}/instances",
        _EVENT_READERS,
        f"{_PAGES} alwaysIncludeEmail maxAttendees originalStart timeMax timeMin timeZone",
    ),
    "events.move": _method(
        "POST",
        f"{_EVENT}/move",
        "calendar calendar.events calendar.events.owned",
        "destination sendNotifications sendUpdates",
    ),
}
"""By their names in the discovery document."""

NOT_IMITATED = (
    ("POST", f"{BASE}/users/me/calendarList/watch"),
    ("POST", f"{BASE}{_CALENDAR}/acl/watch"),
    ("POST", f"{BASE}{_CALENDAR}/events/watch"),
    ("POST", f"{BASE}{_CALENDAR}/events/quickAdd"),
    ("POST", f"{BASE}{_CALENDAR}/transferOwnership"),
    ("POST", f"{BASE}/channels/stop"),
    ("POST", f"{BASE}/freeBusy"),
    ("POST", "/batch/calendar/v3"),
)
"""Answered with 501, so that nobody takes the silence for success."""

SCOPES = frozenset().union(*(method.scopes for method in METHODS.values())) | frozenset(
    scope(name) for name in ("calendar.freebusy", "calendar.settings", "calendar.settings.readonly")
)
"""What a token may be asked for."""

# Served only in part: a token with nothing else sees no event.
UNSERVED_SCOPES = frozenset({scope("calendar.events.freebusy"), scope("calendar.events.public.readonly")})
OWNED_SCOPES = frozenset({scope("calendar.events.owned"), scope("calendar.events.owned.readonly")})
APP_SCOPE = scope("calendar.app.created")
