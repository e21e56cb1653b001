"""SIGTERM under load: the worker ends in time and with 0, and hands back what it has not begun."""

import asyncio
import time
from pathlib import Path

import pytest

from simulators.faults import Fault
from tests.e2e.stage import Stage, note, staged

pytestmark = pytest.mark.e2e

_CONCURRENCY = 8
_GRACE_S = 20.0


async def redeliveries(stage: Stage) -> int:
    """How often a message was delivered that had been delivered before."""
    info = await stage.consumer()
    messages = sum(row["subject"] in info["config"]["filter_subjects"] for row in await stage.stored("VMH"))
    return int(info["delivered"]["consumer_seq"]) - messages


async def test_sigterm_hands_back_what_has_not_begun(tmp_path: Path) -> None:
    """P13: exit 0 within the grace, nothing lost, and no more redeliveries than there were messages in hand."""
    async with staged(tmp_path) as stage:
        documents = stage.documents(40)
        stage.espocrm.faults.add(Fault(kind="late", path=r"/api/v1/CDokumente/\w+", delay_s=0.1, times=None))
        first = await stage.worker(WORKER_CONCURRENCY=str(_CONCURRENCY), LOCK_LEASE_SECONDS="5").start()
        for document in documents * 3:
            await stage.say("vmh.document.update", document)
        await stage.until(lambda: stage.statuses()["clean"] >= 5)
        began = time.monotonic()
        assert await first.terminate() == 0
        stopped_s = time.monotonic() - began
        info = await stage.consumer()
        unsettled = info["num_ack_pending"]
        assert info["num_pending"] + unsettled > 0, "it had done everything already"
        stage.espocrm.faults.clear()
        await stage.worker(WORKER_CONCURRENCY=str(_CONCURRENCY), LOCK_LEASE_SECONDS="5").start()
        await stage.settled()
        again = await redeliveries(stage)
        note(f"stopped in {stopped_s:.2f} s, {unsettled} handed back, {again} redeliveries")
        assert stopped_s < _GRACE_S
        assert again <= 2 * _CONCURRENCY
        await stage.quiet()
        assert stage.out_of_step() == []
        assert await stage.dead() == []


async def test_a_rolling_restart_loses_nothing(tmp_path: Path) -> None:
    """P13: a new worker comes, the old one goes, three times under load; every document is in step in the end."""
    async with staged(tmp_path) as stage:
        documents = stage.documents(40)
        worker = await stage.worker(WORKER_CONCURRENCY=str(_CONCURRENCY), LOCK_LEASE_SECONDS="5").start()

        async def load() -> None:
            for number in range(400):
                document = documents[number % len(documents)]
                if number % 4 == 0:
                    stage.replace_file(document, f"Fassung {number}".encode())
                await stage.say("vmh.document.update", document)
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as tasks:
            under_load = tasks.create_task(load())
            for _ in range(3):
                new = await stage.worker(WORKER_CONCURRENCY=str(_CONCURRENCY), LOCK_LEASE_SECONDS="5").start()
                old, worker = worker, new
                assert await old.terminate() == 0
                assert not under_load.done()
        settled_s = await stage.settled()
        again = await redeliveries(stage)
        note(f"settled {settled_s:.2f} s after the load, {again} redeliveries")
        await stage.quiet()
        assert stage.out_of_step() == []
        assert await stage.dead() == []
        await stage.one_more_sweep_writes_nothing()
