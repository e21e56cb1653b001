"""What tests stand on: a real NATS server each, a service on it, and the simulators over HTTP."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from local_stack.nats_server import NatsServer
from shared.runtime.bus import NatsSettings
from shared.runtime.service import Service, start


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
