"""Memory: each worker when idle, and the document worker with a document of 512 MB."""

import asyncio

import aiohttp

from benchmarks.broker import looking_at
from benchmarks.children import Room
from benchmarks.documents import Documents
from benchmarks.figure import Figure
from benchmarks.services import SERVICES, started

_SIZE_BYTES = 512 * 1024 * 1024
_SETTLE_S = 2.0


async def measure(room: Room) -> list[Figure]:
    """Resident set, in MB of 1024 × 1024 bytes."""
    async with started(room) as services:
        await asyncio.sleep(_SETTLE_S)
        idle = {name: services[name].rss_mb() for name in SERVICES}
    async with aiohttp.ClientSession() as session, looking_at(room.nats.url) as broker:
        documents = Documents(room, session, broker)
        worker = await documents.open(XAI_MAX_FILE_SIZE_MB="512")
        await documents.sync("vmh.document.update", await documents.make(1, size_bytes=1024))
        before = worker.peak_mb()
        await documents.sync("vmh.document.update", await documents.make(1, size_bytes=_SIZE_BYTES))
        state, grown = await documents.state(), worker.peak_mb() - before
        await documents.close()
    if state["clean"] != state["documents"]:
        raise RuntimeError(f"not synced: {state}")
    workers = [name for name in SERVICES if name.endswith("_worker")]
    return [
        Figure(
            name="memory.idle",
            ours=max(idle[name] for name in workers),
            note=", ".join(f"{name} {size:.0f}" for name, size in idle.items()),
        ),
        Figure(name="memory.document", ours=grown),
    ]
