"""Storms of events through the broker and real workers: few runs, one at a time, and nobody else waits."""

import asyncio
import json
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from simulators.faults import Fault
from tests.e2e.stage import note, staged

pytestmark = pytest.mark.e2e

_RUN_S = 3.0


async def test_a_thousand_events_for_one_document_are_three_runs(tmp_path: Path) -> None:
    """P4: by any client's `nats pub`, during one slow upload; others are served before that upload has ended."""
    async with staged(tmp_path) as stage:
        others = stage.documents(10, owners=1)
        stormy = stage.document(b"Sturm", ("Raeumungsklage", stage.owner(name="Sturm")))
        await stage.worker().start()
        await stage.quiet()
        stage.replace_file(stormy, b"Sturm, neue Fassung")
        files_before = len(stage.xai.live_files())
        told = await stage.history(stormy)
        events_before = sum(1 + run.get("coalesced", 0) for run in told)
        stage.xai.faults.add(Fault(kind="late", method="POST", path="/v1/files", delay_s=_RUN_S, times=1))
        body = json.dumps({"entity_id": stormy}).encode()
        await stage.nc.publish("vmh.document.update", body)
        await stage.until(lambda: len(stage.xai.live_files()) > files_before, what="the upload")
        for _ in range(999):
            await stage.nc.publish("vmh.document.update", body)
        for number, other in enumerate(others):
            stage.replace_file(other, f"Neue Fassung {number}".encode())
            await stage.nc.publish("vmh.document.update", json.dumps({"entity_id": other}).encode())
        await stage.stored_all()
        served = await stage.until(lambda: all(stage.record(o)["xaiSyncStatus"] == "clean" for o in others))
        assert stage.record(stormy)["xaiSyncStatus"] == "pending_sync", "the storm's first run is over already"
        await stage.settled()
        runs = (await stage.runs(stormy, of_events=events_before + 1_000))[len(told) :]
        note(f"others served after {served:.2f} s; runs {[(r['outcome'], r.get('coalesced', 0)) for r in runs]}")
        assert 1 <= len(runs) <= 3
        assert sum(1 + run.get("coalesced", 0) for run in runs) == 1_000
        assert len(stage.xai.live_files()) == files_before + 1 + len(others)
        assert stage.out_of_step() == []
        assert await stage.dead() == []


async def test_two_workers_run_each_document_one_at_a_time(tmp_path: Path) -> None:
    """P3: a storm over 30 documents and two replicas; no two runs of one document overlap, and nothing is doubled."""
    async with staged(tmp_path) as stage:
        documents = stage.documents(30)
        workers = [await stage.worker(WORKER_CONCURRENCY="16").start() for _ in range(2)]
        # Each run takes a while at its beginning, so that an overlap would be a long one.
        stage.espocrm.faults.add(Fault(kind="late", path=r"/api/v1/CDokumente/\w+", delay_s=0.4, times=None))
        contents = set()
        for round_ in range(10):
            for document in documents:
                if round_ % 3 == 0:
                    content = f"{document}, Fassung {round_}".encode()
                    contents.add(content)
                    stage.replace_file(document, content)
                await stage.nc.publish("vmh.document.update", json.dumps({"entity_id": document}).encode())
            await asyncio.sleep(0.2)
        stage.espocrm.faults.clear()
        await stage.stored_all()
        await stage.quiet()
        runs = await stage.history()
        by_worker = {row["worker"] for row in runs}
        busy = [await worker.metric("hub_locks_busy_total") for worker in workers]
        note(f"{len(runs)} runs by {len(by_worker)} workers, handed back {busy}, {len(stage.xai.live_files())} files")
        assert len(by_worker) == 2
        assert sum(busy) > 0, "the two never met"
        assert overlaps(runs) == []
        assert len(stage.xai.live_files()) <= len(contents) + len(documents)
        assert stage.out_of_step() == []
        assert await stage.dead() == []
        await stage.one_more_sweep_writes_nothing()


def overlaps(runs: list[dict[str, Any]]) -> list[str]:
    """Pairs of runs of one entity that went on at the same time.

    A record is made a moment after the lock was released, so the ends are blurred by less than a run's own length.
    """
    blur = timedelta(milliseconds=350)
    spans: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for run in runs:
        end = datetime.fromisoformat(run["at"])
        spans[run["entity"]].append((end - timedelta(milliseconds=run["duration_ms"]), end))
    found = []
    for entity, times in spans.items():
        times.sort()
        found += [f"{entity}: {before} and {after}" for before, after in pairwise(times) if after[0] + blur < before[1]]
    return found
