"""Rules of series: `turnus` and `turnusArt`, and lines of RFC 5545, in both directions."""

import time
from datetime import date, datetime
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from calendar_worker.model.appointment import AllDay, Freq, Recurrence, Timed, When
from calendar_worker.model.sides import Unreadable
from calendar_worker.translate.recurrence import keeps_step, of_lines, of_turnus, to_lines, turnus_of
from tests.unit.calendar_worker.strategies import BERLIN, event_of

TUESDAY = Timed(start=datetime.fromisoformat("2026-05-05T09:00"), end=datetime.fromisoformat("2026-05-05T10:00"))
DAY = AllDay(first=date(2026, 5, 5), last=date(2026, 5, 5))
LEAP_DAY = AllDay(first=date(2024, 2, 29), last=date(2024, 2, 29))
LATE = Timed(start=datetime.fromisoformat("2026-01-31T23:30"), end=datetime.fromisoformat("2026-01-31T23:45"))
EARLY = Timed(start=datetime.fromisoformat("2026-05-05T00:30"), end=datetime.fromisoformat("2026-05-05T01:00"))

BEYOND = "series with a rule beyond interval and end"
SEVERAL = "series with exceptions or several rules"
NO_END = "series with an end that cannot be read"
RANGE = "series with an interval out of range"
MIDNIGHT = "series whose occurrences run past midnight"


def rule(freq: Freq, interval: int = 1, until: str | None = None) -> Recurrence:
    return Recurrence(freq=freq, interval=interval, until=None if until is None else date.fromisoformat(until))


@pytest.mark.parametrize(("turnus_art", "freq"), [(1, "DAILY"), (2, "WEEKLY"), (3, "MONTHLY"), (4, "YEARLY")])
@pytest.mark.parametrize("turnus", [1, 2, 13, 999])
@pytest.mark.parametrize("span", [TUESDAY, DAY, LATE, LEAP_DAY])
@pytest.mark.parametrize("last", ["2026-12-31", "2036-12-31", "2037-12-31"])
def test_round_trip_of_turnus_and_rule(turnus_art: int, freq: Freq, turnus: int, span: Any, last: str) -> None:
    """Invariant 16: turnus, line of Google, turnus."""
    day = date.fromisoformat(last)
    recurrence = of_turnus(turnus, turnus_art, first=When(span=span).first_day, last=day)
    assert recurrence == rule(freq, turnus, last if day.year < 2037 else None)
    assert of_lines(to_lines(recurrence, span, BERLIN), span, BERLIN) == recurrence
    assert turnus_of(recurrence) == (turnus, turnus_art)


@pytest.mark.parametrize(
    ("recurrence", "span", "lines"),
    [
        (None, TUESDAY, []),
        (rule("WEEKLY"), TUESDAY, ["RRULE:FREQ=WEEKLY;INTERVAL=1"]),
        (rule("WEEKLY", 2), DAY, ["RRULE:FREQ=WEEKLY;INTERVAL=2"]),
        # whole days end with a day, all else with the last second of the firm's day, in UTC
        (rule("DAILY", 1, "2026-07-01"), DAY, ["RRULE:FREQ=DAILY;INTERVAL=1;UNTIL=20260701"]),
        (rule("DAILY", 1, "2026-07-01"), TUESDAY, ["RRULE:FREQ=DAILY;INTERVAL=1;UNTIL=20260701T215959Z"]),
        (rule("DAILY", 1, "2026-12-31"), TUESDAY, ["RRULE:FREQ=DAILY;INTERVAL=1;UNTIL=20261231T225959Z"]),
    ],
)
def test_lines_that_are_written(recurrence: Recurrence | None, span: Timed | AllDay, lines: list[str]) -> None:
    """RFC 5545 wants UNTIL in the form of the start."""
    assert to_lines(recurrence, span, BERLIN) == lines


@pytest.mark.parametrize(
    ("text", "span", "expected"),
    [
        ("FREQ=DAILY", TUESDAY, rule("DAILY")),
        ("FREQ=DAILY;INTERVAL=3;WKST=SU", TUESDAY, rule("DAILY", 3)),
        ("FREQ=YEARLY;INTERVAL=999", DAY, rule("YEARLY", 999)),
        # what the start says anyway
        ("FREQ=WEEKLY;BYDAY=TU", TUESDAY, rule("WEEKLY")),
        ("freq=weekly;byday=tu", TUESDAY, rule("WEEKLY")),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=TU", DAY, rule("WEEKLY", 2)),
        ("FREQ=MONTHLY;BYMONTHDAY=5", TUESDAY, rule("MONTHLY")),
        ("FREQ=MONTHLY;BYMONTHDAY=05", TUESDAY, rule("MONTHLY")),
        ("FREQ=MONTHLY;BYMONTHDAY=31", LATE, rule("MONTHLY")),
        ("FREQ=YEARLY;BYMONTH=5", TUESDAY, rule("YEARLY")),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", LEAP_DAY, rule("YEARLY")),
        # what it does not
        ("FREQ=WEEKLY;BYDAY=WE", TUESDAY, BEYOND),
        ("FREQ=WEEKLY;BYDAY=TU,TH", TUESDAY, BEYOND),
        ("FREQ=WEEKLY;BYMONTH=5", TUESDAY, BEYOND),
        ("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", TUESDAY, BEYOND),
        ("FREQ=DAILY;BYDAY=TU", TUESDAY, BEYOND),
        ("FREQ=MONTHLY;BYDAY=TU", TUESDAY, BEYOND),
        ("FREQ=MONTHLY;BYDAY=1TU", TUESDAY, BEYOND),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", LATE, BEYOND),
        ("FREQ=MONTHLY;BYMONTHDAY=5,20", TUESDAY, BEYOND),
        ("FREQ=MONTHLY;BYMONTHDAY=6", TUESDAY, BEYOND),
        ("FREQ=MONTHLY;BYMONTH=5", TUESDAY, BEYOND),
        ("FREQ=MONTHLY;BYMONTHDAY=5;BYSETPOS=1", TUESDAY, BEYOND),
        ("FREQ=YEARLY;BYMONTHDAY=5", TUESDAY, BEYOND),
        ("FREQ=YEARLY;BYMONTH=6", TUESDAY, BEYOND),
        ("FREQ=YEARLY;BYDAY=TU", TUESDAY, BEYOND),
        ("FREQ=YEARLY;BYWEEKNO=20", TUESDAY, BEYOND),
        ("FREQ=HOURLY", TUESDAY, BEYOND),
        ("FREQ=SECONDLY;COUNT=999999999", TUESDAY, BEYOND),
        ("INTERVAL=2", TUESDAY, BEYOND),
        ("FREQ=DAILY;FREQ=WEEKLY", TUESDAY, BEYOND),
        ("FREQ=DAILY;BYHOUR=9", TUESDAY, BEYOND),
        ("", TUESDAY, BEYOND),
        # intervals
        ("FREQ=DAILY;INTERVAL=0", TUESDAY, RANGE),
        ("FREQ=DAILY;INTERVAL=1000", TUESDAY, RANGE),
        ("FREQ=DAILY;INTERVAL=-1", TUESDAY, RANGE),
        ("FREQ=DAILY;INTERVAL=", TUESDAY, RANGE),
        (f"FREQ=DAILY;INTERVAL={'9' * 5000}", TUESDAY, RANGE),
    ],
)
def test_rules_of_google(text: str, span: Timed | AllDay, expected: Recurrence | str) -> None:
    """Invariant 16: what is not said by interval and end alone is left alone, with the reason."""
    assert of_lines([f"RRULE:{text}"], span, BERLIN) == (
        Unreadable(reason=expected) if isinstance(expected, str) else expected
    )


@pytest.mark.parametrize(
    ("until", "span", "last"),
    [
        # 9 o'clock of the firm is 07:00 UTC in summer: that day's occurrence is in, and a second earlier it is not
        ("20260602T070000Z", TUESDAY, "2026-06-02"),
        ("20260602T065959Z", TUESDAY, "2026-06-01"),
        ("20261208T080000Z", TUESDAY, "2026-12-08"),
        ("20261208T070000Z", TUESDAY, "2026-12-07"),
        # near midnight it is the firm's day that counts
        ("20260601T215959Z", TUESDAY, "2026-06-01"),
        ("20260601T220000Z", TUESDAY, "2026-06-01"),
        ("20260601T223000Z", EARLY, "2026-06-02"),
        ("20260601T222959Z", EARLY, "2026-06-01"),
        ("20260531T223000Z", LATE, "2026-05-31"),
        # other forms that are seen
        ("20260602", TUESDAY, "2026-06-02"),
        ("20260602T090000", TUESDAY, "2026-06-02"),
        ("20260602T085900", TUESDAY, "2026-06-01"),
        ("20260602", DAY, "2026-06-02"),
        ("20260602T000000Z", DAY, "2026-06-02"),
        ("20280229", LEAP_DAY, "2028-02-29"),
        # ends before it starts: the start remains
        ("20260101", DAY, "2026-05-05"),
        ("20260505T065900Z", TUESDAY, "2026-05-05"),
        # endless
        ("20361231", DAY, "2036-12-31"),
        ("20370101", DAY, None),
        ("20361231T230000Z", TUESDAY, "2036-12-31"),
        ("20370101T080000Z", TUESDAY, None),
        ("20991231T225959Z", TUESDAY, None),
        ("99991231T235959Z", TUESDAY, None),
        ("99991231", DAY, None),
    ],
)
def test_round_trip_of_the_last_day_by_until(until: str, span: Timed | AllDay, last: str | None) -> None:
    """Invariant 16: UNTIL is a moment; the last day is the firm's on which an occurrence may still start."""
    found = of_lines([f"RRULE:FREQ=DAILY;UNTIL={until}"], span, BERLIN)
    assert found == rule("DAILY", 1, last)
    assert of_lines(to_lines(found, span, BERLIN), span, BERLIN) == found


def test_whole_days_that_google_holds_by_the_clock_end_on_the_right_day() -> None:
    """00:00 to 23:59 is compared as whole days, but its UNTIL is a moment in UTC: midnight is the day before there."""
    side = {"timeZone": "Europe/Berlin"}
    event = event_of(
        {
            "id": "abcde",
            "start": {"dateTime": "2026-05-05T00:00:00+02:00", **side},
            "end": {"dateTime": "2026-05-05T23:59:00+02:00", **side},
            "recurrence": ["RRULE:FREQ=DAILY;UNTIL=20260509T220000Z"],
        }
    )
    assert event.when == When(span=DAY, recurrence=rule("DAILY", 1, "2026-05-10"))


@pytest.mark.parametrize(
    ("text", "span", "last"),
    [
        ("FREQ=DAILY;COUNT=1", DAY, "2026-05-05"),
        ("FREQ=DAILY;COUNT=10", DAY, "2026-05-14"),
        ("FREQ=DAILY;INTERVAL=3;COUNT=3", TUESDAY, "2026-05-11"),
        ("FREQ=WEEKLY;COUNT=4;BYDAY=TU", TUESDAY, "2026-05-26"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4", TUESDAY, "2026-06-16"),
        ("FREQ=MONTHLY;COUNT=3", TUESDAY, "2026-07-05"),
        # short months are skipped
        ("FREQ=MONTHLY;COUNT=3", LATE, "2026-05-31"),
        ("FREQ=YEARLY;COUNT=3", LEAP_DAY, "2032-02-29"),
        ("FREQ=YEARLY;INTERVAL=3;COUNT=2", LEAP_DAY, "2036-02-29"),
        ("FREQ=DAILY;COUNT=3894", DAY, "2036-12-31"),
        ("FREQ=DAILY;COUNT=3895", DAY, None),
        ("FREQ=YEARLY;COUNT=11", DAY, "2036-05-05"),
        ("FREQ=YEARLY;COUNT=12", DAY, None),
        ("FREQ=YEARLY;COUNT=13", DAY, None),
    ],
)
def test_the_last_day_by_count(text: str, span: Timed | AllDay, last: str | None) -> None:
    """Invariant 16: Advoware has no COUNT, so it becomes the day of the last occurrence."""
    found = of_lines([f"RRULE:{text}"], span, BERLIN)
    assert isinstance(found, Recurrence)
    assert found.until == (None if last is None else date.fromisoformat(last))


@pytest.mark.parametrize(
    "end",
    [
        "UNTIL=",
        "UNTIL=20260231",
        "UNTIL=2026-06-02",
        "UNTIL=20260602T250000Z",
        "UNTIL=00010101T000000Z",
        "COUNT=",
        "COUNT=0",
        "COUNT=-1",
        "COUNT=1.5",
        "COUNT=٣",
        f"COUNT={'9' * 5000}",
        "COUNT=3;UNTIL=20260602",
    ],
)
def test_an_end_that_cannot_be_read(end: str) -> None:
    """It is left alone: an endless series would be wrong."""
    assert of_lines([f"RRULE:FREQ=DAILY;{end}"], TUESDAY, BERLIN) == Unreadable(reason=NO_END)


@pytest.mark.parametrize("freq", ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
@pytest.mark.parametrize("interval", [1, 12, 999])
@pytest.mark.parametrize("first", ["0002-01-31", "0004-02-29", "1970-01-31", "2024-02-29", "9997-12-31"])
def test_a_hostile_count_costs_little(freq: Freq, interval: int, first: str) -> None:
    """A number that somebody types must not stop the worker."""
    day = date.fromisoformat(first)
    begin = time.process_time()
    found = of_lines([f"RRULE:FREQ={freq};INTERVAL={interval};COUNT=999999999"], AllDay(first=day, last=day), BERLIN)
    assert found == Recurrence(freq=freq, interval=interval, until=None)
    assert time.process_time() - begin < 2


@given(
    freq=st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    interval=st.integers(1, 40),
    count=st.integers(1, 60),
    first=st.dates(date(2020, 1, 1), date(2026, 12, 31)),
)
def test_a_count_ends_where_the_rule_itself_does(freq: str, interval: int, count: int, first: date) -> None:
    """Invariant 16: the same occurrences by COUNT and by the last day that was found for it."""
    text = f"RRULE:FREQ={freq};INTERVAL={interval}"
    found = of_lines([f"{text};COUNT={count}"], AllDay(first=first, last=first), BERLIN)
    assert isinstance(found, Recurrence)
    start = datetime.fromisoformat(first.isoformat())
    days = [one.date() for one in rrulestr(f"{text};COUNT={count}", dtstart=start)]
    last = found.until
    if last is None:
        assert days[-1].year >= 2037
    else:
        assert list(takewhile(lambda day: day <= last, (one.date() for one in rrulestr(text, dtstart=start)))) == days


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["RRULE:FREQ=DAILY", "EXDATE:20260506T070000Z"], SEVERAL),
        (["RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"], SEVERAL),
        (["RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY"], SEVERAL),
        (["RDATE;VALUE=DATE:20260506"], SEVERAL),
        (["EXDATE:20260506"], SEVERAL),
        (["FREQ=DAILY"], SEVERAL),
        ([None], SEVERAL),
        ("RRULE:FREQ=DAILY", SEVERAL),
        ({"RRULE": "FREQ=DAILY"}, SEVERAL),
    ],
)
def test_lines_that_have_no_form_in_advoware(lines: object, reason: str) -> None:
    """Invariant 16: a Termin has one rule and no exceptions."""
    assert of_lines(lines, TUESDAY, BERLIN) == Unreadable(reason=reason)


@pytest.mark.parametrize(
    ("span", "expressible"),
    [
        (TUESDAY, True),
        (Timed(start=TUESDAY.start, end=datetime.fromisoformat("2026-05-05T23:59")), True),
        (Timed(start=TUESDAY.start, end=datetime.fromisoformat("2026-05-06T00:00")), False),
        (Timed(start=TUESDAY.start, end=datetime.fromisoformat("2026-05-06T08:00")), False),
        (DAY, True),
        (AllDay(first=date(2026, 5, 5), last=date(2026, 5, 6)), False),
    ],
)
def test_an_occurrence_must_end_on_its_day(span: Timed | AllDay, expressible: bool) -> None:
    """Invariant 16: longer ones are left alone; as a single appointment the same span is fine."""
    expected = rule("DAILY") if expressible else Unreadable(reason=MIDNIGHT)
    assert of_lines(["RRULE:FREQ=DAILY"], span, BERLIN) == expected
    assert of_lines([], span, BERLIN) is None
    assert of_lines(None, span, BERLIN) is None


@pytest.mark.parametrize(
    ("zone", "start", "keeps"),
    [
        ("Europe/Berlin", "2026-05-05T09:00", True),
        ("Europe/Vienna", "2026-05-05T09:00", True),
        ("Europe/London", "2026-05-05T09:00", True),
        ("Europe/London", "2026-05-31T23:30", False),  # in Berlin it is the 1st of the next month
        ("UTC", "2026-05-05T09:00", False),
        ("America/New_York", "2026-05-05T09:00", False),
        ("Asia/Tokyo", "2026-12-05T09:00", False),
    ],
)
def test_series_in_other_zones(zone: str, start: str, keeps: bool) -> None:
    """Tried over more than a year, at the time of each day."""
    assert keeps_step(datetime.fromisoformat(start), ZoneInfo(zone), BERLIN) == keeps
