"""FastStream's JetStream consumer, with the options that make it quickest here: push, and 32 at once."""

import asyncio

import nats
from faststream import FastStream
from faststream.nats import JStream, NatsBroker
from pydantic import BaseModel

from benchmarks.peers.place import NATS_URL, ensured
from benchmarks.peers.ready import say_ready


class Event(BaseModel):
    """What travels."""

    entity_id: str


broker = NatsBroker(NATS_URL, logger=None)
app = FastStream(broker)


@broker.subscriber(
    "peer.events", stream=JStream("PEER", subjects=["peer.>"], declare=False), durable="peer_worker", max_workers=32
)
async def on_event(event: Event) -> None:
    """Does nothing."""


@app.after_startup
async def started() -> None:
    """Subscribed."""
    await say_ready()


async def main() -> None:
    """Works until told to stop."""
    nc = await nats.connect(NATS_URL)
    await ensured(nc.jetstream(), "PEER", "peer.>")
    await nc.close()
    await app.run()


if __name__ == "__main__":
    asyncio.run(main())
