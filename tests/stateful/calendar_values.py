"""What people put into calendars, and what it means on both sides: known, or worked out in a way of its own."""

import functools
import html
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from hypothesis import strategies as st

from simulators.faults import Fault

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 3, 20, 7, 0, tzinfo=UTC)
"""When every world begins: before both changes of the clock of that year."""
PAST_DAYS, FUTURE_DAYS = 20, 230
"""The window: until November, so that weeks that go by move things in and out."""
ANONYMOUS = "Advoware blocked"
_HORIZON = timedelta(days=3 * 366)
"""How far two series are compared."""
_STEPS = {1: timedelta(days=1), 2: timedelta(weeks=1)}

When = tuple[str, str, str, tuple[str, ...]]
"""Kind, start, end, and the days of a series."""
Fields = Mapping[str, Any]


# What is typed


def _single(day: str, start: str | None, end: str | None, last: str | None = None) -> dict[str, Any]:
    times = {"uhrzeitVon": start, "uhrzeitBis": end, "abwesenheit": 0}
    return {"datum": day, "datumBis": last or day, **times, "dauertermin": 0, "turnus": 0, "turnusArt": 0}


def _absent(day: str, last: str) -> dict[str, Any]:
    return _single(day, None, None, last) | {"abwesenheit": 1}


def _series(once: dict[str, Any], kind: int, every: int, last: str) -> dict[str, Any]:
    return once | {"dauertermin": 1, "turnus": every, "turnusArt": kind, "datumBis": last}


TERMINE: dict[str, dict[str, Any]] = {
    "single": _single("2026-04-15", "09:00", "10:00"),
    "other": _single("2026-04-16", "09:00", "10:30"),
    "in the gap": _single("2026-03-29", "02:30", "03:15"),
    "over the gap": _single("2026-03-29", "01:30", "04:00"),
    "twice an hour": _single("2026-10-25", "02:30", "02:45"),
    "no times": _single("2026-04-20", None, None),
    "no end": _single("2026-04-21", "14:00", None),
    "zero length": _single("2026-04-22", "11:00", "11:00"),
    "to midnight": _single("2026-04-23", "22:00", "00:00", "2026-04-24"),
    "some days": _single("2026-05-11", "18:00", "08:00", "2026-05-13"),
    "all day by times": _single("2026-05-14", "00:00", "23:59"),
    "absent": _absent("2026-05-05", "2026-05-05"),
    "absent for days": _absent("2026-03-28", "2026-04-02"),
    "every other day": _series(_single("2026-03-27", "09:00", "10:00"), 1, 2, "2026-04-30"),
    "daily over the gap": _series(_single("2026-03-28", "02:30", "03:00"), 1, 1, "2026-03-31"),
    "weekly for ever": _series(_single("2026-04-15", "16:00", "16:45"), 2, 1, "2037-12-31"),
    "monthly on the 31st": _series(_single("2026-03-31", "12:00", "12:30"), 3, 1, "2026-12-31"),
    "yearly for ever": _series(_single("2026-04-15", "08:00", "08:30"), 4, 1, "2037-12-31"),
    "absent every third week": _series(_absent("2026-04-03", "2026-04-03"), 2, 3, "2026-09-01"),
    "far": _single("2026-12-20", "09:00", "10:00"),
    "long ago": _single("2026-01-10", "09:00", "10:00"),
    "lately": _single("2026-03-05", "09:00", "10:00"),
}


def _moment(start: str, end: str, *lines: str) -> dict[str, Any]:
    return {"start": start, "end": end, "recurrence": list(lines) or None}


EVENTS: dict[str, dict[str, Any]] = {
    "single": _moment("2026-04-15T09:00:00+02:00", "2026-04-15T10:00:00+02:00"),
    "with seconds": _moment("2026-04-17T15:00:30+02:00", "2026-04-17T15:45:30+02:00"),
    "over the gap": _moment("2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"),
    "first hour": _moment("2026-10-25T02:30:00+02:00", "2026-10-25T02:45:00+02:00"),
    "second hour": _moment("2026-10-25T02:30:00+01:00", "2026-10-25T02:45:00+01:00"),
    "from hour to hour": _moment("2026-10-25T02:15:00+02:00", "2026-10-25T02:10:00+01:00"),
    "zero length": _moment("2026-04-22T11:00:00+02:00", "2026-04-22T11:00:00+02:00"),
    "to midnight": _moment("2026-04-23T22:00:00+02:00", "2026-04-24T00:00:00+02:00"),
    "from elsewhere": _moment("2026-05-11T18:00:00-04:00", "2026-05-13T08:00:00-04:00"),
    "all day": _moment("2026-05-05", "2026-05-06"),
    "all day for days": _moment("2026-03-28", "2026-04-03"),
    "daily by count": _moment("2026-03-27T09:00:00+01:00", "2026-03-27T10:00:00+01:00", "RRULE:FREQ=DAILY;COUNT=5"),
    "daily over the gap": _moment(
        "2026-03-28T02:30:00+01:00", "2026-03-28T03:00:00+01:00", "RRULE:FREQ=DAILY;UNTIL=20260331T235959Z"
    ),
    "every other week": _moment(
        "2026-04-14T16:00:00+02:00", "2026-04-14T16:45:00+02:00", "RRULE:FREQ=WEEKLY;INTERVAL=2"
    ),
    "weekly by day and count": _moment(
        "2026-04-14T16:00:00+02:00", "2026-04-14T17:00:00+02:00", "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=9"
    ),
    "weekly, ends before": _moment(
        "2026-04-14T16:00:00+02:00", "2026-04-14T17:00:00+02:00", "RRULE:FREQ=WEEKLY;UNTIL=20260519T100000Z"
    ),
    "monthly by count": _moment("2026-03-31T12:00:00+02:00", "2026-03-31T12:30:00+02:00", "RRULE:FREQ=MONTHLY;COUNT=4"),
    "yearly for ever": _moment("2026-04-15", "2026-04-16", "RRULE:FREQ=YEARLY"),
    "weekly all day": _moment("2026-04-15", "2026-04-16", "RRULE:FREQ=WEEKLY;WKST=MO;UNTIL=20260901"),
    "far": _moment("2026-12-20T09:00:00+01:00", "2026-12-20T10:00:00+01:00"),
    "long ago": _moment("2026-01-10T09:00:00+01:00", "2026-01-10T10:00:00+01:00"),
    # No form in Advoware.
    "no form: two days a week": _moment(
        "2026-04-13T09:00:00+02:00", "2026-04-13T10:00:00+02:00", "RRULE:FREQ=WEEKLY;BYDAY=MO,WE"
    ),
    "no form: overnight": _moment("2026-04-13T22:00:00+02:00", "2026-04-14T02:00:00+02:00", "RRULE:FREQ=DAILY;COUNT=3"),
    "no form: two days long": _moment("2026-04-13", "2026-04-15", "RRULE:FREQ=WEEKLY;COUNT=3"),
    "no form: but for a day": _moment(
        "2026-04-13", "2026-04-14", "RRULE:FREQ=DAILY;COUNT=9", "EXDATE;VALUE=DATE:20260415"
    ),
}
STARTS = ["2026-04-27T08:15:00+02:00", "2026-10-25T02:30:00+01:00", "2026-12-21T09:00:00+01:00", "2026-05-20"]
OWNERS = ["ALLE", "", "PM", "SB"]


def typed_text(field: str, serial: int) -> str:
    """A text that nobody has typed before."""
    variants = {
        "text": (f"Besprechung Nr. {serial}", f"Ödön & Söhne <{serial}>", f"Frist (Vorfrist) {serial}"),
        "notiz": (f"Zeile {serial}\nZeile zwei", f"a < b & <b>kein HTML</b> {serial}", f"Ä &amp; {serial}"),
        "ort": (f"Saal {serial}", f"Große Str. {serial}, Köln", f"Büro {serial}"),
    }
    return variants[field][serial % 3]


def typed_html(serial: int) -> str:
    """What Google's editor makes of a formatted note."""
    return f"<b>Wichtig {serial}</b><br>Zeile &lt;zwei&gt;"


# What it means


def what_of_termin(record: Fields) -> dict[str, str]:
    """The texts; the reference of an Akte is no part of them."""
    suffix = f" ({record['azRubrum']})" if record["nr"] and record["azRubrum"] else ""
    return {
        "text": str(record["text"]).removesuffix(suffix).strip(),
        "notiz": str(record["notiz"]).replace("\r\n", "\n"),
        "ort": str(record["ort"]),
    }


def what_of_event(event: Fields) -> dict[str, str]:
    """The same of Google."""
    summary, suffix = str(event.get("summary", "")), link_of(event)[1]
    note = str(event.get("description", "")).replace("<br>", "\n").replace("<b>", "").replace("</b>", "")
    text, ort = summary.removesuffix(suffix).strip(), str(event.get("location", ""))
    return {"text": text, "notiz": html.unescape(note), "ort": ort}


def link_of(event: Fields) -> tuple[int, str, bool]:
    """Termin, suffix, and whether the event is anonymous; a link is worth something in its own event only."""
    told = event.get("extendedProperties", {}).get("private", {})
    if told.get("hub_link") != event["id"]:
        return 0, "", False
    return int(told["advoware_frnr"]), told.get("hub_suffix", ""), told.get("hub_content") == "anonymous"


def when_of_termin(record: Fields) -> When:
    """When it is, with defaults for what is not said, and minutes that exist."""
    day, last = (date.fromisoformat(str(record[name])[:10]) for name in ("datum", "datumBis"))
    kind, every = record["turnusArt"], record["turnus"]
    is_series = bool(record["dauertermin"])
    until = last
    last = day if is_series else last
    begin, end = (str(record[name])[:5] if record[name] else "" for name in ("uhrzeitVon", "uhrzeitBis"))
    if record["abwesenheit"] or (begin, end) == ("00:00", "23:59"):
        days = tuple(_days(day, kind, every, until)) if is_series else ()
        return "days", day.isoformat(), last.isoformat(), days
    start = datetime.fromisoformat(f"{day}T{begin or '09:00'}")
    if end:
        finish = datetime.fromisoformat(f"{last}T{end}")
    elif begin:
        finish = datetime.fromisoformat(f"{last}T{begin}") + timedelta(minutes=30)
    else:
        finish = datetime.fromisoformat(f"{last}T10:00")
    start, finish = _berlin(start.replace(tzinfo=BERLIN)), _berlin(finish.replace(tzinfo=BERLIN))
    days = tuple(_days(start.date(), kind, every, until)) if is_series else ()
    return "time", _minute(start), _minute(max(start, finish)), days


def _days(first: date, kind: int, every: int, until: date) -> Iterator[str]:
    """The days of a series, counted by hand. A month that lacks the day is skipped."""
    last = min(until, first + _HORIZON)
    if kind in _STEPS:
        day = first
        while day <= last:
            yield day.isoformat()
            day += _STEPS[kind] * every
        return
    months = every if kind == 3 else 12 * every
    for number in range(12 * 4 // months):
        year, month = divmod(first.month - 1 + number * months, 12)
        try:
            day = first.replace(year=first.year + year, month=month + 1)
        except ValueError:
            continue
        if day <= last:
            yield day.isoformat()


def when_of_event(event: Fields) -> When | None:
    """When it is; None where Advoware has no form for it."""
    begin, end, lines = event["start"], event["end"], tuple(event.get("recurrence", ()))
    if "date" in begin:
        first, last = date.fromisoformat(begin["date"]), date.fromisoformat(end["date"]) - timedelta(days=1)
        start, finish, kind = datetime.combine(first, datetime.min.time()), last, "days"
        told = first.isoformat(), last.isoformat()
    else:
        start, stop = (_berlin(datetime.fromisoformat(one["dateTime"])) for one in (begin, end))
        finish, kind = stop.date(), "time"
        told = _minute(start), _minute(max(start, stop))
        if (told[0][11:], told[1][11:]) == ("00:00", "23:59"):
            kind, told = "days", (told[0][:10], told[1][:10])
    if not lines:
        return kind, *told, ()
    weekday = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")[start.weekday()]
    plain = lines[0].replace(f";BYDAY={weekday};", ";").removesuffix(f";BYDAY={weekday}")
    if len(lines) > 1 or "BY" in plain or finish != start.date():
        return None
    return kind, *told, _occurrences(plain, start)


@functools.cache
def _occurrences(line: str, start: datetime) -> tuple[str, ...]:
    """By dateutil, in the firm's wall clock."""
    parts = dict(part.split("=") for part in line.removeprefix("RRULE:").split(";"))
    if parts.get("UNTIL", "").endswith("Z"):
        until = datetime.strptime(parts["UNTIL"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        parts["UNTIL"] = f"{_berlin(until):%Y%m%dT%H%M%S}"
    rule = rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=start)
    found: list[str] = []
    for one in rule:
        if one > start + _HORIZON:
            break
        found.append(one.date().isoformat())
    # The start counts, also of a series that was moved behind its end.
    return tuple(found) or (start.date().isoformat(),)


def _berlin(moment: datetime) -> datetime:
    return moment.astimezone(UTC).astimezone(BERLIN).replace(tzinfo=None, fold=0, second=0)


def _minute(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")


# What happens

_INDEX = st.integers(0, 7)
_FIELD = st.sampled_from(["text", "text", "notiz", "ort"])
_SORT = st.sampled_from(["own", "own", "akte", "private", "everybody", "everybody", "colleague", "foreign", "virtual"])
IN_ADVOWARE: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(st.just("add_termin"), st.sampled_from(sorted(TERMINE)), _SORT),
    st.tuples(st.just("retime_termin"), _INDEX, st.sampled_from(sorted(TERMINE))),
    st.tuples(st.just("retext_termin"), _INDEX, _FIELD),
    st.tuples(st.just("remove_termin"), _INDEX),
    st.tuples(st.just("hand_over"), _INDEX, st.sampled_from(OWNERS)),
    st.tuples(st.sampled_from(["switch_akte", "switch_private", "switch_reminder"]), _INDEX),
)
IN_GOOGLE: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(st.just("add_event"), st.sampled_from(sorted(EVENTS))),
    st.tuples(st.just("retime_event"), _INDEX, st.sampled_from(sorted(EVENTS))),
    st.tuples(st.just("move_event"), _INDEX, st.sampled_from(STARTS)),
    st.tuples(st.just("retext_event"), _INDEX, _FIELD),
    st.tuples(st.sampled_from(["format_note", "delete_event", "delete_event", "restore_event", "touch_event"]), _INDEX),
    st.tuples(st.just("copy_event"), _INDEX, st.booleans()),
    st.tuples(st.sampled_from(["strip_event", "furnish_event", "switch_visibility"]), _INDEX),
    st.tuples(st.sampled_from(["move_occurrence", "delete_occurrence", "split_series"]), _INDEX),
    st.tuples(st.sampled_from(["share_with_stranger", "purge_deleted"])),
)
DEEDS = st.one_of(IN_ADVOWARE, IN_GOOGLE)
_KINDS = ["late", "lost", "lost", "cut_answer", "cut_request", "error", "error", "rate_limited", "expired"]


def _faults(paths: list[str], methods: list[str], statuses: list[int]) -> st.SearchStrategy[Fault]:
    return st.builds(
        Fault,
        kind=st.sampled_from(_KINDS),
        method=st.sampled_from(methods),
        path=st.sampled_from(paths),
        times=st.integers(1, 4),
        status=st.sampled_from(statuses),
        delay_s=st.just(0.02),
    )


AT_ADVOWARE = _faults([".*", ".*", ".*/Termine", ".*/Mitarbeiter"], ["*", "POST", "PUT", "DELETE", "GET"], [500, 503])
AT_GOOGLE = _faults(
    [".*", ".*", ".*/events", ".*/events/.+", ".*/acl.*", "/token"],
    ["*", "POST", "PATCH", "DELETE", "GET"],
    [500, 503, 403, 403],
)
REASONS = ("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "forbidden")
