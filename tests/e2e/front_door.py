"""One address in front of several gateways, as a Kubernetes Service is: new connections go to whoever is ready."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

from local_stack.ports import HOST
from tests.support.processes import ServiceProcess

_PROBE_EVERY_S = 0.5
_BLOCK = 65_536


class FrontDoor:
    """Passes bytes on. A connection that stands stays with its gateway, ready or not, until one of both ends it."""

    def __init__(self) -> None:
        self.url = ""
        self.refused = 0
        """Connections that no gateway took."""
        self._known: tuple[ServiceProcess, ...] = ()
        self._behind: list[ServiceProcess] = []
        self._turn = itertools.count()
        self._open: set[asyncio.StreamWriter] = set()

    async def probe(self) -> None:
        """Asks everybody again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_PROBE_EVERY_S)

    def known(self, *gateways: ServiceProcess) -> None:
        """These are asked from now on."""
        self._known = gateways

    async def look(self) -> None:
        """Who is ready at this moment."""
        asked = self._known
        answers = await asyncio.gather(*(gateway.readiness() for gateway in asked))
        self._behind = [one for one, told in zip(asked, answers, strict=True) if told.status == 200]

    async def passes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from a client."""
        self._open.add(writer)
        try:
            for _ in range(len(self._behind)):
                gateway = self._behind[next(self._turn) % len(self._behind)]
                with contextlib.suppress(OSError):
                    answer, question = await asyncio.open_connection(HOST, int(gateway.url.rpartition(":")[2]))
                    await asyncio.gather(_pipe(reader, question), _pipe(answer, writer))
                    return
            self.refused += 1
        finally:
            self._open.discard(writer)
            writer.close()

    def close(self) -> None:
        """Ends all connections."""
        for writer in list(self._open):
            writer.close()


async def _pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(_BLOCK):
            target.write(data)
            await target.drain()
    target.close()


@contextlib.asynccontextmanager
async def front_door(*gateways: ServiceProcess) -> AsyncIterator[FrontDoor]:
    """Open, with those behind it that are ready by now."""
    door = FrontDoor()
    door.known(*gateways)
    await door.look()
    server = await asyncio.start_server(door.passes, HOST, 0)
    door.url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
    async with asyncio.TaskGroup() as tasks:
        probing = tasks.create_task(door.probe())
        try:
            yield door
        finally:
            probing.cancel()
            server.close()
            door.close()
