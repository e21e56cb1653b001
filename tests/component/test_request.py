"""Asking NATS: cancelled at every moment, refused, without an answer, and many at once."""

import asyncio

import pytest
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError

from shared.runtime.service import Service


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
            asking = tasks.create_task(service.bus.requests.request("echo", b"x", timeout_s=2))
            for _ in range(moment % 40):
                await asyncio.sleep(0)
            told = asking.cancel()
        assert asking.cancelled() == told
        cancelled += told
        finished += not told
    assert cancelled


async def test_each_answer_goes_to_its_question(service: Service) -> None:
    """Also when answers come in another order than the questions."""
    nc = service.bus.nc
    asked: list[Msg] = []

    async def late(message: Msg) -> None:
        asked.append(message)
        if len(asked) == 50:
            for each in reversed(asked):
                await each.respond(each.data)

    await nc.subscribe("late", cb=late)
    answers = await asyncio.gather(
        *(service.bus.requests.request("late", str(number).encode(), timeout_s=5) for number in range(50))
    )
    assert [answer.data for answer in answers] == [str(number).encode() for number in range(50)]


async def test_nobody_there_is_told_at_once(service: Service) -> None:
    """And not after the time that was given."""
    async with asyncio.timeout(2):
        with pytest.raises(NoRespondersError):
            await service.bus.requests.request("nobody.listens", b"", timeout_s=60)


async def test_each_question_has_its_own_time(service: Service) -> None:
    """One timer serves all; a short one behind a long one does not wait for it, nor the other way round."""

    async def silent(_message: Msg) -> None:
        """Takes it and says nothing."""

    await service.bus.nc.subscribe("silent", cb=silent)
    loop = asyncio.get_running_loop()

    async def ended_after(timeout_s: float) -> float:
        began = loop.time()
        with pytest.raises(NatsTimeoutError):
            await service.bus.requests.request("silent", b"", timeout_s=timeout_s)
        return loop.time() - began

    given = (0.6, 0.1, 0.3, 0.1)
    took = await asyncio.gather(*(ended_after(timeout_s) for timeout_s in given))
    assert all(timeout_s <= seconds < timeout_s + 0.25 for timeout_s, seconds in zip(given, took, strict=True)), took
