"""What happened to a record: its stored runs, and those that come while one watches."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Self

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from console.desk.reading import forward, last, newest
from shared.contracts.events import same_kuerzel
from shared.contracts.keys import key, segments_of
from shared.contracts.topology import HISTORY
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import Bus
from shared.runtime.history import Record


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the history, and whose it is."""

    entity_type: str
    entity_id: str
    record: Record


class Coming:
    """Runs as they come. Waiting for the next one may be broken off and begun again."""

    def __init__(self, heard: asyncio.Queue[Msg]) -> None:
        self._heard = heard

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Run:
        while True:
            message = await self._heard.get()
            if (run := _read(message.subject, message.data)) is not None:
                return run


def subject_of(entity_type: str, entity_id: str) -> str:
    """Where an entity's records lie. A Kürzel may be typed in any case."""
    known = same_kuerzel(entity_id) if entity_type == "Employee" else entity_id
    return f"history.{key(entity_type, known)}"


async def runs(bus: Bus, entity_type: str, entity_id: str) -> list[Run]:
    """All that is kept of an entity, in order: at most a hundred."""
    found = forward(bus, HISTORY.name, subject=subject_of(entity_type, entity_id))
    return [run async for message in found if (run := _read(message.subject, message.body)) is not None]


async def last_run(bus: Bus, entity_type: str, entity_id: str) -> Run | None:
    """The newest of an entity."""
    message = await last(bus, HISTORY.name, subject_of(entity_type, entity_id))
    return None if message is None else _read(message.subject, message.body)


async def recent(bus: Bus, *, wanted: int) -> list[Run]:
    """The newest of all entities, newest first."""
    found = await newest(bus, HISTORY.name, wanted=wanted)
    return [run for message in found if (run := _read(message.subject, message.body)) is not None]


async def of_trace(bus: Bus, trace_id: str, *, among: int) -> list[Run]:
    """Those of one trace among the newest `among`, in order."""
    found = [run for run in await recent(bus, wanted=among) if run.record.trace_id == trace_id]
    return list(reversed(found))


@contextlib.asynccontextmanager
async def following(bus: Bus, entity_type: str, entity_id: str) -> AsyncIterator["Coming"]:
    """Runs as they end, from entering on; what ends while NATS is away is missed here, and stored all the same."""
    heard: asyncio.Queue[Msg] = asyncio.Queue(maxsize=10_000)

    async def hear(message: Msg) -> None:
        if not heard.full():
            heard.put_nowait(message)

    try:
        subscription = await bus.nc.subscribe(subject_of(entity_type, entity_id), cb=hear)
        await bus.nc.flush()
    except (NatsError, OSError) as failed:
        raise Unavailable(f"NATS does not answer ({type(failed).__name__})") from None
    try:
        yield Coming(heard)
    finally:
        with contextlib.suppress(NatsError, OSError):
            await subscription.unsubscribe()


def _read(subject: str, body: bytes) -> Run | None:
    """Somebody else's message on our subject is nobody's history."""
    try:
        _, entity_type, entity_id = segments_of(subject)
        return Run(entity_type=entity_type, entity_id=entity_id, record=msgspec.json.decode(body, type=Record))
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        return None
