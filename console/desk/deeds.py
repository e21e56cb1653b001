"""What an operator does, and its record: who, what, about what, how many. Stored before the deed is done."""

import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Literal

import msgspec

from shared.clock import Clock
from shared.contracts.envelope import MSG_ID
from shared.runtime.bus import Bus
from shared.runtime.publisher import Publisher
from shared.runtime.service import version
from shared.telemetry.metrics import Metrics
from shared.telemetry.tracing import About, tracing

Deed = Literal[
    "replay",
    "drop",
    "break",
    "set",
    "rm",
    "erase",
    "reveal",
    "pause",
    "resume",
    "trigger",
    "sync",
    "sweep",
    "audit",
    "webhooks",
]


class DeedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line in the stream AUDIT, on `audit.operator.<deed>`."""

    at: str
    who: str
    deed: Deed
    about: str
    """Ids, subjects and keys; never a value."""
    count: int = 1


class Operator:
    """A person at a tool. Built by `acting`."""

    def __init__(self, bus: Bus, publisher: Publisher, clock: Clock, name: str) -> None:
        self.bus = bus
        self.publisher = publisher
        self.clock = clock
        self.name = name

    async def record(self, deed: Deed, about: str, *, count: int = 1) -> None:
        """Raises Unavailable when it cannot be stored: then the deed must not be done."""
        at = self.clock.now().isoformat(timespec="milliseconds")
        record = DeedRecord(at=at, who=self.name, deed=deed, about=about, count=count)
        headers = {MSG_ID: f"audit:operator:{secrets.token_hex(12)}"}
        await self.publisher.store(f"audit.operator.{deed}", msgspec.json.encode(record), headers)


@contextlib.asynccontextmanager
async def acting(
    bus: Bus, environ: Mapping[str, str], *, clock: Clock, name: str, source: str
) -> AsyncIterator[Operator]:
    """`source` says in events by which tool they came: `hub` or `console`."""
    metrics = Metrics(source, version())
    about = About(service=source, version=version(), instance=f"{source}.{secrets.token_hex(4)}")
    async with tracing(about, environ, metrics) as tracer:
        publisher = Publisher(
            bus, source=source, clock=clock, tracer=tracer, metrics=metrics, new_id=lambda: secrets.token_hex(16)
        )
        yield Operator(bus, publisher, clock, name)
