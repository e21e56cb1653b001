"""A Termin of Advoware: read into the compared form, and the bodies of POST and PUT.

The fields are those of the vendor's own connector and of the firm's guide; docs/assumptions.md says which are assumed.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from calendar_worker.model.appointment import AllDay, Recurrence, Timed, What, When
from calendar_worker.model.sides import Termin, Unreadable
from calendar_worker.translate import text
from calendar_worker.translate.clock import LAST_MINUTE, MIDNIGHT, day_and_time, existing, instant_utc, span, time_of
from calendar_worker.translate.recurrence import ENDLESS_YEAR, last_day_of, of_turnus, turnus_of

_NO_DAY = "0001-01-01"
_FAR = ("9998-", "9999-")
_NO_START = time(9, 0)
_NO_START_NO_END = time(10, 0)
_NO_END = timedelta(minutes=30)


def read_termin(record: Mapping[str, Any], *, kuerzel: str, timezone: ZoneInfo) -> Termin | Unreadable | None:
    """A Termin as Advoware answers it. None: it is to be ignored, being virtual or another person's private one.

    `timezone` is the firm's, whose wall clock Advoware's times are: minutes that it skips in spring move forward.
    """
    fr_nr = _integer(record.get("frNr"))
    if fr_nr is None or fr_nr == 0:
        return Unreadable(reason="no number")
    private = _flag(record.get("privat"))
    owner, entered_by = (text.clean(record.get(name)).lower() for name in ("anwalt", "sb"))
    own = text.clean(kuerzel).lower()
    if fr_nr < 0 or (private and own not in (owner, entered_by)):
        return None
    when = _when(record, timezone)
    if isinstance(when, Unreadable):
        return when
    suffix = _suffix(record)
    return Termin(
        fr_nr=fr_nr,
        when=when,
        what=What(
            text=text.without_suffix(text.clean(record.get("text")), suffix),
            notiz=text.clean(record.get("notiz")),
            ort=text.clean(record.get("ort")),
        ),
        suffix=text.keepable(suffix),
        private=private,
        writable=owner == own,
        changed_at=instant_utc(record.get("zuletztGeaendertAm")),
        record=dict(record),
    )


def new_termin(when: When, what: What, *, kuerzel: str, private: bool) -> dict[str, Any]:
    """The body of a POST. The employee is the `anwalt`."""
    return {
        "text": text.crlf(what.text),
        "notiz": text.crlf(what.notiz),
        "ort": text.crlf(what.ort),
        **_times(when),
        "turnus": 0,
        "turnusArt": 0,
        **_series(when.recurrence),
        "abwesenheit": int(isinstance(when.span, AllDay)),
        "anwalt": kuerzel,
        "privat": int(private),
    }


def changed_termin(termin: Termin, *, when: When | None = None, what: What | None = None) -> dict[str, Any]:
    """The body of a PUT: the whole record, in which only what differs is changed. The suffix is never in the text."""
    body = dict(termin.record)
    if text.clean(body.get("text")) != termin.what.text:
        body["text"] = text.crlf(termin.what.text)
    for name in ("text", "notiz", "ort"):
        if what is not None and getattr(what, name) != getattr(termin.what, name):
            body[name] = text.crlf(getattr(what, name))
    if when is None or when == termin.when:
        return body
    body |= {**_times(when), **_series(when.recurrence)}
    # Whole days may be said by their times alone. What staff entered as an absence stays one as long as it can.
    if isinstance(when.span, AllDay) != isinstance(termin.when.span, AllDay):
        body["abwesenheit"] = int(isinstance(when.span, AllDay))
    return body


def _when(record: Mapping[str, Any], timezone: ZoneInfo) -> When | Unreadable:
    begin = day_and_time(record.get("datum"))
    if begin is None:
        return Unreadable(reason="no day that can be read")
    first, _ = begin
    is_series = _flag(record.get("dauertermin"))
    last = _last_day(record.get("datumBis"), first, is_series=is_series)
    if last is None:
        return Unreadable(reason="no last day that can be read")
    recurrence = None
    if is_series:
        numbers = (_integer(record.get("turnus")), _integer(record.get("turnusArt")))
        recurrence = of_turnus(*numbers, first=first, last=last)
        last = first
    if _flag(record.get("abwesenheit")):
        return When(span=AllDay(first=first, last=last), recurrence=recurrence)
    start, end = _times_of(record, first, last)
    if is_series and end.date() > first:
        end = datetime.combine(first, LAST_MINUTE)
    whole = span(start, end)
    if isinstance(whole, Timed):
        whole = span(existing(whole.start, timezone), existing(whole.end, timezone))
    return When(span=whole, recurrence=recurrence)


def _last_day(value: object, first: date, *, is_series: bool) -> date | None:
    """`datumBis`, which may be missing, also in .NET's way. None: what stands there cannot be read.

    Then nothing is guessed: that would turn a long leave into a single day.
    """
    if value in (None, "") or str(value).startswith(_NO_DAY):
        return first
    if is_series and str(value).startswith(_FAR):
        return date(max(ENDLESS_YEAR, first.year), 12, 31)
    found = day_and_time(value)
    return None if found is None else max(first, found[0])


def _times_of(record: Mapping[str, Any], first: date, last: date) -> tuple[datetime, datetime]:
    """Start and end by the clock. A time beside the day counts; else the one behind it, unless that is midnight."""
    start = time_of(record.get("uhrzeitVon")) or _behind(record.get("datum"))
    end = time_of(record.get("uhrzeitBis")) or _behind(record.get("datumBis"))
    begin = datetime.combine(first, _NO_START if start is None else start)
    if end is not None:
        return begin, datetime.combine(last, end)
    if start is None:
        return begin, datetime.combine(last, _NO_START_NO_END)
    return begin, datetime.combine(last, start) + _NO_END


def _behind(value: object) -> time | None:
    found = day_and_time(value)
    return None if found is None or found[1] == MIDNIGHT else found[1]


def _times(when: When) -> dict[str, Any]:
    """Days and times of a body. The same time stands behind the day, for whoever reads only that."""
    if isinstance(when.span, AllDay):
        start, end = datetime.combine(when.span.first, MIDNIGHT), datetime.combine(when.span.last, LAST_MINUTE)
    else:
        start, end = when.span.start, when.span.end
    last = end.date() if when.recurrence is None else last_day_of(when.recurrence, start.date())
    return {
        "datum": start.isoformat(timespec="seconds"),
        "uhrzeitVon": start.time().isoformat(timespec="seconds"),
        "datumBis": datetime.combine(last, end.time()).isoformat(timespec="seconds"),
        "uhrzeitBis": end.time().isoformat(timespec="seconds"),
    }


def _series(recurrence: Recurrence | None) -> dict[str, int]:
    """The members of a series; `turnus` stays as it was where there is none, since it then says nothing."""
    if recurrence is None:
        return {"dauertermin": 0}
    turnus, turnus_art = turnus_of(recurrence)
    return {"dauertermin": 1, "turnus": turnus, "turnusArt": turnus_art}


def _suffix(record: Mapping[str, Any]) -> str:
    """Shown for every Termin of an Akte, whether or not the answer at hand has it in the text: a list has."""
    return text.suffix_of(record.get("azRubrum")) if (_integer(record.get("nr")) or 0) > 0 else ""


def _integer(value: object) -> int | None:
    """A number, also one that came as a text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    is_number = isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) < 12
    return int(str(value)) if is_number else None


def _flag(value: object) -> bool:
    """0 or 1. What is neither counts as set: so a private Termin stays private."""
    return value not in (None, 0, "", "0", "false", "False")
