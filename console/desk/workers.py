"""Every replica of every service, as it describes itself over NATS."""

import asyncio
import contextlib
from typing import TypeVar

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from shared.contracts.operator import Facts
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import Bus

_QUIET_S = 0.25
"""All answer at once; who has not after such a silence is not there."""
_PATIENCE_S = 1.5

T = TypeVar("T")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A subject on which a service is asked, in numbers since its start."""

    name: str
    subject: str = ""
    requests: int = msgspec.field(name="num_requests", default=0)
    errors: int = msgspec.field(name="num_errors", default=0)
    last_error: str = ""
    average_ns: int = msgspec.field(name="average_processing_time", default=0)


class Replica(msgspec.Struct, frozen=True, kw_only=True):
    """One process of a service."""

    service: str
    holder: str
    version: str
    id: str
    started: str
    endpoints: list[Endpoint]
    facts: Facts | None
    """None: it says nothing of itself, or not in a form that this version knows."""


class _Info(msgspec.Struct, frozen=True):
    name: str
    id: str
    version: str = ""
    metadata: dict[str, str] | None = None


class _Stats(msgspec.Struct, frozen=True):
    id: str
    started: str = ""
    endpoints: list[Endpoint] | None = None


async def replicas(bus: Bus) -> list[Replica]:
    """All that answer, by service. Takes a quarter of a second longer than the slowest."""
    infos, stats = await asyncio.gather(_gather(bus, "$SRV.INFO", _Info), _gather(bus, "$SRV.STATS", _Stats))
    by_id = {one.id: one for one in stats}
    found = [_replica(info, by_id.get(info.id)) for info in {info.id: info for info in infos}.values()]
    return sorted(found, key=lambda one: (one.service, one.holder))


def _replica(info: _Info, stats: _Stats | None) -> Replica:
    told = info.metadata or {}
    return Replica(
        service=info.name,
        holder=told.get("holder", ""),
        version=told.get("version") or info.version,
        id=info.id,
        started=stats.started if stats else "",
        endpoints=(stats.endpoints or []) if stats else [],
        facts=_facts(told.get("facts")),
    )


def _facts(told: str | None) -> Facts | None:
    with contextlib.suppress(msgspec.MsgspecError):
        return msgspec.json.decode(told, type=Facts) if told else None
    return None


async def _gather(bus: Bus, subject: str, kind: type[T]) -> list[T]:
    """All answers to one question, until nobody has answered for a while."""
    heard: asyncio.Queue[Msg] = asyncio.Queue()

    async def hear(message: Msg) -> None:
        heard.put_nowait(message)

    inbox = bus.nc.new_inbox()
    found: list[T] = []
    try:
        subscription = await bus.nc.subscribe(inbox, cb=hear)
        try:
            await bus.nc.publish(subject, b"", reply=inbox)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    while True:
                        async with asyncio.timeout(_QUIET_S):
                            message = await heard.get()
                        if (message.headers or {}).get("Status") == "503":
                            return []
                        with contextlib.suppress(msgspec.MsgspecError):
                            found.append(msgspec.json.decode(message.data, type=kind))
        finally:
            with contextlib.suppress(NatsError, OSError):
                await subscription.unsubscribe()
    except (NatsError, OSError) as failed:
        raise Unavailable(f"NATS does not answer ({type(failed).__name__})") from None
    return found
