"""The consumer with 1, 10, 100 and 1,000 entities in flight."""

import time

from benchmarks.broker import Broker, looking_at
from benchmarks.children import Room
from benchmarks.rounds import median
from benchmarks.sizes.curve import Curve
from benchmarks.webhook import entity_id

_IN_FLIGHT = (1, 10, 100, 1_000)
_EVENTS = 1_500
_ROUNDS = 3
_BODIES = [f'{{"entity_id":"{entity_id(number)}"}}'.encode() for number in range(_EVENTS)]


async def measure(room: Room) -> Curve:
    """CPU per event of a worker that may run so many entities at once, each event another entity's."""
    at: list[tuple[float, float]] = []
    rates: list[str] = []
    async with looking_at(room.nats.url) as broker:
        for count in _IN_FLIGHT:
            rounds = await _worker(room, broker, count)
            at.append((count, median([cpu_us for cpu_us, _ in rounds])))
            rates.append(f"{count:,}: {median([per_s for _, per_s in rounds]):,.0f}/s")
    return Curve(
        name="entities",
        title="Consumer: CPU per event",
        size="entities in flight",
        cost="µs per event",
        at=at,
        is_per_piece=True,
        note=", ".join(rates),
    )


async def _worker(room: Room, broker: Broker, in_flight: int) -> list[tuple[float, float]]:
    """CPU per event in µs and events per second, of each round."""
    worker = room.child("benchmarks.noop_worker", port_name="HEALTH_PORT", WORKER_CONCURRENCY=str(in_flight))
    await worker.start()
    found = []
    for _ in range(_ROUNDS + 1):
        cpu_s, began = worker.cpu_s(), time.perf_counter()
        await broker.fill("vmh.document.update", _BODIES)
        await broker.drained("VMH", "document_worker")
        found.append(((worker.cpu_s() - cpu_s) / _EVENTS * 1e6, _EVENTS / (time.perf_counter() - began)))
    await worker.stop()
    return found[1:]
