"""Ports for what tests start: no two of the processes that run tests side by side are given the same one."""

import os
from collections.abc import Container

from local_stack.ports import pick

_RUNNERS_MAX = 4


class _OfOthers:
    """A port is looked at now and taken later: meanwhile nobody else must take it."""

    def __init__(self, runner: int, given: Container[int]) -> None:
        self._runner = runner
        self._given = given

    def __contains__(self, port: object) -> bool:
        return port in self._given or (isinstance(port, int) and port % _RUNNERS_MAX != self._runner % _RUNNERS_MAX)


def free_port(*, given: Container[int] = ()) -> int:
    """A free port that is none of `given`."""
    runner = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return pick(given=_OfOthers(int(runner), given))
