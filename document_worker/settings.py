"""What the document worker must be told."""

from typing import Annotated

import msgspec

from document_worker.fields import DocumentNames
from shared.clients.espocrm import EspocrmSettings
from shared.clients.xai import XaiSettings
from shared.runtime.bus import NatsSettings
from shared.runtime.health import HealthSettings
from shared.runtime.schedule import ScheduleSettings
from shared.runtime.service import LogSettings
from shared.runtime.worker import GuardSettings, WorkerSettings


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The document worker's settings."""

    nats: NatsSettings
    log: LogSettings
    health: HealthSettings
    worker: WorkerSettings
    guard: GuardSettings
    schedule: ScheduleSettings
    espocrm: EspocrmSettings
    xai: XaiSettings
    names: DocumentNames
    document_sweep_cron: Annotated[
        str, msgspec.Meta(pattern=r"^\S+( \S+){5}$", description="When to sweep: six fields, seconds first.")
    ] = "0 */15 * * * *"
