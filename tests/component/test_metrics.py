"""Metrics that say how the runtime is doing, read as a scraper reads them while something happens."""

import asyncio
import time

from local_stack.nats_server import NatsServer
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.outcomes.outcome import Done, Outcome
from shared.outcomes.reason import Reason
from shared.runtime.service import Service
from tests.component.test_consumer import Probe
from tests.component.test_gateway import standing_still
from tests.component.test_lanes_consumer import limited_once, working
from tests.component.test_service import until
from tests.support.office import settled


def scraped(service: Service, sample: str) -> float:
    """One sample's value; 0 where there is none yet."""
    lines = service.metrics.render().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == sample)


async def test_redeliveries_and_waits_for_the_lock_are_told(service: Service) -> None:
    """Two tries of one event are one redelivery, and each has waited for its lock."""
    probe = Probe()
    limited_once(probe)
    async with working(service, probe):
        await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id="d1"))
        await probe.until(lambda: len(probe.runs) == 2)
        await settled(service)
    assert scraped(service, 'hub_redeliveries_total{subject="vmh.document.update"}') == 1
    assert scraped(service, "hub_lock_wait_seconds_count") == 2


async def test_a_wait_behind_ones_own_entity_is_a_wait_for_the_lock(service: Service) -> None:
    """The second event of an entity waits as long as the first one's run takes; lanes are shown as they are."""
    probe, begun, go_on = Probe(), asyncio.Event(), asyncio.Event()

    async def behave(_event: EntityEvent) -> Outcome:
        begun.set()
        await go_on.wait()
        return Done(Reason.UPLOADED)

    probe.behave = behave
    async with working(service, probe):
        await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id="d1"))
        await begun.wait()
        await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id="d1"))
        await until(lambda: scraped(service, 'hub_lanes{state="in_hand"}') == 2)
        assert scraped(service, 'hub_lanes{state="running"}') == 1
        await asyncio.sleep(0.6)  # the wait that is measured
        go_on.set()
        await settled(service)
    assert scraped(service, "hub_lock_wait_seconds_count") == 2
    assert scraped(service, 'hub_lock_wait_seconds_bucket{le="0.5"}') == 1
    assert scraped(service, 'hub_lanes{state="in_hand"}') == 0


async def test_a_slow_broker_and_one_that_is_gone_are_seen(service: Service, nats_server: NatsServer) -> None:
    """What waits for JetStream is counted while it waits; a lost connection shows at once, and when it is back."""
    assert scraped(service, "hub_nats_up") == 1
    assert scraped(service, "hub_publishes_in_flight") == 0
    with standing_still(nats_server):
        asked = asyncio.ensure_future(service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id="d1")))
        await until(lambda: scraped(service, "hub_publishes_in_flight") == 1)
    await asked
    assert scraped(service, "hub_publishes_in_flight") == 0
    nats_server.kill()
    await until(lambda: scraped(service, "hub_nats_up") == 0)
    nats_server.start()
    await until(lambda: scraped(service, "hub_nats_up") == 1)


async def test_a_blocked_event_loop_is_seen(service: Service) -> None:
    """Every half second one observation; a block longer than a second shows in the buckets above."""
    await until(lambda: scraped(service, "hub_event_loop_lag_seconds_count") >= 1)
    time.sleep(1.7)  # noqa: ASYNC251 - this is the block
    await until(lambda: scraped(service, 'hub_event_loop_lag_seconds_bucket{le="+Inf"}') >= 2)
    slow = scraped(service, "hub_event_loop_lag_seconds_count") - scraped(
        service, 'hub_event_loop_lag_seconds_bucket{le="1.0"}'
    )
    assert slow >= 1
