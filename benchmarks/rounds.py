"""Ours and theirs in turns, so that what else the machine does meets both; medians of the rounds."""

import statistics
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

ROUNDS = 5

T = TypeVar("T")


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One round of one side."""

    per_s: float
    cpu_us: float
    """Per operation, of the processes measured."""
    broker_us: float = 0.0


async def in_turns(*sides: Callable[[], Awaitable[T]], rounds: int = ROUNDS) -> list[list[T]]:
    """The samples of each side. Every other round goes backwards; a first one warms up and is thrown away."""
    for side in sides:
        await side()
    samples: list[list[T]] = [[] for _ in sides]
    for number in range(rounds):
        order = list(range(len(sides)))
        for index in reversed(order) if number % 2 else order:
            samples[index].append(await sides[index]())
    return samples


def ratio_of_pairs(mine: list[float], theirs: list[float]) -> float:
    """The median of each round's own ratio: what else the machine did then met both."""
    return median([one / other for one, other in zip(mine, theirs, strict=True)])


def median(values: list[float]) -> float:
    """Of at least one."""
    return statistics.median(values)


def middle(samples: list[Sample]) -> Sample:
    """The median of each member."""
    return Sample(
        per_s=median([sample.per_s for sample in samples]),
        cpu_us=median([sample.cpu_us for sample in samples]),
        broker_us=median([sample.broker_us for sample in samples]),
    )
