"""Pulling messages from a consumer, for as long as the service lives and through every restart of the broker.

nats-py's `fetch` goes blind over reconnects and costs three times the CPU. This one keeps standing pull requests on
an inbox of its own, asks for exactly what there is room for, and starts over when the broker has gone quiet.
Protocol: https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-37.md
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from shared.clock import Clock
from shared.contracts.topology import Config
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import ApiError, Bus

_log = logging.getLogger(__name__)

_EXPIRES_S = 30.0
_HEARTBEAT_S = 2.0
_AGAIN_S = 0.25
_OPEN_S = 1.0
"""A request that was under way when the broker died gets no answer; the next one does."""
_NS = 1_000_000_000


class Position(msgspec.Struct, frozen=True):
    """Where a message lies and how often it was delivered, from its reply subject."""

    stream: str
    sequence: int
    delivered: int
    pending: int = 0
    """What else the broker has for this consumer; a guess, says the broker."""


def position_of(reply: str) -> Position:
    """Reads `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>…`, with or without domain and account."""
    parts = reply.split(".")
    at = 2 if len(parts) == 9 else 4
    return Position(parts[at], int(parts[at + 3]), int(parts[at + 2]), int(parts[at + 6]))


class PullLoop:
    """Calls `on_message` for each message. `room` says how many more may come in hand right now.

    `on_begin` is called before the first, and before the first after every interruption: it may be another stream.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        stream: str,
        consumer: Config,
        on_message: Callable[[Msg], None],
        room: Callable[[], int],
        on_begin: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._consumer = consumer
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer['name']}"
        self._on_message = on_message
        self._room = room
        self._on_begin = on_begin
        self._clock = clock
        self._subscription: Subscription | None = None
        self._asked = 0
        self._heard_at = 0.0
        self._wake = asyncio.Event()
        self._start_over = True
        self._paused = False
        bus.on_reconnect(self._reconnected)

    def wake(self) -> None:
        """There may be room again; the loop is woken when it would ask."""
        if self._missing():
            self._wake.set()

    async def pause(self) -> None:
        """Stops taking messages. Those that the broker has sent before it knew still arrive at `on_message`."""
        self._paused = True
        subscription, self._subscription = self._subscription, None
        self._asked = 0
        if subscription is not None:
            with contextlib.suppress(NatsError, OSError, TimeoutError):
                async with asyncio.timeout(_OPEN_S):  # nats-py would wait half a minute for a broker that is away
                    await subscription.drain()  # type: ignore[no-untyped-call]  # nats-py leaves it unannotated

    def resume(self) -> None:
        """Takes messages again."""
        self._paused = False
        self._start_over = True
        self._wake.set()

    async def run(self) -> None:
        """Pulls until cancelled."""
        try:
            while True:
                await self._step()
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_HEARTBEAT_S / 2):
                        await self._wake.wait()
        finally:
            await self._drop_inbox()

    async def _step(self) -> None:
        if self._paused or not self._bus.connected:
            return
        quiet_s = self._clock.monotonic() - self._heard_at
        if self._subscription is not None and self._asked and quiet_s > 2 * _HEARTBEAT_S:
            _log.warning("the broker has gone quiet, pulling anew", extra={"stream": self._stream})
            self._start_over = True
        try:
            async with asyncio.timeout(_OPEN_S):
                if self._start_over or self._subscription is None:
                    await self._open_inbox()
                await self._ask()
        except (Unavailable, ApiError, NatsError, OSError, TimeoutError) as failed:
            _log.warning("cannot pull", extra={"stream": self._stream, "error": type(failed).__name__})
            self._start_over = True
            asyncio.get_running_loop().call_later(_AGAIN_S, self._wake.set)

    async def _open_inbox(self) -> None:
        """A fresh inbox; the old one's open requests die with it. The consumer is made again if somebody removed it."""
        await self._drop_inbox()
        await self._bus.ensure_consumer(self._stream, self._consumer)
        if self._paused:  # told so meanwhile
            return
        self._on_begin()
        inbox = self._bus.nc.new_inbox()
        self._subscription = await self._bus.nc.subscribe(inbox, cb=self._receive)
        self._start_over = False
        self._asked = 0
        self._heard_at = self._clock.monotonic()

    async def _drop_inbox(self) -> None:
        subscription, self._subscription = self._subscription, None
        self._asked = 0
        if subscription is not None:
            with contextlib.suppress(NatsError, OSError):
                await subscription.unsubscribe()

    async def _ask(self) -> None:
        """Asks for what there is room for, in one request."""
        missing = self._missing()
        if self._subscription is None or not missing:
            return
        request = {
            "batch": missing,
            "expires": int(_EXPIRES_S * _NS),
            "idle_heartbeat": int(_HEARTBEAT_S * _NS),
        }
        self._asked += missing
        await self._bus.nc.publish(self._next, msgspec.json.encode(request), reply=self._subscription.subject)

    def _missing(self) -> int:
        """How many to ask for: nothing until half of the room is not asked for."""
        room = self._room()
        missing = room - self._asked
        return missing if missing > 0 and missing * 2 >= room else 0

    async def _receive(self, message: Msg) -> None:
        self._heard_at = self._clock.monotonic()
        if message.reply.startswith("$JS.ACK."):
            self._asked = max(0, self._asked - 1)
            self._on_message(message)
            self.wake()
            return
        self._status(message.headers or {})

    def _status(self, headers: dict[str, str]) -> None:
        code = headers.get("Status", "")
        if code == "100":
            return
        pending = headers.get("Nats-Pending-Messages")
        if pending is not None:  # the end of one request: 408, or 409 with what was left of it
            self._asked = max(0, self._asked - int(pending))
        if code in ("408", "404"):
            self._asked = self._asked if pending is not None else 0
            self._wake.set()
        else:
            # 409 (consumer deleted, leader changed, server shutting down) or 503: begin again, at the next tick,
            # so that an answer that comes at once cannot make us spin.
            self._start_over = True

    def _reconnected(self) -> None:
        self._on_begin()
        self._start_over = True
        self._wake.set()
