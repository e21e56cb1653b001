"""`python -m shared.healthcheck [gateway]`: whether the service in this container is ready, for its engine to ask."""

import json
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from shared.settings import environment

_TIMEOUT_S = 3.0
_ANSWER_MAX_BYTES = 64 * 1024


class Door(NamedTuple):
    """Where a service answers probes: the variable with its port, and the port without it."""

    variable: str
    usual: int


DOORS = {"gateway": Door("GATEWAY_PORT", 3111)}
"""Services with a door of their own; all others have their probes at HEALTH_PORT."""
OTHERS = Door("HEALTH_PORT", 8081)


def port_of(service: str, environ: Mapping[str, str]) -> int:
    """The port as the service itself reads it. Raises ValueError."""
    door = DOORS.get(service, OTHERS)
    return int(environ.get(door.variable, "").strip() or door.usual)


def ask(port: int) -> tuple[bool, str]:
    """Whether /readyz on this port answers 200, and one sentence."""
    # By hand: the standard library's client takes longer to import than the answer takes to come.
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S) as line:
            line.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            said = b""
            while (more := line.recv(_ANSWER_MAX_BYTES)) and len(said) < _ANSWER_MAX_BYTES:
                said += more
        head, _, body = said.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
    except (OSError, OverflowError) as failed:
        return False, f"nobody answers on port {port} ({type(failed).__name__})"
    except (ValueError, IndexError):
        return False, f"what answers on port {port} is no service of the hub"
    return status == 200, _sentence(status, body)


def _sentence(status: int, body: bytes) -> str:
    try:
        told = json.loads(body)
        problems = "; ".join(f"{name} {problem}" for name, problem in told.get("problems", {}).items())
        return f"{told['status']}: {problems}" if problems else str(told["status"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"answered {status}"


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 ready, 1 not; why is on standard output."""
    try:
        port = port_of(arguments[0] if arguments else "", environment())
    except ValueError:
        is_ready, sentence = False, "the port is no number"
    else:
        is_ready, sentence = ask(port)
    sys.stdout.write(sentence + "\n")
    return 0 if is_ready else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
