"""One token for real processes: two proxies and a worker's client on one Redis; and one killed over its request."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from redis.asyncio import Redis

from local_stack.nats_server import NatsServer
from shared.clients.advoware_token import CLAIM_KEY
from shared.clients.redis_cache import RedisSettings
from shared.contracts.proxy import ProxyRequest, subject
from shared.runtime.ask import ask
from shared.runtime.service import Service
from shared.settings import Secret
from simulators.advoware import Advoware
from simulators.faults import Fault
from simulators.harness import serve
from tests.component.test_service import until
from tests.support.advoware import advoware_client
from tests.support.processes import ServiceProcess, processes
from tests.support.redis import RedisPlace

pytestmark = pytest.mark.e2e

TOKEN = "/api/v1/Token"


class Stage(NamedTuple):
    """The vendor, its address, and the proxies as processes."""

    vendor: Advoware
    url: str
    proxies: list[ServiceProcess]


@contextlib.asynccontextmanager
async def staged(tmp_path: Path, nats_url: str, redis_url: str) -> AsyncIterator[Stage]:
    """Two proxies that are ready."""
    vendor = Advoware()
    vendor.staff.add_mitarbeiter("SB")
    async with serve(vendor) as url:
        environ = {
            "HUB_ENV": "demo",
            "NATS_URL": nats_url,
            "REDIS_URL": redis_url,
            "ADVOWARE_DISCOVERY_URL": f"{url}/AdvonetConfigurator/api/Url",
            "ADVOWARE_APP_ID": "demo",
            "ADVOWARE_API_KEY": "ZGVtbw==",
            "ADVOWARE_KANZLEI": "demo",
            "ADVOWARE_DATABASE": "ADVOWARE",
            "ADVOWARE_USER": "demo",
        }
        with processes(tmp_path / "logs") as children:
            proxies = [children.service("advoware_proxy", environ, port_name="HEALTH_PORT") for _ in range(2)]
            await asyncio.gather(*(proxy.start() for proxy in proxies))
            yield Stage(vendor, url, proxies)


async def employees(service: Service) -> int:
    """How many the proxies name; 0 when nobody answered."""
    body = msgspec.json.encode(ProxyRequest(endpoint="employees", timeout_s=10.0))
    reply = await ask(service.bus, subject("GET"), body, headers={}, timeout_s=10.0)
    return len(msgspec.json.decode(reply.body)) if reply.code == 0 else 0


async def test_real_processes_ask_for_one_token(
    tmp_path: Path, nats_server: NatsServer, service: Service, redis_server: RedisPlace
) -> None:
    """P4: two proxies and a worker's client with a cold cache, two hundred calls at once, one token request."""
    async with staged(tmp_path, nats_server.url, redis_server.url) as stage:
        redis = RedisSettings(redis_url=Secret(redis_server.url))
        async with advoware_client(service, stage.url, redis) as worker:
            calls = [employees(service) for _ in range(100)]
            told, listed = await asyncio.gather(
                asyncio.gather(*calls), asyncio.gather(*(worker.mitarbeiter() for _ in range(100)))
            )
        assert told == [1] * 100
        assert [len(rows) for rows in listed] == [1] * 100
        assert stage.vendor.token_requests() == 1
        both = [await proxy.metric('hub_vendor_calls_total{operation="raw GET"') for proxy in stage.proxies]
        assert sum(both) == 100
        assert min(both) > 0


async def test_a_proxy_killed_over_its_token_request(
    tmp_path: Path, nats_server: NatsServer, service: Service, redis_server: RedisPlace
) -> None:
    """P7: kill -9 between claim and token; when the claim has lapsed the other proxy asks, and answers."""
    async with (
        staged(tmp_path, nats_server.url, redis_server.url) as stage,
        Redis.from_url(redis_server.url, decode_responses=True) as keys,
    ):
        stage.vendor.faults.add(Fault(kind="late", delay_s=60.0, path=TOKEN))
        lost = asyncio.get_running_loop().create_task(employees(service))
        await until(lambda: any(row.path == TOKEN for row in stage.vendor.log.rows()))
        holder = await keys.get(CLAIM_KEY)
        [dead] = [proxy for proxy in stage.proxies if any(line.get("holder") == holder for line in proxy.said())]
        dead.kill()
        next_one = asyncio.get_running_loop().create_task(employees(service))
        done, _ = await asyncio.wait([next_one], timeout=0.5)
        assert done == set()
        assert 20_000 < await keys.pttl(CLAIM_KEY) <= 25_000
        await keys.pexpire(CLAIM_KEY, 100)  # so that the test need not wait that long
        assert await asyncio.wait_for(next_one, 5) == 1
        assert stage.vendor.token_requests() == 2
        lost.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await lost
