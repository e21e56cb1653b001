"""GATEWAY_PROCESSES: several processes behind one port, as people start them."""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import psutil
import pytest

from gateway.processes import SharedPort
from local_stack.nats_server import NatsServer
from shared.runtime.bus import MissingPart
from tests.support.free_ports import free_port
from tests.support.processes import ROOT, ServiceProcess

pytestmark = pytest.mark.e2e

_UPDATE = "/vmh/webhook/document/update"
_KEY = {"apikey": "key-of-a-test"}


def gateway(directory: Path, nats_url: str) -> ServiceProcess:
    """Two processes, not started yet."""
    port = free_port()
    told = {
        "HUB_ENV": "demo",
        "NATS_URL": nats_url,
        "GATEWAY_API_KEYS": "test:key-of-a-test",
        "GATEWAY_PROCESSES": "2",
        "HEALTH_PORT": "0",
        "GATEWAY_PORT": str(port),
    }
    return ServiceProcess("gateway", told, port=port, log=directory / "gateway.log")


@pytest.fixture
async def two(tmp_path: Path, nats_server: NatsServer) -> AsyncIterator[ServiceProcess]:
    """A gateway of two processes, both ready."""
    started = gateway(tmp_path, nats_server.url)
    started.spawn()
    try:
        await until(lambda: answering(started), "both are ready")
        yield started
    finally:
        if started.running:
            family = psutil.Process(started.pid).children()
            started.kill()
            psutil.wait_procs(family, timeout=10)


async def until(check: Callable[[], Awaitable[bool]], what: str, *, seconds: float = 20.0) -> None:
    """Polls."""
    deadline = time.monotonic() + seconds
    while not await check():
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.05)


def ports_of_probes(started: ServiceProcess) -> list[int]:
    """Where each process has its own probes, in the order in which they came up."""
    return [line["port"] for line in started.said() if line["message"] == "health"]


async def answering(started: ServiceProcess, *, count: int = 2) -> bool:
    """Whether so many processes answer at their own probes."""
    states = [await get(f"http://127.0.0.1:{port}/readyz") for port in ports_of_probes(started)]
    return states.count(200) == count


async def get(url: str) -> int:
    """The status; 0 when nobody answers."""
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0


async def post(started: ServiceProcess, number: int) -> int:
    """One webhook over a connection of its own."""
    async with (
        aiohttp.ClientSession(headers=_KEY) as session,
        session.post(started.url + _UPDATE, json=[{"id": f"d{number}"}]) as answer,
    ):
        return answer.status


async def received(port: int) -> float:
    """Webhooks that the process with these probes has answered with 200."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        text = await answer.text()
    found = re.findall(r'^hub_webhooks_total\{.*status="200".*\} (\S+)$', text, re.MULTILINE)
    return sum(float(number) for number in found)


async def test_both_take_webhooks_and_each_counts_its_own(two: ServiceProcess) -> None:
    """One port, two processes: connections are spread, and their counters add up. The shared port has no /metrics."""
    statuses = await asyncio.gather(*(post(two, number) for number in range(60)))
    counted = [await received(port) for port in ports_of_probes(two)]
    assert statuses == [200] * 60
    assert sum(counted) == 60
    assert min(counted) > 0
    assert await get(f"{two.url}/metrics") == 404
    assert await get(f"{two.url}/readyz") == 200


async def test_sigterm_ends_all_with_0(two: ServiceProcess) -> None:
    """P13: the parent hands it on and waits for the last one."""
    family = psutil.Process(two.pid).children()
    assert len(family) == 2
    assert await two.terminate() == 0
    assert [one for one in family if one.is_running()] == []
    assert [line["message"] for line in two.said()].count("stopped") == 2


async def test_one_that_is_killed_is_replaced_while_the_other_answers(two: ServiceProcess) -> None:
    """Webhooks sent meanwhile are all taken, and later there are two again."""
    victim = psutil.Process(two.pid).children()[0]
    victim.kill()
    await until(lambda: answering(two, count=1), "one is gone")
    statuses = [await post(two, number) for number in range(10)]
    await until(lambda: answering(two), "two again")
    family = psutil.Process(two.pid).children()
    assert statuses == [200] * 10
    assert len(family) == 2
    assert victim.pid not in [one.pid for one in family]


async def test_none_outlives_the_parent(two: ServiceProcess) -> None:
    """kill -9 of the parent: its processes finish what they have and end by themselves."""
    family = psutil.Process(two.pid).children()
    two.kill()
    _, alive = await asyncio.to_thread(psutil.wait_procs, family, 10)
    assert alive == []


async def test_one_that_cannot_begin_ends_all_with_its_code(tmp_path: Path) -> None:
    """Without NATS the exit code and the sentence are those of one process."""
    started = gateway(tmp_path, "nats://127.0.0.1:1")
    started.spawn()
    await until(lambda: asyncio.sleep(0, not started.running), "it ends")
    assert await started.terminate() == 69
    assert "NATS is not reachable" in started.last_words()


async def test_a_port_that_another_gateway_shares_is_taken(two: ServiceProcess) -> None:
    """Two gateways of the same user do not silently become one."""
    second = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "gateway"],
        cwd=ROOT,
        env=two.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 69
    assert "cannot be opened" in second.stderr


def test_a_shared_port_is_held_and_not_listened_to() -> None:
    """Port 0 picks one; a second holder is refused; nobody can connect before a process listens."""
    held = SharedPort("127.0.0.1", 0)
    with pytest.raises(MissingPart, match="cannot be opened"):
        SharedPort("127.0.0.1", held.number)
    held.close()
    SharedPort("127.0.0.1", held.number).close()
