"""From a webhook's sending to the start of its handler: at 50/s, and alone after a silence."""

import asyncio
import time
from pathlib import Path

from benchmarks.broker import looking_at
from benchmarks.children import Child, Room, send
from benchmarks.figure import Figure
from benchmarks.load import Order
from benchmarks.rounds import in_turns, median
from benchmarks.webhook import SECRETS, entity_id

_PER_S = 50
_EVENTS = 250
_SILENCE_S = 60.0


class Stage:
    """A gateway and a worker that writes down when its runs begin."""

    def __init__(self, room: Room, gateway: Child, worker: Child, started: Path, consumer: tuple[str, str]) -> None:
        self._room = room
        self._started = started
        self._gateway = gateway
        self._worker = worker
        self._consumer = consumer
        self.quiet_since = 0.0
        self.late_ms = 0.0
        """The sender's own delay, in the middle, which is taken off."""

    async def open(self) -> None:
        """Starts both, and sends some to warm up."""
        await self._gateway.start()
        await self._worker.start()
        await self.waits_ms(_PER_S)

    async def close(self) -> None:
        """Ends both."""
        for child in (self._gateway, self._worker):
            await child.stop()

    async def waits_ms(self, events: int) -> list[float]:
        """An open loop of so many; how long each waited, in order."""
        before = len(self._lines())
        order = Order(port=self._gateway.port, connections=16, per_s=_PER_S, count=events, entities=events)
        async with looking_at(self._room.nats.url) as broker:
            told = await send(order)
            await broker.drained(*self._consumer)
        self.quiet_since = time.monotonic()
        # The sender's n-th webhook, of entity n, was due at n/50 s. What its own timer took beyond that is not ours.
        sent = {entity_id(number): told.began + number / _PER_S + late_s for number, late_s in enumerate(told.late_s)}
        self.late_ms = median([late_s * 1e3 for late_s in told.late_s])
        return sorted((at - sent[entity]) * 1e3 for entity, at in self._lines()[before:])

    def _lines(self) -> list[tuple[str, float]]:
        rows = [line.split() for line in self._started.read_text(encoding="ascii").splitlines()]
        return [(entity, float(at)) for entity, at in rows]


async def measure(room: Room) -> list[Figure]:
    """Five repeats, of which the worst counts; in turns with two bare processes that do the least there is to do."""
    stage, bare = _ours(room), _bare(room)
    await stage.open()
    await bare.open()
    ours, theirs = await in_turns(lambda: stage.waits_ms(_EVENTS), lambda: bare.waits_ms(_EVENTS))
    await stage.close()
    await bare.close()
    late = f"the sender's own delay of {stage.late_ms:.1f} ms is taken off"
    return [_figure("latency.p50", 50, ours, theirs, more=f"; {late}"), _figure("latency.p99", 99, ours, theirs)]


def _figure(name: str, percent: int, ours: list[list[float]], theirs: list[list[float]], more: str = "") -> Figure:
    us, them = ([waits[len(waits) * percent // 100] for waits in repeats] for repeats in (ours, theirs))
    return Figure(
        name=name,
        ours=max(us),
        peer=max(them),
        ratio=max(us) / max(them),
        note=f"median of the repeats {median(us):.1f} and {median(them):.1f} ms{more}",
    )


def _ours(room: Room) -> Stage:
    started = room.directory / "started"
    gateway = room.child("gateway", port_name="GATEWAY_PORT", GATEWAY_WEBHOOK_SECRETS=SECRETS)
    worker = room.child("benchmarks.noop_worker", port_name="HEALTH_PORT", BENCH_STARTED=str(started))
    return Stage(room, gateway, worker, started, ("VMH", "document_worker"))


def _bare(room: Room) -> Stage:
    """aiohttp and js.publish, and a pull loop: no checks, lock or record."""
    started = room.directory / "started-bare"
    started.touch()
    gateway = room.child("benchmarks.peers.bare_gateway", port_name="PORT")
    worker = room.child("benchmarks.peers.bare_pull", port_name="PORT", BENCH_STREAM="BARE", BENCH_STARTED=str(started))
    return Stage(room, gateway, worker, started, ("BARE", "raw_worker"))


class Silence:
    """Nothing happens for a minute, while other figures are measured; then one webhook comes."""

    def __init__(self, room: Room) -> None:
        self._stage = _ours(room)

    async def begin(self) -> None:
        """From here on it is quiet."""
        await self._stage.open()

    async def end(self) -> list[Figure]:
        """After the minute."""
        await asyncio.sleep(max(0.0, _SILENCE_S - (time.monotonic() - self._stage.quiet_since)))
        quiet_s = time.monotonic() - self._stage.quiet_since
        [lone] = await self._stage.waits_ms(1)
        await self._stage.close()
        return [Figure(name="silence.ms", ours=lone, note=f"{quiet_s:.0f} s of silence")]
