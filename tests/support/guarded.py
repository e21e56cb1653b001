"""A broker that knows the hub's users and nobody else, as in production."""

import contextlib
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from console.desk.credentials import Folder
from local_stack.nats_server import NatsServer
from shared.contracts.permissions import OPERATOR
from shared.runtime.bus import Bus, NatsSettings

_REFUSED = re.compile(r"/jwt:(?P<key>\w+)\" - (?P<what>(?:Publish|Subscription) Violation - Subject .*)$", re.MULTILINE)


class Guarded:
    """The server, and the folder with everybody's credentials."""

    def __init__(self, server: NatsServer, folder: Path, log: Path) -> None:
        self.server = server
        self.folder = folder
        self._log = log

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.server.url

    def creds(self, user: str) -> str:
        """The file that a user is given."""
        return str(self.folder / f"{user}.creds")

    def settings(self, user: str) -> NatsSettings:
        """How a service connects."""
        return NatsSettings(nats_url=self.url, nats_creds=self.creds(user))

    def violations(self) -> list[str]:
        """What the server has refused, and to whom, in its own words."""
        who = {one.key: one.user for one in Folder(self.folder, now=0).ls()}
        text = self._log.read_text(encoding="utf-8", errors="replace")
        return [f"{who.get(found['key'], 'somebody')}: {found['what']}" for found in _REFUSED.finditer(text)]

    async def make_topology(self) -> None:
        """As `hub topology ensure` does."""
        async with connected(self.settings(OPERATOR), "hub") as bus:
            await bus.ensure_topology()


@contextlib.asynccontextmanager
async def connected(settings: NatsSettings, name: str) -> AsyncIterator[Bus]:
    """A connection that leaves the topology alone."""
    bus = Bus(settings, name)
    try:
        await bus.connect()
        yield bus
    finally:
        await bus.close()


@contextlib.contextmanager
def guarded(directory: Path, *, is_open: bool = False, more: str = "") -> Iterator[Guarded]:
    """Running, with credentials and without streams. `is_open`: without credentials one is an operator.

    `more` is said in the server's configuration as well.
    """
    folder = directory / "credentials"
    Folder(folder, now=int(time.time())).make("HUB", is_open=is_open)
    store = directory / "nats"
    config = directory / "server.conf"
    config.write_text(f'include "credentials/nats-auth.conf"\n{more}\n')
    server = NatsServer(store, extra=("-c", str(config)))
    server.start()
    try:
        yield Guarded(server, folder, store / "nats-server.log")
    finally:
        server.kill()
