"""A message in hand, and the desk it is worked on: everything a delivery needs."""

import asyncio
from random import Random
from typing import Any, Generic

import msgspec
from nats.aio.msg import Msg

from shared.clock import Clock
from shared.contracts.envelope import Envelope
from shared.runtime.dead_letter import DeadLetters
from shared.runtime.history import History
from shared.runtime.pull_loop import Position
from shared.runtime.route import D, Route
from shared.runtime.schedule import Schedules
from shared.state.attempts import AttemptsLog
from shared.state.locks import Locks
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Trace, Tracer, links_to

_COALESCED_IDS_MAX = 20


class Delivery(Generic[D]):
    """A message in hand."""

    __slots__ = (
        "coalesced",
        "coalesced_ids",
        "coalesced_traces",
        "envelope",
        "lane",
        "message",
        "position",
        "received_at",
        "route",
    )

    def __init__(
        self,
        message: Msg,
        position: Position,
        route: Route[Any, D],
        envelope: Envelope[Any],
        lane: str,
        *,
        received_at: float,
    ) -> None:
        self.message = message
        self.position = position
        self.route = route
        self.envelope = envelope
        self.lane = lane
        self.received_at = received_at
        """On the monotonic clock."""
        self.coalesced = 0
        self.coalesced_ids: list[str] = []
        self.coalesced_traces: list[Trace] = []

    def stands_for(self, other: Envelope[Any]) -> None:
        """An equal event has arrived; this delivery's run does its work too."""
        self.coalesced += 1
        if len(self.coalesced_ids) < _COALESCED_IDS_MAX:
            self.coalesced_ids.append(other.event_id)
            self.coalesced_traces.extend(links_to(other.traceparent))


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What every delivery needs; built once per service."""

    consumer: str
    holder: str
    retry_subject: str
    lock_ttl_s: float
    clock: Clock
    tracer: Tracer
    metrics: Metrics
    locks: Locks
    attempts: AttemptsLog
    history: History
    dead_letters: DeadLetters
    schedules: Schedules
    suspects: asyncio.Semaphore
    """One at a time: events over which the worker has died before."""
    dice: Random
