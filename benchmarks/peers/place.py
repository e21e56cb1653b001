"""Where a peer finds its broker and its port."""

import os

from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

NATS_URL = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")
PORT = int(os.environ.get("PORT", "0"))


async def ensured(js: JetStreamContext, name: str, subjects: str) -> None:
    """The stream is there, on disk as ours are."""
    try:
        await js.stream_info(name)
    except NotFoundError:
        await js.add_stream(StreamConfig(name=name, subjects=[subjects]))
