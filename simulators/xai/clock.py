"""How xAI writes instants."""

import datetime as dt


def rfc3339(at: float) -> str:
    """Proto-JSON's Timestamp as the Collections answers show it: microseconds and Z."""
    moment = dt.datetime.fromtimestamp(at, tz=dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_rfc3339(text: str) -> float:
    """Raises ValueError when it is no timestamp."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return moment.timestamp()
