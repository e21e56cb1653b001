"""The firm's calendar, and how Advoware writes instants."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

_TICKS_PER_S = 10_000_000
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,7})?Z")
FIRM_ZONE = "Europe/Berlin"


def firm_day(at: float) -> dt.date:
    """The day in the firm's time zone."""
    return dt.datetime.fromtimestamp(at, tz=ZoneInfo(FIRM_ZONE)).date()


def utc(at: float) -> str:
    """.NET's round-trip form in UTC: seven fraction digits and Z."""
    ticks = round(at * _TICKS_PER_S)
    whole = dt.datetime.fromtimestamp(ticks // _TICKS_PER_S, tz=dt.UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ticks % _TICKS_PER_S:07}Z"


def local(at: float) -> str:
    """The firm's wall clock without an offset, which is .NET's form of an unspecified DateTime."""
    moment = dt.datetime.fromtimestamp(at, tz=ZoneInfo(FIRM_ZONE))
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds")


def from_utc(text: str) -> float:
    """Seconds of an ISO instant that ends in Z, with up to seven fraction digits. Raises ValueError."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError("not an ISO 8601 instant in UTC with Z")
    whole = dt.datetime.fromisoformat(found[1]).replace(tzinfo=dt.UTC).timestamp()
    return whole + float(found[2] or 0)
