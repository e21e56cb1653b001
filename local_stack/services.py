"""The services of the hub as children: command, environment, log, and how each shows that it is ready."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp

from local_stack.environment import Ports, addresses, environments
from local_stack.nats_server import server_command as nats_command
from local_stack.ports import HOST
from local_stack.processes import Child
from local_stack.redis_server import server_command as redis_command

_PATIENCE_S = 2.0


def services(
    environ: Mapping[str, str], ports: Ports, *, home: Path, store: Path, session: aiohttp.ClientSession
) -> list[Child]:
    """In the order in which they start. Raises NatsServerMissing and RedisServerMissing."""
    logs = home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    redis_folder = store / "redis"
    redis_folder.mkdir(parents=True, exist_ok=True)
    at = addresses(ports)
    envs = environments(environ, ports)

    def python(name: str, ready: Callable[[], Awaitable[bool]]) -> Child:
        return Child(name, [sys.executable, "-m", name], env=envs[name], log=_fresh(logs / f"{name}.log"), ready=ready)

    def server(name: str, command: list[str], ready: Callable[[], Awaitable[bool]]) -> Child:
        return Child(name, command, env=dict(environ), log=_fresh(logs / f"{name}.log"), ready=ready)

    vendors = (f"{at.espocrm}/_sim/queue", f"{at.xai}/_sim/log", f"{at.advoware}/_sim/log", f"{at.google}/_sim/log")
    return [
        server("nats", nats_command(store, ports.nats), _says(ports.nats, ask=b"", answer=b"INFO ")),
        server("redis", redis_command(redis_folder, ports.redis), _says(ports.redis, ask=b"PING\r\n", answer=b"+PONG")),
        python("simulators", _all(*(_answers(session, url) for url in vendors))),
        python("gateway", _answers(session, f"{at.gateway}/readyz")),
        python("document_worker", _answers(session, f"{at.health}/readyz")),
        python("beteiligte_worker", _answers(session, f"{at.beteiligte_health}/readyz")),
        python("calendar_worker", _answers(session, f"{at.calendar_health}/readyz")),
        python("advoware_proxy", _answers(session, f"{at.proxy_health}/readyz")),
        python("console", _answers(session, f"{at.console_health}/readyz")),
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


def _says(port: int, *, ask: bytes, answer: bytes) -> Callable[[], Awaitable[bool]]:
    """Whether a server answers like its kind; a nats-server says INFO to whoever connects, unasked."""

    async def check() -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                reader, writer = await asyncio.open_connection(HOST, port)
                try:
                    writer.write(ask)
                    return (await reader.readline()).startswith(answer)
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False

    return check


def _all(*checks: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return all(await asyncio.gather(*(one() for one in checks)))

    return check
