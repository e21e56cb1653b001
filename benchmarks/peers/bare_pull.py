"""The least that consumes from JetStream: a standing pull request, a callback, an acknowledgement."""

import asyncio
import json
import signal

import nats
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig

from benchmarks.peers.place import NATS_URL, ensured
from benchmarks.peers.ready import say_ready

_BATCH = 256


async def main() -> None:
    """Works until told to stop."""
    nc = await nats.connect(NATS_URL)
    js = nc.jetstream()
    await ensured(js, "RAW", "raw.>")
    await js.add_consumer("RAW", ConsumerConfig(durable_name="raw_worker", ack_policy=AckPolicy.EXPLICIT))
    inbox = nc.new_inbox()
    asked = 0

    async def ask() -> None:
        nonlocal asked
        asked += _BATCH
        request = json.dumps({"batch": _BATCH, "expires": 60_000_000_000}).encode()
        await nc.publish("$JS.API.CONSUMER.MSG.NEXT.RAW.raw_worker", request, reply=inbox)

    async def receive(message: Msg) -> None:
        nonlocal asked
        if not message.reply:
            asked = 0
        else:
            json.loads(message.data)
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


if __name__ == "__main__":
    asyncio.run(main())
