"""The consumer against a real NATS server, with a route of its own and no vendor."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest

from shared.contracts.events import EntityEvent
from shared.contracts.keys import key
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.outcomes.errors import HubError, Rejected, Unauthorized, Unavailable
from shared.outcomes.outcome import Done, Outcome, Skip
from shared.outcomes.reason import Reason
from shared.runtime.route import Route
from shared.runtime.service import Service
from shared.runtime.worker import WorkerSettings
from tests.support.office import consuming, settled, stored


class Probe:
    """A handler that does what the test says, and what came of it."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.shown: list[str] = []
        self.running: dict[str, int] = {}
        self.overlaps = 0
        self.behave: Callable[[EntityEvent], Awaitable[Outcome]] = self.done
        self.ran = asyncio.Condition()

    async def done(self, _event: EntityEvent) -> Outcome:
        return Done(Reason.UPLOADED, {"upload": 1})

    async def handler(self, event: EntityEvent, _deps: None) -> Outcome:
        entity = event.entity_id
        self.runs.append(entity)
        self.running[entity] = self.running.get(entity, 0) + 1
        self.overlaps += self.running[entity] > 1
        try:
            return await self.behave(event)
        finally:
            self.running[entity] -= 1
            async with self.ran:
                self.ran.notify_all()

    async def failed(self, _event: EntityEvent, _deps: None, error: HubError) -> None:
        self.shown.append(error.reason)

    async def until(self, true: Callable[[], bool], *, seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds), self.ran:
            await self.ran.wait_for(true)


@contextlib.asynccontextmanager
async def working(service: Service, probe: Probe, *, concurrency: int = 8, lease_s: int = 5) -> AsyncIterator[None]:
    route = Route(
        subject=DOCUMENT_UPDATE,
        handler=probe.handler,
        failed=probe.failed,
        lock=lambda event: key("document_sync", event.entity_type, event.entity_id),
    )
    settings = WorkerSettings(worker_concurrency=concurrency, lock_lease_seconds=lease_s)
    async with consuming(service, (route,), None, settings):
        yield


async def test_a_storm_of_equal_events_is_at_most_three_runs(service: Service) -> None:
    """P4: a thousand events for one entity while its handler is busy cost at most three runs and are all acked."""
    probe = Probe()
    is_over = asyncio.Event()

    async def slow(_event: EntityEvent) -> Outcome:
        await is_over.wait()
        await asyncio.sleep(0.3)
        return Done(Reason.UPLOADED)

    probe.behave = slow
    async with working(service, probe):
        await asyncio.gather(
            *(service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id="storm")) for _ in range(500))
        )
        await asyncio.gather(
            *(service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id="storm")) for _ in range(500))
        )
        is_over.set()
        await settled(service)
    assert 1 <= len(probe.runs) <= 3
    assert probe.overlaps == 0
    assert await stored(service, "DEAD") == []


async def test_an_unreadable_body_is_a_dead_letter_and_disturbs_nobody(service: Service) -> None:
    """Any client's bad input ends as a dead letter that says why; the next good event is worked on."""
    probe = Probe()
    nc = service.bus.nc
    async with working(service, probe):
        bad = [
            b"not json",
            b"{}",
            b'{"entity_id": "../etc"}',
            b'{"entity_id": 5}',
            b"[" * 100_000,
            b'{"entity_id":"a\\n"}',
        ]
        for body in bad:
            await nc.publish("vmh.document.update", body)
        await nc.publish("vmh.document.update", b'{"entity_id":"good1"}')
        await probe.until(lambda: "good1" in probe.runs)
        await settled(service)
    letters = await stored(service, "DEAD")
    assert [letter["body"] for letter in letters] == bad
    assert {letter["subject"] for letter in letters} == {"dead.vmh.document.update"}
    reasons = [letter["headers"]["Hub-Reason"] for letter in letters]
    assert reasons[0] == "the body is not JSON"
    assert reasons[1] == "entity_id is missing"
    assert "1 to 36" in reasons[2]
    assert probe.runs == ["good1"]


async def test_a_failure_is_tried_again_and_its_history_tells(service: Service) -> None:
    """Retry comes back by itself; each try is a record of the entity's history."""
    probe = Probe()
    answers: list[Outcome | Exception] = [Unavailable("vendor away"), RuntimeError("bug"), Skip(Reason.IN_STEP)]

    async def behave(_event: EntityEvent) -> Outcome:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    probe.behave = behave
    async with working(service, probe):
        await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id="doc1"))
        await probe.until(lambda: len(probe.runs) == 3)
        await settled(service)
    history = [msgspec.json.decode(row["body"]) for row in await stored(service, "HISTORY")]
    assert [(row["outcome"], row.get("attempt", 1)) for row in history] == [("retry", 1), ("retry", 2), ("skip", 3)]
    assert probe.shown == ["an error in the hub; see its log"]


async def test_a_refusal_is_a_dead_letter_with_its_reason_and_is_shown(service: Service) -> None:
    """P6: what the vendor refuses is buried with headers and body as they were, and shown once."""
    probe = Probe()

    async def behave(_event: EntityEvent) -> Outcome:
        raise Rejected("xai upload_file: 413", status=413, detail="too big")

    probe.behave = behave
    async with working(service, probe):
        event_id = await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id="doc1"))
        await probe.until(lambda: len(probe.runs) == 1)
        await settled(service)
    [letter] = await stored(service, "DEAD")
    assert letter["headers"]["Hub-Error"] == "Rejected"
    assert letter["headers"]["Hub-Reason"] == "xai upload_file: 413"
    assert letter["headers"]["Hub-Attempts"] == "1"
    assert letter["headers"]["Hub-Stream"] == "VMH"
    assert letter["headers"]["ce-id"] == event_id
    assert probe.shown == ["xai upload_file: 413"]


async def test_wrong_credentials_halt_and_nothing_is_buried(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """P7: Unauthorized stops pulling, shows in readiness, probes, and resumes when the key works again."""
    monkeypatch.setattr("shared.runtime.consumer.HALT_DELAY_S", 0.2)
    monkeypatch.setattr("shared.outcomes.settle.HALT_DELAY_S", 0.2)
    probe = Probe()
    key_works = asyncio.Event()

    async def behave(_event: EntityEvent) -> Outcome:
        if not key_works.is_set():
            raise Unauthorized("xai says 401")
        return Done(Reason.UPLOADED)

    probe.behave = behave
    async with working(service, probe):
        for number in range(50):
            await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id=f"doc{number}"))
        await probe.until(lambda: len(probe.runs) >= 10)
        assert "Unauthorized" in (await service.health.problems())["consumer"]
        key_works.set()
        await settled(service)
        assert await service.health.problems() == {}
    assert len(set(probe.runs)) == 50
    assert await stored(service, "DEAD") == []


async def test_entities_run_side_by_side_and_each_one_at_a_time(service: Service) -> None:
    """P3: no two runs of one entity overlap, and different entities do."""
    probe = Probe()
    together = 0

    async def behave(_event: EntityEvent) -> Outcome:
        nonlocal together
        together = max(together, sum(probe.running.values()))
        await asyncio.sleep(0.01)
        return Done(Reason.UPLOADED)

    probe.behave = behave
    async with working(service, probe):
        await asyncio.gather(
            *(
                service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id=f"doc{number % 20}"))
                for number in range(200)
            )
        )
        await settled(service)
    assert probe.overlaps == 0
    assert together > 1
    assert len(set(probe.runs)) == 20
