"""The rule of a series: `turnus` and `turnusArt` there, a line of RFC 5545 here."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import get_args
from zoneinfo import ZoneInfo

from dateutil.rrule import MONTHLY, YEARLY, rrule

from calendar_worker.model.appointment import AllDay, Freq, Recurrence, Timed
from calendar_worker.model.sides import Unreadable
from calendar_worker.translate.clock import MIDNIGHT, a_day, instant, wall

ENDLESS_YEAR = 2037
"""A series whose last day lies in this year or later is endless: so Advoware's clients write one without an end."""
MOST_INTERVAL = 999
TURNUS_ART: Mapping[int, Freq] = dict(enumerate(get_args(Freq), 1))
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_COUNT_MOST = 10**7
_KNOWN = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYMONTH"})
_UNTIL = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?")
_FAR = re.compile(r"999[89][0-9]{4}(?:T[0-9]{6}Z?)?")  # how some say endless, past what can be moved to another zone
_NUMBER = re.compile(r"[0-9]{1,9}")
_SHIFT_DAYS = 370


def of_turnus(turnus: int | None, turnus_art: int | None, *, first: date, last: date) -> Recurrence | None:
    """The rule of a Termin; None where its numbers say none. Its last day is never before its first."""
    freq = TURNUS_ART.get(turnus_art or 0)
    if freq is None or turnus is None or not 1 <= turnus <= MOST_INTERVAL:
        return None
    return Recurrence(freq=freq, interval=turnus, until=_bounded(last, first))


def turnus_of(recurrence: Recurrence) -> tuple[int, int]:
    """`turnus` and `turnusArt`."""
    return recurrence.interval, get_args(Freq).index(recurrence.freq) + 1


def last_day_of(recurrence: Recurrence, first: date) -> date:
    """`datumBis` of a series."""
    return recurrence.until or date(max(ENDLESS_YEAR, first.year), 12, 31)


def to_lines(recurrence: Recurrence | None, span: Timed | AllDay, zone: ZoneInfo) -> list[str]:
    """`recurrence` of an event. UNTIL is a day for whole days and else a moment in UTC (RFC 5545 section 3.3.10)."""
    if recurrence is None:
        return []
    rule = f"RRULE:FREQ={recurrence.freq};INTERVAL={recurrence.interval}"
    if recurrence.until is None:
        return [rule]
    if isinstance(span, AllDay):
        return [f"{rule};UNTIL={_compact(recurrence.until)}"]
    end = datetime.combine(recurrence.until, time(23, 59, 59), tzinfo=zone).astimezone(UTC)
    return [f"{rule};UNTIL={_compact(end.date())}T{end:%H%M%S}Z"]


def of_lines(lines: object, span: Timed | AllDay, zone: ZoneInfo) -> Recurrence | Unreadable | None:
    """The rule of an event whose first occurrence is `span`, in the firm's wall clock; None: it does not recur.

    Expressible is one rule that names an interval and an end, and beyond that only what the start says by itself.
    """
    if lines is None or lines == []:
        return None
    if not isinstance(lines, list) or len(lines) != 1 or not str(lines[0]).startswith("RRULE:"):
        return Unreadable(reason="series with exceptions or several rules")
    if (span.last if isinstance(span, AllDay) else span.end.date()) != _first(span):
        return Unreadable(reason="series whose occurrences run past midnight")
    parts = _parts(str(lines[0]))
    freq = next((one for one in get_args(Freq) if parts.get("FREQ") == one), None)
    interval = _number(parts.get("INTERVAL", "1"))
    if freq is None or not _KNOWN.issuperset(parts) or not _says_the_start(parts, freq, _first(span)):
        return Unreadable(reason="series with a rule beyond interval and end")
    if interval is None or not 1 <= interval <= MOST_INTERVAL:
        return Unreadable(reason="series with an interval out of range")
    last = _last_day(parts, freq, interval, span, zone)
    if isinstance(last, Unreadable):
        return last
    return Recurrence(freq=freq, interval=interval, until=None if last is None else _bounded(last, _first(span)))


def keeps_step(start: datetime, own: ZoneInfo, firm: ZoneInfo) -> bool:
    """Whether a series that starts then by its own zone's clock is, all year round, at one time of the firm's clock.

    Vienna is always Berlin, and London is always an hour behind; a series in New York drifts for some weeks a year.
    It must not begin on another day either: the 31st there may be the 1st here.
    """
    if own.key == firm.key:
        return True
    days = [start + timedelta(days=after) for after in range(_SHIFT_DAYS)]
    shifts = {wall(day.replace(tzinfo=own), firm) - day for day in days}
    return len(shifts) == 1 and (start + shifts.pop()).date() == start.date()


def _first(span: Timed | AllDay) -> date:
    return span.first if isinstance(span, AllDay) else span.start.date()


def _bounded(last: date, first: date) -> date | None:
    return None if last.year >= ENDLESS_YEAR else max(last, first)


def _parts(line: str) -> dict[str, str]:
    """The parts of a rule; a name that comes twice is one that is not known."""
    parts: dict[str, str] = {}
    for part in line.removeprefix("RRULE:").upper().split(";"):
        name, _, value = part.partition("=")
        parts["twice" if name in parts else name] = value
    return parts


def _says_the_start(parts: Mapping[str, str], freq: Freq, first: date) -> bool:
    """Whether BYDAY, BYMONTHDAY and BYMONTH add nothing to what the start says with this FREQ."""
    allowed = {
        "WEEKLY": {"BYDAY": _WEEKDAYS[first.weekday()]},
        "MONTHLY": {"BYMONTHDAY": str(first.day)},
        "YEARLY": {"BYMONTH": str(first.month), "BYMONTHDAY": str(first.day)},
    }.get(freq, {})
    named = {name: value.lstrip("+0") for name, value in parts.items() if name.startswith("BY")}
    if freq == "YEARLY" and "BYMONTHDAY" in named and "BYMONTH" not in named:
        return False  # on that day of every month
    return all(allowed.get(name) == value for name, value in named.items())


def _last_day(
    parts: Mapping[str, str], freq: Freq, interval: int, span: Timed | AllDay, zone: ZoneInfo
) -> date | Unreadable | None:
    """By UNTIL or COUNT; None: endless."""
    unreadable = Unreadable(reason="series with an end that cannot be read")
    if "UNTIL" in parts and "COUNT" in parts:
        return unreadable
    if "UNTIL" in parts:
        is_far = _FAR.fullmatch(parts["UNTIL"]) is not None
        return None if is_far else _until(parts["UNTIL"], span, zone) or unreadable
    if "COUNT" not in parts:
        return None
    count = _number(parts["COUNT"])
    if not count:
        return unreadable
    return _counted(freq, interval, min(count, _COUNT_MOST), _first(span))


def _until(text: str, span: Timed | AllDay, zone: ZoneInfo) -> date | None:
    """The last day on which an occurrence may start: UNTIL may fall before that day's. None: it cannot be read."""
    found = _UNTIL.fullmatch(text)
    day = a_day("-".join(found.groups()[:3])) if found else None
    if found is None or day is None or found[4] is None or isinstance(span, AllDay):
        return day
    moment = instant(f"{day}T{found[4]}:{found[5]}:{found[6]}")
    if moment is None:
        return None
    if found[7]:
        moment = wall(moment.replace(tzinfo=UTC), zone)
    return moment.date() if moment.time() >= span.start.time() else moment.date() - timedelta(days=1)


def _counted(freq: Freq, interval: int, count: int, first: date) -> date | None:
    """The day of the last of so many occurrences. None: beyond the year in which all series are endless.

    Days and weeks are arithmetic, so that a large COUNT costs nothing; months and years end in that year at the latest.
    """
    if freq in ("DAILY", "WEEKLY"):
        days = interval * (count - 1) * (7 if freq == "WEEKLY" else 1)
        return None if days > (date(ENDLESS_YEAR, 1, 1) - first).days else first + timedelta(days=days)
    steps = rrule(
        MONTHLY if freq == "MONTHLY" else YEARLY,
        dtstart=datetime.combine(first, MIDNIGHT),
        interval=interval,
        until=datetime.combine(date(max(ENDLESS_YEAR, first.year), 12, 31), MIDNIGHT),
    )
    found = list(islice(steps, count))
    return found[-1].date() if len(found) == count else None


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None


def _compact(day: date) -> str:
    return day.isoformat().replace("-", "")
