"""Servers in containers: whether tests may use them, and a few that are lent from test to test."""

import asyncio
import contextlib
import gc
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from tests.support.free_ports import free_port

Wanted = Literal["containers", "binaries"] | None

VARIABLE = "HUB_TEST_SERVERS"
"""`containers` or `binaries`: where tests take NATS and Redis from. Without it: binaries, else containers."""
_READY_S = 30.0
_END_S = 10


class BadChoice(Exception):
    """The variable holds something else."""


def wanted(environ: Mapping[str, str]) -> Wanted:
    """What somebody has asked for. Raises BadChoice."""
    match environ.get(VARIABLE, "").strip():
        case "containers":
            return "containers"
        case "binaries":
            return "binaries"
        case "":
            return None
    raise BadChoice(f"{VARIABLE} is neither `containers` nor `binaries`")


def engine_answers() -> bool:
    """Whether a container engine can be used from here."""
    from testcontainers.core.docker_client import DockerClient

    with warnings.catch_warnings():
        # Where nobody answers, docker's client leaves its socket to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        answers = False
        with contextlib.suppress(Exception):  # whatever is wrong with it, there is none that we can use
            client = DockerClient().client
            answers = bool(client.ping())
            client.close()
        gc.collect()
    return answers


class ServerContainer:
    """A server in a container, by a published port that stays the same; its store outlives stop and kill."""

    def __init__(
        self,
        image: str,
        command: Sequence[str],
        *,
        scheme: str,
        port: int,
        speaks: Callable[[socket.socket], bool],
        variables: Mapping[str, str] | None = None,
        folders: Mapping[str, str] | None = None,
    ) -> None:
        from testcontainers.core.container import DockerContainer

        self._scheme = scheme
        self._speaks = speaks
        self._host = "127.0.0.1"
        self._port = free_port()
        self._state: Literal["new", "up", "down"] = "new"
        self._container = DockerContainer(image).with_command(list(command)).with_bind_ports(port, self._port)
        self._container.with_envs(**(variables or {}))
        for inside, outside in (folders or {}).items():
            self._container.with_volume_mapping(outside, inside, "ro")

    @property
    def host(self) -> str:
        """Where the engine publishes ports, once it was started."""
        return self._host

    @property
    def port(self) -> int:
        """The published port."""
        return self._port

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self._scheme}://{self._host}:{self._port}"

    def start(self) -> None:
        """Starts it and waits until it speaks. Raises RuntimeError with its last words."""
        if self._state == "new":
            self._container.start()
            host = self._container.get_container_host_ip()
            self._host = "127.0.0.1" if host == "localhost" else host
        else:
            self._container.get_wrapped_container().start()
        self._state = "up"
        deadline = time.monotonic() + _READY_S
        # The engine takes connections for a port whose owner is not there yet.
        while not self._answers():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self._container.image} did not start: {self._container.get_logs()}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((self._host, self._port), timeout=1) as line:
            return self._speaks(line)
        return False

    def stop(self) -> None:
        """Asks it to end and waits."""
        self._container.get_wrapped_container().stop(timeout=_END_S)
        self._state = "down"

    def kill(self) -> None:
        """kill -9."""
        if self._state == "up":
            container = self._container.get_wrapped_container()
            container.kill()
            container.wait(timeout=_END_S)
            self._state = "down"

    def freeze(self) -> None:
        """It stands still: connections stay open and nothing is answered."""
        self._container.get_wrapped_container().kill("SIGSTOP")

    def thaw(self) -> None:
        """It goes on, if it has not ended meanwhile."""
        if self._state == "up":
            self._container.get_wrapped_container().kill("SIGCONT")

    async def astart(self) -> None:
        """`start` without holding up the event loop."""
        await asyncio.to_thread(self.start)

    def revive(self) -> None:
        """Up, whatever was done to it."""
        self.thaw()
        if self._state != "up":
            self.start()

    def discard(self) -> None:
        """Removes the container with its store."""
        self._container.stop()


class Lender:
    """Containers of one kind. A test has one to itself and the next gets it cleaned: starting one takes seconds."""

    def __init__(self, make: Callable[[], ServerContainer], clean: Callable[[ServerContainer], None]) -> None:
        self._make = make
        self._clean = clean
        self._free: list[ServerContainer] = []

    @contextlib.contextmanager
    def lend(self) -> Iterator[ServerContainer]:
        """A running, empty one."""
        if self._free:
            server = self._free.pop()
            self._clean(server)
        else:
            server = self._make()
            server.start()
        try:
            yield server
        finally:
            self._free.append(server)

    def close(self) -> None:
        """Removes all of them."""
        while self._free:
            self._free.pop().discard()
