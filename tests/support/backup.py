"""What `nats stream backup` and `nats stream restore` do, over the same API: a copy of a stream, the stream from it.

Source: the JetStream API's STREAM.SNAPSHOT and STREAM.RESTORE, as
https://docs.nats.io/reference/reference-protocols/nats_api_reference lists them.
"""

import asyncio
import json
from typing import Any, NamedTuple

from nats.aio.msg import Msg

from shared.runtime.bus import Bus

_CHUNK = 128 * 1024


class Backup(NamedTuple):
    """A stream at one moment: settings, state, and its files, packed by the server."""

    stream: str
    config: dict[str, Any]
    state: dict[str, Any]
    packed: bytes


async def backed_up(bus: Bus, stream: str) -> Backup:
    """A copy of a stream with its consumers."""
    nc = bus.nc
    inbox = nc.new_inbox()
    pieces: list[bytes] = []
    is_whole = asyncio.Event()

    async def hear(message: Msg) -> None:
        if not message.data:
            is_whole.set()
            return
        pieces.append(message.data)
        if message.reply:
            await nc.publish(message.reply, b"")

    subscription = await nc.subscribe(inbox, cb=hear)
    told = await bus.api(f"STREAM.SNAPSHOT.{stream}", {"deliver_subject": inbox, "jsck": True})
    async with asyncio.timeout(20):
        await is_whole.wait()
    await subscription.unsubscribe()
    return Backup(stream, told["config"], told["state"], b"".join(pieces))


async def restored(bus: Bus, backup: Backup) -> None:
    """The stream as it was. There must be none of its name."""
    asked: dict[str, object] = {"config": backup.config, "state": backup.state}
    to = (await bus.api(f"STREAM.RESTORE.{backup.stream}", asked))["deliver_subject"]
    for start in range(0, len(backup.packed), _CHUNK):
        await bus.nc.request(to, backup.packed[start : start + _CHUNK], timeout=20)
    last = json.loads((await bus.nc.request(to, b"", timeout=20)).data)
    assert "error" not in last, last
