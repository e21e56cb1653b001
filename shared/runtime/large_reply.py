"""A reply that does not fit into one message: the caller fetches it piece by piece, so neither floods the other.

The first message carries the beginning, the whole size and the subject of the rest. A request to that subject holds
an offset and is answered with the piece from there; an empty one says that no more is wanted. What nobody fetches
is let go after a while.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator
from typing import BinaryIO

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from shared.outcomes.errors import Unavailable
from shared.runtime.bus import Bus
from shared.runtime.microservice import CODE_HEADER, Reply

SIZE_HEADER = "Hub-Size"
NEXT_HEADER = "Hub-Next"
PIECE_BYTES = 512 * 1024
_IDLE_S = 20.0
_PIECE_S = 5.0
_HELD_MAX_BYTES = 2 * 1024**3
"""On disk, of all answers that are waiting to be fetched."""


class _Held(msgspec.Struct):
    body: BinaryIO
    size_bytes: int
    timer: asyncio.TimerHandle
    fetched: bool = False


class LargeReplies:
    """Holds what callers have not fetched yet. `start` before use."""

    def __init__(self, nc: Client, *, below: str) -> None:
        """`below` is the subject under which this replica hands out pieces."""
        self._nc = nc
        self._subject = f"{below}.{secrets.token_hex(12)}"
        self._held: dict[str, _Held] = {}
        self._all_fetched = asyncio.Event()
        self._all_fetched.set()

    async def stop(self, grace_s: float) -> None:
        """Returns when everything was fetched, or after `grace_s`; then nothing is held any more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._all_fetched.wait()
        for key in list(self._held):
            self._let_go(key)

    async def start(self) -> None:
        """Listens for requests for pieces."""
        await self._nc.subscribe(f"{self._subject}.*", cb=self._give)

    def reply(self, body: BinaryIO, size_bytes: int, headers: dict[str, str]) -> Reply:
        """The first message. Takes the body over. Raises Unavailable when too much is waiting to be fetched."""
        first = body.read(PIECE_BYTES)
        if len(first) == size_bytes:
            body.close()
            return Reply(first, headers)
        if size_bytes + sum(held.size_bytes for held in self._held.values()) > _HELD_MAX_BYTES:
            body.close()
            raise Unavailable("too many large answers are waiting to be fetched")
        key = secrets.token_hex(12)
        loop = asyncio.get_running_loop()
        self._all_fetched.clear()
        self._held[key] = _Held(body, size_bytes, loop.call_later(_IDLE_S, self._let_go, key))
        return Reply(first, {**headers, SIZE_HEADER: str(size_bytes), NEXT_HEADER: f"{self._subject}.{key}"})

    async def _give(self, message: Msg) -> None:
        key = message.subject.rpartition(".")[2]
        if not message.data and not message.reply:
            self._let_go(key)
            return
        held = self._held.get(key)
        headers, piece = {CODE_HEADER: "410"}, b""
        if held is not None and message.data.isdigit():
            held.body.seek(int(message.data))
            headers, piece = {}, held.body.read(PIECE_BYTES)
            held.timer.cancel()
            if held.body.tell() >= held.size_bytes:
                held.fetched = True
                self._note_fetched()
            # Also after the last piece, which may be lost on the way: it can be asked for once more.
            held.timer = asyncio.get_running_loop().call_later(_IDLE_S, self._let_go, key)
        try:
            await self._nc.publish(message.reply, piece, headers=headers or None)
        except (NatsError, OSError):
            return  # it is asked for once more, or let go

    def _let_go(self, key: str) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            held.timer.cancel()
            held.body.close()
            self._note_fetched()

    def _note_fetched(self) -> None:
        if all(held.fetched for held in self._held.values()):
            self._all_fetched.set()


async def rest_of(bus: Bus, first: Reply) -> AsyncGenerator[bytes, None]:
    """The pieces after the first one; to be closed, also early. Raises Unavailable when they cannot be had."""
    size, got = int(first.headers[SIZE_HEADER]), len(first.body)
    try:
        while got < size:
            piece = await _fetch(bus, first.headers[NEXT_HEADER], got)
            got += len(piece)
            yield piece
    finally:
        with contextlib.suppress(NatsError, OSError):
            await bus.nc.publish(first.headers[NEXT_HEADER], b"")


async def _fetch(bus: Bus, subject: str, offset: int) -> bytes:
    for _ in range(2):
        try:
            answer = await bus.requests.request(subject, str(offset).encode(), timeout_s=_PIECE_S)
        except (NatsError, OSError):
            continue
        if not answer.data:
            break
        return answer.data
    raise Unavailable("the rest of the answer is gone")
