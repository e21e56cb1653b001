"""The consumer on a real NATS server: long waits, long runs, two replicas, deaths, and being told to stop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from local_stack.nats_server import NatsServer
from shared.contracts.events import EntityEvent
from shared.contracts.keys import key
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.contracts.topology import IDEMPOTENCY, LOCKS, consumer_config
from shared.outcomes.errors import RateLimited, Rejected, Unavailable
from shared.outcomes.outcome import Done, Outcome, Skip
from shared.outcomes.reason import Reason
from shared.outcomes.settle import Attempts
from shared.runtime.bus import ApiError, NatsSettings
from shared.runtime.route import Route
from shared.runtime.service import Service, start
from shared.runtime.worker import WorkerSettings
from shared.state.attempts import AttemptsLog
from shared.state.kv import Bucket
from tests.component.test_consumer import Probe
from tests.support.office import consuming, history, settled, stored


@contextlib.asynccontextmanager
async def working(
    service: Service, probe: Probe, *, concurrency: int = 8, lease_s: int = 5, ttl_s: int = 1800
) -> AsyncIterator[None]:
    """The consumer with the probe as its handler; what ends it by itself comes out."""
    route = Route(
        subject=DOCUMENT_UPDATE,
        handler=probe.handler,
        failed=probe.failed,
        lock=lambda event: key("document_sync", event.entity_type, event.entity_id),
    )
    settings = WorkerSettings(worker_concurrency=concurrency, lock_lease_seconds=lease_s, lock_ttl_seconds=ttl_s)
    async with consuming(service, (route,), None, settings):
        yield


async def publish(service: Service, entity_id: str, headers: dict[str, str] | None = None) -> None:
    """As any client does."""
    body = msgspec.json.encode({"entity_id": entity_id})
    if headers is None:
        await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id=entity_id))
    else:
        await service.bus.nc.jetstream().publish("vmh.document.update", body, headers=headers)


def limited_once(probe: Probe, after_s: float = 0.3) -> None:
    """The first run of each entity meets a 429."""

    async def behave(event: EntityEvent) -> Outcome:
        if probe.runs.count(event.entity_id) == 1:
            raise RateLimited("xai: 429", after_s=after_s)
        return Done(Reason.UPLOADED)

    probe.behave = behave


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long wait is one of more than a tenth of a second."""
    monkeypatch.setattr("shared.outcomes.settle.NAK_DELAY_MAX_S", 0.1)


async def test_a_long_wait_goes_through_a_schedule(service: Service, short: None) -> None:
    """It holds no slot of the consumer, keeps the event's id, uses up no attempt, and comes back."""
    probe = Probe()
    limited_once(probe)
    async with working(service, probe):
        event_id = await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id="d1"))
        await probe.until(lambda: len(probe.runs) == 1)
        await in_hand(service, 0)
        await probe.until(lambda: len(probe.runs) == 2)
        await settled(service)
    rows = await history(service)
    assert [(row["event_id"], row["outcome"], row.get("attempt", 1)) for row in rows] == [
        (event_id, "retry", 1),
        (event_id, "done", 1),
    ]
    last = await service.bus.nc.jetstream().get_last_msg("VMH", "vmh.document.update")
    assert (last.headers or {})["ce-id"] == event_id


async def test_an_event_that_is_put_off_again_and_again_is_never_lost(service: Service, short: None) -> None:
    """P1: a vendor that answers 429 several times within the broker's two minutes of remembered message ids."""
    probe = Probe()

    async def behave(event: EntityEvent) -> Outcome:
        if len(probe.runs) < 4:
            raise RateLimited("xai: 429", after_s=0.2)
        return Done(Reason.UPLOADED)

    probe.behave = behave
    async with working(service, probe):
        await publish(service, "d1")
        await probe.until(lambda: len(probe.runs) == 4, seconds=10)
        await settled(service)


async def test_a_failure_that_is_put_off_keeps_its_count(service: Service, short: None) -> None:
    """`Hub-Attempts` travels with the event, so that back-off and the limit go on where they were."""
    probe = Probe()

    async def behave(event: EntityEvent) -> Outcome:
        if len(probe.runs) < 3:
            raise Unavailable("xai: 503")
        return Done(Reason.UPLOADED)

    probe.behave = behave
    async with working(service, probe):
        await publish(service, "d1")
        await probe.until(lambda: len(probe.runs) == 3)
        await settled(service)
    assert [row.get("attempt", 1) for row in await history(service)] == [1, 2, 3]
    last = await service.bus.nc.jetstream().get_last_msg("VMH", "vmh.document.update")
    assert (last.headers or {})["Hub-Attempts"] == "2"


async def test_events_of_a_client_that_gives_all_the_same_id_are_all_put_off(service: Service, short: None) -> None:
    """P1: an id that is not unique is that client's fault, and yet no event may vanish for it."""
    probe = Probe()
    limited_once(probe)
    async with working(service, probe):
        for entity in ("d1", "d2", "d3"):
            await publish(service, entity, {"ce-id": "import-2026"})
        await probe.until(lambda: len(probe.runs) == 6, seconds=5)
    assert sorted(probe.runs) == ["d1", "d1", "d2", "d2", "d3", "d3"]


async def test_an_event_with_a_very_long_id_disturbs_nobody(service: Service, short: None) -> None:
    """P12: an id longer than a subject may be must not cost the connection, nor the event."""
    probe = Probe()
    limited_once(probe)
    async with working(service, probe):
        await publish(service, "d1", {"ce-id": "x" * 5000})
        await probe.until(lambda: len(probe.runs) == 2, seconds=5)
        assert service.bus.nc.stats["reconnects"] == 0


async def test_a_run_that_takes_too_long_is_ended(service: Service) -> None:
    """P3, P12: after LOCK_TTL_SECONDS the run is cancelled and the event comes back as Unavailable."""
    probe = Probe()

    async def behave(event: EntityEvent) -> Outcome:
        if len(probe.runs) == 1:
            await asyncio.Event().wait()
        return Done(Reason.UPLOADED)

    probe.behave = behave
    async with working(service, probe, ttl_s=1):
        await publish(service, "d1")
        await probe.until(lambda: len(probe.runs) == 2)
        await settled(service)
    rows = await history(service)
    assert rows[0]["reason"] == "Unavailable: the run took longer than 1 s"
    assert [row["outcome"] for row in rows] == ["retry", "done"]
    assert probe.overlaps == 0


async def test_a_run_that_loses_its_lock_is_ended(service: Service) -> None:
    """P3: the lock is gone, so another replica may begin: this run stops, and costs no attempt."""
    probe = Probe()
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def behave(event: EntityEvent) -> Outcome:
        if len(probe.runs) > 1:
            return Done(Reason.UPLOADED)
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    probe.behave = behave
    async with working(service, probe, lease_s=1):
        await publish(service, "d1")
        await begun.wait()
        await lose_lock(service)
        async with asyncio.timeout(3):
            await cancelled.wait()
        await probe.until(lambda: len(probe.runs) == 2)
        await settled(service)
    assert [(row["outcome"], row.get("attempt", 1)) for row in await history(service)] == [("done", 1)]
    assert b"hub_locks_lost_total 1.0" in service.metrics.render()


async def lose_lock(service: Service) -> None:
    """Somebody removes it, or NATS was away for longer than the lease."""
    bucket = Bucket(service.bus.requests, LOCKS.name)
    entry = await bucket.get("document_sync.CDokumente.d1")
    assert entry is not None
    await bucket.delete(entry.revision)


async def test_a_lock_lost_while_a_failure_is_shown_does_not_end_the_worker(service: Service) -> None:
    """P13: the handler is through and EspoCRM is slow to take the error text; the worker lives on."""
    probe = Probe()
    showing, lost = asyncio.Event(), asyncio.Event()

    async def behave(event: EntityEvent) -> Outcome:
        if event.entity_id == "d1":
            raise Rejected("xai: 413", status=413)
        return Done(Reason.UPLOADED)

    async def failed(*_args: object) -> None:
        showing.set()
        await lost.wait()

    probe.behave = behave
    probe.failed = failed  # type: ignore[assignment]
    async with working(service, probe, lease_s=1):
        await publish(service, "d1")
        await showing.wait()
        await lose_lock(service)
        await asyncio.sleep(0.8)  # longer than until the next renewal, which finds the lock gone
        lost.set()
        await publish(service, "d2")
        await probe.until(lambda: "d2" in probe.runs)
        await settled(service)
    assert [letter["headers"]["Hub-Error"] for letter in await stored(service, "DEAD")] == ["Rejected"]


async def test_two_replicas_never_work_on_one_entity_at_once(service: Service, nats_server: NatsServer) -> None:
    """P3: across replicas too; waiting for a busy entity uses up no attempt, and both do their share."""
    probe = Probe()

    async def behave(event: EntityEvent) -> Outcome:
        await asyncio.sleep(0.02)
        return Done(Reason.UPLOADED)

    probe.behave = behave
    async with start("document_worker", NatsSettings(nats_url=nats_server.url), {}) as other:
        async with working(service, probe), working(other, probe):
            for _ in range(4):
                await asyncio.gather(*(publish(service, f"d{number % 3}") for number in range(15)))
                await probe.until(lambda: True)
            await settled(service)
        busy = [float(s.metrics.locks_busy._value.get()) for s in (service, other)]
    assert probe.overlaps == 0
    rows = await history(service)
    assert {row["outcome"] for row in rows} == {"done"}
    assert {row.get("attempt", 1) for row in rows} == {1}
    assert len({row["worker"] for row in rows}) == 2
    assert sum(busy) > 0
    assert await stored(service, "DEAD") == []


async def test_a_message_that_was_only_handed_back_is_no_crash(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P7, P13: deployments hand waiting events back; that must never bury them."""
    monkeypatch.setattr("shared.runtime.delivery.CRASHES_MAX", 2)
    monkeypatch.setattr("shared.runtime.consumer._HAND_BACK_S", 0.7)  # so that the long one is the first in each
    probe = Probe()
    gate = asyncio.Event()

    async def behave(event: EntityEvent) -> Outcome:
        if event.entity_id.startswith("long"):
            await gate.wait()
        return Done(Reason.UPLOADED)

    probe.behave = behave
    for deployment in range(3):
        gate.clear()
        await publish(service, f"long{deployment}")
        if deployment == 0:
            await publish(service, "waits")
        async with working(service, probe, concurrency=1):
            await in_hand(service, 2)
            service.stopping.set()
            await asyncio.sleep(0.05)  # it is handed back while the long one still runs
            gate.set()
    assert probe.runs == ["long0", "long1", "long2"]
    async with working(service, probe):
        await probe.until(lambda: "waits" in probe.runs)
        await settled(service)
    assert await stored(service, "DEAD") == []


async def in_hand(service: Service, count: int) -> None:
    """Waits until the worker has so many messages, by the broker's count."""
    async with asyncio.timeout(5):
        while True:
            with contextlib.suppress(ApiError):
                info = await service.bus.api("CONSUMER.INFO.VMH.document_worker")
                if info["num_ack_pending"] == count:
                    return
            await asyncio.sleep(0.01)


async def lost_delivery(service: Service) -> None:
    """The broker gives the message to a worker that is no more."""
    await service.bus.ensure_consumer(
        "VMH", consumer_config("document_worker", ["vmh.document.update"], ack_wait_s=0.1, replicas=1)
    )
    request = "$JS.API.CONSUMER.MSG.NEXT.VMH.document_worker"
    await service.bus.nc.request(request, b'{"batch":1}', timeout=5, old_style=True)


async def test_a_run_that_has_begun_counts_as_a_crash_until_it_ends(service: Service) -> None:
    """P12: who dies leaves the count behind; who ends takes it back."""
    probe = Probe()
    log = AttemptsLog(Bucket(service.bus.requests, IDEMPOTENCY.name), consumer=service.name)
    during: list[int] = []

    async def behave(event: EntityEvent) -> Outcome:
        during.append((await log.read("VMH", 1, delivered=2, failures_before=0)).crashes)
        if len(probe.runs) == 1:
            raise Unavailable("xai: 503")
        return Done(Reason.UPLOADED)

    probe.behave = behave
    await publish(service, "d1")
    await lost_delivery(service)
    async with working(service, probe, lease_s=1):
        await probe.until(lambda: len(probe.runs) == 2)
        await settled(service)
    assert during == [1, 1]


async def test_an_event_that_kills_its_worker_again_and_again_is_buried(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P12: after so many begun and never ended runs it is not tried once more; dead letter and people are told why."""
    monkeypatch.setattr("shared.runtime.delivery.CRASHES_MAX", 2)
    probe = Probe()
    await publish(service, "d1")
    await lost_delivery(service)
    await AttemptsLog(Bucket(service.bus.requests, IDEMPOTENCY.name), consumer=service.name).write(
        "VMH", 1, Attempts(crashes=2)
    )
    async with working(service, probe, lease_s=1):
        await settled(service)
    [letter] = await stored(service, "DEAD")
    assert letter["headers"]["Hub-Error"] == "Crashed"
    assert letter["headers"]["Hub-Reason"] == "the worker died 2 times over this event"
    assert probe.runs == []
    assert probe.shown == ["the worker died 2 times over this event"]


async def first_advisories(service: Service) -> list[dict[str, Any]]:
    """The broker writes them by itself, a moment later."""
    async with asyncio.timeout(5):
        while True:
            found = await stored(service, "ADVISORIES")
            if found:
                return found
            await asyncio.sleep(0.02)


async def test_the_second_net_catches_what_is_terminated(service: Service) -> None:
    """Design 5: a stream keeps the broker's own advisory of each terminated message, with the reason."""
    probe = Probe()

    async def behave(event: EntityEvent) -> Outcome:
        raise Rejected("xai: 413", status=413)

    probe.behave = behave
    async with working(service, probe):
        await publish(service, "d1")
        await settled(service)
    advisories = await first_advisories(service)
    told: dict[str, Any] = msgspec.json.decode(advisories[0]["body"])
    assert (told["stream_seq"], told["reason"]) == (1, "xai: 413")


async def test_a_skip_and_a_failure_that_is_over_leave_no_trace_in_dead(service: Service) -> None:
    """P7: a vendor's hiccup is a matter of history only."""
    probe = Probe()

    async def behave(event: EntityEvent) -> Outcome:
        if len(probe.runs) == 1:
            raise Unavailable("xai: 503")
        return Skip(Reason.IN_STEP)

    probe.behave = behave
    async with working(service, probe):
        await publish(service, "d1")
        await probe.until(lambda: len(probe.runs) == 2)
        await settled(service)
    assert probe.shown == []
    assert await stored(service, "DEAD") == []
