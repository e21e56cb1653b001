"""What the Beteiligte worker must be told."""

from typing import Annotated

import msgspec

from beteiligte_worker.fields.names import PartyNames
from shared.clients.advoware_session import AdvowareSettings
from shared.clients.espocrm import EspocrmSettings
from shared.clients.redis_cache import RedisSettings
from shared.runtime.bus import NatsSettings
from shared.runtime.health import HealthSettings
from shared.runtime.schedule import ScheduleSettings
from shared.runtime.service import LogSettings
from shared.runtime.worker import GuardSettings, WorkerSettings


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The Beteiligte worker's settings."""

    nats: NatsSettings
    log: LogSettings
    health: HealthSettings
    worker: WorkerSettings
    guard: GuardSettings
    schedule: ScheduleSettings
    espocrm: EspocrmSettings
    redis: RedisSettings
    advoware: AdvowareSettings
    names: PartyNames
    beteiligte_sweep_cron: Annotated[
        str, msgspec.Meta(pattern=r"^\S+( \S+){5}$", description="When to sweep: six fields, seconds first.")
    ] = "0 */15 * * * *"
    beteiligte_notify_user_id: Annotated[
        str | None, msgspec.Meta(description="EspoCRM user who gets the tasks of parties that are nobody's.")
    ] = None
    advoware_lists_beteiligte: Annotated[
        bool, msgspec.Meta(description="Whether the firm's Advoware can list parties; not confirmed.")
    ] = False
