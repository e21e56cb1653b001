"""The pull loop through everything a broker can do to it: kill -9, a removed consumer, silence."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

import pytest
from nats.aio.msg import Msg

from local_stack.nats_server import NatsServer
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.contracts.topology import consumer_config
from shared.runtime.acknowledge import ack
from shared.runtime.pull_loop import PullLoop
from shared.runtime.service import Service
from tests.component.test_service import until


class Puller:
    """A loop that acks everything and remembers it."""

    def __init__(self, service: Service, tasks: asyncio.TaskGroup, *, room: int = 64) -> None:
        self.ids: set[str] = set()
        self.deliveries = 0
        self.room = room
        self.most_at_once = 0
        self.open = 0
        self.came = asyncio.Condition()
        self._tasks = tasks
        self.loop = PullLoop(
            service.bus,
            stream="VMH",
            consumer=consumer_config(
                "puller", ["vmh.document.update"], ack_wait_s=2, replicas=service.bus.settings.nats_replicas
            ),
            on_message=self._on_message,
            room=lambda: self.room - self.open,
            on_begin=lambda: None,
            clock=service.clock,
        )

    def _on_message(self, message: Msg) -> None:
        self.open += 1
        self.most_at_once = max(self.most_at_once, self.open)
        self.deliveries += 1
        self._tasks.create_task(self._ack(message))

    async def _ack(self, message: Msg) -> None:
        await ack(message)
        self.open -= 1
        self.loop.wake()
        async with self.came:
            self.ids.add((message.headers or {})["ce-id"])
            self.came.notify_all()

    async def until(self, ids: set[str], *, seconds: float = 15.0) -> float:
        """Waits until all of these have come; when that was."""
        async with asyncio.timeout(seconds), self.came:
            await self.came.wait_for(lambda: ids <= self.ids)
        return time.monotonic()


@contextlib.asynccontextmanager
async def pulling(service: Service, *, room: int = 64) -> AsyncIterator[Puller]:
    async with asyncio.TaskGroup() as tasks:
        puller = Puller(service, tasks, room=room)
        task = tasks.create_task(puller.loop.run())
        try:
            yield puller
        finally:
            task.cancel()


async def publish(service: Service, number: int = 1) -> set[str]:
    sent = await asyncio.gather(
        *(service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id=f"d{n}")) for n in range(number))
    )
    return set(sent)


async def test_everything_comes_and_never_more_than_there_is_room_for(service: Service) -> None:
    """P12: what is in hand is bounded by what was asked for."""
    sent = await publish(service, 300)
    async with pulling(service, room=10) as puller:
        await puller.until(sent)
    assert puller.deliveries == 300
    assert puller.most_at_once <= 10


async def test_a_lone_message_after_silence_comes_at_once(service: Service) -> None:
    """A pull request is always standing, so nobody waits for a tick."""
    async with pulling(service) as puller:
        await puller.until(await publish(service))
        started = time.monotonic()
        assert await puller.until(await publish(service)) - started < 1


async def test_a_killed_and_restarted_server(service: Service, nats_server: NatsServer) -> None:
    """P7: kill -9 under load; everything stored is processed, the first message soon after the broker is back."""
    async with pulling(service) as puller:
        await puller.until(await publish(service))
        sent = await publish(service, 100)
        nats_server.kill()
        await nats_server.astart()
        back = time.monotonic()
        more = await publish(service)
        first = await puller.until(more)
        assert first - back < 4  # 2 s promised, twice that on a busy machine
        sent |= await publish(service, 100)
        await puller.until(sent)


async def test_a_server_killed_while_it_is_being_asked(service: Service, nats_server: NatsServer) -> None:
    """P7: a request that died with the broker does not hold the loop up once the broker is back."""
    nats_server.freeze()
    async with pulling(service) as puller:
        await asyncio.sleep(0.1)  # its first request is on its way and will never be answered
        nats_server.kill()
        await nats_server.astart()
        back = time.monotonic()
        assert await puller.until(await publish(service)) - back < 4  # as above


async def test_a_removed_consumer_is_made_again(service: Service) -> None:
    """Somebody deletes it with the command line: the loop notices and goes on by itself."""
    async with pulling(service) as puller:
        await puller.until(await publish(service))
        await service.bus.api("CONSUMER.DELETE.VMH.puller")
        await puller.until(await publish(service, 5), seconds=8)


async def test_a_quiet_broker_is_asked_anew(
    service: Service, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No heartbeats on an open connection: the loop starts over instead of waiting for ever."""
    monkeypatch.setattr("shared.runtime.pull_loop._HEARTBEAT_S", 0.2)
    caplog.set_level(logging.WARNING)
    async with pulling(service) as puller:
        await puller.until(await publish(service))
        nats_server.freeze()
        try:
            await until(lambda: "gone quiet" in caplog.text)
        finally:
            nats_server.thaw()
        await puller.until(await publish(service, 3))


async def test_pause_and_resume(service: Service) -> None:
    """Paused, nothing more is taken; resumed, all that waited comes."""
    async with pulling(service) as puller:
        await puller.until(await publish(service))
        await puller.loop.pause()
        waiting = await publish(service, 20)
        async with asyncio.timeout(5):  # the broker counts what is pending a moment after it has stored it
            while (await service.bus.api("CONSUMER.INFO.VMH.puller"))["num_pending"] != 20:
                pass
        puller.loop.resume()
        await puller.until(waiting)
