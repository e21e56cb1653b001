"""Checks of the members of an event's body, each by its kind (the discovery document's schema `Event`)."""

import re
from collections.abc import Callable
from typing import Literal

from simulators.google_calendar.answers import JsonObject, Reason, Refused, bad

_MOST_ATTACHMENTS = 25
_MOST_OVERRIDES = 5
_MOST_MINUTES = 40_320
_MOST_PROPERTIES = 300
_MOST_PROPERTY_BYTES = 32 * 1024
_LONGEST_KEY = 44
_LONGEST_VALUE = 1024
_EVENT_ID = re.compile(r"[a-v0-9]{5,1024}")

_TEXTS = ("summary", "description", "location", "colorId", "eventLabelId")
_FLAGS = (
    "anyoneCanAddSelf",
    "endTimeUnspecified",
    "guestsCanInviteOthers",
    "guestsCanModify",
    "guestsCanSeeOtherGuests",
    "privateCopy",
)
_WORDS = {
    "transparency": ("opaque", "transparent"),
    "visibility": ("default", "public", "private", "confidential"),
}
_ANSWERS = ("needsAction", "declined", "tentative", "accepted")

Oversized = Literal["cut", "refused"]


def event_id(value: object) -> str:
    """A client's own id: 5 to 1024 letters of base32hex. Raises Refused(400)."""
    if not isinstance(value, str) or not _EVENT_ID.fullmatch(value):
        raise bad("Invalid resource id value.")
    return value


def plain(body: JsonObject) -> JsonObject:
    """The members that are kept as they come; those that say nothing are left out, as Google leaves them out.

    Raises Refused(400) for a wrong kind or an unknown word. Members that Google sets itself are not looked at.
    """
    kept: JsonObject = {}
    for name in _TEXTS:
        text = _of(body, name, str)
        if text:
            kept[name] = text
    for name in _FLAGS:
        flag = _of(body, name, bool)
        if flag is not None:
            kept[name] = flag
    for name, words in _WORDS.items():
        word = _of(body, name, str)
        if word is not None and word not in words:
            raise bad(f"Invalid value for: {name}")
        if word is not None and word != words[0]:
            kept[name] = word
    for name, read in _READERS.items():
        if body.get(name) is not None:
            kept[name] = read(body[name])
    return kept


def word(body: JsonObject, name: str, words: tuple[str, ...]) -> str:
    """One of some words; the first where none is said. Raises Refused(400)."""
    said = _of(body, name, str)
    if said is not None and said not in words:
        raise bad(f"Invalid value for: {name}")
    return str(said or words[0])


def sequence(body: JsonObject) -> int:
    """An omitted one counts as 0. Raises Refused(400)."""
    value = body.get("sequence")
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise bad("Invalid sequence value.")
    return value


def lines(body: JsonObject) -> list[str]:
    """The lines of `recurrence`. Raises Refused(400)."""
    value = body.get("recurrence")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        raise bad("Invalid recurrence rule.")
    return value


def properties(value: object, oversized: Oversized) -> JsonObject:
    """`extendedProperties`: by the guide a key of more than 44 characters is dropped and a longer value cut at 1024.

    Raises Refused(400) for more than 300 or 32 kB, and for everything too large where `oversized` is `refused`.
    """
    if not isinstance(value, dict):
        raise bad("Invalid value for: extendedProperties")
    kept: JsonObject = {}
    count = size = 0
    for kind in ("private", "shared"):
        given = value.get(kind) or {}
        if not isinstance(given, dict):
            raise bad("Invalid value for: extendedProperties")
        own = {name: _property(name, text, oversized) for name, text in given.items() if text is not None}
        own = {name: text for name, text in own.items() if len(name) <= _LONGEST_KEY}
        count += len(own)
        size += sum(len(name.encode()) + len(text.encode()) for name, text in own.items())
        if own:
            kept[kind] = own
    if count > _MOST_PROPERTIES or size > _MOST_PROPERTY_BYTES:
        raise bad("The extended properties of the event exceed their limits.")
    return kept


def attendees(value: object) -> list[JsonObject]:
    """Guests, each with a mail address and an answer. Raises Refused(400)."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise bad("Invalid value for: attendees")
    for one in value:
        if not isinstance(one.get("email"), str) or "@" not in one["email"]:
            raise bad("Missing attendee email.", "required")
        if one.get("responseStatus", _ANSWERS[0]) not in _ANSWERS:
            raise bad("Invalid value for: responseStatus")
    return [{"responseStatus": _ANSWERS[0], **one} for one in value]


def attachments(value: object) -> list[JsonObject]:
    """At most 25, each with a link. Raises Refused(400)."""
    if not isinstance(value, list) or len(value) > _MOST_ATTACHMENTS:
        raise bad("Invalid value for: attachments")
    if not all(isinstance(one, dict) and isinstance(one.get("fileUrl"), str) for one in value):
        raise bad("Missing attachment fileUrl.", "required")
    return value


def _reminders(value: object) -> JsonObject:
    """At most five of its own, up to four weeks before, and none beside the calendar's."""
    if not isinstance(value, dict) or not isinstance(value.get("useDefault", False), bool):
        raise bad("Invalid value for: reminders")
    own = value.get("overrides") or []
    if not isinstance(own, list) or len(own) > _MOST_OVERRIDES:
        raise bad("Invalid value for: reminders.overrides")
    for one in own:
        minutes = one.get("minutes") if isinstance(one, dict) else None
        if not isinstance(minutes, int) or isinstance(minutes, bool) or not 0 <= minutes <= _MOST_MINUTES:
            raise bad("Invalid value for: reminders.overrides.minutes")
        if one.get("method") not in ("email", "popup"):
            raise bad("Invalid value for: reminders.overrides.method")
    uses_default = value.get("useDefault", False)
    if uses_default and own:
        raise bad(
            "Cannot specify both default reminders and overrides at the same time.",
            "cannotUseDefaultRemindersAndSpecifyOverride",
            domain="calendar",
        )
    return {"useDefault": uses_default, "overrides": own} if own else {"useDefault": uses_default}


def _source(value: object) -> JsonObject:
    if not isinstance(value, dict) or not str(value.get("url", "")).startswith(("http://", "https://")):
        raise bad("Invalid value for: source.url")
    return value


_READERS: dict[str, Callable[[object], object]] = {"reminders": _reminders, "source": _source}


def _of(body: JsonObject, name: str, kind: type) -> object:
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        raise bad(f"Invalid value for: {name}")
    return value


def _property(name: str, text: object, oversized: Oversized) -> str:
    if not isinstance(text, str):
        raise bad("Invalid value for: extendedProperties")
    if oversized == "refused" and (len(name) > _LONGEST_KEY or len(text) > _LONGEST_VALUE):
        raise bad("The extended properties of the event exceed their limits.")
    return text[:_LONGEST_VALUE]


def no_attendees() -> Refused:
    """What a service account is told that has no user to act for."""
    return Refused(
        403,
        Reason(
            "forbiddenForServiceAccounts",
            "Service accounts cannot invite attendees without Domain-Wide Delegation of Authority.",
            "calendar",
        ),
    )
