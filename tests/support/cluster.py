"""Three nats-servers on loopback that are one cluster: started, killed one by one, asked who leads what."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError

from local_stack.nats_server import server_command
from local_stack.ports import HOST
from local_stack.server_process import ServerProcess
from tests.support.free_ports import free_port

_SIZE = 3
_PATIENCE_S = 60.0
_TIMEOUT = aiohttp.ClientTimeout(total=1)


class Node:
    """One server of a cluster. Its ports and its store stay the same over all its lives."""

    def __init__(self, name: str, store: Path, *, port: int, route: int, monitor: int) -> None:
        self.name = name
        self.url = f"nats://{HOST}:{port}"
        self.route = f"nats://{HOST}:{route}"
        self._port = port
        self._monitor = monitor
        self._store = store
        self._process = ServerProcess(store / "nats-server.log")

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._process.pid is not None

    def start(self, routes: Sequence[str]) -> None:
        """Starts it, also again, and does not wait."""
        self._process.start(
            [
                *server_command(self._store, self._port),
                *("-m", str(self._monitor), "--server_name", self.name),
                *("--cluster_name", "hub", "--cluster", self.route, "--routes", ",".join(routes)),
            ]
        )

    def kill(self) -> None:
        """kill -9."""
        self._process.end(kill=True)

    async def look(self, path: str) -> dict[str, Any]:
        """What a monitoring page says; empty when it does not say yes."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.get(f"http://{HOST}:{self._monitor}{path}") as answer,
            ):
                return dict(await answer.json()) if answer.status == 200 else {}
        return {}

    def last_words(self) -> str:
        """The end of its log."""
        return self._process.last_words()


class Cluster:
    """Three nodes. `start` before use."""

    def __init__(self, store: Path) -> None:
        ports = [free_port() for _ in range(3 * _SIZE)]
        self.nodes = {
            name: Node(name, store / name, port=ports[3 * at], route=ports[3 * at + 1], monitor=ports[3 * at + 2])
            for at, name in enumerate("abc")
        }

    @property
    def url(self) -> str:
        """All nodes, as NATS_URL wants them."""
        return ",".join(node.url for node in self.nodes.values())

    async def start(self) -> None:
        """All three, until they take a stream with three copies: a leader may be healthy and not know of all others."""
        for name in self.nodes:
            self.launch(name)
        await self.until_healthy()
        nc = await nats.connect(self.url.split(","))
        await self._until(partial(_take_a_stream, nc))
        await nc.close()

    def launch(self, name: str) -> None:
        """Starts one, also again, and does not wait."""
        self.nodes[name].start([node.route for node in self.nodes.values()])

    def kill(self, *names: str) -> None:
        """kill -9 of those named, or of all."""
        for name in names or self.nodes:
            self.nodes[name].kill()

    async def until_healthy(self) -> None:
        """Until every node that runs says that all its streams and consumers are in step with their leaders."""
        await self._until(self._all_are_healthy)

    async def _until(self, true: Callable[[], Awaitable[bool]]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while not await true():  # noqa: ASYNC110 - another program's state
                    await asyncio.sleep(0.05)
        except TimeoutError:
            words = {name: node.last_words() for name, node in self.nodes.items()}
            raise AssertionError(f"the cluster is not healthy: {words}") from None

    async def _all_are_healthy(self) -> bool:
        for node in self.nodes.values():
            if node.running and (await node.look("/healthz")).get("status") != "ok":
                return False
        return True

    async def leader(self, nc: Client, thing: str, *, seconds: float = 20.0, other_than: str = "") -> str:
        """Which node leads a stream (`VMH`) or a consumer (`VMH.document_worker`), once one does."""
        kind = "CONSUMER" if "." in thing else "STREAM"
        async with asyncio.timeout(seconds):
            while True:
                with contextlib.suppress(NatsError, OSError, KeyError):
                    answer = await nc.request(f"$JS.API.{kind}.INFO.{thing}", b"", timeout=1)
                    leader = str(json.loads(answer.data)["cluster"]["leader"])
                    if leader != other_than:
                        return leader
                await asyncio.sleep(0.05)


async def _take_a_stream(nc: Client) -> bool:
    wanted = {"name": "trial", "subjects": ["trial"], "storage": "memory", "num_replicas": _SIZE}
    with contextlib.suppress(NatsError):
        answer = await nc.request("$JS.API.STREAM.CREATE.trial", json.dumps(wanted).encode(), timeout=2)
        if "error" not in json.loads(answer.data):
            await nc.request("$JS.API.STREAM.DELETE.trial", b"", timeout=5)
            return True
    return False


@contextlib.asynccontextmanager
async def cluster(store: Path) -> AsyncIterator[Cluster]:
    """A healthy cluster; no node outlives the body."""
    made = Cluster(store)
    try:
        await made.start()
        yield made
    finally:
        made.kill()
