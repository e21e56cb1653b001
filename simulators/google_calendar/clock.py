"""How Google writes instants."""

import datetime as dt
import re

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def stamp(at: float) -> str:
    """`created` and `updated`: RFC 3339 in UTC with milliseconds."""
    moment = dt.datetime.fromtimestamp(at, tz=dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def instant(text: str) -> dt.datetime:
    """An RFC 3339 instant with its offset, in UTC. Raises ValueError."""
    if not _INSTANT.fullmatch(text):
        raise ValueError("not an RFC 3339 instant with an offset")
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
