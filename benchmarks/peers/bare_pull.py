"""The least that consumes from JetStream: a standing pull request, a callback, an acknowledgement."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import nats
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig

from benchmarks.peers.place import NATS_URL, ensured
from benchmarks.peers.ready import say_ready

_BATCH = 256
_STREAM = os.environ.get("BENCH_STREAM", "RAW")
_STARTED = os.environ.get("BENCH_STARTED")


async def main() -> None:
    """Works until told to stop."""
    nc = await nats.connect(NATS_URL)
    js = nc.jetstream()
    await ensured(js, _STREAM, f"{_STREAM.lower()}.>")
    await js.add_consumer(_STREAM, ConsumerConfig(durable_name="raw_worker", ack_policy=AckPolicy.EXPLICIT))
    inbox = nc.new_inbox()
    asked = 0

    async def ask() -> None:
        nonlocal asked
        asked += _BATCH
        request = json.dumps({"batch": _BATCH, "expires": 60_000_000_000}).encode()
        await nc.publish(f"$JS.API.CONSUMER.MSG.NEXT.{_STREAM}.raw_worker", request, reply=inbox)

    async def receive(message: Msg) -> None:
        nonlocal asked
        if not message.reply:
            asked = 0
        else:
            event = json.loads(message.data)
            if _STARTED:
                _note(event[0]["id"])
            await nc.publish(message.reply, b"+ACK")
            asked -= 1
        if asked < _BATCH // 2:
            await ask()

    await nc.subscribe(inbox, cb=receive)
    await ask()
    await say_ready()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await nc.close()


def _note(entity_id: str) -> None:
    with Path(_STARTED or "").open("a") as lines:
        lines.write(f"{entity_id} {time.perf_counter()}\n")


if __name__ == "__main__":
    asyncio.run(main())
