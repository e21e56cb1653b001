"""A tool's way to the hub: settings from the environment, and NATS, whose topology it leaves alone."""

import contextlib
import getpass
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec

from console.desk.view import ViewSettings
from shared.runtime.bus import Bus, NatsSettings

_NAME_MAX = 64


class DeskSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool needs to know; all of it has a default."""

    nats: NatsSettings
    view: ViewSettings
    hub_operator: Annotated[str | None, msgspec.Meta(description="Who acts, in the audit; without it the OS user.")] = (
        None
    )


def who(settings: DeskSettings) -> str:
    """The operator's name as the audit has it."""
    if settings.hub_operator:
        return settings.hub_operator[:_NAME_MAX]
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


@contextlib.asynccontextmanager
async def connected(settings: NatsSettings, *, name: str, patience_s: float = 2.0) -> AsyncIterator[Bus]:
    """NATS as it is: nothing is made or corrected. Raises MissingPart with one sentence."""
    bus = Bus(settings, name)
    try:
        await bus.connect(patience_s=patience_s)
        yield bus
    finally:
        await bus.close()
