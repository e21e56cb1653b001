"""A NATS service as `nats micro` knows them: ping, info, stats, and endpoints in a queue group.

Own code because nats-py's `nats.micro` works through the requests of an endpoint one after the other: a slow answer
would hold up all that come behind it. Source of the protocol:
https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-32.md
"""

import asyncio
import contextlib
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from shared.clock import Clock
from shared.contracts.operator import Facts
from shared.runtime.service import Service, version

_log = logging.getLogger(__name__)

QUEUE = "q"
ERROR_HEADER = "Nats-Service-Error"
CODE_HEADER = "Nats-Service-Error-Code"
_SEMVER = re.compile(r"\d+\.\d+\.\d+")


class Request(msgspec.Struct, frozen=True):
    """What a caller sent."""

    headers: Mapping[str, str]
    body: bytes


class Reply(msgspec.Struct, frozen=True):
    """What the caller gets. `code` is 0, or that of an error whose sentence is `error`."""

    body: bytes = b""
    headers: Mapping[str, str] = {}
    code: int = 0
    error: str = ""


Handler = Callable[[Request], Awaitable[Reply]]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One subject and who answers on it."""

    name: str
    subject: str
    handler: Handler


class _Numbers(msgspec.Struct, kw_only=True):
    requests: int = 0
    errors: int = 0
    last_error: str = ""
    busy_ns: int = 0

    def count(self, reply: Reply) -> None:
        self.requests += 1
        if reply.code:
            self.errors += 1
            self.last_error = f"{reply.code}:{reply.error}"


_BUSY = Reply(headers={"Retry-After": "2"}, code=503, error="too many requests are in work")
_BUG = Reply(code=500, error="internal error")


class Microservice:
    """Answers requests side by side. `start`, and in the end `stop`."""

    def __init__(
        self,
        service: Service,
        *,
        description: str,
        endpoints: Sequence[Endpoint],
        tasks: asyncio.TaskGroup,
        in_work_max: int,
        facts: Facts,
    ) -> None:
        self._nc = service.bus.nc
        self._clock: Clock = service.clock
        self._identity = {
            "name": service.name,
            "id": secrets.token_hex(11),
            "version": found[0] if (found := _SEMVER.match(version())) else "0.0.0",
            "metadata": {
                "holder": service.holder,
                "version": version(),
                "facts": msgspec.json.encode(facts).decode(),
            },
        }
        self._description = description
        self._endpoints = endpoints
        self._numbers = {endpoint.name: _Numbers() for endpoint in endpoints}
        self._tasks = tasks
        self._in_work_max = in_work_max
        self._in_work = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._subscriptions: list[Subscription] = []
        # RFC 3339 with Z, the only form that nats-py's own client reads.
        self._started = service.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    async def start(self) -> None:
        """Listens from here on."""
        name, own_id = self._identity["name"], self._identity["id"]
        for verb, answer in (("PING", self._ping), ("INFO", self._info), ("STATS", self._stats)):
            for subject in (f"$SRV.{verb}", f"$SRV.{verb}.{name}", f"$SRV.{verb}.{name}.{own_id}"):
                self._subscriptions.append(await self._nc.subscribe(subject, cb=self._telling(answer)))
        for endpoint in self._endpoints:
            listening = await self._nc.subscribe(endpoint.subject, queue=QUEUE, cb=self._receiving(endpoint))
            self._subscriptions.append(listening)
        await self._nc.flush()

    async def stop(self, grace_s: float) -> None:
        """Takes no more requests, and waits for those in hand, up to `grace_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                # Side by side: each asks the broker, and one that stands still is waited for only once.
                await asyncio.gather(*map(_drain, self._subscriptions))
                await self._idle.wait()

    def _receiving(self, endpoint: Endpoint) -> Callable[[Msg], Awaitable[None]]:
        async def receive(message: Msg) -> None:
            if self._in_work >= self._in_work_max:
                self._numbers[endpoint.name].count(_BUSY)
                await self._send(message, _BUSY)
                return
            self._in_work += 1
            self._idle.clear()
            self._tasks.create_task(self._work(endpoint, message))

        return receive

    async def _work(self, endpoint: Endpoint, message: Msg) -> None:
        numbers = self._numbers[endpoint.name]
        began = self._clock.monotonic()
        reply = _BUG
        try:
            try:
                reply = await endpoint.handler(Request(message.headers or {}, message.data))
                await self._send(message, reply)
            except Exception:  # the others in work must not end with it
                reply = _BUG
                _log.exception("request failed", extra={"endpoint": endpoint.name})
                await self._send(message, reply)
        finally:
            numbers.busy_ns += int((self._clock.monotonic() - began) * 1e9)
            numbers.count(reply)
            self._in_work -= 1
            if not self._in_work:
                self._idle.set()

    def _ping(self) -> dict[str, Any]:
        return {"type": "io.nats.micro.v1.ping_response", **self._identity}

    def _info(self) -> dict[str, Any]:
        endpoints = [
            {"name": endpoint.name, "subject": endpoint.subject, "queue_group": QUEUE, "metadata": {}}
            for endpoint in self._endpoints
        ]
        return {
            "type": "io.nats.micro.v1.info_response",
            **self._identity,
            "description": self._description,
            "endpoints": endpoints,
        }

    def _stats(self) -> dict[str, Any]:
        return {
            "type": "io.nats.micro.v1.stats_response",
            **self._identity,
            "started": self._started,
            "endpoints": [self._stats_of(endpoint) for endpoint in self._endpoints],
        }

    def _stats_of(self, endpoint: Endpoint) -> dict[str, Any]:
        numbers = self._numbers[endpoint.name]
        return {
            "name": endpoint.name,
            "subject": endpoint.subject,
            "queue_group": QUEUE,
            "num_requests": numbers.requests,
            "num_errors": numbers.errors,
            "last_error": numbers.last_error,
            "processing_time": numbers.busy_ns,
            "average_processing_time": numbers.busy_ns // max(1, numbers.requests),
        }

    def _telling(self, answer: Callable[[], dict[str, Any]]) -> Callable[[Msg], Awaitable[None]]:
        async def tell(message: Msg) -> None:
            await self._send(message, Reply(msgspec.json.encode(answer())))

        return tell

    async def _send(self, message: Msg, reply: Reply) -> None:
        headers = dict(reply.headers)
        if reply.code:
            headers |= {ERROR_HEADER: reply.error, CODE_HEADER: str(reply.code)}
        try:
            if message.reply:
                await self._nc.publish(message.reply, reply.body, headers=headers or None)
        except (NatsError, OSError):
            return  # the caller's time runs out, and it will say so


async def _drain(subscription: Subscription) -> None:
    with contextlib.suppress(NatsError, OSError, TimeoutError):
        await subscription.drain()  # type: ignore[no-untyped-call]
