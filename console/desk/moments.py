"""Moments as people type them: `2h` ago, `3d` ago, or a date. Pure."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

_AGO = re.compile(r"(\d{1,6})\s*(s|m|h|d|w)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, *, now: datetime, zone: tzinfo) -> datetime:
    """`90s`, `30m`, `2h`, `3d`, `1w` before now, or an ISO date and time, in `zone` unless it says otherwise.

    Raises ValueError with a sentence.
    """
    wanted = text.strip()
    try:
        if ago := _AGO.fullmatch(wanted):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        told = datetime.fromisoformat(wanted)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no moment: 30m, 2h, 3d, 1w, or a date such as 2026-11-22T08:00") from None
    return (told if told.tzinfo else told.replace(tzinfo=zone)).astimezone(UTC)


def ago(at: datetime, *, now: datetime) -> str:
    """How long ago, or how soon, in one unit: `12s`, `5m`, `3h`, `2d`; `in 5m`."""
    seconds = (now - at).total_seconds()
    size = abs(seconds)
    for limit, unit, each in ((120, "s", 1), (7200, "m", 60), (172_800, "h", 3600)):
        if size < limit:
            text = f"{int(size // each)}{unit}"
            break
    else:
        text = f"{int(size // 86_400)}d"
    return text if seconds >= 0 else f"in {text}"
