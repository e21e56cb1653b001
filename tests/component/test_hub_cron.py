"""`hub cron`: schedules with their next run, fired now, paused, resumed."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec

from console.desk.cron_time import next_run
from console.desk.crons import pause, resume, schedule, schedules
from console.desk.deeds import acting
from console.desk.reading import forward
from shared.contracts.topology import VMH
from shared.runtime.service import Service
from tests.support.hub import define, hub, record, remember, until
from tests.support.office import stored


async def _fired(service: Service) -> list[dict[str, str]]:
    """The headers of all sweeps in the stream."""
    return [message.headers async for message in forward(service.bus, "VMH", subject="vmh.document.sweep")]


async def _more_than(service: Service, number: int) -> bool:
    return len(await _fired(service)) > number


async def test_schedules_with_the_next_run(service: Service) -> None:
    """What the definition says, when it fires, and what came of the last time."""
    await define(service)
    await remember(service, "Sweep.document", record("e1", reason="swept"))
    url = service.bus.settings.nats_url
    told = await hub(url, "cron", "ls", "--json")
    [one] = told.json
    assert (one["name"], one["expression"], one["target"]) == (
        "vmh.cron.document_sweep",
        "0 */15 * * * *",
        "vmh.document.sweep",
    )
    assert (one["last_outcome"], one["last_reason"], one["last_at"], one["is_paused"]) == ("done", "swept", None, False)
    left = datetime.fromisoformat(one["next_at"]) - datetime.now(UTC)
    assert timedelta(seconds=-5) < left <= timedelta(minutes=15)
    table = await hub(url, "cron", "ls")
    assert "0 */15 * * * * Europe/Berlin  vmh.document.sweep" in table.out


async def test_the_next_run_is_the_brokers(service: Service) -> None:
    """What the broker says of its next firing is what we compute."""
    await define(service, expression="*/2 * * * * *")
    await until(lambda: _more_than(service, 0))
    said = datetime.fromisoformat((await _fired(service))[0]["Nats-Schedule-Next"])
    assert next_run("*/2 * * * * *", "Europe/Berlin", after=said - timedelta(seconds=1.5)) == said.astimezone(UTC)


async def test_pause_and_resume(service: Service) -> None:
    """P16: a paused schedule fires no more and says what it was; resumed it fires again; both are recorded."""
    await define(service, expression="*/1 * * * * *")
    now = service.clock.now()
    async with acting(service.bus, {}, clock=service.clock, name="anna", source="hub") as operator:
        one = await schedule(service.bus, "document_sweep", now=now)
        assert one is not None
        await pause(operator, one)
        before = len(await _fired(service))
        await asyncio.sleep(2.2)
        assert len(await _fired(service)) - before <= 1
        [rests] = await schedules(service.bus, now=now)
        assert (rests.is_paused, rests.next_at, rests.expression) == (True, None, "*/1 * * * * *")
        assert (rests.timezone, rests.target) == ("Europe/Berlin", "vmh.document.sweep")
        await resume(operator, rests)
    before = len(await _fired(service))
    await until(lambda: _more_than(service, before))
    [again] = await schedules(service.bus, now=now)
    assert (again.is_paused, again.expression, again.timezone) == (False, "*/1 * * * * *", "Europe/Berlin")
    told = [msgspec.json.decode(row["body"])["deed"] for row in await stored(service, "AUDIT")]
    assert told == ["pause", "resume"]


async def test_a_definition_outlives_the_streams_age(service: Service) -> None:
    """A resumed or paused definition has no age; else it would be gone with the stream's oldest events."""
    await define(service)
    async with acting(service.bus, {}, clock=service.clock, name="anna", source="hub") as operator:
        one = await schedule(service.bus, "vmh.cron.document_sweep", now=service.clock.now())
        assert one is not None
        await pause(operator, one)
    config = VMH.config(1) | {"max_age": 1_000_000_000, "duplicate_window": 1_000_000_000}
    await service.bus.api("STREAM.UPDATE.VMH", config)
    await asyncio.sleep(2.5)
    assert [one.name for one in await schedules(service.bus, now=service.clock.now())] == ["vmh.cron.document_sweep"]


async def test_at_the_command_line(service: Service) -> None:
    """Asks before it pauses; triggers without; a name that is none is a usage error."""
    await define(service)
    url = service.bus.settings.nats_url
    dry = await hub(url, "cron", "pause", "document_sweep", "--dry-run")
    assert dry.out == "would pause vmh.cron.document_sweep (0 */15 * * * *)\n"
    done = await hub(url, "cron", "pause", "document_sweep", stdin="y\n")
    assert (done.code, done.out) == (0, "vmh.cron.document_sweep rests\n")
    twice = await hub(url, "cron", "pause", "document_sweep", "--yes")
    assert (twice.code, twice.err) == (1, "hub: vmh.cron.document_sweep is paused\n")
    back = await hub(url, "cron", "resume", "document_sweep", "--yes", "--json")
    assert (back.code, back.json["is_paused"]) == (0, False)
    fired = await hub(url, "cron", "trigger", "document_sweep", "--json")
    assert (fired.code, fired.json["subject"]) == (0, "vmh.document.sweep")
    assert len(await _fired(service)) == 1
    wrong = await hub(url, "cron", "trigger", "nightly")
    assert (wrong.code, "there are: vmh.cron.document_sweep" in wrong.err) == (2, True)
    told = [msgspec.json.decode(row["body"])["deed"] for row in await stored(service, "AUDIT")]
    assert told == ["pause", "resume", "trigger"]
