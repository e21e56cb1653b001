"""`python -m local_stack run | demo | dev`."""

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import aiohttp

from local_stack.broker import connected
from local_stack.environment import addresses, choose_ports, home
from local_stack.nats_server import NatsServerMissing
from local_stack.ports import BadPort, PortTaken
from local_stack.processes import EXIT_MISSING_PART, EXIT_SETTINGS, Child, ChildFailed, Death, Supervisor, supervised
from local_stack.redis_server import RedisServerMissing
from local_stack.reload import reload
from local_stack.services import company
from local_stack.stage import Stage
from local_stack.table import Screen

_OTHERS = ("nats", "redis", "simulators")
"""Their logs tell nothing of the hub."""
_DEATH: dict[str, Death] = {"run": "restart", "demo": "fail", "dev": "wait"}


def main() -> int:
    """The exit code: 0 clean stop or story in step, 78 settings, 69 a required part is not there, 1 anything else."""
    parser = argparse.ArgumentParser(prog="python -m local_stack", description="The whole hub on this machine.")
    parser.add_argument(
        "mode",
        choices=("run", "demo", "dev"),
        help="run: story, then stay up; demo: story, then end; dev: like run, restarting what changes",
    )
    mode: str = parser.parse_args().mode
    screen = Screen()
    try:
        return asyncio.run(_main(mode, os.environ, screen))
    except BadPort as wrong:
        screen.trouble(str(wrong))
        return EXIT_SETTINGS
    except (PortTaken, NatsServerMissing, RedisServerMissing) as missing:
        screen.trouble(str(missing))
        return EXIT_MISSING_PART
    except ChildFailed as failed:
        screen.trouble(str(failed))
        return failed.exit_code


async def _main(mode: str, environ: Mapping[str, str], screen: Screen) -> int:
    """Runs until the mode's work is done or a signal comes, and leaves nothing behind."""
    task = asyncio.current_task()
    assert task is not None
    signals = _Signals(task)
    try:
        with signals.caught():
            return await _stack(mode, environ, screen, signals)
    except asyncio.CancelledError:
        if not signals.seen:
            raise
        screen.say("stopped")
        # A demo that was broken off has not shown anything.
        return 1 if mode == "demo" else 0


async def _stack(mode: str, environ: Mapping[str, str], screen: Screen, signals: "_Signals") -> int:
    ports = choose_ports(environ)
    folder = home(environ)
    began = time.monotonic()
    async with aiohttp.ClientSession() as session:
        with _store(folder) as store:
            hub = company(environ, ports, home=folder, store=store, session=session)
            children = hub.lasting
            pids = folder / "pids.json"
            async with supervised(on_death=_DEATH[mode], say=screen.trouble, pids=pids) as supervisor:
                signals.supervisor = supervisor
                await hub.raise_curtain(supervisor)
                screen.say(f"Up in {time.monotonic() - began:.1f} s: {', '.join(child.name for child in children)}.")
                async with connected(addresses(ports).nats) as broker:
                    stage = Stage(screen, session, broker, at=addresses(ports))
                    is_in_step = await stage.play()
                    if mode == "demo":
                        return 0 if is_in_step else _explain(children, screen)
                    await stage.stay()
                    await _wait(mode, children, supervisor, screen)
    return 0


async def _wait(mode: str, children: list[Child], supervisor: Supervisor, screen: Screen) -> None:
    """Until a signal cancels it."""
    if mode == "dev":
        await reload({child.name: child for child in children}, supervisor, screen.say)
    await asyncio.Event().wait()


def _explain(children: list[Child], screen: Screen) -> int:
    for child in children:
        if child.name in _OTHERS:
            continue
        screen.trouble(f"the end of {child.name}'s log:" + "".join(f"\n    {line}" for line in child.last_words()))
    return 1


class _Signals:
    """The first SIGINT, SIGTERM or SIGHUP ends in good order, the second at once."""

    def __init__(self, task: asyncio.Task[int]) -> None:
        self.seen = 0
        self.supervisor: Supervisor | None = None
        self._task = task

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """While open, signals are ours."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._heard)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _heard(self) -> None:
        self.seen += 1
        if self.seen == 1:
            self._insist()
        elif self.supervisor is not None:
            self.supervisor.kill()

    def _insist(self) -> None:
        """Cancels until it is heard: what nats-py and others wait with may lose a cancellation before Python 3.12."""
        if self._task.done() or (self.supervisor is not None and self.supervisor.stopping):
            return
        self._task.cancel()
        asyncio.get_running_loop().call_later(0.5, self._insist)


@contextlib.contextmanager
def _store(folder: Path) -> Iterator[Path]:
    """A folder for the broker's streams, removed afterwards: the simulated vendors forget as well.

    What a killed stack has left is removed first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("nats-*"):
        if not Path(f"/proc/{left.name.removeprefix('nats-')}").exists() or not Path("/proc").exists():
            shutil.rmtree(left, ignore_errors=True)
    store = folder / f"nats-{os.getpid()}"
    try:
        yield store
    finally:
        shutil.rmtree(store, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
