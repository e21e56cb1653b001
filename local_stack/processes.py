"""Child processes: started in order, watched, stopped in reverse, never left behind."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from local_stack.leash import leashed
from local_stack.words import last_words

_READY_S = 20.0
_LOOK_EVERY_S = 0.02
_GRACE_S = 10.0
_BACK_OFF_S = 1.0

Death = Literal["fail", "restart", "wait"]
"""What an unexpected end of a child means: the end of all; one restart; or waiting until somebody restarts it."""

EXIT_SETTINGS = 78
EXIT_MISSING_PART = 69


class ChildFailed(Exception):
    """A child could not start or has ended; the text says which, how, and its last log lines."""

    def __init__(self, child: "Child", what: str, code: int | None) -> None:
        words = "".join(f"\n    {line}" for line in child.last_words())
        super().__init__(f"{child.name} {what}; the end of {_shown(child.log)}:{words}")
        self.exit_code = code if code in (EXIT_SETTINGS, EXIT_MISSING_PART) else 1


class Child:
    """One service as a process of its own, in a session of its own: Ctrl-C must reach only us, so that we can stop it
    in its turn."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        log: Path,
        ready: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self.deaths = 0
        self.process: asyncio.subprocess.Process | None = None
        self._command = leashed(*command)
        self._env = env
        self._ready = ready

    async def start(self) -> asyncio.subprocess.Process:
        """Starts it and waits until it is ready. Raises ChildFailed."""
        self.process = process = await self._spawn()
        try:
            async with asyncio.timeout(_READY_S):
                while self._ready is not None and not await self._ready():
                    if process.returncode is not None:
                        raise ChildFailed(self, f"ended with {process.returncode} while starting", process.returncode)
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError:
            raise ChildFailed(self, f"was not ready within {_READY_S:g} s", None) from None
        return process

    async def run(self) -> None:
        """For a command that ends by itself: waits for that. Raises ChildFailed unless it ends well."""
        process = await self._spawn()
        try:
            async with asyncio.timeout(_READY_S):
                code = await process.wait()
        except TimeoutError:
            raise ChildFailed(self, f"did not end within {_READY_S:g} s", None) from None
        finally:
            if process.returncode is None:
                _kill(process.pid)
                await process.wait()
        if code != 0:
            raise ChildFailed(self, f"ended with {code}", code)

    async def _spawn(self) -> asyncio.subprocess.Process:
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self._command,
                env=self._env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def last_words(self) -> list[str]:
        """The end of its log, readable."""
        return last_words(self.log)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after the grace. An end from here on is no failure."""
        process, self.process = self.process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_GRACE_S):
                await process.wait()
        except TimeoutError:
            _kill(process.pid)
            await process.wait()


class Supervisor:
    """Keeps children."""

    def __init__(self, tasks: asyncio.TaskGroup, *, on_death: Death, say: Callable[[str], None], pids: Path) -> None:
        self._tasks = tasks
        self._on_death = on_death
        self._say = say
        self._pids = pids
        self._children: list[Child] = []
        self.stopping = False

    async def start(self, child: Child) -> None:
        """Starts one more. Raises ChildFailed."""
        self._children.append(child)
        await self._start(child)

    async def restart(self, child: Child) -> None:
        """Stops and starts one, on purpose. Raises ChildFailed."""
        await child.stop()
        await self._start(child)

    async def stop(self) -> None:
        """Stops all, the last started first."""
        self.stopping = True
        for child in reversed(self._children):
            await child.stop()
        self._pids.unlink(missing_ok=True)

    def kill(self) -> None:
        """Ends all at once; who is stopping them goes on quickly."""
        for pid in self._living().values():
            _kill(pid)

    def _living(self) -> dict[str, int]:
        return {child.name: child.process.pid for child in self._children if child.process is not None}

    async def _start(self, child: Child) -> None:
        process = await child.start()
        self._pids.write_text(json.dumps(self._living()), encoding="utf-8")
        self._tasks.create_task(self._attend(child, process))

    async def _attend(self, child: Child, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        if child.process is not process:  # stopped on purpose
            return
        child.process = None
        child.deaths += 1
        failed = ChildFailed(child, f"ended unexpectedly ({_how(code)})", None)
        if self._on_death == "fail" or (self._on_death == "restart" and child.deaths > 1):
            raise failed
        self._say(str(failed))
        if self._on_death == "restart":
            await asyncio.sleep(_BACK_OFF_S)
            await self._start(child)
            self._say(f"{child.name} is up again")


@contextlib.asynccontextmanager
async def supervised(*, on_death: Death, say: Callable[[str], None], pids: Path) -> AsyncIterator[Supervisor]:
    """A supervisor whose children have all ended afterwards, however the body ends.

    The death of a child that is not to be restarted cancels the body and comes out as ChildFailed.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            supervisor = Supervisor(tasks, on_death=on_death, say=say, pids=pids)
            try:
                yield supervisor
            finally:
                await supervisor.stop()
    except BaseExceptionGroup as group:
        raise _the_one(group) from None


def _kill(pid: int) -> None:
    """The whole group: where a leash stands between us and the command, both."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _the_one(group: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = group.exceptions[0]
    return _the_one(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _shown(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
