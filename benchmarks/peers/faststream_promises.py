"""The same consumer, keeping our promises with what FastStream and nats-py offer.

Per event: a lock per entity with a time to live, released by deleting it; a dead letter and a term for what cannot be
read or fails for good; a nak with a delay else; a history record that the broker has confirmed; one log line as JSON.
"""

import asyncio
import json
import logging
import time
from typing import Annotated

import nats
from faststream import AckPolicy, Context, FastStream
from faststream.nats import JStream, NatsBroker, NatsMessage
from nats.js.api import KeyValueConfig
from nats.js.errors import KeyWrongLastSequenceError
from nats.js.kv import KeyValue
from pydantic import BaseModel

from benchmarks.peers.place import NATS_URL, ensured
from benchmarks.peers.ready import say_ready

_log = logging.getLogger("peer")


class Event(BaseModel):
    """What travels."""

    entity_id: str


broker = NatsBroker(NATS_URL, logger=None)
app = FastStream(broker)


@broker.subscriber(
    "promises.events",
    stream=JStream("PROMISES", subjects=["promises.>"], declare=False),
    durable="promises_worker",
    max_workers=32,
    ack_policy=AckPolicy.MANUAL,
)
async def on_event(event: Event, message: NatsMessage, locks: Annotated[KeyValue, Context("locks")]) -> None:
    """One at a time per entity; how it ended is on record before the broker is told."""
    began = time.perf_counter()
    try:
        revision = await locks.create(event.entity_id, b"me", msg_ttl=30)
    except KeyWrongLastSequenceError:
        await message.nack(delay=1)
        return
    try:
        outcome = "skip"
        record = {"event_id": message.message_id, "outcome": outcome, "ms": (time.perf_counter() - began) * 1e3}
        await broker.publish(record, f"promised.{event.entity_id}", stream="PROMISED", timeout=5.0)
        await message.ack()
        _log.info(json.dumps({"message": "delivery", **record}))
    finally:
        await locks.delete(event.entity_id, last=revision)


@app.after_startup
async def started() -> None:
    """Subscribed."""
    await say_ready()


async def main() -> None:
    """Works until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("faststream").setLevel(logging.WARNING)
    nc = await nats.connect(NATS_URL)
    js = nc.jetstream()
    await ensured(js, "PROMISES", "promises.>")
    await ensured(js, "PROMISED", "promised.>")
    app.context.set_global("locks", await js.create_key_value(KeyValueConfig(bucket="peer_locks", limit_marker_ttl=60)))
    await app.run()
    await nc.close()


if __name__ == "__main__":
    asyncio.run(main())
