"""Three servers that are one broker: under load one is killed and comes back, and another goes for good."""

import asyncio
import contextlib
import itertools
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import aiohttp
import nats
import pytest
from nats.errors import Error as NatsError

from local_stack.nats_server import NatsServer
from simulators.espocrm import Espocrm
from simulators.harness import serve
from simulators.xai import Xai
from tests.e2e.load import Replacing, again_and_again, endings, finished_at, longest_gap_s
from tests.e2e.sender import Sender
from tests.e2e.sides import sides_of
from tests.e2e.stage import Stage, note, webhook
from tests.e2e.test_kills import going_on
from tests.support.cluster import Cluster, cluster
from tests.support.processes import ServiceProcess, processes

pytestmark = pytest.mark.e2e

_RESUMED_S = 10.0
_STREAMS = {"document_worker": "VMH", "beteiligte_worker": "VMH", "calendar_worker": "CALENDAR"}
_ENV = {"NATS_REPLICAS": "3", "LOCK_LEASE_SECONDS": "30"}


@contextlib.asynccontextmanager
async def staged(directory: Path) -> AsyncIterator[tuple[Stage, Cluster]]:
    """As `stage.staged`, on a cluster."""
    espocrm, xai = Espocrm(tick_s=None), Xai()
    async with contextlib.AsyncExitStack() as stack:
        servers = await stack.enter_async_context(cluster(directory / "nats"))
        children = stack.enter_context(processes(directory / "processes"))
        urls = (await stack.enter_async_context(serve(espocrm)), await stack.enter_async_context(serve(xai)))
        nc = await nats.connect(
            servers.url.split(","), max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=_ignore
        )
        stack.push_async_callback(nc.close)
        # A stage asks of its broker only where it is.
        yield Stage(cast(NatsServer, servers), nc, children, espocrm, xai, urls), servers
        children.kill()


async def _ignore(_error: Exception) -> None:
    """Servers are killed on purpose."""


class Traffic:
    """What goes in and what comes out while servers go and come."""

    def __init__(
        self, stage: Stage, servers: Cluster, sender: Sender, workers: Mapping[str, Sequence[ServiceProcess]]
    ) -> None:
        self._stage = stage
        self._servers = servers
        self._sender = sender
        self._workers = workers
        self.longest_s = 0.0
        """Without a webhook accepted, or without a delivery finished by one of the services."""

    async def flows(self, *, since: float) -> None:
        """Until webhooks have been accepted and every service has finished deliveries after that moment."""
        async with asyncio.timeout(60):
            while min(self._lasts()) <= since:  # noqa: ASYNC110 - read from log files
                await asyncio.sleep(0.25)

    def _lasts(self) -> list[float]:
        times = [self._sender.accepted_at, *(finished_at(workers) for workers in self._workers.values())]
        return [max(one, default=0.0) for one in times]

    async def kill(self, name: str) -> None:
        """kill -9 of a server that leads something, until all flows as before."""
        things = ("VMH", "KV_locks", *(f"{_STREAMS[service]}.{service}" for service in self._workers))
        leads = [thing for thing in things if await self._servers.leader(self._stage.nc, thing) == name]
        began = time.time()
        self._servers.kill(name)
        await asyncio.gather(*(self._servers.leader(self._stage.nc, thing, other_than=name) for thing in leads))
        elected = time.time()
        await self.flows(since=elected + 1)
        ended = time.time()
        gaps = {"accepted": longest_gap_s(self._sender.accepted_at, since=began, until=ended)}
        for service, workers in self._workers.items():
            gaps[service] = longest_gap_s(finished_at(workers), since=began, until=ended)
        told = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in gaps.items())
        note(f"killed {name}, which led {leads}: new leaders after {elected - began:.1f} s; longest gaps: {told}")
        self.longest_s = max(self.longest_s, *gaps.values())


async def test_a_leader_dies_and_another_stays_away(tmp_path: Path) -> None:
    """P1, P2, P7: kill -9 of VMH's leader under load, back again, then another goes for good; all resumes in 10 s."""
    async with staged(tmp_path) as (stage, servers), _session() as session:
        documents = stage.documents(60, owners=3)
        gateway, workers = stage.gateway(**_ENV), [stage.worker(**_ENV), stage.worker(**_ENV)]
        await asyncio.gather(gateway.start(), *(worker.start() for worker in workers))
        sender = Sender(session, gateway.url, webhook("CDokumente.update"), retry_s=3.0)
        replacing = Replacing(stage, sender, documents)
        traffic = Traffic(stage, servers, sender, {"document_worker": workers})
        async with going_on(again_and_again(replacing.change, per_s=6)):
            await traffic.flows(since=time.time() + 1)
            leader = await servers.leader(stage.nc, "VMH")
            await traffic.kill(leader)
            servers.launch(leader)
            await servers.until_healthy()
            left = [name for name in servers.nodes if name != leader]
            consumers = await servers.leader(stage.nc, "VMH.document_worker")
            await traffic.kill(consumers if consumers in left else left[0])
        await _judge(stage, [sender], replacing, workers)
        assert traffic.longest_s < _RESUMED_S


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_every_server_dies_after_every_other(tmp_path: Path) -> None:
    """P1, P2, P7: in every order, under load on all workers; then one stays away, and all services start anew."""
    async with staged(tmp_path) as (stage, servers), sides_of(stage) as sides, _session() as session:
        documents = stage.documents(200, owners=6)
        gateway = stage.gateway(**_ENV)
        workers = {
            "document_worker": [stage.worker(**_ENV), stage.worker(**_ENV)],
            "beteiligte_worker": [sides.beteiligte_worker(**_ENV)],
            "calendar_worker": [sides.calendar_worker(**_ENV)],
        }
        all_workers = [worker for some in workers.values() for worker in some]
        await asyncio.gather(gateway.start(), *(one.start() for one in all_workers))
        sender = Sender(session, gateway.url, webhook("CDokumente.update"), retry_s=3.0)
        parties = Sender(session, gateway.url, webhook("CBeteiligte.create"), retry_s=3.0)
        replacing = Replacing(stage, sender, documents)
        traffic = Traffic(stage, servers, sender, workers)

        async def party(number: int) -> None:
            await parties.send(sides.party(number))

        async def appointment(number: int) -> None:
            await _said(stage, "calendar.sync.employee", {"kuerzel": sides.appointment(number)})

        async with (
            going_on(again_and_again(replacing.change, per_s=5)),
            going_on(again_and_again(party, per_s=2)),
            going_on(again_and_again(appointment, per_s=2)),
        ):
            for order in itertools.permutations(servers.nodes, 2):
                for name in order:
                    await traffic.flows(since=time.time() + 1)
                    await traffic.kill(name)
                    servers.launch(name)
                    await servers.until_healthy()
            await traffic.kill("a")
            await stage.gateway(**_ENV).start()
            for one in all_workers:
                assert await one.terminate() == 0
                await one.start()
            await traffic.flows(since=time.time() + 1)
        await _judge(stage, [sender, parties], replacing, workers["document_worker"])
        for service, stream in _STREAMS.items():
            await _settled(stage, stream, service)
        assert sides.wrong() == []
        assert traffic.longest_s < _RESUMED_S


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


async def _said(stage: Stage, subject: str, event: dict[str, str]) -> None:
    """Stored, however long that takes."""
    headers = {"Nats-Msg-Id": secrets.token_hex(8)}
    while True:
        with contextlib.suppress(NatsError, OSError):
            await stage.nc.jetstream().publish(subject, json.dumps(event).encode(), headers=headers, timeout=1)
            return
        await asyncio.sleep(0.2)


async def _settled(stage: Stage, stream: str, consumer: str) -> None:
    async with asyncio.timeout(120):
        while True:
            info = await stage._api(f"CONSUMER.INFO.{stream}.{consumer}")
            if info["num_pending"] + info["num_ack_pending"] == 0:
                return
            await asyncio.sleep(0.1)


async def _judge(
    stage: Stage, senders: Sequence[Sender], replacing: Replacing, workers: Sequence[ServiceProcess]
) -> None:
    """Whatever was accepted is stored and in step, once."""
    sweeps = await stage.quiet(seconds=120)
    events = await stage.events()
    accepted = sum((sender.accepted for sender in senders), Counter[str]())
    answers = sum((sender.answers for sender in senders), Counter[int]())
    lost = sum(await asyncio.gather(*(worker.metric("hub_history_lost_total") for worker in workers)))
    note(
        f"answers {dict(answers)}, accepted {accepted.total()}, events {events.total()}, history records lost {lost}; "
        f"quiet after {sweeps} sweep(s); {dict(endings(workers))}"
    )
    assert set(answers) <= {200, 503}
    assert accepted - events == {}
    assert all(sender.lost == {} for sender in senders)
    assert stage.out_of_step() == []
    assert replacing.uploaded_twice() == 0
    assert await stage.dead() == []
