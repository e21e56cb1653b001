"""Asking NATS, cancelled at every moment."""

import asyncio

from nats.aio.msg import Msg

from shared.runtime.service import Service
from shared.state.request import request


async def test_a_cancellation_is_never_lost(service: Service) -> None:
    """P13: a task that is told to end ends, also when the answer comes in the same moment."""
    nc = service.bus.nc

    async def echo(message: Msg) -> None:
        await message.respond(message.data)

    await nc.subscribe("echo", cb=echo)
    await nc.flush()
    cancelled = finished = 0
    for moment in range(400):
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(request(nc, "echo", b"x", timeout_s=2))
            for _ in range(moment % 40):
                await asyncio.sleep(0)
            told = asking.cancel()
        assert asking.cancelled() == told
        cancelled += told
        finished += not told
    assert cancelled
