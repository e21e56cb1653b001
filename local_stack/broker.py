"""NATS as an operator sees it: publish an event, ask whether work is left, read and follow the history."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

_TIMEOUT_S = 5.0
_DOCUMENTS = "history.CDokumente."
_WORKERS = ("VMH.document_worker", "VMH.beteiligte_worker", "CALENDAR.calendar_worker")


class JetStreamRefused(Exception):
    """JetStream did not do what it was asked."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A history record as far as it is shown, and whose it is."""

    entity_type: str = ""
    entity_id: str = ""
    at: str
    subject: str
    outcome: str
    reason: str
    plan: dict[str, int] = {}
    duration_ms: float = 0.0


class Broker:
    """One connection."""

    def __init__(self, nc: Client) -> None:
        self._nc = nc

    async def publish(self, subject: str, body: bytes) -> None:
        """Stores an event."""
        await _ask(self._nc, subject, body)

    async def idle(self) -> bool:
        """Whether no worker has anything in hand or waiting."""
        infos = [await self._api(f"CONSUMER.INFO.{worker}") for worker in _WORKERS]
        return all(info["num_pending"] == 0 and info["num_ack_pending"] == 0 for info in infos)

    async def runs(self) -> dict[str, int]:
        """The number of history records by document."""
        info = await self._api("STREAM.INFO.HISTORY", {"subjects_filter": f"{_DOCUMENTS}*"})
        counts = info["state"].get("subjects") or {}
        return {subject.removeprefix(_DOCUMENTS): int(count) for subject, count in counts.items()}

    async def sweeps(self) -> int:
        """How many sweeps have ended."""
        info = await self._api("STREAM.INFO.HISTORY", {"subjects_filter": "history.Sweep.>"})
        return sum(int(count) for count in (info["state"].get("subjects") or {}).values())

    async def follow(self, tell: Callable[[Ended], None]) -> None:
        """Calls `tell` for each delivery that ends from now on."""

        async def hear(message: Msg) -> None:
            with contextlib.suppress(msgspec.MsgspecError, ValueError):
                _, entity_type, entity_id = message.subject.split(".", 2)
                ended = msgspec.json.decode(message.data, type=Ended)
                tell(msgspec.structs.replace(ended, entity_type=entity_type, entity_id=entity_id))

        hearing: Callable[[Msg], Awaitable[None]] = hear
        await self._nc.subscribe("history.>", cb=hearing)

    async def _api(self, name: str, body: object = None) -> dict[str, Any]:
        data = b"" if body is None else msgspec.json.encode(body)
        answer = await _ask(self._nc, f"$JS.API.{name}", data)
        reply: dict[str, Any] = msgspec.json.decode(answer.data)
        if error := reply.get("error"):
            raise JetStreamRefused(f"{name}: {error.get('description')}")
        return reply


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Broker]:
    """A connection that comes back by itself and is closed afterwards."""

    async def ignore(_error: Exception) -> None:
        """Whoever waits for an answer hears of it; a lost connection is made again."""

    nc = await nats.connect(url, name="local_stack", max_reconnect_attempts=-1, error_cb=ignore)
    try:
        yield Broker(nc)
    finally:
        await nc.close()


async def _ask(nc: Client, subject: str, data: bytes) -> Msg:
    """nats-py's `wait_for` forgets a cancellation that comes with the answer; Ctrl-C must not be forgotten."""
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    answer = await nc.request(subject, data, timeout=_TIMEOUT_S)
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
    return answer
