"""When a schedule fires next, as the broker reads its expression. Pure.

Source: ADR-51 of https://github.com/nats-io/nats-architecture-and-design: six fields, seconds first.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_SHORT = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LIMITS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_HORIZON = timedelta(days=5 * 366)


def next_run(expression: str, timezone: str, *, after: datetime) -> datetime | None:
    """In UTC. None where it never fires, or where only the broker knows (`@every`, or an expression we cannot read)."""
    if expression.startswith("@at "):
        return _at(expression.removeprefix("@at "), after)
    try:
        fields = fields_of(_SHORT.get(expression, expression))
        zone = ZoneInfo(timezone or "UTC")
    except (ValueError, OSError, KeyError):
        return None
    return _next(fields, zone, after)


def fields_of(expression: str) -> list[set[int] | None]:
    """The values of each of the six fields; None is every value. Raises ValueError."""
    parts = expression.split()
    if len(parts) != len(_LIMITS):
        raise ValueError(f"{len(parts)} fields where 6 are wanted")
    return [_field(part, at) for at, part in enumerate(parts)]


def _field(part: str, at: int) -> set[int] | None:
    if part in ("*", "?"):
        return None
    low, high = _LIMITS[at]
    values: set[int] = set()
    for piece in part.split(","):
        reach, _, step = piece.partition("/")
        first, dash, final = reach.partition("-")
        if reach in ("*", "?"):
            start, end = low, high
        else:
            start = _number(first, at)
            end = _number(final, at) if dash else (high if step else start)
        if not low <= start <= end <= high or (step and int(step) < 1):
            raise ValueError(f"{piece} is out of range")
        values.update(range(start, end + 1, int(step) if step else 1))
    return values


def _number(text: str, at: int) -> int:
    names = {4: _MONTHS, 5: _DAYS}.get(at, ())
    word = text.lower()
    if word in names:
        return names.index(word) + (1 if at == 4 else 0)
    return int(text)


def _next(fields: list[set[int] | None], zone: ZoneInfo, after: datetime) -> datetime | None:
    from dateutil.rrule import DAILY, rrule, rruleset, weekday
    from dateutil.tz import datetime_exists

    seconds, minutes, hours, days, months, weekdays = fields
    local = after.astimezone(zone).replace(tzinfo=None, fold=0)

    def rule(days: list[int] | None, weekdays: list[weekday] | None) -> rrule:
        return rrule(
            DAILY,
            dtstart=local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1),
            until=local + _HORIZON,
            bymonth=sorted(months) if months is not None else None,
            bymonthday=days,
            byweekday=weekdays,
            byhour=sorted(hours if hours is not None else range(24)),
            byminute=sorted(minutes if minutes is not None else range(60)),
            bysecond=sorted(seconds if seconds is not None else range(60)),
        )

    on_days = sorted(days) if days is not None else None
    on_weekdays = [weekday((day - 1) % 7) for day in sorted(weekdays)] if weekdays is not None else None
    rules = rruleset()
    if on_days is not None and on_weekdays is not None:
        # As every cron has it: a day of the month and a day of the week, both given, are an "or".
        rules.rrule(rule(on_days, None))
        rules.rrule(rule(None, on_weekdays))
    else:
        rules.rrule(rule(on_days, on_weekdays))
    # An hour back: of an hour that comes twice, the second one is still to come.
    for naive in rules.xafter(local - timedelta(hours=1), inc=True):
        for fold in (0, 1):
            found = naive.replace(tzinfo=zone, fold=fold)
            if datetime_exists(found) and found.astimezone(UTC) > after:
                return found.astimezone(UTC)
    return None


def _at(text: str, after: datetime) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return at if at.tzinfo and at > after else None
