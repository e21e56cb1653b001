"""From the body of a write to an event's whole content: insert and update as they come, patch merged first."""

import msgspec

from simulators.google_calendar import fields, series
from simulators.google_calendar.answers import JsonObject, bad
from simulators.google_calendar.records import Event
from simulators.google_calendar.switches import Switches
from simulators.google_calendar.times import When, as_body, check_span, when

STATUSES = ("confirmed", "tentative", "cancelled")


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a write may touch: without the version or the flag, conference and attachments stay as they are."""

    switches: Switches
    is_bare: bool = False
    conference: bool = False
    attachments: bool = False


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """The whole content of an event after a write."""

    values: JsonObject
    start: When
    end: When
    status: str
    sequence: int
    recurrence: series.Recurrence | None


def draft(body: JsonObject, terms: Terms, before: Event | None = None) -> Draft:
    """The content that a body says, checked; what it lacks is gone. Raises Refused with 400 or 403."""
    start, end = when(body.get("start"), "start"), when(body.get("end"), "end")
    check_span(start, end, empty_day_ok=terms.switches.empty_all_day == "ok")
    if fields.word(body, "eventType", ("default",)) != "default":
        raise bad("Invalid value for: eventType")
    values = {"reminders": {"useDefault": True}, **fields.plain(body)}
    if body.get("extendedProperties") is not None:
        properties = fields.properties(body["extendedProperties"], terms.switches.oversized_properties)
        values |= {"extendedProperties": properties} if properties else {}
    values |= _guests(body, terms, before) | _conference(body, terms, before)
    recurrence = None
    lines = [] if before is not None and before.is_exception else fields.lines(body)
    if lines:
        recurrence = _recurrence(lines, start, terms)
        values["recurrence"] = lines
    return Draft(
        values=values,
        start=start,
        end=end,
        status=fields.word(body, "status", STATUSES),
        sequence=fields.sequence(body),
        recurrence=recurrence,
    )


def body_of(event: Event) -> JsonObject:
    """An event as a body that would write it."""
    return {
        **event.values,
        "start": as_body(event.start),
        "end": as_body(event.end),
        "status": event.status,
        "sequence": event.sequence,
    }


def merged(before: JsonObject, patch: JsonObject) -> JsonObject:
    """Patch semantics of the guide "Performance tips": null deletes, objects merge, arrays are replaced whole."""
    after = dict(before)
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict):
            inner = after.get(name)
            after[name] = merged(inner if isinstance(inner, dict) else {}, value)
        else:
            after[name] = value
    return after


def _recurrence(lines: list[str], start: When, terms: Terms) -> series.Recurrence:
    if start.at is not None and start.zone is None:
        raise bad("Missing time zone definition for start time.", "required")
    try:
        return series.parsed(lines, start, any_until=terms.switches.until == "any")
    except ValueError:
        raise bad("Invalid recurrence rule.") from None


def _guests(body: JsonObject, terms: Terms, before: Event | None) -> JsonObject:
    """Guests; with `attendeesOmitted` those that are there stay, since the body does not know them all."""
    known = before.values.get("attendees") if before is not None else None
    if body.get("attendeesOmitted") is True and known is not None:
        return {"attendees": known}
    wanted = fields.attendees(body.get("attendees") or [])
    if terms.is_bare and wanted and wanted != known:
        raise fields.no_attendees()
    return {"attendees": wanted} if wanted else {}


def _conference(body: JsonObject, terms: Terms, before: Event | None) -> JsonObject:
    kept: JsonObject = {}
    known = before.values if before is not None else {}
    for name, may in (("conferenceData", terms.conference), ("attachments", terms.attachments)):
        value = body.get(name) if may else known.get(name)
        if value:
            kept[name] = fields.attachments(value) if name == "attachments" else value
    return kept
