"""What tests stand on: a real NATS server each, a service on it, a real Redis, and the simulators over HTTP."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from local_stack.nats_server import NatsServer
from shared.runtime.bus import NatsSettings
from shared.runtime.service import Service, start
from tests.support.redis import NoRedis, OwnServer, RedisPlace, choose, own_server, redis_place


def pytest_report_header() -> str:
    """Which Redis this run stands on."""
    try:
        return f"redis: {choose(os.environ).told}"
    except NoRedis as wrong:
        return f"redis: {wrong}"


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A nats-server of this test's own, on a free port."""
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def service(nats_server: NatsServer) -> AsyncIterator[Service]:
    """A connected service with the whole topology in place."""
    async with start("document_worker", NatsSettings(nats_url=nats_server.url), {}) as started:
        yield started


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisPlace]:
    """A real Redis without our keys: REDIS_URL's where it is set, else one of this test's own."""
    with redis_place(os.environ, tmp_path / "redis") as place:
        yield place


@pytest.fixture
def own_redis_server(tmp_path: Path) -> Iterator[OwnServer]:
    """A Redis that this test may stop, kill and start again."""
    with own_server(tmp_path / "own-redis") as server:
        yield server
