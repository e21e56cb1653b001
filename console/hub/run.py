"""One command's run: settings, NATS, the work, and the exit code that says how it ended."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from console.hub.say import Voice, complain

if TYPE_CHECKING:  # loaded when a command runs: `hub --help` needs none of it
    from console.desk.connect import DeskSettings
    from console.desk.deeds import Operator
    from shared.clock import Clock
    from shared.runtime.bus import Bus

EXIT_FOUND = 1
EXIT_USAGE = 2
EXIT_MISSING_PART = 69
EXIT_SETTINGS = 78
EXIT_INTERRUPTED = 130
_TOOL = "hub"


class Wrong(Exception):
    """The command was asked for something that cannot be; the text is one sentence. Exit code 2."""


class Nothing(Exception):
    """What was asked for is not there, or was not done; the text is one sentence. Exit code 1."""


class Line:
    """What a command works with."""

    def __init__(
        self, settings: "DeskSettings", environ: Mapping[str, str], bus: "Bus", clock: "Clock", voice: Voice
    ) -> None:
        self.settings = settings
        self.bus = bus
        self.clock = clock
        self.voice = voice
        self._environ = environ

    @contextlib.asynccontextmanager
    async def operator(self) -> AsyncIterator["Operator"]:
        """For commands that change something."""
        from console.desk.connect import who
        from console.desk.deeds import acting

        name = who(self.settings)
        async with acting(self.bus, self._environ, clock=self.clock, name=name, source=_TOOL) as operator:
            yield operator

    def moment(self, text: str | None) -> datetime | None:
        """What `--newer` and the like were given. Raises Wrong."""
        from console.desk.moments import moment

        if text is None:
            return None
        try:
            return moment(text, now=self.clock.now(), zone=self.settings.view.zone)
        except ValueError as wrong:
            raise Wrong(str(wrong)) from None

    async def confirm(self, question: str, *, yes: bool) -> None:
        """Asks, unless `yes`. Raises Nothing on anything but a yes."""
        if yes:
            return
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        answer = await _readline()
        if not answer:
            sys.stderr.write("\n")
            raise Nothing("nobody answered, so nothing was done; --yes skips the question")
        if answer.strip().lower() not in ("y", "yes", "j", "ja"):
            raise Nothing("nothing was done")


def run(work: Callable[[Line], Awaitable[int | None]], *, as_json: bool = False) -> None:
    """Runs `work`, whose result is the exit code. Always raises typer.Exit."""
    from console.desk.names import BadName
    from shared.outcomes.errors import Unavailable
    from shared.runtime.bus import ApiError, MissingPart
    from shared.settings import SettingsError

    try:
        code = asyncio.run(_work(work, as_json=as_json)) or 0
    except SettingsError as wrong:
        complain("hub: the environment cannot be used: " + "; ".join(wrong.problems))
        code = EXIT_SETTINGS
    except MissingPart as missing:
        complain(f"hub: {missing}; NATS_URL says where it is")
        code = EXIT_MISSING_PART
    except Unavailable as failed:
        complain(f"hub: {failed.reason}")
        code = EXIT_MISSING_PART
    except ApiError as refused:
        complain(f"hub: NATS refused: {refused.description}")
        code = EXIT_FOUND
    except (Wrong, BadName) as wrong_use:
        complain(f"hub: {wrong_use}")
        code = EXIT_USAGE
    except Nothing as nothing:
        complain(f"hub: {nothing}")
        code = EXIT_FOUND
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    raise typer.Exit(code)


async def _work(work: Callable[[Line], Awaitable[int | None]], *, as_json: bool) -> int | None:
    from console.desk.connect import DeskSettings, connected
    from shared.clock import SystemClock
    from shared.settings import environment, load

    environ = environment()
    settings = load(DeskSettings, environ)
    logging.getLogger("nats").setLevel(logging.CRITICAL)
    async with connected(settings.nats, name=_TOOL) as bus:
        voice = Voice(as_json=as_json, zone=settings.view.zone)
        return await work(Line(settings, environ, bus, SystemClock(), voice))


async def _readline() -> str:
    """A line of standard input; Ctrl-C is heard meanwhile, which it is not while a thread or a plain read waits."""
    loop = asyncio.get_running_loop()
    is_there = asyncio.Event()
    try:
        loop.add_reader(sys.stdin.fileno(), is_there.set)
    except (OSError, ValueError):  # a plain file, or none: it does not make anybody wait
        return _read_at_once()
    try:
        await is_there.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return _read_at_once()


def _read_at_once() -> str:
    try:
        return sys.stdin.readline()
    except (OSError, ValueError):
        return ""


def record_of(value: Any) -> dict[str, Any]:
    """A struct as JSON has it, to add something to."""
    import msgspec

    told: dict[str, Any] = msgspec.to_builtins(value)
    return told
