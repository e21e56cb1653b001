"""From the start of a process until /readyz says yes."""

from benchmarks.children import Room
from benchmarks.figure import Figure
from benchmarks.rounds import median
from benchmarks.services import SERVICES, started

_REPEATS = 5


async def measure(room: Room) -> list[Figure]:
    """The median of five starts of each service; the slowest service counts."""
    async with started(room) as services:
        seconds: dict[str, list[float]] = {name: [] for name in SERVICES}
        for _ in range(_REPEATS):
            for name, child in services.items():
                child.kill()
                seconds[name].append(await child.start())
    medians = {name: median(times) for name, times in seconds.items()}
    note = ", ".join(f"{name} {one:.2f}" for name, one in medians.items())
    return [Figure(name="start.seconds", ours=max(medians.values()), note=note)]
