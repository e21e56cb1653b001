"""How times and traces are shown, on the page and in the terminal."""

import re
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec


class ViewSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Whose clock, and where traces are."""

    hub_timezone: Annotated[str, msgspec.Meta(description="IANA time zone of all times on screen.")] = "Europe/Berlin"
    tempo_url: Annotated[str | None, msgspec.Meta(description="Tempo's HTTP API; without it traces are history's.")] = (
        None
    )

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.hub_timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("HUB_TIMEZONE is no time zone") from None
        if self.tempo_url and not re.match(r"https?://[^\s/]+", self.tempo_url):
            raise ValueError("TEMPO_URL is malformed: http://… or https://… is wanted")

    @property
    def zone(self) -> ZoneInfo:
        """Whose clock the screen shows."""
        return ZoneInfo(self.hub_timezone)
