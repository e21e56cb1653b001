"""FastAPI and FastStream: a validated webhook, published to JetStream, answered."""

import contextlib
from collections.abc import AsyncIterator

import nats
import uvicorn
from fastapi import FastAPI
from faststream.nats import NatsBroker
from pydantic import BaseModel

from benchmarks.peers.place import NATS_URL, PORT, ensured
from benchmarks.webhook import PATH


class Record(BaseModel):
    """What is read of a record."""

    id: str


broker = NatsBroker(NATS_URL, logger=None)


@contextlib.asynccontextmanager
async def connected(_app: FastAPI) -> AsyncIterator[None]:
    """The broker, for as long as the application runs."""
    nc = await nats.connect(NATS_URL)
    await ensured(nc.jetstream(), "PEER", "peer.>")
    await nc.close()
    await broker.connect()
    yield
    await broker.stop()


app = FastAPI(lifespan=connected)


@app.post(PATH)
async def receive(records: list[Record]) -> dict[str, str]:
    """Each record is an event."""
    for record in records:
        await broker.publish({"entity_id": record.id}, "peer.events", stream="PEER", timeout=5.0)
    return {"status": "received"}


@app.get("/readyz")
async def ready() -> dict[str, str]:
    """For whoever starts this."""
    return {"status": "ready"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning", access_log=False)
