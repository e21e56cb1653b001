"""What the calendar worker must be told."""

import re
from typing import Annotated

import msgspec

from calendar_worker.model.plan import Policy
from shared.clients.advoware_session import AdvowareSettings
from shared.clients.google_calendar import GoogleCalendarSettings
from shared.clients.redis_cache import RedisSettings
from shared.contracts.events import same_kuerzel
from shared.runtime.bus import NatsSettings
from shared.runtime.health import HealthSettings
from shared.runtime.schedule import ScheduleSettings
from shared.runtime.service import LogSettings
from shared.runtime.worker import GuardSettings, WorkerSettings

_SHARE = re.compile(r"([^\s:,]+@[^\s:,]+):(freeBusyReader|reader|writer|owner)")


class CalendarSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which calendars are kept in step, and how."""

    calendar_sync_cron: Annotated[
        str, msgspec.Meta(pattern=r"^\S+( \S+){5}$", description="When to look at all calendars: six fields.")
    ] = "0 */15 * * * *"
    calendar_sync_debug_kuerzel: Annotated[
        str, msgspec.Meta(description="Kürzel, separated by commas: a round asks for these only. Empty: everybody.")
    ] = ""
    calendar_conflict_policy: Annotated[
        Policy, msgspec.Meta(description="Who wins where both sides have changed the same.")
    ] = "source_system_wins"
    calendar_advoware_write: Annotated[
        bool, msgspec.Meta(description="Whether Advoware's Termine may be made, changed and deleted.")
    ] = True
    calendar_full_content: Annotated[
        bool, msgspec.Meta(description="Whether texts go to Google where an event does not say.")
    ] = True
    calendar_window_past_days: Annotated[
        int, msgspec.Meta(ge=0, le=36_500, description="How many past days are kept in step.")
    ] = 365
    calendar_window_future_days: Annotated[
        int, msgspec.Meta(ge=0, le=36_500, description="How many days to come are kept in step.")
    ] = 3650
    calendar_share_with: Annotated[
        str, msgspec.Meta(description="`mail:role,…` whom every calendar is shared with, besides its employee.")
    ] = ""

    def __post_init__(self) -> None:
        self.shares()

    def shares(self) -> dict[str, str]:
        """Role by mail. Raises ValueError."""
        parts = [part.strip() for part in self.calendar_share_with.split(",") if part.strip()]
        found = [_SHARE.fullmatch(part) for part in parts]
        if not all(found):
            raise ValueError(
                "CALENDAR_SHARE_WITH is malformed: expected mail:role,… (freeBusyReader, reader, writer, owner)"
            )
        return {one[1].lower(): one[2] for one in found if one}

    def only(self) -> frozenset[str]:
        """The employees of a round; empty: all."""
        return frozenset(same_kuerzel(one) for one in self.calendar_sync_debug_kuerzel.split(",") if one.strip())


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The calendar worker's settings."""

    nats: NatsSettings
    log: LogSettings
    health: HealthSettings
    worker: WorkerSettings
    guard: GuardSettings
    schedule: ScheduleSettings
    redis: RedisSettings
    advoware: AdvowareSettings
    google: GoogleCalendarSettings
    calendar: CalendarSettings
