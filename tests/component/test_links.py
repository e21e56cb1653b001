"""P14: runs that do not continue a trace are linked to it: what a schedule brings, and what one run does for many."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from local_stack.nats_server import NatsServer
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.outcomes.outcome import Done, Outcome
from shared.outcomes.reason import Reason
from shared.runtime.service import Service
from tests.component.test_consumer import Probe
from tests.component.test_lanes_consumer import limited_once, working
from tests.component.test_service import until
from tests.component.test_traces import traced
from tests.support.office import settled, stored
from tests.support.otlp import Receiver, receiving

PUBLISH, PROCESS = "publish vmh.document.update", "process vmh.document.update"


@pytest.fixture
async def received() -> AsyncIterator[tuple[Receiver, str]]:
    """A receiver that is there before the service and after it."""
    async with receiving() as (receiver, endpoint):
        yield receiver, endpoint


async def ask(service: Service, entity_id: str = "d1") -> str:
    return await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id=entity_id))


async def test_a_try_that_a_schedule_brings_is_a_new_trace_with_a_link(
    nats_server: NatsServer, received: tuple[Receiver, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """P14: hours may lie between: the first trace is not held open for them, and both are found from either."""
    receiver, endpoint = received
    monkeypatch.setattr("shared.outcomes.settle.NAK_DELAY_MAX_S", 0.1)
    probe = Probe()
    limited_once(probe)
    async with traced(nats_server, monkeypatch, endpoint) as service, working(service, probe):
        event_id = await ask(service)
        await probe.until(lambda: len(probe.runs) == 2)
        await settled(service)
    publish, (put_off, done) = receiver.one(PUBLISH), receiver.named(PROCESS)
    assert (put_off.parent_id, put_off.links) == (publish.span_id, (publish.own,))
    assert (done.parent_id, done.links) == ("", (publish.own,))
    assert {run.attributes["messaging.message.id"] for run in (put_off, done)} == {event_id}
    assert put_off.events[-1].attributes["hub.settlement"] == "later"


async def test_a_run_is_linked_to_all_that_it_stands_for(
    nats_server: NatsServer, received: tuple[Receiver, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """P14: coalesced webhooks end in nobody's trace of their own, so the run that did their work names them."""
    receiver, endpoint = received
    probe, begun, go_on = Probe(), asyncio.Event(), asyncio.Event()

    async def behave(_event: EntityEvent) -> Outcome:
        begun.set()
        await go_on.wait()
        return Done(Reason.UPLOADED)

    probe.behave = behave
    async with traced(nats_server, monkeypatch, endpoint) as service, working(service, probe):
        await ask(service)
        await begun.wait()
        for _ in range(25):
            await ask(service)
        coalesced = service.metrics.deliveries.labels("vmh.document.update", "skip", "coalesced")
        await until(lambda: bool(coalesced._value.get() == 24))
        go_on.set()
        await settled(service)
    _, second = receiver.named(PROCESS)
    assert second.attributes["hub.coalesced"] == 24
    asked = receiver.named(PUBLISH)[1:]
    assert second.parent_id == asked[0].span_id
    assert second.links == tuple(one.own for one in asked[:21])  # its own, and the first twenty others


async def test_an_event_that_cannot_be_read_ends_in_its_trace(
    nats_server: NatsServer, received: tuple[Receiver, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """P14: whoever follows it to its dead letter sees why."""
    receiver, endpoint = received
    theirs = f"00-{'1' * 32}-{'2' * 16}-01"
    async with traced(nats_server, monkeypatch, endpoint) as service, working(service, Probe()):
        await service.bus.nc.jetstream().publish("vmh.document.update", b"[]", headers={"traceparent": theirs})
        await settled(service)
        text, _ = service.metrics.negotiated("application/openmetrics-text")
        assert len(await stored(service, "DEAD")) == 1
    run = receiver.one(PROCESS)
    assert (run.trace_id, run.parent_id) == ("1" * 32, "2" * 16)
    assert (run.is_error, run.attributes["error.type"]) == (True, "Malformed")
    example = (
        f'hub_dead_letters_total{{kind="Malformed",subject="vmh.document.update"}} 1.0 # {{trace_id="{"1" * 32}"}}'
    )
    assert example in text.decode()
