"""Ports: whether one is free, and which to take."""

import random
import socket
from collections.abc import Container, Mapping

HOST = "127.0.0.1"

# Below the range from which systems take the ports of outgoing connections, so that none is lost between look and use.
FIRST, LAST = 20_000, 29_999


class PortTaken(Exception):
    """A port that was asked for is in use; the text is one sentence with a way out."""


class BadPort(Exception):
    """A variable that should hold a port does not."""


def is_free(port: int) -> bool:
    """Whether nobody listens there and we may."""
    with socket.socket() as knock:
        knock.settimeout(0.5)
        if knock.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((HOST, port))
        except OSError:
            return False
    return True


def pick(*, given: Container[int] = ()) -> int:
    """A free port that is none of `given`. Raises PortTaken when a hundred tries find none."""
    dice = random.SystemRandom()
    for _ in range(100):
        port = dice.randint(FIRST, LAST)
        if port not in given and is_free(port):
            return port
    raise PortTaken("no free port was found on this machine")


def choose(
    environ: Mapping[str, str], name: str, usual: int, *, insist: bool = False, given: Container[int] = ()
) -> int:
    """The port that the variable names (0: any), else the usual one, else, unless we insist, any.

    `given` are taken by somebody who has not started yet. Raises PortTaken, and BadPort for a value that is no port.
    """
    text = environ.get(name, "").strip()
    if text and not (text.isascii() and text.isdigit() and int(text) <= 65_535):
        raise BadPort(f"{name} is not a port: a number from 0 to 65535, 0 picks one")
    if text == "" and (usual in given or not is_free(usual)) and not insist:
        return pick(given=given)
    port = int(text or usual)
    if port == 0:
        return pick(given=given)
    if port in given:
        raise PortTaken(f"port {port} is asked for twice: choose another with {name}=… (0 picks one)")
    if not is_free(port):
        raise PortTaken(
            f"port {port} is taken: end the program that listens there (see `ss -ltnp` or `lsof -i :{port}`), "
            f"or choose another with {name}=… (0 picks one)"
        )
    return port
