"""Syncing documents, beside bare aiohttp that makes the same calls and remembers nothing."""

import time

import aiohttp

from benchmarks.broker import looking_at
from benchmarks.children import Child, Room
from benchmarks.documents import Documents
from benchmarks.figure import Figure
from benchmarks.rounds import Sample, in_turns, middle, ratio_of_pairs

_DOCUMENTS = 300
_PAIRS = 8
_SIZE_BYTES = 16 * 1024


async def measure(room: Room) -> list[Figure]:
    """Documents per second, 32 at a time, vendors without latency."""
    bare = room.child("benchmarks.peers.bare_sync", port_name="PORT")
    await bare.start()
    async with aiohttp.ClientSession() as session, looking_at(room.nats.url) as broker:
        documents = Documents(room, session, broker)
        worker = await documents.open()
        state = await documents.state()

        async def ours() -> Sample:
            ids = await documents.make(_DOCUMENTS, size_bytes=_SIZE_BYTES)
            cpu_s, began = worker.cpu_s(), time.perf_counter()
            await documents.sync("vmh.document.update", ids)
            return _sample(worker, cpu_s, began)

        async def theirs() -> Sample:
            ids = await documents.make(_DOCUMENTS, size_bytes=_SIZE_BYTES)
            cpu_s, began = bare.cpu_s(), time.perf_counter()
            order = {"espocrm": state["espocrm"], "xai": state["xai"], "documents": ids}
            async with session.post(f"http://127.0.0.1:{bare.port}/sync", json=order) as answer:
                answer.raise_for_status()
            return _sample(bare, cpu_s, began)

        ours_all, bare_all = await in_turns(ours, theirs, rounds=_PAIRS)
        after = await documents.state()
        await documents.close()
    await bare.stop()
    if after["clean"] != after["documents"]:
        raise RuntimeError(f"not all are clean: {after}")
    us, them = middle(ours_all), middle(bare_all)
    return [
        Figure(
            name="document.rate",
            ours=us.per_s,
            peer=them.per_s,
            ratio=ratio_of_pairs([one.per_s for one in ours_all], [one.per_s for one in bare_all]),
            cpu_us=us.cpu_us,
            peer_cpu_us=them.cpu_us,
            note="11 calls each; ours with lock, journal, snapshot and history",
        )
    ]


def _sample(child: Child, cpu_s: float, began: float) -> Sample:
    return Sample(
        per_s=_DOCUMENTS / (time.perf_counter() - began),
        cpu_us=(child.cpu_s() - cpu_s) / _DOCUMENTS * 1e6,
    )
