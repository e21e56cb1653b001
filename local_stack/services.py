"""The services of the hub as children: command, environment, log, and how each shows that it is ready."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import aiohttp

from local_stack.environment import Ports, addresses, environments
from local_stack.nats_server import server_command as nats_command
from local_stack.ports import HOST
from local_stack.processes import Child, Supervisor
from local_stack.redis_server import server_command as redis_command

_PATIENCE_S = 2.0


class Company(NamedTuple):
    """Everything that runs, by when it starts."""

    credentials: Child
    """Ends by itself, before the broker starts; so does the topology, after it."""
    nats: Child
    topology: Child
    others: list[Child]
    """Redis and the vendors: they need nothing of the hub."""
    services: list[Child]

    @property
    def lasting(self) -> list[Child]:
        """Those that stay."""
        return [self.nats, *self.others, *self.services]

    async def raise_curtain(self, supervisor: Supervisor) -> None:
        """Starts all. Raises ChildFailed."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._broker(supervisor))
            both.create_task(self._each(self.others, supervisor))
        await self._each(self.services, supervisor)

    async def _broker(self, supervisor: Supervisor) -> None:
        await self.credentials.run()
        await supervisor.start(self.nats)
        await self.topology.run()

    async def _each(self, children: list[Child], supervisor: Supervisor) -> None:
        for child in children:
            await supervisor.start(child)


def company(
    environ: Mapping[str, str], ports: Ports, *, home: Path, store: Path, session: aiohttp.ClientSession
) -> Company:
    """Nothing runs yet. Raises NatsServerMissing and RedisServerMissing."""
    logs = home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    redis_folder = store / "redis"
    redis_folder.mkdir(parents=True, exist_ok=True)
    at = addresses(ports)
    credentials = store / "credentials"
    envs = environments(environ, ports, credentials=credentials)

    def python(name: str, ready: Callable[[], Awaitable[bool]]) -> Child:
        return Child(name, [sys.executable, "-m", name], env=envs[name], log=_fresh(logs / f"{name}.log"), ready=ready)

    def hub(name: str, *arguments: str) -> Child:
        command = [sys.executable, "-m", "console.hub", *arguments]
        return Child(name, command, env=envs["hub"], log=_fresh(logs / f"{name}.log"))

    def server(name: str, command: list[str], ready: Callable[[], Awaitable[bool]]) -> Child:
        return Child(name, command, env=dict(environ), log=_fresh(logs / f"{name}.log"), ready=ready)

    vendors = (f"{at.espocrm}/_sim/queue", f"{at.xai}/_sim/log", f"{at.advoware}/_sim/log", f"{at.google}/_sim/log")
    nats = nats_command(store, ports.nats, config=credentials / "nats-auth.conf")
    others = [
        server("redis", redis_command(redis_folder, ports.redis), _says(ports.redis, ask=b"PING\r\n", answer=b"+PONG")),
        python("simulators", _all(*(_answers(session, url) for url in vendors))),
    ]
    of_the_hub = [
        python("gateway", _answers(session, f"{at.gateway}/readyz")),
        python("document_worker", _answers(session, f"{at.health}/readyz")),
        python("beteiligte_worker", _answers(session, f"{at.beteiligte_health}/readyz")),
        python("calendar_worker", _answers(session, f"{at.calendar_health}/readyz")),
        python("advoware_proxy", _answers(session, f"{at.proxy_health}/readyz")),
        python("console", _answers(session, f"{at.console_health}/readyz")),
    ]
    return Company(
        # Whoever comes without credentials is an operator: `nats` and `hub` work from any terminal of this machine.
        credentials=hub("credentials", "credentials", "make", str(credentials), "--open"),
        nats=server("nats", nats, _says(ports.nats, ask=b"", answer=b"INFO ")),
        topology=hub("topology", "topology", "ensure"),
        others=others,
        services=of_the_hub,
    )


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
