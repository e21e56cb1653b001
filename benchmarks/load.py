"""The sender: a process of its own that fires signed webhooks, so that its CPU is not the gateway's.

`python -m benchmarks.load '{"port": 3111, …}'` prints one JSON object. It speaks just enough HTTP/1.1.
"""

import asyncio
import gc
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator

import msgspec

from benchmarks.webhook import PATH, entity_id, requests_for

_PATIENCE_S = 10.0
_BORN = time.perf_counter()


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to send. With `per_s` an open loop: on time, whatever became of those before. Else each follows its answer.

    Ends after `count` requests or after `seconds`: give one of the two.
    """

    port: int
    connections: int = 64
    """Of an open loop: at most so many at once; what finds none free waits, and its time runs."""
    seconds: float = 0.0
    count: int = 0
    per_s: float = 0.0
    entities: int = 1_000
    ids: tuple[str, ...] = ()
    """Of the entities; made up where there are none."""
    records: int = 1
    path: str = PATH


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came back."""

    seconds: float
    began: float
    """By the clock that all processes of a machine share (`time.perf_counter`)."""
    preparing_s: float
    """Before that: making the requests and connecting."""
    sent: int
    by_status: dict[str, int]
    """`0`: no answer."""
    p50_ms: dict[str, float]
    p99_ms: dict[str, float]
    """By status, from when it was due to the last byte of its answer."""
    late_s: list[float]
    """How far the sender itself was behind its schedule, by event; of an open loop only. The receiver's fault is none
    of it: an event that finds no free connection is late by nothing, and waits."""


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request under way."""

    def __init__(self, sender: "Sender") -> None:
        self._sender = sender
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._due = 0.0
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, request: bytes, due: float) -> None:
        """Sends one; the sender hears of its answer."""
        assert self._transport is not None
        self._due, self._busy = due, True
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Asyncio's."""
        self._buffer = self._buffer + data if self._buffer else data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        lines = self._buffer[: head + 1].lower()
        at = lines.find(b"content-length: ") + 16
        length = int(lines[at : lines.find(b"\r", at)])
        if len(self._buffer) < head + 4 + length:
            return
        status = self._buffer[9:12]
        self._buffer = self._buffer[head + 4 + length :]
        self._busy = False
        self._sender.answered(self, status.decode(), self._due)

    def connection_lost(self, _why: Exception | None) -> None:
        """Asyncio's."""
        if self._busy:
            self._sender.answered(None, "0", self._due)

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.close()


class Sender:
    """Sends one order and keeps book."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._requests: Iterator[bytes] = requests_for(
            order.path, order.ids or tuple(map(entity_id, range(order.entities))), records=order.records
        )
        self._free: deque[Connection] = deque()
        self._waiting: deque[float] = deque()
        self._open = 0
        self._sent = 0
        self._taken: dict[str, list[float]] = {}
        self._late_s: list[float] = []
        self._ending = False
        self._idle = asyncio.Event()

    async def run(self) -> Outcome:
        """Sends all and waits for the answers."""
        loop = asyncio.get_running_loop()
        connections = [
            (await loop.create_connection(lambda: Connection(self), "127.0.0.1", self._order.port))[1]
            for _ in range(self._order.connections)
        ]
        self._free.extend(connections)
        gc.disable()
        began = time.perf_counter()
        if self._order.per_s:
            await self._on_time(began)
        else:
            await self._one_after_the_other(began)
        self._ending = True
        seconds = time.perf_counter() - began
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while self._open:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            self._taken.setdefault("0", []).extend([_PATIENCE_S] * self._open)
        for connection in connections:
            connection.close()
        return self._outcome(began, seconds)

    async def _on_time(self, began: float) -> None:
        """Every millisecond, what has fallen due."""
        order = self._order
        total = order.count or int(order.seconds * order.per_s)
        due = 0
        while due < total:
            now = time.perf_counter()
            wanted = min(total, int((now - began) * order.per_s) + 1)
            while due < wanted:
                self._late_s.append(now - began - due / order.per_s)
                self._send(began + due / order.per_s)
                due += 1
            await asyncio.sleep(max(0.001, began + due / order.per_s - time.perf_counter()))

    async def _one_after_the_other(self, began: float) -> None:
        for _ in range(len(self._free)):
            self._send(time.perf_counter())
        if self._order.seconds:
            await asyncio.sleep(self._order.seconds - (time.perf_counter() - began))
        else:
            while self._sent < self._order.count:
                self._idle.clear()
                await self._idle.wait()

    def _send(self, due: float) -> None:
        if not self._free:
            self._waiting.append(due)
            return
        self._open += 1
        self._sent += 1
        self._free.popleft().send(next(self._requests), due)

    def answered(self, connection: Connection | None, status: str, due: float) -> None:
        """An answer has come, or none will (`0`)."""
        self._open -= 1
        self._taken.setdefault(status, []).append(time.perf_counter() - due)
        if connection is not None:
            self._free.append(connection)
        if self._waiting:
            self._send(self._waiting.popleft())
        elif not self._order.per_s and not self._is_done():
            self._send(time.perf_counter())
        self._idle.set()

    def _is_done(self) -> bool:
        return self._ending or bool(self._order.count and self._sent >= self._order.count)

    def _outcome(self, began: float, seconds: float) -> Outcome:
        for times in self._taken.values():
            times.sort()
        return Outcome(
            seconds=seconds,
            began=began,
            preparing_s=began - _BORN,
            sent=self._sent,
            by_status=dict(Counter({status: len(times) for status, times in self._taken.items()})),
            p50_ms={status: round(times[len(times) // 2] * 1e3, 2) for status, times in self._taken.items()},
            p99_ms={status: round(times[len(times) * 99 // 100] * 1e3, 2) for status, times in self._taken.items()},
            late_s=self._late_s,
        )


async def _main() -> None:
    order = msgspec.json.decode(sys.argv[1], type=Order)
    sys.stdout.write(msgspec.json.encode(await Sender(order).run()).decode())


if __name__ == "__main__":
    asyncio.run(_main())
