"""Many webhooks that wait in the stream, a few for each entity: one run does what was stored before it began."""

import asyncio
from collections import Counter

from shared.contracts.events import WEBHOOK, EntityEvent
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.contracts.topology import VMH
from shared.outcomes.errors import Unavailable
from shared.outcomes.outcome import Done, Outcome
from shared.outcomes.reason import Reason
from shared.runtime.service import Service
from tests.component.test_consumer import Probe, working
from tests.support.office import settled


async def publish(service: Service, *entity_ids: str, source: str = WEBHOOK) -> None:
    """In this order."""
    for entity_id in entity_ids:
        await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id=entity_id, source=source))


def coalesced(service: Service) -> float:
    """How many events needed no run of their own."""
    value = service.metrics.registry.get_sample_value(
        "hub_deliveries_total", {"subject": "vmh.document.update", "outcome": "skip", "reason": "coalesced"}
    )
    return value or 0.0


async def test_a_backlog_is_little_more_than_a_run_for_each_entity(service: Service) -> None:
    """P6: ten webhooks for each of forty documents, one document after the other, with four places to run."""
    probe = Probe()
    entities = [f"d{number}" for number in range(40)]
    await publish(service, *(entities * 10))
    async with working(service, probe, concurrency=4):
        await settled(service)
    runs = Counter(probe.runs)
    assert set(runs) == set(entities)
    assert runs.total() <= 2 * len(entities)
    assert runs.total() + coalesced(service) == 400


async def test_no_change_is_lost_between_the_runs(service: Service) -> None:
    """P1: changes go on while the backlog is worked off; each entity's last run began after its last change."""
    probe = Probe()
    present: Counter[str] = Counter()
    seen: dict[str, int] = {}
    entities = [f"d{number}" for number in range(60)]

    async def change(entity_id: str) -> None:
        present[entity_id] += 1
        await publish(service, entity_id)

    async def behave(event: EntityEvent) -> Outcome:
        now = present[event.entity_id]
        await asyncio.sleep(0.001)
        if len(probe.runs) % 17 == 0:
            raise Unavailable("espocrm: 503")
        seen[event.entity_id] = now
        return Done(Reason.UPLOADED)

    probe.behave = behave
    for entity in entities * 5:
        await change(entity)
    async with working(service, probe, concurrency=4):
        for entity in entities * 5:
            await change(entity)
        await settled(service, seconds=30)
    assert seen == dict(present)
    assert coalesced(service) > 0


async def test_who_asks_gets_a_run(service: Service) -> None:
    """An operator's event is worked on, whatever was done before: they want to know what comes of it now."""
    probe = Probe()
    await publish(service, *(f"d{number}" for number in range(100)))
    await publish(service, "d0", "d1", source="replay")
    async with working(service, probe, concurrency=1):
        await settled(service)
    assert Counter(probe.runs) == {f"d{number}": 2 if number < 2 else 1 for number in range(100)}


async def test_a_stream_that_counts_anew_is_listened_to_anew(service: Service) -> None:
    """P1: the stream was restored or made again; its small numbers are no events of the past."""
    probe = Probe()
    go_on = asyncio.Event()

    async def behave(event: EntityEvent) -> Outcome:
        if event.entity_id == "d30":
            await go_on.wait()
        return Done(Reason.UPLOADED)

    probe.behave = behave
    await publish(service, *(f"d{number}" for number in range(100)), *(f"d{number}" for number in range(100)))
    async with working(service, probe, concurrency=1):
        await probe.until(lambda: "d29" in probe.runs)
        before = probe.runs.count("d5")
        await service.bus.api(f"STREAM.DELETE.{VMH.name}")
        await service.bus.ensure_topology()
        go_on.set()
        await publish(service, "d5")
        assert (await service.bus.api(f"STREAM.INFO.{VMH.name}"))["state"]["last_seq"] == 1
        await probe.until(lambda: probe.runs.count("d5") > before)
        await settled(service)
