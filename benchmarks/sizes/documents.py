"""Syncing a document of 1 KB, 1 MB and 50 MB."""

import aiohttp

from benchmarks.broker import looking_at
from benchmarks.children import Room
from benchmarks.documents import Documents
from benchmarks.rounds import median
from benchmarks.sizes.curve import Curve

_KB = 1024
_SIZES = ((_KB, 20), (_KB * _KB, 10), (50 * _KB * _KB, 2))
"""Bytes, and how many documents of them make a round."""
_ROUNDS = 3


async def measure(room: Room) -> Curve:
    """The worker's CPU per document: fetched, hashed, spooled, sent."""
    at: list[tuple[float, float]] = []
    async with aiohttp.ClientSession() as session, looking_at(room.nats.url) as broker:
        documents = Documents(room, session, broker)
        worker = await documents.open()
        for size_bytes, count in _SIZES:
            costs = []
            for _ in range(_ROUNDS + 1):
                ids = await documents.make(count, size_bytes=size_bytes)
                cpu_s = worker.cpu_s()
                await documents.sync("vmh.document.update", ids)
                costs.append((worker.cpu_s() - cpu_s) / count * 1e3)
            at.append((size_bytes / _KB, median(costs[1:])))
        peak_mb = worker.peak_mb()
        await documents.close()
    return Curve(
        name="documents",
        title="Document: CPU of the worker",
        size="KB of the file",
        cost="ms per document",
        at=at,
        note=f"the worker had {peak_mb:.0f} MB at most",
    )
