"""Days and minutes as both sides write them, and the firm's wall clock, which has no zone."""

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from calendar_worker.model.appointment import AllDay, Timed

MIDNIGHT = time(0, 0)
LAST_MINUTE = time(23, 59)
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ](.*))?", re.DOTALL)
_TIME = re.compile(r"(?:.*T)?([0-9]{1,2}):([0-9]{2})(?::[0-9]{2}(?:\.[0-9]*)?)?")
# Room at both ends of the calendar: for another zone, an exclusive end, and the year over which a series is tried.
_FIRST, _LAST = date(2, 1, 1), date(9997, 12, 31)


def day_and_time(value: object) -> tuple[date, time | None] | None:
    """A day of Advoware, and the time behind it. None for all else, also for a time with an offset.

    Advoware's times are the firm's wall clock; one with an offset would be shifted by guesswork.
    """
    found = _DAY.fullmatch(value.strip()) if isinstance(value, str) else None
    day = a_day(found[1]) if found else None
    if found is None or day is None:
        return None
    if found[2] is None:
        return day, None
    clock = time_of(found[2])
    return None if clock is None else (day, clock)


def time_of(value: object) -> time | None:
    """HH:MM, with or without seconds, which do not count; None for all else."""
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2])
    return time(hour, minute) if hour < 24 and minute < 60 else None


def a_day(value: object) -> date | None:
    """YYYY-MM-DD, from year 2 to year 9997."""
    if not isinstance(value, str) or len(value) != len("2026-05-05"):
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return day if is_readable(day) else None


def is_readable(day: date) -> bool:
    """Whether it can be reckoned with: from year 2 to year 9997."""
    return _FIRST <= day <= _LAST


def instant(value: object) -> datetime | None:
    """A moment of either side; without an offset it is taken as it stands, so the caller must know the zone."""
    if not isinstance(value, str) or a_day(value[:10]) is None:
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def instant_utc(value: object) -> datetime | None:
    """When something was changed, in UTC, which is also meant where nothing is said."""
    moment = instant(value)
    if moment is None:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the firm's clock shows at that moment, to the minute. Both hours of an autumn night are the same to it."""
    return moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0, second=0, microsecond=0)


def existing(local: datetime, zone: ZoneInfo) -> datetime:
    """The same minute, or, where the clock skips it in spring, the one that lies as far behind the gap."""
    return wall(local.replace(tzinfo=zone), zone)


def span(start: datetime, end: datetime) -> Timed | AllDay:
    """From minute to minute, or the whole days that 00:00 to 23:59 are. An end before the start is the start."""
    end = max(start, end)
    if start.time() == MIDNIGHT and end.time() == LAST_MINUTE:
        return AllDay(first=start.date(), last=end.date())
    return Timed(start=start, end=end)
