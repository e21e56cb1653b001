"""Starts a command that ends when its parent does, also when the parent is killed: `leash.py <parent pid> command …`.

On Linux the kernel sees to it and this process becomes the command. Elsewhere it stays between the two and watches.
Run as a file by a bare interpreter, so that it costs a few milliseconds: it may import nothing of ours.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LOOK_EVERY_S = 0.2


def leashed(*command: str) -> list[str]:
    """The command line that runs `command` on a leash held by this process.

    The leash is held by the calling thread: start children from one that lasts, the main thread.
    """
    return [sys.executable, "-I", "-S", str(Path(__file__)), str(os.getpid()), *command]


def main(arguments: list[str]) -> int:
    """Becomes the command, or watches over it; then the exit code is the command's."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:  # else it ended before the kernel was told
            os.execvp(command[0], command)  # noqa: S606 - becoming the command is the point
    return watch(parent, command)


def watch(parent: int, command: list[str]) -> int:
    """Runs the command as a child, hands signals on, and kills it when the parent is gone."""
    child = subprocess.Popen(command)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda number, _frame: child.send_signal(number))
    while child.poll() is None:
        if os.getppid() != parent:
            child.kill()
        time.sleep(_LOOK_EVERY_S)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
