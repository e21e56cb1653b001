"""What tests stand on: a real NATS server each, a service on it, a real Redis, and the simulators over HTTP."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.runtime.bus import NatsSettings
from shared.runtime.service import Service, start
from tests.support.containers import BadChoice, Lender
from tests.support.nats import Choice, OwnNats, choose_nats, nats_lender, own_nats
from tests.support.redis import NoRedis, OwnServer, RedisPlace, choose, own_server, redis_lender, redis_place


def pytest_report_header() -> str:
    """Which NATS and which Redis this run stands on."""
    told = []
    for name, chosen in (("nats", choose_nats), ("redis", choose)):
        try:
            told.append(f"{name}: {chosen(os.environ).told}")
        except (BadChoice, NoRedis) as wrong:
            told.append(f"{name}: {wrong}")
    return "\n".join(told)


@pytest.fixture(scope="session")
def nats_choice() -> Choice:
    """Which NATS this run stands on."""
    return choose_nats(os.environ)


@pytest.fixture(scope="session")
def nats_containers() -> Iterator[Lender]:
    """Those of this run, where it uses containers."""
    lender = nats_lender()
    yield lender
    lender.close()


@pytest.fixture(scope="session")
def redis_containers() -> Iterator[Lender]:
    """Those of this run, where it uses containers."""
    lender = redis_lender()
    yield lender
    lender.close()


@pytest.fixture
def nats_server(nats_choice: Choice, nats_containers: Lender, tmp_path: Path) -> Iterator[OwnNats]:
    """A nats-server of this test's own: the wheel's on a free port, or a container."""
    with own_nats(nats_choice, nats_containers, tmp_path / "nats") as server:
        yield server


@pytest.fixture
async def service(nats_server: OwnNats) -> AsyncIterator[Service]:
    """A connected service with the whole topology in place."""
    async with start("document_worker", NatsSettings(nats_url=nats_server.url), {}) as started:
        yield started


@pytest.fixture
def redis_server(redis_containers: Lender, tmp_path: Path) -> Iterator[RedisPlace]:
    """A real Redis without our keys: REDIS_URL's where it is set, else one of this test's own."""
    with redis_place(os.environ, tmp_path / "redis", redis_containers) as place:
        yield place


@pytest.fixture
def own_redis_server(redis_containers: Lender, tmp_path: Path) -> Iterator[OwnServer]:
    """A Redis that this test may stop, kill and start again."""
    with own_server(os.environ, tmp_path / "own-redis", redis_containers) as server:
        yield server
