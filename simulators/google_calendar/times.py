"""Starts and ends: a day, or an instant with a time zone. What a write may say, and what an answer shows."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

import msgspec

from simulators.google_calendar.answers import JsonObject, Refused, bad

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?")


class When(msgspec.Struct, frozen=True, kw_only=True):
    """Either `day`, or `at` in UTC; `zone` is the IANA name that came with it."""

    day: dt.date | None = None
    at: dt.datetime | None = None
    zone: str | None = None

    def begins(self, calendar_zone: str) -> dt.datetime:
        """The instant in UTC; a day begins at midnight of the calendar's zone."""
        if self.at is not None:
            return self.at
        assert self.day is not None
        return midnight(self.day, calendar_zone)

    def key(self) -> str:
        """What tells an occurrence of a series: its day, or its instant."""
        return f"{self.day:%Y%m%d}" if self.day is not None else f"{self.at:%Y%m%dT%H%M%SZ}"

    def shifted(self, by: dt.timedelta) -> "When":
        """Later by a length: whole days for a day, else time that really passes."""
        if self.day is not None:
            return msgspec.structs.replace(self, day=self.day + by)
        assert self.at is not None
        return msgspec.structs.replace(self, at=self.at + by)


def midnight(day: dt.date, zone: str) -> dt.datetime:
    """When a day begins in a zone, in UTC."""
    return dt.datetime.combine(day, dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)


def is_zone(name: str) -> bool:
    """Whether it is an IANA name."""
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return False
    return True


def when(value: object, which: str) -> When:
    """A start or end of a body. Raises Refused(400) with Google's sentences; `which` is `start` or `end`."""
    if value is None:
        raise bad(f"Missing {which} time.", "required")
    if not isinstance(value, dict):
        raise bad(f"Invalid {which} time.")
    day, moment, zone = (value.get(name) for name in ("date", "dateTime", "timeZone"))
    if zone is not None and (not isinstance(zone, str) or not is_zone(zone)):
        raise bad(f"Invalid time zone definition for {which} time.")
    if day is None and moment is None:
        raise bad(f"Missing {which} time.", "required")
    if day is not None and moment is not None:
        raise bad(f"Invalid {which} time.")
    if day is not None:
        return When(day=_day(day, which))
    return When(at=_at(moment, zone, which), zone=zone)


def _day(value: object, which: str) -> dt.date:
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return dt.date.fromisoformat(value)
    except ValueError:
        pass
    raise bad(f"Invalid {which} time.")


def _at(value: object, zone: str | None, which: str) -> dt.datetime:
    """The instant: by its own offset where there is one, else by the zone. Parts of a second are dropped."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise bad(f"Invalid {which} time.")
    try:
        moment = dt.datetime.fromisoformat(found[1] + (found[2] or ""))
        if moment.tzinfo is None:
            if zone is None:
                raise bad(f"Missing time zone definition for {which} time.", "required")
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise bad(f"Invalid {which} time.") from None


def check_span(start: When, end: When, *, empty_day_ok: bool) -> None:
    """Both are days or both are instants, and the end, which is exclusive, is not before the start. Raises Refused."""
    if (start.day is None) != (end.day is None):
        raise bad("Start and end times must either both be date or both be dateTime.")
    if start.day is not None and end.day is not None:
        is_empty = end.day < start.day or (end.day == start.day and not empty_day_ok)
    else:
        assert start.at is not None
        assert end.at is not None
        is_empty = end.at < start.at
    if is_empty:
        raise time_range_empty()


def time_range_empty() -> Refused:
    """400 for an end before its start, in a body as in a query."""
    return bad("The specified time range is empty.", "timeRangeEmpty", parameter="timeMax", domain="calendar")


def length(start: When, end: When) -> dt.timedelta:
    """From start to end."""
    if start.day is not None and end.day is not None:
        return end.day - start.day
    assert start.at is not None
    assert end.at is not None
    return end.at - start.at


def shown(one: When, calendar_zone: str, wanted_zone: str | None = None) -> JsonObject:
    """A time as answers have it: always with an offset, that of the wanted zone or of the calendar's."""
    if one.day is not None:
        return {"date": one.day.isoformat()}
    assert one.at is not None
    zone = wanted_zone or calendar_zone
    text = one.at.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
    return {"dateTime": text.replace("+00:00", "Z"), "timeZone": one.zone or calendar_zone}


def as_body(one: When) -> JsonObject:
    """A time as a body could say it, which is what a patch is merged into."""
    if one.day is not None:
        return {"date": one.day.isoformat()}
    assert one.at is not None
    body: JsonObject = {"dateTime": one.at.isoformat(timespec="seconds")}
    return body if one.zone is None else {**body, "timeZone": one.zone}
