"""A thousand events of one entity while its handler takes a second."""

from benchmarks.broker import looking_at
from benchmarks.children import Room, send
from benchmarks.figure import Figure
from benchmarks.load import Order
from benchmarks.webhook import SECRETS

_EVENTS = 1_000


async def measure(room: Room) -> list[Figure]:
    """How often it ran, and what was given up on."""
    started = room.directory / "started"
    gateway = room.child("gateway", port_name="GATEWAY_PORT", GATEWAY_WEBHOOK_SECRETS=SECRETS)
    worker = room.child(
        "benchmarks.noop_worker", port_name="HEALTH_PORT", BENCH_STARTED=str(started), BENCH_HANDLER_SECONDS="1"
    )
    await gateway.start()
    await worker.start()
    async with looking_at(room.nats.url) as broker:
        told = await send(Order(port=gateway.port, connections=64, count=_EVENTS, entities=1))
        await broker.drained("VMH", "document_worker")
        stored, dead = await broker.messages("VMH"), await broker.messages("DEAD")
    for child in (gateway, worker):
        await child.stop()
    if told.by_status != {"200": _EVENTS} or stored < _EVENTS:
        raise RuntimeError(f"{told.by_status}, stored {stored}")
    runs = len(started.read_text(encoding="ascii").splitlines())
    return [
        Figure(name="storm.runs", ours=runs, note=f"webhooks taken in {told.seconds:.1f} s"),
        Figure(name="storm.dead", ours=dead),
    ]
