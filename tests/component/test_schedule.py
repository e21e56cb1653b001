"""Time as the broker keeps it: one cron definition for all replicas, and events put off."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from shared.outcomes.errors import Unavailable
from shared.runtime.schedule import PAUSED, Cron, Schedules
from shared.runtime.service import Service
from tests.component.test_service import until
from tests.support.office import stored

SWEEP = Cron(
    name="vmh.cron.document_sweep",
    expression="0 */15 * * * *",
    target="vmh.document.sweep",
    timezone="Europe/Berlin",
)
SCHEDULE = ("Nats-Schedule", "Nats-Schedule-Target", "Nats-Schedule-Time-Zone")


@pytest.fixture
def schedules(service: Service) -> Schedules:
    """A replica's."""
    return Schedules(service.bus, service.publisher)


async def vmh(service: Service) -> list[dict[str, Any]]:
    """All messages that the stream still has."""
    return await stored(service, "VMH")


async def arrived(service: Service, subject: str, *, count: int = 1, seconds: float = 8.0) -> list[dict[str, Any]]:
    """The messages of a subject, once there are so many."""
    async with asyncio.timeout(seconds):
        while True:
            found = [row for row in await vmh(service) if row["subject"] == subject]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def test_three_replicas_make_one_definition(service: Service) -> None:
    """No leader is elected, and starting again changes nothing."""
    replicas = [Schedules(service.bus, service.publisher) for _ in range(3)]
    await asyncio.gather(*(replica.ensure(SWEEP, stream="VMH") for replica in replicas))
    for replica in replicas:
        await replica.ensure(SWEEP, stream="VMH")
    [definition] = await vmh(service)
    assert definition["subject"] == "vmh.cron.document_sweep"
    assert definition["body"] == b"{}"
    assert {name: definition["headers"][name] for name in SCHEDULE} == {
        "Nats-Schedule": "0 */15 * * * *",
        "Nats-Schedule-Target": "vmh.document.sweep",
        "Nats-Schedule-Time-Zone": "Europe/Berlin",
    }


async def test_a_changed_expression_takes_the_place_of_the_old_one(service: Service, schedules: Schedules) -> None:
    """And it can be changed back at once, though the broker remembers message ids for two minutes."""
    for expression in ("0 */15 * * * *", "0 0 3 * * *", "0 */15 * * * *"):
        await schedules.ensure(msgspec.structs.replace(SWEEP, expression=expression), stream="VMH")
    last = await service.bus.nc.jetstream().get_last_msg("VMH", SWEEP.name)
    assert (last.headers or {})["Nats-Schedule"] == "0 */15 * * * *"
    assert len(await vmh(service)) == 1


async def test_a_definition_outlives_the_age_of_its_stream(service: Service, schedules: Schedules) -> None:
    """P8: a worker that runs for months does not define its sweep anew, and it must go on."""
    whole = (await service.bus.api("STREAM.INFO.VMH"))["config"]
    await schedules.ensure(SWEEP, stream="VMH")
    await service.publisher.store("vmh.document.update", b"{}", {"Nats-Msg-Id": "ages"})
    try:
        await service.bus.api("STREAM.UPDATE.VMH", whole | {"max_age": 300_000_000, "duplicate_window": 100_000_000})
        async with asyncio.timeout(10):
            while True:
                left = [row["subject"] for row in await vmh(service)]
                if left == [SWEEP.name]:
                    break
                await asyncio.sleep(0.05)
    finally:
        await service.bus.api("STREAM.UPDATE.VMH", whole)


async def test_a_definition_that_an_operator_has_paused_stays_so(service: Service, schedules: Schedules) -> None:
    """A worker that starts again does not know better."""
    never = {"Nats-Schedule": "@at 2199-01-01T00:00:00Z", "Nats-Schedule-Target": SWEEP.target}
    await service.publisher.store(SWEEP.name, b"{}", never | {PAUSED: SWEEP.expression, "Nats-Msg-Id": "paused"})
    await schedules.ensure(SWEEP, stream="VMH")
    [definition] = await vmh(service)
    assert definition["headers"][PAUSED] == SWEEP.expression


async def test_cron_fires_by_itself(service: Service, schedules: Schedules) -> None:
    """Its target gets `{}`, which is a whole sweep event."""
    await schedules.ensure(msgspec.structs.replace(SWEEP, expression="* * * * * *"), stream="VMH")
    fired = await arrived(service, "vmh.document.sweep")
    assert fired[0]["body"] == b"{}"


@pytest.mark.parametrize(
    "wrong",
    [{"expression": "every now and then x"}, {"expression": "61 * * * * *"}, {"timezone": "Europe/Nirgends"}],
)
async def test_what_is_no_schedule_is_refused_with_words(schedules: Schedules, wrong: dict[str, str]) -> None:
    """The operator reads what the broker says, and soon."""
    async with asyncio.timeout(3):
        with pytest.raises(Unavailable, match="schedule"):
            await schedules.ensure(msgspec.structs.replace(SWEEP, **wrong), stream="VMH")


async def test_an_event_is_put_off_and_comes_as_it_was(service: Service, schedules: Schedules) -> None:
    """Body, event id, trace and count come back; what told the broker something does not."""
    headers = {
        "ce-id": "e1",
        "Hub-Attempts": "6",
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
        "X-Foreign": "Übermut",
        "Nats-Msg-Id": "e1",
        "Nats-Expected-Stream": "OTHER",
    }
    asked = datetime.now(UTC)
    await schedules.publish_later(
        "vmh.document.update",
        b'{"entity_id":"d1"}',
        headers,
        at=asked + timedelta(seconds=1),
        retry_subject="vmh.retry",
        once="e1-6",
    )
    [waiting] = await vmh(service)
    assert waiting["subject"] == "vmh.retry.e1-6"
    [event] = await arrived(service, "vmh.document.update")
    assert (datetime.now(UTC) - asked).total_seconds() >= 0.4
    assert event["body"] == b'{"entity_id":"d1"}'
    kept = {name: event["headers"].get(name) for name in ("ce-id", "Hub-Attempts", "traceparent")}
    assert kept == {name: headers[name] for name in kept}
    assert "Nats-Expected-Stream" not in event["headers"]
    assert [row["subject"] for row in await vmh(service)] == ["vmh.document.update"]


async def test_putting_off_twice_is_once(service: Service, schedules: Schedules) -> None:
    """A delivery that is settled twice, because its ack was lost, comes back once."""
    for _ in range(2):
        await schedules.publish_later(
            "vmh.document.update",
            b"{}",
            {"ce-id": "e1"},
            at=datetime.now(UTC) + timedelta(minutes=5),
            retry_subject="vmh.retry",
            once="e1-6",
        )
    assert len(await vmh(service)) == 1


async def test_a_put_off_event_survives_a_restart(service: Service, schedules: Schedules, nats_server: Any) -> None:
    """It lies in the broker, not in a worker's memory; kill -9 of both changes nothing."""
    await schedules.publish_later(
        "vmh.document.update",
        b"{}",
        {"ce-id": "e1"},
        at=datetime.now(UTC) + timedelta(seconds=2),
        retry_subject="vmh.retry",
        once="e1-6",
    )
    nats_server.kill()
    await nats_server.astart()
    await until(lambda: service.bus.connected)
    await arrived(service, "vmh.document.update")
