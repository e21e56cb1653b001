"""When a schedule fires next."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.desk.cron_time import fields_of, next_run

_BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("expression", "after", "wanted"),
    [
        ("0 */15 * * * *", "2026-11-22T08:00:00", "2026-11-22T08:15:00"),
        ("0 */15 * * * *", "2026-11-22T08:14:59.999", "2026-11-22T08:15:00"),
        ("0 */15 * * * *", "2026-12-31T23:50:00", "2027-01-01T00:00:00"),
        ("0 0 2 * * *", "2026-11-22T02:00:00", "2026-11-23T02:00:00"),
        ("* * * * * *", "2026-11-22T08:00:00", "2026-11-22T08:00:01"),
        ("0 30 6 * * MON-FRI", "2026-11-20T06:30:00", "2026-11-23T06:30:00"),
        ("0 0 0 1 * ?", "2026-11-02T00:00:00", "2026-12-01T00:00:00"),
        ("0 0 0 29 2 *", "2026-11-22T00:00:00", "2028-02-29T00:00:00"),
        # A day of the month and a day of the week, both given: either.
        ("0 0 12 1 * 1", "2026-11-22T00:00:00", "2026-11-23T12:00:00"),
        ("0 0 12 1 * 1", "2026-11-30T12:00:00", "2026-12-01T12:00:00"),
        ("5,35 10-12/2 8 * JAN,Dec *", "2026-12-01T08:10:05", "2026-12-01T08:10:35"),
        ("5,35 10-12/2 8 * JAN,Dec *", "2026-12-01T08:10:35", "2026-12-01T08:12:05"),
        ("@hourly", "2026-11-22T08:00:00", "2026-11-22T09:00:00"),
        ("@daily", "2026-11-22T08:00:00", "2026-11-23T00:00:00"),
        ("@weekly", "2026-11-22T00:00:00", "2026-11-29T00:00:00"),
        # The hour that the clocks leave out.
        ("0 30 2 * * *", "2027-03-28T00:00:00", "2027-03-29T02:30:00"),
    ],
)
def test_next_on_the_clock_of_berlin(expression: str, after: str, wanted: str) -> None:
    """Local times in, local times out."""
    zone = ZoneInfo(_BERLIN)
    found = next_run(expression, _BERLIN, after=datetime.fromisoformat(after).replace(tzinfo=zone))
    assert found == datetime.fromisoformat(wanted).replace(tzinfo=zone)


def test_the_hour_that_comes_twice() -> None:
    """Both of them count."""
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert next_run("0 30 2 * * *", _BERLIN, after=first - timedelta(minutes=1)) == first
    assert next_run("0 30 2 * * *", _BERLIN, after=first) == first + timedelta(hours=1)


@pytest.mark.parametrize(
    "expression", ["", "@every 10s", "*/15 * * * *", "61 * * * * *", "a * * * * *", "0 0 0 31 2 *", "*/0 * * * * *"]
)
def test_what_only_the_broker_knows(expression: str) -> None:
    """No guess where there is nothing to know."""
    assert next_run(expression, _BERLIN, after=datetime(2026, 11, 22, tzinfo=UTC)) is None


def test_at_is_once() -> None:
    """An instant that is to come."""
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert next_run("@at 2026-11-22T15:00:00Z", "", after=now) == datetime(2026, 11, 22, 15, tzinfo=UTC)
    assert next_run("@at 2026-11-21T15:00:00Z", "", after=now) is None
    assert next_run("@at soon", "", after=now) is None
    assert next_run("0 0 0 * * *", "Mars/North", after=now) is None


@given(
    st.sampled_from(["0 */15 * * * *", "30 5,35 * * * *", "0 0 */6 * * *", "15 0 3 * * 2"]),
    st.integers(0, 4 * 366 * 86_400_000).map(lambda ms: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)),
)
def test_the_next_is_after_and_there_is_none_between(expression: str, after: datetime) -> None:
    """It fits the fields, and asking a moment before it finds the same."""
    found = next_run(expression, _BERLIN, after=after)
    assert found is not None
    assert found > after
    seconds, minutes, hours, *_ = fields_of(expression)
    local = found.astimezone(ZoneInfo(_BERLIN))
    for value, allowed in ((local.second, seconds), (local.minute, minutes), (local.hour, hours)):
        assert allowed is None or value in allowed
    assert next_run(expression, _BERLIN, after=found - timedelta(microseconds=1)) == found
