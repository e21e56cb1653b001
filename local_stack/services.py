"""The services of the hub as children: command, environment, log, and how each shows that it is ready."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp

from local_stack.environment import Ports, addresses, environments
from local_stack.nats_server import server_command
from local_stack.ports import HOST
from local_stack.processes import Child

_PATIENCE_S = 2.0


def services(
    environ: Mapping[str, str], ports: Ports, *, home: Path, store: Path, session: aiohttp.ClientSession
) -> list[Child]:
    """In the order in which they start. Raises NatsServerMissing."""
    logs = home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    at = addresses(ports)
    envs = environments(environ, ports)

    def python(name: str, ready: Callable[[], Awaitable[bool]]) -> Child:
        return Child(name, [sys.executable, "-m", name], env=envs[name], log=_fresh(logs / f"{name}.log"), ready=ready)

    broker = Child(
        "nats",
        server_command(store, ports.nats),
        env=dict(environ),
        log=_fresh(logs / "nats.log"),
        ready=_greets(ports.nats),
    )
    return [
        broker,
        python(
            "simulators", _all(_answers(session, f"{at.espocrm}/_sim/queue"), _answers(session, f"{at.xai}/_sim/log"))
        ),
        python("gateway", _answers(session, f"{at.gateway}/readyz")),
        python("document_worker", _answers(session, f"{at.health}/readyz")),
    ]


def _fresh(log: Path) -> Path:
    log.write_bytes(b"")
    return log


def _answers(session: aiohttp.ClientSession, url: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        try:
            async with session.get(url, timeout=aiohttp.ClientTimeout(total=_PATIENCE_S)) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    return check


def _greets(port: int) -> Callable[[], Awaitable[bool]]:
    """A nats-server says INFO to whoever connects, once it is ready for clients."""

    async def check() -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                reader, writer = await asyncio.open_connection(HOST, port)
                try:
                    return (await reader.readline()).startswith(b"INFO ")
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False

    return check


def _all(*checks: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return all(await asyncio.gather(*(one() for one in checks)))

    return check
