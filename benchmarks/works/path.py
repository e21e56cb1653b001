"""The whole path with a handler that does nothing, beside FastAPI and FastStream."""

import time

from benchmarks.broker import Broker, looking_at
from benchmarks.children import Child, Room, send
from benchmarks.figure import Figure
from benchmarks.load import Order
from benchmarks.rounds import Sample, in_turns, middle
from benchmarks.webhook import SECRETS

_EVENTS = 3_000
_CONNECTIONS = 64


async def measure(room: Room) -> list[Figure]:
    """CPU of all servers per event, and events per second from the first webhook to the last acknowledgement.

    Each event is another entity's, so that none is coalesced: that would be cheaper, and no comparison.
    """
    gateway = room.child("gateway", port_name="GATEWAY_PORT", GATEWAY_WEBHOOK_SECRETS=SECRETS)
    worker = room.child("benchmarks.noop_worker", port_name="HEALTH_PORT")
    their_gateway = room.child("benchmarks.peers.faststream_gateway", port_name="PORT")
    their_worker = room.child("benchmarks.peers.faststream_worker", port_name="PORT")
    children = (gateway, worker, their_gateway, their_worker)
    for child in children:
        await child.start()
    async with looking_at(room.nats.url) as broker:
        ours, theirs = await in_turns(
            lambda: _round(room, broker, (gateway, worker), ("VMH", "document_worker")),
            lambda: _round(room, broker, (their_gateway, their_worker), ("PEER", "peer_worker")),
        )
    for child in children:
        await child.stop()
    us, them = middle(ours), middle(theirs)
    ours_ms, theirs_ms = (us.cpu_us + us.broker_us) / 1e3, (them.cpu_us + them.broker_us) / 1e3
    return [
        Figure(name="path.cpu", ours=ours_ms, cpu_us=us.cpu_us, note=f"of it the broker {us.broker_us:.0f} µs"),
        Figure(
            name="path.peer",
            ours=ours_ms,
            peer=theirs_ms,
            ratio=ours_ms / theirs_ms,
            cpu_us=us.cpu_us,
            peer_cpu_us=them.cpu_us,
            note=f"their broker {them.broker_us:.0f} µs; no lock, history or log line there",
        ),
        Figure(name="path.rate", ours=us.per_s, peer=them.per_s, ratio=us.per_s / them.per_s),
    ]


async def _round(room: Room, broker: Broker, servers: tuple[Child, Child], consumer: tuple[str, str]) -> Sample:
    cpu_s, broker_s = sum(child.cpu_s() for child in servers), room.broker_cpu_s()
    began = time.perf_counter()
    told = await send(Order(port=servers[0].port, connections=_CONNECTIONS, count=_EVENTS, entities=_EVENTS))
    if told.by_status != {"200": _EVENTS}:
        raise RuntimeError(f"{servers[0].module} answered {told.by_status}")
    await broker.drained(*consumer)
    seconds = time.perf_counter() - began - told.preparing_s
    return Sample(
        per_s=_EVENTS / seconds,
        cpu_us=(sum(child.cpu_s() for child in servers) - cpu_s) / _EVENTS * 1e6,
        broker_us=(room.broker_cpu_s() - broker_s) / _EVENTS * 1e6,
    )
