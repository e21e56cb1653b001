"""Log lines of all replicas as they are written. NATS does not keep them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from typing import Any

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from shared.outcomes.errors import Unavailable
from shared.runtime.bus import Bus

LEVELS = ("debug", "info", "warning", "error", "critical")
_HELD_MAX = 10_000
_FIRST = ("time", "level", "service", "message")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines."""

    level: str = "info"
    services: Collection[str] = ()
    """None named means all."""
    trace_id: str = ""
    """Also the beginning of one."""
    entity_id: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A log line; `fields` is what it says beside its message."""

    time: str
    level: str
    service: str
    message: str
    fields: dict[str, Any]


@contextlib.asynccontextmanager
async def following(bus: Bus, wanted: Wanted) -> AsyncIterator[AsyncIterator[Line]]:
    """Lines from entering on. A reader that is too slow loses lines, as it does without us."""
    heard: asyncio.Queue[Msg] = asyncio.Queue(maxsize=_HELD_MAX)

    async def hear(message: Msg) -> None:
        if not heard.full():
            heard.put_nowait(message)

    async def lines() -> AsyncIterator[Line]:
        while True:
            line = read((await heard.get()).data)
            if line is not None and passes(line, wanted):
                yield line

    try:
        subscription = await bus.nc.subscribe("log.>", cb=hear)
        await bus.nc.flush()
    except (NatsError, OSError) as failed:
        raise Unavailable(f"NATS does not answer ({type(failed).__name__})") from None
    try:
        yield lines()
    finally:
        with contextlib.suppress(NatsError, OSError):
            await subscription.unsubscribe()


def read(data: bytes) -> Line | None:
    """A line as a service writes it; None where it is somebody else's."""
    try:
        told = msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Line(
        **{name: str(told.get(name, "")) for name in _FIRST},
        fields={name: value for name, value in told.items() if name not in _FIRST},
    )


def passes(line: Line, wanted: Wanted) -> bool:
    """Whether a line is one of those asked for."""
    if _rank(line.level) < _rank(wanted.level):
        return False
    if wanted.services and line.service not in wanted.services:
        return False
    if wanted.trace_id and not str(line.fields.get("trace_id", "")).startswith(wanted.trace_id):
        return False
    return not wanted.entity_id or wanted.entity_id == line.fields.get("entity_id")


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)
