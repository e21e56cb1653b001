"""The consumer alone: a stream is filled, and a worker whose handler does nothing empties it."""

import time

from benchmarks.broker import Broker, looking_at
from benchmarks.children import Child, Room
from benchmarks.figure import Figure
from benchmarks.rounds import Sample, in_turns, middle
from benchmarks.webhook import entity_id

_EVENTS = 1_000
_BODIES = [f'{{"entity_id":"{entity_id(number)}"}}'.encode() for number in range(_EVENTS)]
"""Each another entity's."""

_SIDES = (
    ("benchmarks.noop_worker", "HEALTH_PORT", "VMH", "document_worker", "vmh.document.update"),
    ("benchmarks.peers.faststream_promises", "PORT", "PROMISES", "promises_worker", "promises.events"),
    ("benchmarks.peers.faststream_worker", "PORT", "PEER", "peer_worker", "peer.events"),
    ("benchmarks.peers.bare_pull", "PORT", "RAW", "raw_worker", "raw.events"),
)


async def measure(room: Room) -> list[Figure]:
    """CPU per event."""
    children = [room.child(module, port_name=port_name) for module, port_name, *_ in _SIDES]
    for child in children:
        await child.start()
    async with looking_at(room.nats.url) as broker:

        def side(index: int) -> "_Side":
            return _Side(room, broker, children[index], *_SIDES[index][2:])

        samples = await in_turns(*(side(index).round for index in range(len(_SIDES))))
    for child in children:
        await child.stop()
    us, promises, plain, raw = (middle(one) for one in samples)
    return [
        _figure("consumer.faststream", us, promises, promises.cpu_us / us.cpu_us),
        _figure("consumer.plain", us, plain, plain.cpu_us / us.cpu_us),
        _figure("consumer.raw", us, raw, raw.cpu_us / us.cpu_us),
    ]


def _figure(name: str, us: Sample, them: Sample, ratio: float) -> Figure:
    return Figure(
        name=name,
        ours=us.cpu_us,
        peer=them.cpu_us,
        ratio=ratio,
        cpu_us=us.cpu_us,
        peer_cpu_us=them.cpu_us,
        note=f"{us.per_s:,.0f}/s beside {them.per_s:,.0f}/s; broker {us.broker_us:.0f} and {them.broker_us:.0f} µs",
    )


class _Side:
    """One consumer and its stream."""

    def __init__(self, room: Room, broker: Broker, child: Child, stream: str, consumer: str, subject: str) -> None:
        self._room = room
        self._broker = broker
        self._child = child
        self._stream = stream
        self._consumer = consumer
        self._subject = subject

    async def round(self) -> Sample:
        """Fills, and waits for the last acknowledgement."""
        cpu_s, broker_s = self._child.cpu_s(), self._room.broker_cpu_s()
        began = time.perf_counter()
        await self._broker.fill(self._subject, _BODIES)
        await self._broker.drained(self._stream, self._consumer)
        seconds = time.perf_counter() - began
        return Sample(
            per_s=_EVENTS / seconds,
            cpu_us=(self._child.cpu_s() - cpu_s) / _EVENTS * 1e6,
            broker_us=(self._room.broker_cpu_s() - broker_s) / _EVENTS * 1e6,
        )
