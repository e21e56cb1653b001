"""Recurring events: what their lines say, and when they occur."""

import datetime as dt
import heapq
import itertools
import re
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

import msgspec

from simulators.google_calendar import rrule
from simulators.google_calendar.times import When, is_zone

_LINE = re.compile(r"(RRULE|EXRULE|RDATE|EXDATE)((?:;[A-Z]+=[^;:]+)*):(.+)")
_DATE = re.compile(r"\d{8}")
_DATE_TIME = re.compile(r"\d{8}T\d{6}Z?")


class Recurrence(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of a recurring event, parsed."""

    rules: tuple[rrule.Rule, ...] = ()
    without_rules: tuple[rrule.Rule, ...] = ()
    dates: tuple[When, ...] = ()
    without: frozenset[str] = frozenset()


def parsed(lines: Sequence[str], start: When, *, any_until: bool = False) -> Recurrence:
    """What the lines say of an event that starts then.

    Raises ValueError for other properties (DTSTART among them), for a timed start without a zone, and for values that
    are days where the start is an instant or the other way round; UNTIL may be of either kind where `any_until`.
    """
    if start.at is not None and start.zone is None:
        raise ValueError("a recurring event needs a time zone")
    rules: dict[str, list[rrule.Rule]] = {"RRULE": [], "EXRULE": []}
    dates: dict[str, list[When]] = {"RDATE": [], "EXDATE": []}
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError("neither RRULE, EXRULE, RDATE nor EXDATE")
        name, parameters, value = found.groups()
        if name in rules:
            rule = rrule.parse(value)
            if rule.until is not None and isinstance(rule.until, dt.datetime) != (start.at is not None):
                _refuse_unless(any_until, "UNTIL is of another kind than the start")
            rules[name].append(rule)
        else:
            dates[name] += [_date(one, parameters, start) for one in value.split(",")]
    if not rules["RRULE"] and not dates["RDATE"]:
        raise ValueError("nothing recurs")
    return Recurrence(
        rules=tuple(rules["RRULE"]),
        without_rules=tuple(rules["EXRULE"]),
        dates=tuple(sorted(dates["RDATE"], key=When.key)),
        without=frozenset(one.key() for one in dates["EXDATE"]),
    )


def starts(recurrence: Recurrence, start: When, before: dt.datetime, calendar_zone: str) -> Iterator[When]:
    """When it occurs, ascending, each once, before an instant. The event's own start is the first occurrence."""
    made = [_of_rule(rule, start) for rule in recurrence.rules] or [iter([start])]
    unwanted = heapq.merge(*(_of_exrule(rule, start) for rule in recurrence.without_rules), key=When.key)
    skipped, last = next(unwanted, None), ""
    for one in heapq.merge(*made, iter(recurrence.dates), key=When.key):
        key = one.key()
        if one.begins(calendar_zone) >= before:
            return
        while skipped is not None and skipped.key() < key:
            skipped = next(unwanted, None)
        if key == last or key in recurrence.without or (skipped is not None and skipped.key() == key):
            continue
        last = key
        yield one


def ends(recurrence: Recurrence) -> bool:
    """Whether it occurs a limited number of times."""
    return all(rule.count is not None or rule.until is not None for rule in recurrence.rules)


def _of_rule(rule: rrule.Rule, start: When) -> Iterator[When]:
    """RFC 5545: the event's start counts as the first occurrence, also where the rule does not name its day."""
    first = _first_day(start)
    made = itertools.chain([first], (day for day in rrule.days(rule, first) if day > first))
    return _limited(rule, start, made)


def _of_exrule(rule: rrule.Rule, start: When) -> Iterator[When]:
    return _limited(rule, start, rrule.days(rule, _first_day(start)))


def _limited(rule: rrule.Rule, start: When, made: Iterator[dt.date]) -> Iterator[When]:
    local = _local(start) if start.at is not None else None
    for day in itertools.islice(made, rule.count):
        one = _on(day, local, start.zone)
        if rule.until is not None and _is_past(one, day, rule.until):
            return
        yield one


def _is_past(one: When, day: dt.date, until: dt.date | dt.datetime) -> bool:
    if isinstance(until, dt.datetime):
        return one.at > until if one.at is not None else day > until.date()
    return day > until


def _first_day(start: When) -> dt.date:
    return start.day if start.day is not None else _local(start).date()


def _local(start: When) -> dt.datetime:
    assert start.at is not None
    assert start.zone is not None
    return start.at.astimezone(ZoneInfo(start.zone))


def _on(day: dt.date, local: dt.datetime | None, zone: str | None) -> When:
    """The occurrence of a day: the same wall clock in the event's zone, whatever the clocks have done since."""
    if local is None:
        return When(day=day)
    at = dt.datetime.combine(day, local.time(), local.tzinfo).astimezone(dt.UTC)
    return When(at=at, zone=zone)


def _date(text: str, parameters: str, start: When) -> When:
    """One value of RDATE or EXDATE, in its own zone or in the event's."""
    named = dict(one.split("=", 1) for one in parameters.split(";") if one)
    if not named.keys() <= {"TZID", "VALUE"}:
        raise ValueError("unknown parameter of a date")
    if start.day is not None:
        if not _DATE.fullmatch(text):
            raise ValueError("a day is wanted")
        return When(day=dt.datetime.strptime(text, "%Y%m%d").replace(tzinfo=dt.UTC).date())
    zone = named.get("TZID", start.zone or "")
    if not _DATE_TIME.fullmatch(text) or not is_zone(zone):
        raise ValueError("an instant is wanted")
    moment = dt.datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007  gets its zone in the next line
    moment = moment.replace(tzinfo=dt.UTC if text.endswith("Z") else ZoneInfo(zone))
    return When(at=moment.astimezone(dt.UTC), zone=start.zone)


def _refuse_unless(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
