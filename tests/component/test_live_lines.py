"""Log lines on the bus, as they happen."""

import asyncio
import json
import logging

import nats
from nats.aio.msg import Msg

from shared.runtime.service import Service


async def test_lines_come_live_and_in_order(service: Service) -> None:
    """`nats sub 'log.>'` sees them; of a flood the first hundred or so, and what comes after it again."""
    listener = await nats.connect(service.bus.settings.nats_url)
    try:
        seen: asyncio.Queue[Msg] = asyncio.Queue()
        await listener.subscribe("log.document_worker.warning", cb=seen.put)
        await listener.flush()
        log = logging.getLogger("flood")
        for number in range(500):
            log.warning("flood", extra={"number": number})
        await asyncio.sleep(0)
        log.warning("after")
        numbers: list[int] = []
        async with asyncio.timeout(5):
            while (line := json.loads((await seen.get()).data))["message"] != "after":
                numbers.append(line["number"])
    finally:
        await listener.close()
    assert numbers == list(range(len(numbers)))
    assert 100 <= len(numbers) < 500
