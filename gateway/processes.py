"""Several processes behind one port: started, replaced when one is killed, ended together."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable

import msgspec

from shared.runtime.bus import MissingPart

_TO_STOP = (signal.SIGTERM, signal.SIGINT)
_AGAIN_S = 1.0


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """What makes one process differ from those beside it."""

    number: int
    """0, 1, 2 …; a process that takes a killed one's place takes its number."""
    port: int
    parent: int
    """A file descriptor that becomes readable when the parent is gone."""


class SharedPort:
    """A port that this user's processes may open together (SO_REUSEPORT), kept from everybody else until closed.

    It does not listen: a connection never goes to the parent, and one that is waiting goes down with its process.
    """

    def __init__(self, host: str, port: int) -> None:
        """Port 0 picks one. Raises MissingPart when somebody has the port, another gateway included."""
        try:
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family) as knock:  # alone, because those who share would not be told of each other
                knock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                knock.bind(address)
            self._held = socket.socket(family)
            self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._held.bind(address)
        except OSError as taken:
            raise MissingPart(f"port {port} at {host} cannot be opened: {taken.strerror}") from None
        self.number: int = self._held.getsockname()[1]

    def close(self) -> None:
        """Lets go of it."""
        self._held.close()


def run_all(count: int, port: SharedPort, run_one: Callable[[Seat], int]) -> int:
    """Runs `run_one` in `count` processes until SIGTERM or SIGINT, which goes to all; the first code that is not 0.

    One that was killed is replaced after a second, while the others take its connections. One that ends by itself
    says something that holds for all (NATS will not have us back, say): then all end, with its code.
    Call it before there are threads or an event loop.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*_TO_STOP, signal.SIGCHLD})
    watched, held = os.pipe()

    def start(number: int) -> int:
        pid = os.fork()
        if pid == 0:
            os.close(held)
            port.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            sys.exit(run_one(Seat(number=number, port=port.number, parent=watched)))
        return pid

    children = {start(number): number for number in range(count)}
    code = 0
    stopping = False
    while children:
        # Nothing is handled between two statements: a signal waits until it is asked for here.
        told = signal.sigwait({*_TO_STOP, signal.SIGCHLD})
        if told in _TO_STOP:
            stopping = True
            _tell(children)
            continue
        # All of them first: nobody who is gone may be told anything.
        gone = [(children.pop(pid), ended) for pid, ended in _ended(children)]
        for number, ended in gone:
            if stopping:
                code = code or _code(ended)
            elif ended < 0:
                sys.stderr.write(f"gateway: process {number} was killed ({signal.Signals(-ended).name}), replaced\n")
                time.sleep(_AGAIN_S)
                children[start(number)] = number
            else:
                code, stopping = ended, True
                _tell(children)
    return code


def _tell(children: dict[int, int]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGTERM)  # one that has ended and was not waited for is still there to be told


def _ended(children: dict[int, int]) -> list[tuple[int, int]]:
    """Those that have ended: exit code, or a signal's number below zero. One SIGCHLD may stand for several."""
    found = [os.waitpid(pid, os.WNOHANG) for pid in children]
    return [(pid, os.waitstatus_to_exitcode(status)) for pid, status in found if pid]


def _code(ended: int) -> int:
    """While stopping: one that was told before it could listen ends by that very signal, which is no failure."""
    return 0 if -ended in _TO_STOP else abs(ended)
