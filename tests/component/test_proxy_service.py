"""The proxy as a NATS service: found, counted, shared by replicas, started and stopped like any other."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.micro.service import EndpointStats, ServiceInfo, ServicePing, ServiceStats

from local_stack.nats_server import NatsServer
from shared.contracts.operator import Facts
from shared.contracts.proxy import METHODS, subject
from shared.runtime.ask import ask
from shared.runtime.large_reply import SIZE_HEADER, rest_of
from shared.runtime.microservice import Endpoint, Microservice, Reply, Request
from shared.runtime.service import Service
from simulators.harness import serve as simulate
from tests.component.test_proxy import NO_REDIS
from tests.component.test_service import one_sentence
from tests.e2e.stage import note
from tests.support.advoware import Road, open_road
from tests.support.odd_advoware import MB, OddAdvoware, odd_bytes
from tests.support.processes import Processes, ServiceProcess, processes
from tests.support.proxy_process import proxy_process

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
async def vendor() -> OddAdvoware:
    """The simulator behind `road`."""
    return OddAdvoware()


@pytest.fixture
async def road(nats_server: NatsServer, vendor: OddAdvoware) -> AsyncIterator[Road]:
    """Two replicas."""
    async with open_road(nats_server.url, NO_REDIS, replicas=2, advoware=vendor, timeout_s=5) as opened:
        yield opened


async def told(nc: Client, verb: str, *, count: int = 2) -> list[dict[str, Any]]:
    """What services answer to `$SRV.<verb>`: `count` of them, and nobody else."""
    inbox = await nc.subscribe(nc.new_inbox())
    await nc.publish(f"$SRV.{verb}", b"", reply=inbox.subject)
    found = [json.loads((await inbox.next_msg(timeout=5)).data) for _ in range(count)]
    await nc.flush()
    assert inbox.pending_msgs == 0
    await inbox.unsubscribe()
    return sorted(found, key=lambda one: str(one["id"]))


# Found


async def test_every_replica_answers_a_ping(road: Road) -> None:
    """As ADR-32 has it: to all, by name, by id; and nobody by another name."""
    nc = road.gateway.bus.nc
    everybody = await told(nc, "PING")
    assert len({one["id"] for one in everybody}) == 2
    for one in everybody:
        ping = ServicePing.from_dict(one)
        assert (ping.name, ping.type) == ("advoware_proxy", "io.nats.micro.v1.ping_response")
        assert re.fullmatch(r"\d+\.\d+\.\d+", ping.version)
        assert re.fullmatch(r"[A-Za-z0-9]{16,}", ping.id)
        assert await told(nc, f"PING.advoware_proxy.{one['id']}", count=1) == [one]
    assert await told(nc, "PING.advoware_proxy") == everybody
    assert {one["metadata"]["holder"] for one in everybody} == {proxy.holder for proxy in road.proxies}
    for nobody in ("PING.gateway", "PING.advoware_proxy.x"):
        inbox = await nc.subscribe(nc.new_inbox())
        await nc.publish(f"$SRV.{nobody}", b"", reply=inbox.subject)
        assert ((await inbox.next_msg(timeout=5)).headers or {})["Status"] == "503"


async def test_info_names_the_endpoints(road: Road) -> None:
    """One per HTTP method, and the operator's, in the queue group that shares requests."""
    nc = road.gateway.bus.nc
    everybody = await told(nc, "INFO")
    assert await told(nc, "INFO.advoware_proxy") == everybody
    for one in everybody:
        info = ServiceInfo.from_dict(one)
        assert info.type == "io.nats.micro.v1.info_response"
        assert info.description
        assert [(end.name, end.subject, end.queue_group) for end in info.endpoints] == [
            *((method.lower(), f"advoware.proxy.{method.lower()}", "q") for method in METHODS),
            ("doctor", "hub.advoware_proxy.doctor", "q"),
        ]


async def test_stats_count_requests_and_errors(road: Road) -> None:
    """Over both replicas every request is counted once, each error with its sentence, and time goes by."""
    for _ in range(5):
        assert (await road.tell("GET", {"endpoint": "employees"})).code == 0
    assert (await road.tell("GET", {"endpoint": "../x"})).code == 400
    assert (await road.tell("PUT", {"endpoint": "Akten/1"})).code == 403
    found = await told(road.gateway.bus.nc, "STATS")
    rows: list[EndpointStats] = []
    for one in found:
        # `data` is optional, though nats-py wants to see it.
        whole = {**one, "endpoints": [{"data": None, **end} for end in one["endpoints"]]}
        stats = ServiceStats.from_dict(whole)
        assert stats.type == "io.nats.micro.v1.stats_response"
        assert INSTANT.fullmatch(one["started"])
        rows += stats.endpoints
    assert sum(row.num_requests for row in rows if row.name == "get") == 6
    assert sum(row.num_errors for row in rows if row.name == "get") == 1
    assert [row.last_error for row in rows if row.name == "put" and row.num_errors] == [
        "403:the allow-list (ADVOWARE_PROXY_ALLOW) does not name this method and endpoint"
    ]
    for row in rows:
        assert (row.processing_time > 0) == (row.num_requests > 0)
        assert row.average_processing_time == row.processing_time // max(1, row.num_requests)


async def test_replicas_share_the_requests(road: Road) -> None:
    """Each request is worked on once; both get some."""
    async with asyncio.TaskGroup() as tasks:
        for _ in range(60):
            tasks.create_task(road.tell("GET", {"endpoint": "employees"}))
    assert len(road.data_calls()) == 60
    got = [sum(end["num_requests"] for end in one["endpoints"]) for one in await told(road.gateway.bus.nc, "STATS")]
    assert sum(got) == 60
    assert min(got) > 5


async def test_a_slow_answer_holds_up_nobody(nats_server: NatsServer, vendor: OddAdvoware) -> None:
    """Requests are worked on side by side, also on one endpoint of one replica."""
    async with open_road(nats_server.url, NO_REDIS, advoware=vendor) as road, asyncio.TaskGroup() as tasks:
        slow = [tasks.create_task(road.ask("Odd/wait")) for _ in range(20)]
        await vendor.until_arrived(20)
        took_ms = []
        for _ in range(20):
            began = time.perf_counter()
            assert (await road.ask("employees"))[0] == 200
            took_ms.append((time.perf_counter() - began) * 1000)
        assert not any(task.done() for task in slow)
        vendor.gate.set()
    took_ms.sort()
    note(f"beside 20 slow ones: median {took_ms[10]:.1f} ms, worst {took_ms[-1]:.1f} ms")
    assert {task.result()[0] for task in slow} == {200}
    assert took_ms[10] < 500


async def test_a_caller_without_a_reply_subject_costs_nothing(road: Road) -> None:
    """A publish instead of a request is worked on and answered to nobody; the next one is served."""
    await road.gateway.bus.nc.publish(subject("GET"), b'{"endpoint":"../x"}')
    await road.gateway.bus.nc.publish(subject("GET"), b"\xff")
    assert (await road.tell("GET", {"endpoint": "employees"})).code == 0


async def test_a_bug_in_a_handler_ends_nothing_else(
    service: Service, vendor: OddAdvoware, caplog: pytest.LogCaptureFixture
) -> None:
    """P10: the caller gets 500 without the exception's text, is not left waiting, and the others go on."""
    begun, gate = asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Reply:
        if request.body == b"bug":
            raise RuntimeError("Frau Muster")
        if request.body == b"odd":
            return Reply(headers={"X": "\udcff"})
        begun.set()
        await gate.wait()
        return Reply(b"done")

    async with asyncio.TaskGroup() as tasks:
        made = Microservice(
            service,
            description="a test",
            endpoints=[Endpoint(name="it", subject="it", handler=handler)],
            tasks=tasks,
            in_work_max=8,
            facts=Facts(),
        )
        await made.start()
        waiting = tasks.create_task(ask(service.bus, "it", b"wait", headers={}, timeout_s=5))
        await begun.wait()
        for body in (b"bug", b"odd"):
            reply = await ask(service.bus, "it", body, headers={}, timeout_s=2)
            assert (reply.code, reply.error) == (500, "internal error")
        gate.set()
        assert (await waiting).body == b"done"
        [stats] = await told(service.bus.nc, f"STATS.{service.name}", count=1)
        assert [(end["num_requests"], end["num_errors"]) for end in stats["endpoints"]] == [(3, 2)]
        await made.stop(1)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == ["request failed"] * 2


async def test_a_broker_that_stands_still_does_not_hold_up_the_stop(service: Service, nats_server: NatsServer) -> None:
    """P13: what cannot be unsubscribed is left after the grace, however many subscriptions there are."""

    async def handler(_request: Request) -> Reply:
        return Reply()

    async with asyncio.TaskGroup() as tasks:
        ends = [Endpoint(name=name, subject=name, handler=handler) for name in ("a", "b", "c")]
        made = Microservice(service, description="a test", endpoints=ends, tasks=tasks, in_work_max=8, facts=Facts())
        await made.start()
        nats_server.freeze()
        try:
            began = time.monotonic()
            await made.stop(0.5)
            assert time.monotonic() - began < 2
        finally:
            nats_server.thaw()


# As a process


async def ended(replica: ServiceProcess, *, seconds: float = 20.0) -> tuple[int, str]:
    """Exit code and all it said."""
    replica.spawn()
    assert replica._process is not None
    code = await asyncio.to_thread(replica._process.wait, seconds)
    return code, replica.log.read_text(encoding="utf-8")


_MISSING = {f"ADVOWARE_{name}": "" for name in ("APP_ID", "API_KEY", "KANZLEI", "DATABASE", "USER", "PASSWORD")}
_WRONG = (
    _MISSING,
    {
        "ADVOWARE_APP_ID": "",
        "ADVOWARE_PASSWORD": "demo-canary",
        "ADVOWARE_API_BASE_URL": "ftp://canary",
        "ADVOWARE_EMPLOYEES_PATH": "../canary",
        "ADVOWARE_API_TIMEOUT_SECONDS": "canary",
        "ADVOWARE_PROXY_RATE_PER_MINUTE": "0",
        "REDIS_URL": "http://canary",
    },
    {
        "ADVOWARE_API_KEY": "n0t-base64-canary!",
        "ADVOWARE_PASSWORD": "pa55",
        "ADVOWARE_PROXY_ALLOW": "GET **, FETCH canary",
    },
)


async def test_all_that_is_wrong_with_the_settings_is_said_at_once(tmp_path: Path) -> None:
    """Exit 78: names and what was expected, never a value."""
    with processes(tmp_path) as children:
        nowhere = "http://127.0.0.1:9"
        made = [proxy_process(children, nowhere, nowhere, {**wrong, "HUB_ENV": "production"}) for wrong in _WRONG]
        ends = await asyncio.gather(*map(ended, made))
    for wrong, (code, said) in zip(_WRONG, ends, strict=True):
        assert code == 78
        assert said.startswith("advoware_proxy: cannot start, ")
        for name in wrong:
            assert name in said or wrong[name] == "pa55", (name, said)
        assert "canary" not in said
        assert "Traceback" not in said
    assert all(f"  {name} is missing\n" in ends[0][1] for name in _MISSING)
    assert "ADVOWARE_PROXY_ALLOW is malformed: rule 2 " in ends[2][1]


async def test_without_nats_it_does_not_start(tmp_path: Path) -> None:
    """Exit 69 and one sentence; without Advoware or Redis it does start, since both may come later."""
    with processes(tmp_path) as children:
        code, said = await ended(proxy_process(children, "nats://user:pa55@127.0.0.1:9", "http://127.0.0.1:9"))
    assert code == 69
    assert one_sentence(said) == "advoware_proxy: cannot start: NATS is not reachable at 127.0.0.1:9"


async def replicas(children: Processes, nats_url: str, url: str, count: int) -> list[ServiceProcess]:
    """That many, ready."""
    made = [proxy_process(children, nats_url, url) for _ in range(count)]
    async with asyncio.TaskGroup() as tasks:
        for replica in made:
            tasks.create_task(replica.start())
    return made


async def test_sigterm_finishes_what_is_in_hand(
    nats_server: NatsServer, service: Service, vendor: OddAdvoware, tmp_path: Path
) -> None:
    """P13: requests in work are answered, what is half fetched is fetched whole, exit 0, and not a line is wrong."""

    def get(endpoint: str) -> asyncio.Task[Reply]:
        asked = json.dumps({"endpoint": endpoint}).encode()
        return tasks.create_task(ask(service.bus, subject("GET"), asked, headers={}, timeout_s=20))

    with processes(tmp_path / "logs") as children:
        async with simulate(vendor) as url, asyncio.TaskGroup() as tasks:
            [replica] = await replicas(children, nats_server.url, url, 1)
            large = await get(f"Odd/chunked/{2 * MB}")
            assert SIZE_HEADER in large.headers
            waiting = [get("Odd/wait") for _ in range(10)]
            await vendor.until_arrived(10)
            ending = tasks.create_task(replica.terminate())
            await replica.until_unready("stopping")
            assert not ending.done()
            vendor.gate.set()
            assert {(await task).code for task in waiting} == {0}
            rest = [piece async for piece in rest_of(service.bus, large)]
            assert large.body + b"".join(rest) == odd_bytes(2 * MB)
            began = time.monotonic()
            assert await ending == 0
            assert time.monotonic() - began < 3
        assert [line for line in replica.said() if line["level"] in ("error", "critical")] == []
        assert replica.said()[-1]["message"] == "stopped"


async def test_a_replica_that_stops_loses_no_request(
    nats_server: NatsServer, vendor: OddAdvoware, tmp_path: Path
) -> None:
    """P13: one of two replicas is stopped under load, and every request at the door is answered 200."""
    async with open_road(nats_server.url, NO_REDIS, replicas=0, advoware=vendor) as road:
        with processes(tmp_path / "logs") as children:
            first, second = await replicas(children, nats_server.url, road.advoware_url, 2)
            ended_at, statuses = asyncio.Event(), list[int]()

            async def load() -> None:
                while not ended_at.is_set():
                    statuses.append((await road.ask("employees"))[0])

            async with asyncio.TaskGroup() as tasks:
                for _ in range(8):
                    tasks.create_task(load())
                for replica in (first, second):
                    while await replica.metric("hub_proxy_requests_total") < 20:  # noqa: ASYNC110 - another process
                        await asyncio.sleep(0.02)
                before = len(statuses)
                assert await first.terminate() == 0
                while len(statuses) < before + 50:  # noqa: ASYNC110 - and some that only the other one can answer
                    await asyncio.sleep(0.01)
                ended_at.set()
            note(f"{len(statuses)} requests over a stop")
            assert set(statuses) == {200}
            assert len(statuses) > 100
