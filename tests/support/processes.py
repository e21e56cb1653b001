"""Our services as real child processes: started, asked whether they are ready, stopped and killed by pid."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from tests.support.free_ports import free_port

ROOT = Path(__file__).parents[2]
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG")
_LAST_WORDS = 3_000


class Readiness(NamedTuple):
    """What /readyz says; status 0 when nobody answers."""

    status: int
    problems: dict[str, str]


class ServiceProcess:
    """One `python -m <module>` with an environment of its own and a log file."""

    def __init__(self, module: str, environ: Mapping[str, str], *, port: int, log: Path) -> None:
        self.module = module
        self.environ = {name: os.environ[name] for name in _KEPT if name in os.environ} | dict(environ)
        self.url = f"http://127.0.0.1:{port}"
        """Its door, or its probes where it has no other."""
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._process is not None and self._process.poll() is None

    def spawn(self) -> None:
        """Starts it, also again after it has ended, and does not wait."""
        assert not self.running
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                cwd=ROOT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def start(self) -> "ServiceProcess":
        """Starts it and waits until it is ready."""
        self.spawn()
        await self.until_ready()
        return self

    async def until_ready(self, *, seconds: float = 20.0) -> float:
        """Polls /readyz; the seconds it took. Fails with its last words when it ends or takes too long."""
        began = time.monotonic()
        while (await self.readiness()).status != 200:
            assert self.running, f"{self.module} ended with {self._code()}: {self.last_words()}"
            assert time.monotonic() - began < seconds, f"{self.module} is not ready: {self.last_words()}"
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    async def readiness(self) -> Readiness:
        """One look at /readyz."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            timeout = aiohttp.ClientTimeout(total=2)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"{self.url}/readyz") as answer,
            ):
                return Readiness(answer.status, (await answer.json()).get("problems", {}))
        return Readiness(0, {})

    async def until_unready(self, word: str, *, seconds: float = 20.0) -> Readiness:
        """Polls /readyz until it is not ready and says `word`."""
        deadline = time.monotonic() + seconds
        while word not in str((readiness := await self.readiness()).problems):
            assert time.monotonic() < deadline, f"{self.module} never said {word}: {self.last_words()}"
            await asyncio.sleep(0.05)
        return readiness

    async def metric(self, sample: str) -> float:
        """The sum of all samples of /metrics that begin with `sample`."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample))

    def kill(self) -> None:
        """kill -9, and its corpse removed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def terminate(self, *, seconds: float = 30.0) -> int:
        """SIGTERM; its exit code. Fails when it does not end in time."""
        assert self._process is not None
        self._process.terminate()
        return await asyncio.to_thread(self._process.wait, seconds)

    def memory_kb(self, field: str) -> int:
        """A line of /proc/<pid>/status: `VmRSS` now, `VmHWM` at most so far."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0])
        raise KeyError(field)

    def said(self) -> list[dict[str, Any]]:
        """Its log lines so far, over all its lives."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        found = []
        for line in lines:
            with contextlib.suppress(json.JSONDecodeError):
                found.append(json.loads(line))
        return [line for line in found if isinstance(line, dict)]

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-_LAST_WORDS:]

    def _code(self) -> int | None:
        return self._process.returncode if self._process is not None else None


class Processes:
    """All child processes of one test."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._all: list[ServiceProcess] = []

    def service(self, module: str, environ: Mapping[str, str], *, port_name: str) -> ServiceProcess:
        """A service that is not started yet, with a port of its own in `port_name`."""
        port = free_port()
        log = self._directory / f"{len(self._all)}-{module}.log"
        made = ServiceProcess(module, {**environ, port_name: str(port)}, port=port, log=log)
        self._all.append(made)
        return made

    def kill(self) -> None:
        """Ends all that still live."""
        for process in self._all:
            process.kill()


@contextlib.contextmanager
def processes(directory: Path) -> Iterator[Processes]:
    """Child processes with their logs below `directory`; none outlives the body."""
    directory.mkdir(parents=True, exist_ok=True)
    made = Processes(directory)
    try:
        yield made
    finally:
        made.kill()
