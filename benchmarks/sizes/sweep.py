"""The look of a Beteiligte sweep at 1,000, 10,000 and 100,000 parties that are in step."""

import asyncio
import time
from typing import cast
from zoneinfo import ZoneInfo

import aiohttp
import msgspec

from benchmarks.children import Child, Room
from benchmarks.rounds import median
from benchmarks.sizes.curve import Curve
from beteiligte_worker.effects.deps import Deps
from beteiligte_worker.effects.keys import SWEEP_KEY, party_key
from beteiligte_worker.effects.sweep import load_sweep
from beteiligte_worker.fields.names import PartyNames, stamp
from beteiligte_worker.model.party import Base
from beteiligte_worker.model.sweep import SweepBase
from beteiligte_worker.plan.sweep import plan_sweep
from shared.clients.advoware import Advoware
from shared.clients.espocrm import Espocrm, EspocrmSettings
from shared.clients.http import Tools
from shared.contracts.topology import IDEMPOTENCY, SNAPSHOTS
from shared.runtime.bus import NatsSettings
from shared.runtime.service import Service, start
from shared.settings import Secret
from shared.state.idempotency import Journal
from shared.state.kv import Bucket
from shared.state.snapshots import Snapshots

_PARTIES = (1_000, 10_000, 100_000)
_ROUNDS = 5
_TOGETHER = 200


async def measure(room: Room) -> Curve:
    """CPU of one sweep that finds nothing changed: what it reads at EspoCRM and of what it remembers, and its plan.

    Each party's own turn, once in 96 sweeps, is a sync of its own and not counted; it grows with the parties too.
    """
    vendors = room.child("benchmarks.vendors", port_name="PORT")
    await vendors.start()
    at: list[tuple[float, float]] = []
    asked: list[str] = []
    async with start("beteiligte_worker", NatsSettings(nats_url=room.nats.url), {}) as service:
        tools = Tools(clock=service.clock, tracer=service.tracer, metrics=service.metrics)
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
            Espocrm(await _settings(session, vendors), tools).open() as crm,
        ):
            deps = _deps(service, crm)
            there = 0
            for count in _PARTIES:
                await _add(session, vendors, deps, first=there, count=count - there)
                there = count
                rounds = [await _sweep(deps) for _ in range(_ROUNDS + 1)][1:]
                at.append((count, median([cpu_ms for cpu_ms, _ in rounds])))
                asked.append(f"{count:,}: {rounds[-1][1]:,}")
    await vendors.stop()
    return Curve(
        name="sweep",
        title="Beteiligte sweep: CPU of the worker",
        size="parties",
        cost="ms per sweep",
        at=at,
        note=f"parties whose turn it was: {', '.join(asked)}",
    )


async def _settings(session: aiohttp.ClientSession, vendors: Child) -> EspocrmSettings:
    async with session.get(f"http://127.0.0.1:{vendors.port}/readyz") as answer:
        url = (await answer.json())["espocrm"]
    return EspocrmSettings(espocrm_api_base_url=f"{url}/api/v1", espocrm_api_key=Secret("demo"))


def _deps(service: Service, espocrm: Espocrm) -> Deps:
    return Deps(
        espocrm=espocrm,
        advoware=cast("Advoware", None),  # a sweep asks it only where it can list parties
        journal=Journal(Bucket(service.bus.requests, IDEMPOTENCY.name), service.clock),
        snapshots=Snapshots(Bucket(service.bus.requests, SNAPSHOTS.name)),
        publisher=service.publisher,
        clock=service.clock,
        names=PartyNames(),
        timezone=ZoneInfo("Europe/Berlin"),
        guard_max_changes=20,
        guard_max_share=0.3,
    )


async def _add(session: aiohttp.ClientSession, vendors: Child, deps: Deps, *, first: int, count: int) -> None:
    """So many parties more, each remembered as in step, and a sweep that has seen them all."""
    ids: list[str] = []
    for start_at in range(first, first + count, 5_000):
        some = min(5_000, first + count - start_at)
        url = f"http://127.0.0.1:{vendors.port}/parties?first={start_at + 1}&count={some}"
        async with session.post(url) as answer:
            answer.raise_for_status()
            ids += (await answer.json())["parties"]
    for start_at in range(0, len(ids), _TOGETHER):
        some_ids = enumerate(ids[start_at : start_at + _TOGETHER], first + start_at + 1)
        await asyncio.gather(
            *(deps.snapshots.write(party_key(party), Base(bet_nr=number, row_id="r")) for number, party in some_ids)
        )
    # One second on, so that none of them looks changed.
    since = stamp(deps.clock.now().timestamp() + 1) or ""
    await deps.snapshots.write(SWEEP_KEY, SweepBase(modified_since=since, accounts_since=since, addresses_since=since))
    await asyncio.sleep(1)


async def _sweep(deps: Deps) -> tuple[float, int]:
    """CPU in ms, and how many parties it would have asked for."""
    began = time.process_time()
    seen = await load_sweep(deps)
    todo = plan_sweep(seen, max_changes=20, max_share=0.3, force=False)
    cpu_ms = (time.process_time() - began) * 1e3
    if todo.vanished or todo.reset or len(todo.parties) != len(set(seen.due)):
        raise RuntimeError(f"not a quiet sweep: {len(todo.parties)} asked, {len(todo.vanished)} vanished")
    before = await deps.snapshots.read(SWEEP_KEY, SweepBase) or SweepBase()
    await deps.snapshots.write(
        SWEEP_KEY,
        msgspec.structs.replace(before, known_after=todo.progress.known_after, walked_after=todo.progress.walked_after),
    )
    return cpu_ms, len(todo.parties)
