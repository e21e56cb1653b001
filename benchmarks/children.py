"""The processes that are measured, and their CPU time."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import msgspec
import psutil

from benchmarks.load import Order, Outcome
from local_stack.nats_server import NatsServer
from local_stack.ports import pick

_KEPT = ("PATH", "HOME", "TMPDIR", "LANG")
_READY_S = 30.0


class Child:
    """One `python -m <module>`; `start` before use. `ready` is what answers 200 once it is."""

    def __init__(self, module: str, environ: Mapping[str, str], *, port: int, ready: str, log: Path) -> None:
        self.module = module
        self.port = port
        self._ready = ready
        self._environ = {name: os.environ[name] for name in _KEPT if name in os.environ} | dict(environ)
        self._log = log
        self._process: psutil.Popen | None = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return int(self._process.pid)

    async def start(self) -> float:
        """Starts it and waits until it is ready; the seconds that took."""
        began = time.perf_counter()
        with self._log.open("ab") as log:
            self._process = psutil.Popen(
                [sys.executable, "-m", self.module],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        async with aiohttp.ClientSession() as session:
            while time.perf_counter() - began < _READY_S:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(self._ready) as answer:
                        if answer.status == 200:
                            return time.perf_counter() - began
                if self._process.poll() is not None:
                    break
                await asyncio.sleep(0.005)
        raise RuntimeError(f"{self.module} is not ready: {self._log.read_text(encoding='utf-8')[-2000:]}")

    async def metric(self, sample: str) -> float:
        """The sum of all samples of /metrics that begin so."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.split("}")[-1].split()[0]) for line in lines if line.startswith(sample))

    def cpu_s(self) -> float:
        """User and system time so far, its children's included."""
        return _cpu_s(self.pid)

    def rss_mb(self) -> float:
        """Resident memory now."""
        return float(psutil.Process(self.pid).memory_info().rss) / 2**20

    def peak_mb(self) -> float:
        """The most it has had."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        return self.rss_mb()

    async def stop(self) -> None:
        """SIGTERM; kill when that takes too long."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            await asyncio.to_thread(self._process.wait, 20)
        except psutil.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """kill -9, its children too."""
        if self._process is not None and self._process.poll() is None:
            for one in psutil.Process(self.pid).children(recursive=True):
                one.kill()
            self._process.kill()
            self._process.wait()


def _cpu_s(pid: int) -> float:
    one = psutil.Process(pid)
    times = [process.cpu_times() for process in (one, *one.children(recursive=True))]
    return float(sum(time.user + time.system for time in times))


class Room:
    """A broker, children and a place for their logs."""

    def __init__(self, directory: Path, nats: NatsServer) -> None:
        self.directory = directory
        self.nats = nats
        self._children: list[Child] = []

    def child(self, module: str, *, port_name: str, **environ: str) -> Child:
        """A process that is not started yet, with a port of its own in `port_name`, where it has /readyz."""
        port = pick(given=[child.port for child in self._children])
        told = {"HUB_ENV": "demo", "NATS_URL": self.nats.url, **environ, port_name: str(port)}
        return self.ready_at(f"http://127.0.0.1:{port}/readyz", module, told, port=port)

    def ready_at(self, url: str, module: str, environ: Mapping[str, str], *, port: int) -> Child:
        """The same for one that says elsewhere that it is ready."""
        log = self.directory / f"{len(self._children)}-{module}.log"
        self._children.append(Child(module, environ, port=port, ready=url, log=log))
        return self._children[-1]

    def broker_cpu_s(self) -> float:
        """What the broker has used."""
        assert self.nats.pid is not None
        return _cpu_s(self.nats.pid)

    def kill(self) -> None:
        """Ends all."""
        for child in self._children:
            child.kill()


@contextlib.asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Room]:
    """A room with an empty broker of its own; `directory` is made by that."""
    nats = NatsServer(directory / "nats")
    await nats.astart()
    room = Room(directory, nats)
    try:
        yield room
    finally:
        room.kill()
        nats.kill()


async def send(order: Order) -> Outcome:
    """Has a process of its own send it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.load", msgspec.json.encode(order).decode(), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the sender ended with {process.returncode}")
    return msgspec.json.decode(told, type=Outcome)
