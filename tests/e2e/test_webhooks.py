"""From staff's hand to xAI by EspoCRM's own webhooks, and the hub's writes that come back as webhooks."""

import asyncio
import time
from pathlib import Path

import pytest

from simulators.espocrm import Espocrm
from tests.e2e.judge import LINKS
from tests.e2e.stage import Stage, note, staged

pytestmark = pytest.mark.e2e

_KINDS = tuple(LINKS)


async def quiet_queue(stage: Stage, *, seconds: float = 30.0) -> None:
    """Until EspoCRM has nothing to send, the worker nothing to do, and both stay so."""
    began = time.monotonic()
    calm_since = began
    seen = -1
    while time.monotonic() - calm_since < 1.0:
        now = (await stage.stream("VMH"))["last_seq"]
        waiting = stage.espocrm.queue.waiting_events() + sum(
            item.status == "Pending" for item in stage.espocrm.queue.items()
        )
        await stage.settled(seconds=seconds)
        if waiting or now != seen:
            calm_since, seen = time.monotonic(), now
        assert time.monotonic() - began < seconds, f"no end of events: {now} and {waiting} waiting"
        await asyncio.sleep(0.05)


async def test_what_staff_do_arrives_by_webhooks_alone(tmp_path: Path) -> None:
    """The whole path: filed, replaced, linked, unlinked, removed; our own writes come back and start nothing."""
    async with staged(tmp_path, espocrm=Espocrm(tick_s=0.05, retry_period_s=1.0)) as stage:
        gateway, worker = stage.gateway(), stage.worker()
        await asyncio.gather(gateway.start(), worker.start())
        stage.subscribe(gateway)
        owners = [(kind, stage.owner(kind, name=f"Akte {number}")) for kind in _KINDS for number in range(2)]
        documents = [
            stage.document(f"Schriftsatz {number}".encode(), owners[number % len(owners)]) for number in range(12)
        ]
        await quiet_queue(stage)
        assert stage.out_of_step() == []
        assert len(stage.xai.live_files()) == 12

        for number, document in enumerate(documents):
            kind, owner = owners[number % len(owners)]
            other_kind, other = owners[(number + 1) % len(owners)]
            match number % 4:
                case 0:
                    stage.replace_file(document, f"Neue Fassung {number}".encode())
                case 1:
                    stage.espocrm.relate("CDokumente", document, LINKS[other_kind], other)
                case 2:
                    stage.espocrm.unrelate("CDokumente", document, LINKS[kind], owner)
                case 3:
                    stage.espocrm.remove("CDokumente", document)
        stage.espocrm.remove(*owners[1])
        await quiet_queue(stage)
        assert stage.out_of_step() == []
        assert len(stage.xai.live_files()) == 15
        assert await stage.dead() == []

        echoes = await gateway.metric("hub_webhook_echoes_total")
        runs = await stage.history()
        note(
            f"{(await stage.stream('VMH'))['last_seq']} events, {len(runs)} runs, {echoes:.0f} echoes, "
            f"{sum(run['outcome'] == 'done' for run in runs)} of the runs did something"
        )
        assert echoes >= 12
        # A silent owner keeps nobody busy, and what remains is not a storm.
        before = (await stage.stream("VMH"))["last_seq"]
        await quiet_queue(stage)
        assert (await stage.stream("VMH"))["last_seq"] == before
        await stage.quiet()
        await stage.one_more_sweep_writes_nothing()
