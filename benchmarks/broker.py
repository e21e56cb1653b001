"""Looking at the broker from outside: what a consumer has left, filling a stream."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError

_PATIENCE_S = 300.0
_ASKED_EVERY_S = 0.03
"""Each time costs the broker half a millisecond that it would have for what is measured."""


class Broker:
    """A connection of the benchmark's own."""

    def __init__(self, nc: Client) -> None:
        self._nc = nc

    async def drained(self, stream: str, consumer: str) -> None:
        """Returns when the consumer has nothing left and has been given the stream's last message."""
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                with contextlib.suppress(NatsError, KeyError):
                    info = await self._api(f"CONSUMER.INFO.{stream}.{consumer}")
                    last = (await self._api(f"STREAM.INFO.{stream}"))["state"]["last_seq"]
                    left = info["num_pending"] + info["num_ack_pending"]
                    if left == 0 and info["delivered"]["stream_seq"] >= last:
                        return
                await asyncio.sleep(_ASKED_EVERY_S)

    async def messages(self, stream: str) -> int:
        """How many it holds."""
        return int((await self._api(f"STREAM.INFO.{stream}"))["state"]["messages"])

    async def fill(self, subject: str, bodies: list[bytes]) -> None:
        """Publishes quickly; returns when all are stored."""
        for start in range(0, len(bodies), 500):
            for body in bodies[start : start + 500]:
                await self._nc.publish(subject, body)
            await self._nc.flush()
        # What came before on this connection is stored when the broker has answered a request that came after.
        await self._api("INFO")

    async def ask(self, subject: str, body: bytes) -> bytes:
        """One request."""
        return (await self._nc.request(subject, body, timeout=10)).data

    async def _api(self, subject: str) -> dict[str, Any]:
        answer: dict[str, Any] = msgspec.json.decode(await self.ask(f"$JS.API.{subject}", b""))
        if "error" in answer:
            raise KeyError(subject)
        return answer


@contextlib.asynccontextmanager
async def looking_at(url: str) -> AsyncIterator[Broker]:
    """A connection for as long as this is entered."""
    nc = await nats.connect(url)
    try:
        yield Broker(nc)
    finally:
        await nc.close()
