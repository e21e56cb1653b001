"""kill -9 of worker, gateway and broker under load: nothing accepted is lost, nothing exists twice."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import aiohttp
import pytest

from simulators.xai import Xai
from tests.e2e.sender import Sender
from tests.e2e.staff import Staff
from tests.e2e.stage import Stage, note, staged, webhook

pytestmark = pytest.mark.e2e


@contextlib.asynccontextmanager
async def going_on(work: Awaitable[None]) -> AsyncIterator[None]:
    """Work beside the body; over when the body is."""
    async with asyncio.TaskGroup() as tasks:

        async def worked() -> None:
            await work

        task = tasks.create_task(worked())
        yield
        # nats-py stands on asyncio.wait_for, which before Python 3.12 loses a cancellation that comes with an answer.
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=0.5)


@pytest.mark.parametrize(
    ("kills", "documents"),
    [
        pytest.param(6, 12, id="6"),
        pytest.param(50, 40, id="50", marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
    ],
)
async def test_a_worker_killed_at_random_moments_does_nothing_twice(tmp_path: Path, kills: int, documents: int) -> None:
    """P2: kill -9 over and over while 5 % of xAI's answers are lost; afterwards all is as it should be, once."""
    seed = random.SystemRandom().randrange(10**6)
    note(f"seed {seed}")
    dice = random.Random(seed)
    async with staged(tmp_path, xai=Xai(seed=seed)) as stage:
        staff = Staff(stage, seed, most=documents)
        stage.lose_answers(0.05)
        worker = stage.worker(WORKER_CONCURRENCY="8")
        began = time.monotonic()
        worker.spawn()
        await worker.until_ready()
        await staff.begin()
        async with going_on(staff.work(every_s=0.02)):
            for _ in range(kills):
                # A number of requests on, so that it dies in the middle of runs.
                goal = stage.requests() + dice.randrange(1, 120)
                await stage.until(lambda goal=goal: stage.requests() >= goal, what="work")  # type: ignore[misc]
                worker.kill()
                await worker.start()
        killed_s = time.monotonic() - began
        sweeps = await stage.quiet(seconds=120)
        quiet_s = time.monotonic() - began - killed_s
        info = await stage.consumer()
        note(
            f"{kills} kills in {killed_s:.1f} s, quiet {quiet_s:.1f} s later after {sweeps} sweep(s); "
            f"{staff.changes} changes, {len(staff.contents)} contents, {len(stage.xai.live_files())} files, "
            f"{info['delivered']['consumer_seq']} deliveries of {(await stage.stream('VMH'))['messages']} messages, "
            f"lost answers {sum(row.fault == 'lost' for row in stage.xai.log.rows())}"
        )
        assert stage.out_of_step() == []
        assert await stage.dead() == []
        assert len(stage.xai.live_files()) <= len(staff.contents)
        await stage.one_more_sweep_writes_nothing()


@contextlib.asynccontextmanager
async def sending(stage: Stage, url: str, *, retry_s: float = 2.0) -> AsyncIterator[Sender]:
    """EspoCRM's sender in front of a gateway."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield Sender(session, url, webhook("CDokumente.update"), retry_s=retry_s)


async def test_a_killed_gateway_has_stored_all_that_it_accepted(tmp_path: Path) -> None:
    """P1: kill -9 of the gateway under load; whatever got 200 is in the stream, and the rest gets through again."""
    seed = random.SystemRandom().randrange(10**6)
    note(f"seed {seed}")
    dice = random.Random(seed)
    async with staged(tmp_path) as stage:
        gateway = await stage.gateway().start()
        ids = [f"doc{number:04}" for number in range(900)]
        async with sending(stage, gateway.url) as sender, asyncio.TaskGroup() as tasks:
            load = tasks.create_task(sender.send_all(ids, per_s=250))
            for _ in range(3):
                goal = sum(sender.accepted.values()) + dice.randrange(20, 150)
                await stage.until(lambda goal=goal: sum(sender.accepted.values()) >= goal)  # type: ignore[misc]
                gateway.kill()
                await gateway.start()
            await load
        events = await stage.events()
        note(f"answers {dict(sender.answers)}, events {events.total()}, lost {sender.lost.total()}")
        assert sender.accepted - events == {}
        assert sender.lost == {}
        assert set(events) == set(ids)
        assert set(sender.answers) <= {0, 200}
        assert sender.answers[0] > 0


async def test_a_killed_broker_loses_nothing_and_all_resume_by_themselves(tmp_path: Path) -> None:
    """P1, P7: kill -9 of nats-server under load; gateway and worker work again within 10 s of its return."""
    async with staged(tmp_path) as stage:
        documents = stage.documents(30)
        gateway, worker = stage.gateway(), stage.worker()
        await asyncio.gather(gateway.start(), worker.start())
        async with sending(stage, gateway.url) as sender, asyncio.TaskGroup() as tasks:
            load = tasks.create_task(sender.send_all(documents * 20, per_s=120))
            for goal in (60, 240):
                await stage.until(lambda goal=goal: sum(sender.accepted.values()) >= goal)  # type: ignore[misc]
                stage.nats.kill()
                await asyncio.sleep(0.5)  # for this long there is none
                await stage.nats.astart()
                back = max(await asyncio.gather(gateway.until_ready(), worker.until_ready()))
                note(f"ready again after {back:.2f} s")
                assert back < 10
                new = stage.document(f"nach Ausfall {goal}".encode(), ("Raeumungsklage", stage.owner()))
                documents.append(new)
                began = time.monotonic()
                await sender.send(new)
                await stage.until(lambda new=new: stage.record(new)["xaiSyncStatus"] == "clean")  # type: ignore[misc]
                note(f"a new document is clean after {back + time.monotonic() - began:.2f} s")
                assert back + time.monotonic() - began < 10
            await load
        await stage.quiet()
        events = await stage.events()
        note(f"answers {dict(sender.answers)}, events {events.total()}, lost {sender.lost.total()}")
        assert set(sender.answers) <= {200, 503}
        assert sender.accepted - events == {}
        assert sender.lost == {}
        assert stage.out_of_step() == []
        assert await stage.dead() == []
