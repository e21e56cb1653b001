"""The broker or a vendor is away for a while: whoever was told yes is served, and nobody has to do anything."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest

from simulators.faults import Fault
from simulators.xai import Xai
from tests.e2e.sender import Sender
from tests.e2e.stage import note, staged, webhook

pytestmark = pytest.mark.e2e

_LONG = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    ("way", "webhooks", "away_s"),
    [
        pytest.param("stopped", 300, 3, id="3s"),
        pytest.param("frozen", 300, 3, id="3s-frozen"),
        pytest.param("stopped", 2_000, 20, id="20s", marks=_LONG),
        pytest.param("frozen", 2_000, 20, id="20s-frozen", marks=_LONG),
    ],
)
async def test_webhooks_that_arrive_while_the_broker_is_away(
    tmp_path: Path, way: str, webhooks: int, away_s: int
) -> None:
    """P1: without a broker the gateway says 503 and nothing else; what it said 200 to is stored and worked on."""
    async with staged(tmp_path) as stage, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        documents = stage.documents(webhooks // 10, owners=6)
        gateway, worker = stage.gateway(), stage.worker()
        await asyncio.gather(gateway.start(), worker.start())
        sender = Sender(session, gateway.url, webhook("CDokumente.update"), retry_s=0.5 * away_s)
        per_s = webhooks / (away_s + 2)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sender.send_all(documents * 10, per_s=per_s))
            await stage.until(lambda: sender.accepted.total() >= per_s / 2)
            if way == "stopped":
                stage.nats.stop()
                await asyncio.sleep(away_s)
                await stage.nats.astart()
            else:
                assert stage.nats.pid is not None
                os.kill(stage.nats.pid, signal.SIGSTOP)
                await asyncio.sleep(away_s)
                os.kill(stage.nats.pid, signal.SIGCONT)
            back = await asyncio.gather(gateway.until_ready(), worker.until_ready())
        note(f"ready again after {max(back):.2f} s")
        await stage.quiet(seconds=240)
        events = await stage.events()
        note(
            f"answers {dict(sender.answers)}, accepted {sender.accepted.total()}, events {events.total()}, "
            f"given up {sender.lost.total()} after {dict(sender.finally_told)}"
        )
        # A broker that answers again in time costs patience, and a 503 to those whom the gateway has no room to keep
        # waiting; one that is not there is noticed at once.
        patient = way == "frozen" and away_s < 5
        assert {200} <= set(sender.answers) <= {200, 503}
        assert patient or 503 in sender.answers
        assert sender.accepted - events == {}
        assert sender.lost == {}
        assert set(events) == set(documents)
        assert stage.out_of_step() == []
        assert await stage.dead() == []
        assert max(back) < 10


@pytest.mark.parametrize("extra_s", [pytest.param(0, id="short"), pytest.param(60, id="60s", marks=_LONG)])
async def test_a_vendor_that_is_down_is_waited_for(tmp_path: Path, extra_s: float) -> None:
    """P6, P7: xAI says 503 for a while; staff read `failed` after the third try, and later all is clean by itself."""
    async with staged(tmp_path) as stage:
        documents = stage.documents(8)
        worker = await stage.worker().start()
        await stage.quiet()
        assert stage.out_of_step() == []
        stage.xai.faults.add(Fault(kind="error", status=503, times=None))
        for number, document in enumerate(documents):
            stage.replace_file(document, f"Neue Fassung {number}".encode())
            await stage.say("vmh.document.update", document)
        shown = await stage.until(lambda: stage.statuses()["failed"] == len(documents), what="failed in EspoCRM")
        texts = {str(stage.record(document)["xaiSyncError"]) for document in documents}
        assert all("zurzeit nicht erreichbar" in text for text in texts), texts
        tries = [sum(row["entity"] == document for row in await stage.history()) for document in documents]
        await asyncio.sleep(extra_s)
        assert await stage.dead() == []
        assert (await worker.readiness()).status == 200
        stage.xai.faults.clear()
        back = await stage.until(lambda: stage.statuses()["clean"] == len(documents), seconds=120, what="clean")
        note(f"failed shown after {shown:.1f} s, clean {back:.1f} s after the outage; records {tries}")
        await stage.settled()
        assert await stage.dead() == []
        assert stage.out_of_step() == []


async def test_a_wrong_key_stops_the_worker_and_loses_nothing(tmp_path: Path) -> None:
    """P7: with a key that xAI refuses the worker is not ready and says why; with the right one it catches up."""
    async with staged(tmp_path, xai=Xai(api_key="right", management_key="right-too")) as stage:
        documents = stage.documents(30)
        keys = {"XAI_MANAGEMENT_KEY": "right-too"}
        wrong = await stage.worker(XAI_API_KEY="wrong", **keys).start()
        for document in documents:
            await stage.say("vmh.document.create", document)
        readiness = await wrong.until_unready("Unauthorized")
        assert readiness.status == 503
        assert list(readiness.problems) == ["consumer"]
        assert await wrong.terminate() == 0
        assert stage.statuses()["clean"] == 0
        assert await stage.dead() == []
        await stage.worker(XAI_API_KEY="right", **keys).start()
        await stage.settled()
        note(f"{(await stage.consumer())['delivered']['consumer_seq']} deliveries, {stage.statuses()}")
        assert stage.out_of_step() == []
        assert await stage.dead() == []


@pytest.mark.slow
async def test_a_key_that_works_again_resumes_the_worker(tmp_path: Path) -> None:
    """P7: a halted worker probes, and goes on by itself when its key is accepted again."""
    async with staged(tmp_path) as stage:
        documents = stage.documents(12)
        worker = await stage.worker().start()
        await stage.quiet()
        stage.xai.faults.add(Fault(kind="expired", times=None))
        for document in documents:
            stage.replace_file(document, document.encode())
            await stage.say("vmh.document.update", document)
        await worker.until_unready("Unauthorized")
        stage.xai.faults.clear()
        note(f"ready again after {await worker.until_ready(seconds=60):.1f} s")
        await stage.settled()
        assert stage.out_of_step() == []
        assert await stage.dead() == []
