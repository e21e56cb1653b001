"""Ports for what tests start."""

import pytest

from local_stack import ports
from tests.support.free_ports import free_port, own_numbers


def test_no_two_services_are_given_the_same_port() -> None:
    """They are given first and opened later, dozens of them at a time."""
    given = [free_port() for _ in range(300)]
    assert len(set(given)) == len(given)


def test_the_local_stack_picks_from_others() -> None:
    """A stack that a test starts beside its own services takes none of theirs."""
    assert free_port() not in range(ports.FIRST, ports.LAST + 1)


@pytest.mark.parametrize("runner", ["gw0", "gw1", "gw3"])
def test_runners_side_by_side_have_numbers_of_their_own(runner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one has looked at and not opened yet, the next cannot see."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", runner)
    numbers = own_numbers()
    assert {next(numbers) % 4 for _ in range(50)} == {int(runner[-1])}
