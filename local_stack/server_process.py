"""A server of somebody else's as a child of ours, for as long as a test or a stack needs it."""

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from local_stack.leash import leashed

_GRACE_S = 10.0
_WORDS = 500


class ServerProcess:
    """One process at a time, started again as often as wanted; all of them write to the same log."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The running process."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, command: Sequence[str]) -> None:
        """Starts it and does not wait until it serves anybody."""
        # A leash is held by the thread that starts the child, so it must be one that lasts; and only where it
        # becomes the server may it be killed in its place.
        if sys.platform == "linux" and threading.current_thread() is threading.main_thread():
            command = leashed(*command)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            # Its own process group: Ctrl-C in a terminal must reach us first, so that we can drain.
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def end(self, *, kill: bool) -> None:
        """Asks it to end, or kills it, and waits until it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-_WORDS:]
