"""The publisher against a real NATS server that is killed, frozen and short of a stream."""

import asyncio
import time
from collections import Counter

import pytest

from local_stack.nats_server import NatsServer
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.outcomes.errors import Unavailable
from shared.runtime.publisher import Overloaded, Publisher
from shared.runtime.service import Service
from tests.component.test_service import until
from tests.support.office import stored


def publisher(service: Service, *, in_flight_max: int = 512, deadline_s: float = 5.0) -> Publisher:
    """One of its own limits."""
    ids = iter(range(10**9))
    return Publisher(
        service.bus,
        source="test",
        clock=service.clock,
        tracer=service.tracer,
        metrics=service.metrics,
        new_id=lambda: f"id{next(ids)}",
        in_flight_max=in_flight_max,
        deadline_s=deadline_s,
    )


def event(number: int = 1) -> EntityEvent:
    return EntityEvent(entity_id=f"d{number}")


async def test_stored_means_stored(service: Service) -> None:
    """When `publish` returns, the event lies in the stream with its headers."""
    event_id = await service.publisher.publish(DOCUMENT_UPDATE, event())
    [message] = await stored(service, "VMH")
    assert message["subject"] == "vmh.document.update"
    assert message["headers"]["ce-id"] == message["headers"]["Nats-Msg-Id"] == event_id
    assert DOCUMENT_UPDATE.decode(message["body"]).entity_id == "d1"


async def test_a_message_id_is_stored_once(service: Service) -> None:
    """Our own retries cannot double an event; the second answer names the same place."""
    headers = {"Nats-Msg-Id": "m1"}
    first = await service.publisher.store("vmh.document.update", b"{}", headers)
    assert await service.publisher.store("vmh.document.update", b"{}", headers) == first
    assert len(await stored(service, "VMH")) == 1


async def test_a_killed_server_loses_nothing_that_was_confirmed(service: Service, nats_server: NatsServer) -> None:
    """P1: kill -9 under load; each publish has returned or raised Unavailable, and what returned is there once."""
    patient, hasty = publisher(service), publisher(service, deadline_s=0.2)
    hasty._new_id = (f"hasty{number}" for number in range(10**9)).__next__
    confirmed: list[str] = []
    refused = 0
    enough = asyncio.Event()
    last = asyncio.Event()

    async def one(made: Publisher, number: int) -> None:
        nonlocal refused
        try:
            confirmed.append(await made.publish(DOCUMENT_UPDATE, event(number)))
        except Unavailable:
            refused += 1
        if len(confirmed) > 50:
            enough.set()

    async def load(made: Publisher) -> None:
        number = 0
        while not last.is_set():
            await asyncio.gather(*(one(made, number + step) for step in range(10)))
            number += 10

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(load(patient))
        tasks.create_task(load(hasty))
        await enough.wait()
        nats_server.kill()
        await asyncio.sleep(0.3)  # long enough for the hasty one to give up
        await nats_server.astart()
        before = len(confirmed)
        await until(lambda: len(confirmed) >= before + 50)
        last.set()
    assert refused > 0
    there = Counter(str(message["headers"]["ce-id"]) for message in await stored(service, "VMH"))
    assert set(confirmed) <= set(there)
    assert max(there.values()) == 1


async def test_the_bound_of_what_is_in_flight(service: Service, nats_server: NatsServer) -> None:
    """P12: while the broker does not answer, no more than the bound wait; one more is refused at once."""
    made = publisher(service, in_flight_max=4)
    nats_server.freeze()
    try:
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(made.publish(DOCUMENT_UPDATE, event(number))) for number in range(4)]
            await asyncio.sleep(0)
            started = time.monotonic()
            with pytest.raises(Overloaded):
                await made.publish(DOCUMENT_UPDATE, event(5))
            assert time.monotonic() - started < 0.2
            nats_server.thaw()
    finally:
        nats_server.thaw()
    assert len({task.result() for task in waiting}) == 4
    await made.publish(DOCUMENT_UPDATE, event(6))


async def test_the_bound_holds_while_nats_is_away(service: Service, nats_server: NatsServer) -> None:
    """P12: also without a connection only so many callers wait, or an outage piles up requests without end."""
    made = publisher(service, in_flight_max=4, deadline_s=0.5)
    nats_server.kill()
    await until(lambda: not service.bus.connected)
    results = await asyncio.gather(
        *(made.publish(DOCUMENT_UPDATE, event(number)) for number in range(10)), return_exceptions=True
    )
    assert [type(result) for result in results].count(Overloaded) == 6
    assert all(isinstance(result, Unavailable) for result in results)


async def test_a_missing_stream_is_unavailable_in_bounded_time(service: Service) -> None:
    """Nobody takes the event: the caller hears so within its deadline."""
    await service.bus.api("STREAM.DELETE.VMH")
    made = publisher(service, deadline_s=0.4)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        await made.publish(DOCUMENT_UPDATE, event())
    assert time.monotonic() - started < 2
    assert b'hub_publish_failures_total{subject="vmh.document.update"} 1.0' in service.metrics.render()


async def test_a_refusal_is_told_with_the_brokers_words(service: Service) -> None:
    """What JetStream answers as an error is no success and is not tried again and again."""
    headers = {"Nats-Msg-Id": "m1", "Nats-Expected-Stream": "OTHER"}
    with pytest.raises(Unavailable, match="expected stream does not match"):
        await service.publisher.store("vmh.document.update", b"{}", headers)


async def test_a_body_larger_than_the_broker_takes_is_unavailable(service: Service) -> None:
    """nats-py's own refusal does not come through as something else."""
    made = publisher(service, deadline_s=0.2)
    with pytest.raises(Unavailable):
        await made.store("vmh.document.update", b"x" * (2 * 1024 * 1024), {"Nats-Msg-Id": "m1"})
