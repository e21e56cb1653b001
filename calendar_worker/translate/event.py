"""An event of Google Calendar: read into the compared form, and the bodies of insert and PATCH.

Source: https://developers.google.com/workspace/calendar/api/v3/reference/events and the discovery document.
"""

import hashlib
import re
from base64 import b32hexencode
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from calendar_worker.model.appointment import AllDay, Shown, Timed, What, When
from calendar_worker.model.sides import Event, Link, Unreadable
from calendar_worker.translate import text
from calendar_worker.translate.clock import a_day, existing, instant, instant_utc, is_readable, span, wall
from calendar_worker.translate.recurrence import keeps_step, of_lines, to_lines

ANONYMOUS_TEXT = "Advoware blocked"
"""What an event says instead of the Termin where texts are not to leave the house."""
_ANONYMOUS = What(text=ANONYMOUS_TEXT)
_ONE_DAY = timedelta(days=1)
_NO_TIME = Unreadable(reason="no start that can be read")
_OTHER_KIND = Unreadable(reason="start and end of different kinds")
_DRIFTS = Unreadable(reason="series in another time zone")


def read_event(item: Mapping[str, Any], *, timezone: ZoneInfo) -> Event:
    """An event as Google answers it; of a cancelled one only the id may be there. `timezone` is the firm's."""
    own_id = _word(item.get("id"))
    properties = _inner(_inner(item, "extendedProperties"), "private")
    link = _link(own_id, properties)
    cancelled = item.get("status") == "cancelled"
    summary = text.clean(item.get("summary"))
    # A copy, or one that a tool has stripped of its properties: the fixed text is nobody's appointment.
    is_stray_blank = link is None and summary == ANONYMOUS_TEXT
    return Event(
        id=own_id,
        etag=_word(item.get("etag")),
        cancelled=cancelled,
        when=_when(item, timezone),
        what=What(
            text=text.without_suffix(summary, "" if link is None else link.suffix),
            notiz=text.from_description(item.get("description")),
            ort=text.clean(item.get("location")),
        ),
        link=link,
        private=item.get("visibility") in ("private", "confidential"),
        updated=instant_utc(item.get("updated")),
        eligible=(
            bool(own_id)
            and not cancelled
            and not item.get("recurringEventId")
            and item.get("eventType") in (None, "default")
            and not is_stray_blank
        ),
        record=dict(item),
    )


def event_id(kuerzel: str, fr_nr: int, generation: int) -> str:
    """The id of the event for a Termin: the same in every run, so that none is made twice. Kürzel count without case.

    A deleted event keeps its id for ever, so that the next one is of the next generation.
    """
    name = f"advoware|{kuerzel.strip().lower()}|{fr_nr}|{generation}"
    return b32hexencode(hashlib.sha256(name.encode()).digest()).decode().rstrip("=").lower()


def new_event(*, event_id: str, fr_nr: int, when: When, what: What, shown: Shown, timezone: ZoneInfo) -> dict[str, Any]:
    """The body of an insert. Google's defaults hold for all that is not in it."""
    body: dict[str, Any] = {
        "id": event_id,
        **_texts(what if shown.full else _ANONYMOUS, _suffix(shown)),
        **_times(when, timezone),
        "recurrence": to_lines(when.recurrence, when.span, timezone) or None,
        "visibility": _visibility(shown),
        **link_patch(event_id=event_id, fr_nr=fr_nr, shown=shown),
    }
    return _without_nulls(body)


def changed_event(
    event: Event, *, shown: Shown, timezone: ZoneInfo, when: When | None = None, what: What | None = None
) -> dict[str, Any]:
    """The PATCH that brings an event to `when`, `what` and `shown`; {} when it is there already. A null deletes.

    A part that is None stays as it is, and no member is in the PATCH whose compared form is the same: so a formatted
    description survives a new subject. An event becomes anonymous by `shown` alone; it becomes full again only with
    `what`. An anonymous one keeps whatever text it has unless `what` is given, and then gets the fixed text again.
    An event that has lost its link needs `link_patch` as well.
    """
    body: dict[str, Any] = {}
    if when is not None and when != event.when:
        lines = to_lines(when.recurrence, when.span, timezone)
        body |= _times(when, timezone)
        if lines or event.record.get("recurrence"):
            body["recurrence"] = lines or None
    body |= _changed_texts(event, shown, what)
    if event.private != (_visibility(shown) == "private"):
        body["visibility"] = _visibility(shown)
    return body


def link_patch(*, event_id: str, fr_nr: int, shown: Shown) -> dict[str, Any]:
    """The PATCH that links an event to a Termin. The id in it is what tells a copy, which carries its original's."""
    return {
        "extendedProperties": {
            "private": {"advoware_frnr": str(fr_nr), "hub_link": event_id, **_content_properties(shown)}
        }
    }


def _changed_texts(event: Event, shown: Shown, what: What | None) -> dict[str, Any]:
    """Summary, description, location, and with them what says how they are to be read."""
    was = event.link or Link(fr_nr=0, event_id=event.id, full=True, suffix="")
    suffix = _suffix(shown)
    if what is None and (not was.full or (shown.full and suffix == was.suffix)):
        return {}
    says = (what or event.what) if shown.full else _ANONYMOUS
    differs = {
        "summary": says.text != event.what.text or suffix != was.suffix,
        # HTML may hold what is not to be read, and yet is not to stay.
        "description": says.notiz != event.what.notiz or (not shown.full and bool(event.record.get("description"))),
        "location": says.ort != event.what.ort,
    }
    body: dict[str, Any] = {name: value for name, value in _texts(says, suffix).items() if differs[name]}
    if (suffix, shown.full) != (was.suffix, was.full):
        body["extendedProperties"] = {"private": _content_properties(shown)}
    return body


def _texts(what: What, suffix: str) -> dict[str, str | None]:
    return {
        "summary": text.with_suffix(what.text, suffix) or None,
        "description": text.to_description(what.notiz) or None,
        "location": what.ort or None,
    }


def _content_properties(shown: Shown) -> dict[str, str | None]:
    return {"hub_suffix": _suffix(shown) or None, "hub_content": "full" if shown.full else "anonymous"}


def _suffix(shown: Shown) -> str:
    """The reference of an Akte names people: an anonymous event has none, nor keeps it unseen."""
    return shown.suffix if shown.full else ""


def _visibility(shown: Shown) -> str:
    return "private" if shown.private or not shown.full else "default"


def _times(when: When, timezone: ZoneInfo) -> dict[str, Any]:
    """Start and end for a body, with nulls for the other kind. Without an offset the zone decides, which all have."""
    if isinstance(when.span, AllDay):
        days = {"start": when.span.first, "end": when.span.last + _ONE_DAY}
        return {name: {"date": day.isoformat(), "dateTime": None, "timeZone": None} for name, day in days.items()}
    moments = {"start": when.span.start, "end": when.span.end}
    return {
        name: {"date": None, "dateTime": moment.isoformat(timespec="seconds"), "timeZone": timezone.key}
        for name, moment in moments.items()
    }


def _when(item: Mapping[str, Any], firm: ZoneInfo) -> When | Unreadable:
    start, end = _inner(item, "start"), _inner(item, "end")
    first = a_day(start.get("date"))
    if first is not None:
        return _days(first, end, item.get("recurrence"), firm)
    begin = _moment(start, firm)
    if begin is None:
        return _NO_TIME
    finish = _moment(end, firm) if end else begin
    if finish is None:
        return _OTHER_KIND
    if item.get("recurrence") and not _keeps_step(start, firm):
        return _DRIFTS
    timed = Timed(start=begin, end=max(begin, finish))
    recurrence = of_lines(item.get("recurrence"), timed, firm)
    if isinstance(recurrence, Unreadable):
        return recurrence
    return When(span=span(timed.start, timed.end), recurrence=recurrence)


def _days(first: date, end: Mapping[str, Any], lines: object, firm: ZoneInfo) -> When | Unreadable:
    """Whole days; Google's end is the day after the last."""
    after = a_day(end.get("date")) if end else first + _ONE_DAY
    if after is None:
        return _OTHER_KIND
    days = AllDay(first=first, last=max(first, after - _ONE_DAY))
    recurrence = of_lines(lines, days, firm)
    return recurrence if isinstance(recurrence, Unreadable) else When(span=days, recurrence=recurrence)


def _moment(side: Mapping[str, Any], firm: ZoneInfo) -> datetime | None:
    """What the firm's clock shows. The offset counts, and without one the zone beside it, else the firm's."""
    moment = instant(side.get("dateTime"))
    if moment is None:
        return None
    zone = _zone(side)
    if moment.tzinfo is None and zone is not None:
        moment = moment.replace(tzinfo=zone)
    local = existing(moment, firm) if moment.tzinfo is None else wall(moment, firm)
    return local if is_readable(local.date()) else None


def _keeps_step(start: Mapping[str, Any], firm: ZoneInfo) -> bool:
    """Whether the series can be said in the firm's clock. Without a zone it is the calendar's, which is the firm's."""
    if start.get("timeZone") in (None, firm.key):
        return True
    zone, moment = _zone(start), instant(start.get("dateTime"))
    if zone is None or moment is None:
        return False
    local = wall(moment, zone) if moment.tzinfo else moment.replace(second=0, microsecond=0)
    return keeps_step(local, zone, firm)


def _zone(side: Mapping[str, Any]) -> ZoneInfo | None:
    try:
        return ZoneInfo(_word(side.get("timeZone")))
    except (ValueError, KeyError, OSError):
        return None


def _link(own_id: str, properties: Mapping[str, Any]) -> Link | None:
    """The link, if it is this event's own. Unless it says `full`, its text is taken for the fixed one."""
    number = _word(properties.get("advoware_frnr"))
    if not own_id or properties.get("hub_link") != own_id or not re.fullmatch("[1-9][0-9]{0,11}", number):
        return None
    return Link(
        fr_nr=int(number),
        event_id=own_id,
        full=properties.get("hub_content") == "full",
        suffix=_word(properties.get("hub_suffix")),
    )


def _without_nulls(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_nulls(value) if isinstance(value, dict) else value
        for name, value in body.items()
        if value is not None
    }


def _inner(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = item.get(name)
    return value if isinstance(value, dict) else {}


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""
