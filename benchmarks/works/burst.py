"""Ten thousand webhooks over a thousand documents, with the real worker and both vendors."""

import time

import aiohttp

from benchmarks.broker import looking_at
from benchmarks.children import Room, send
from benchmarks.documents import Documents
from benchmarks.figure import Figure
from benchmarks.load import Order
from benchmarks.webhook import SECRETS

_WEBHOOKS = 10_000
_DOCUMENTS = 1_000


async def measure(room: Room) -> list[Figure]:
    """Until nothing is left, counted from the first webhook; then each document has exactly one file."""
    gateway = room.child("gateway", port_name="GATEWAY_PORT", GATEWAY_WEBHOOK_SECRETS=SECRETS)
    await gateway.start()
    async with aiohttp.ClientSession() as session, looking_at(room.nats.url) as broker:
        documents = Documents(room, session, broker)
        worker = await documents.open()
        ids = await documents.make(_DOCUMENTS, size_bytes=1024)
        before, cpu_s = await documents.state(), worker.cpu_s()
        began = time.perf_counter()
        told = await send(Order(port=gateway.port, connections=32, count=_WEBHOOKS, ids=tuple(ids)))
        await broker.drained("VMH", "document_worker")
        seconds = time.perf_counter() - began - told.preparing_s
        after, dead = await documents.state(), await broker.messages("DEAD")
        told_of = 'hub_deliveries_total{outcome="'
        worked, skipped = await worker.metric(told_of + "done"), await worker.metric(told_of + "skip")
        runs = worked + skipped - await worker.metric(told_of + 'skip",reason="coalesced"')
        used_s = worker.cpu_s() - cpu_s
        await documents.close()
    await gateway.stop()
    if told.by_status != {"200": _WEBHOOKS} or dead or after["clean"] != after["documents"]:
        raise RuntimeError(f"{told.by_status}, {dead} dead letters, {after}")
    wrong = abs(after["files"] - before["files"] - _DOCUMENTS)
    note = f"webhooks taken in {told.seconds:.1f} s; {runs:,.0f} runs of 11 calls at most"
    return [
        Figure(name="burst.seconds", ours=seconds, cpu_us=used_s / _DOCUMENTS * 1e6, note=note),
        Figure(name="burst.twice", ours=wrong),
    ]
