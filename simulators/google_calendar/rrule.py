"""Recurrence rules of RFC 5545 section 3.3.10, as far as days go: DAILY to YEARLY with their BY parts.

A rule of hours, minutes or seconds, and BYWEEKNO and BYYEARDAY, are refused: no screen of Google's makes them.
"""

import calendar
import datetime as dt
import itertools
import re
from collections.abc import Iterator

import msgspec

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_BY_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"\d{8}(T\d{6}Z?)?")
_MOST_EMPTY_PERIODS = 4000
_KNOWN = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"}


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One RRULE or EXRULE. `by_day` has an ordinal (0 for none) and a weekday from Monday, 0."""

    freq: str
    interval: int = 1
    count: int | None = None
    until: dt.date | dt.datetime | None = None
    by_day: tuple[tuple[int, int], ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_month: tuple[int, ...] = ()
    by_set_pos: tuple[int, ...] = ()
    week_start: int = 0


def parse(text: str) -> Rule:
    """A rule from what stands behind `RRULE:`. Raises ValueError."""
    parts: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value or name in parts or name not in _KNOWN:
            raise ValueError(f"not a part of a rule: {name}")
        parts[name] = value
    freq = parts.get("FREQ")
    if freq not in _FREQUENCIES or ("COUNT" in parts and "UNTIL" in parts):
        raise ValueError("FREQ is missing or not served, or COUNT and UNTIL stand together")
    rule = Rule(
        freq=freq,
        interval=_number(parts.get("INTERVAL", "1"), 1, 9999),
        count=_number(parts["COUNT"], 1, 99_999) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        by_day=tuple(_by_day(one) for one in _listed(parts, "BYDAY")),
        by_month_day=tuple(_number(one, -31, 31) for one in _listed(parts, "BYMONTHDAY")),
        by_month=tuple(_number(one, 1, 12) for one in _listed(parts, "BYMONTH")),
        by_set_pos=tuple(_number(one, -366, 366) for one in _listed(parts, "BYSETPOS")),
        week_start=_WEEKDAYS.index(parts.get("WKST", "MO")),
    )
    has_ordinal = any(ordinal for ordinal, _ in rule.by_day)
    if (has_ordinal and freq in ("DAILY", "WEEKLY")) or (rule.by_month_day and freq == "WEEKLY"):
        raise ValueError("this BY part does not go with this FREQ")
    if rule.by_set_pos and not (rule.by_day or rule.by_month_day or rule.by_month):
        raise ValueError("BYSETPOS needs another BY part")
    return rule


def days(rule: Rule, first: dt.date) -> Iterator[dt.date]:
    """The days of a rule from `first` on, ascending, without regard to COUNT and UNTIL.

    Ends where the calendar ends, or where a rule such as 30 February has been empty for very long.
    """
    empty = 0
    for number in itertools.count(0, rule.interval):
        try:
            period = _period(rule, first, number)
        except (ValueError, OverflowError):  # the year 10000
            return
        found = sorted(set(period))
        if rule.by_set_pos:
            found = _at_positions(found, rule.by_set_pos)
        empty = 0 if found else empty + 1
        if empty > _MOST_EMPTY_PERIODS:
            return
        yield from (day for day in found if day >= first)


def _period(rule: Rule, first: dt.date, number: int) -> list[dt.date]:
    """The days of the period that lies `number` days, weeks, months or years after the one of `first`."""
    if rule.freq == "DAILY":
        day = first + dt.timedelta(days=number)
        return [day] if _fits(rule, day) else []
    if rule.freq == "WEEKLY":
        monday = first - dt.timedelta(days=(first.weekday() - rule.week_start) % 7) + dt.timedelta(weeks=number)
        wanted = {weekday for _, weekday in rule.by_day} or {first.weekday()}
        week = [monday + dt.timedelta(days=after) for after in range(7)]
        return [day for day in week if day.weekday() in wanted and day.month in (rule.by_month or (day.month,))]
    if rule.freq == "MONTHLY":
        year, month = divmod(first.year * 12 + first.month - 1 + number, 12)
        month += 1
        dt.date(year, month, 1)  # raises after the last year, also where the month is not wanted
        return _of_month(rule, first, year, month) if month in (rule.by_month or (month,)) else []
    return _of_year(rule, first, first.year + number)


def _of_year(rule: Rule, first: dt.date, year: int) -> list[dt.date]:
    """With BYMONTH an ordinal of BYDAY counts within the month, without it within the year."""
    dt.date(year, 1, 1)
    if rule.by_day and not rule.by_month:
        whole = [dt.date(year, 1, 1) + dt.timedelta(days=after) for after in range(365 + calendar.isleap(year))]
        return [day for day in _weekdays(rule, whole) if _is_of_month_day(rule, day)]
    if rule.by_month:
        months: tuple[int, ...] = rule.by_month
    else:
        months = tuple(range(1, 13)) if rule.by_month_day else (first.month,)
    return [day for month in months for day in _of_month(rule, first, year, month)]


def _of_month(rule: Rule, first: dt.date, year: int, month: int) -> list[dt.date]:
    length = calendar.monthrange(year, month)[1]
    whole = [dt.date(year, month, day) for day in range(1, length + 1)]
    if not rule.by_month_day and not rule.by_day:
        return [day for day in whole if day.day == first.day]
    found = _weekdays(rule, whole) if rule.by_day else whole
    return [day for day in found if _is_of_month_day(rule, day)]


def _weekdays(rule: Rule, span: list[dt.date]) -> list[dt.date]:
    """Those of a month or year that BYDAY names; an ordinal counts within it, from its end when negative."""
    found: list[dt.date] = []
    for ordinal, weekday in rule.by_day:
        same = [day for day in span if day.weekday() == weekday]
        found += same if not ordinal else _at_positions(same, (ordinal,))
    return found


def _fits(rule: Rule, day: dt.date) -> bool:
    return (
        day.month in (rule.by_month or (day.month,))
        and (not rule.by_day or day.weekday() in {weekday for _, weekday in rule.by_day})
        and _is_of_month_day(rule, day)
    )


def _is_of_month_day(rule: Rule, day: dt.date) -> bool:
    """Whether BYMONTHDAY is absent or names it, from the month's end when negative."""
    length = calendar.monthrange(day.year, day.month)[1]
    return not rule.by_month_day or not {day.day, day.day - length - 1}.isdisjoint(rule.by_month_day)


def _at_positions(found: list[dt.date], positions: tuple[int, ...]) -> list[dt.date]:
    return [day for place, day in enumerate(found, 1) if place in positions or place - len(found) - 1 in positions]


def _listed(parts: dict[str, str], name: str) -> list[str]:
    return parts[name].split(",") if name in parts else []


def _number(text: str, least: int, most: int) -> int:
    number = int(text)
    if not least <= number <= most or number == 0 or not re.fullmatch(r"[+-]?\d+", text):
        raise ValueError(f"{text} is out of range")
    return number


def _by_day(text: str) -> tuple[int, int]:
    found = _BY_DAY.fullmatch(text)
    if found is None or (found[1] and int(found[1]) == 0):
        raise ValueError(f"not a weekday: {text}")
    return int(found[1] or 0), _WEEKDAYS.index(found[2])


def _until(text: str) -> dt.date | dt.datetime:
    """A day, or an instant with Z."""
    if not _UNTIL.fullmatch(text):
        raise ValueError("UNTIL is neither a day nor an instant")
    if "T" not in text:
        return dt.datetime.strptime(text, "%Y%m%d").replace(tzinfo=dt.UTC).date()
    if not text.endswith("Z"):
        raise ValueError("UNTIL must be in UTC")
    return dt.datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
