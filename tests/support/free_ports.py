"""Ports for what tests start: nobody is given one that somebody else was given a moment ago."""

import itertools
import os
import random
from collections.abc import Iterator

from local_stack.ports import PortTaken, is_free

_FIRST, _LAST = 10_000, 19_999
"""Neither what the local stack picks from nor what systems take for outgoing connections."""
_RUNNERS_MAX = 4
_TRIES = 100


def own_numbers() -> Iterator[int]:
    """The numbers of this process, again and again: what was given comes last, for it is taken only later."""
    runner = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    numbers = list(range(_FIRST + int(runner) % _RUNNERS_MAX, _LAST + 1, _RUNNERS_MAX))
    random.SystemRandom().shuffle(numbers)
    return itertools.cycle(numbers)


_NUMBERS = own_numbers()


def free_port() -> int:
    """A free port that no process of this test run was given lately. Raises PortTaken as `pick` does."""
    for port in itertools.islice(_NUMBERS, _TRIES):
        if is_free(port):
            return port
    raise PortTaken("no free port was found on this machine")
