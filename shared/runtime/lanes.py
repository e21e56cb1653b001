"""Lanes: per entity one message running, and per kind one waiting; what more arrives is equal to the waiting one.

Events carry identity only, so a run that starts after an event has arrived does everything the event asks for.
Pure bookkeeping: no IO, no tasks.
"""

from collections import OrderedDict
from collections.abc import Hashable
from enum import Enum
from typing import Generic, TypeVar

M = TypeVar("M")


class Place(Enum):
    """Where an offered message went."""

    START = "start"  # the lane was empty: run it
    WAIT = "wait"  # something runs; this one is next
    COALESCED = "coalesced"  # an equal one waits already


class Lane(Generic[M]):
    """One entity's messages in hand."""

    __slots__ = ("key", "waiting")

    def __init__(self, key: str) -> None:
        self.key = key
        self.waiting: OrderedDict[Hashable, M] = OrderedDict()


class Lanes(Generic[M]):
    """All lanes of a process."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane[M]] = {}
        self._waiting = 0

    def __len__(self) -> int:
        """Entities with something in hand."""
        return len(self._lanes)

    @property
    def waiting(self) -> int:
        """Messages in hand that have not been started by `take`."""
        return self._waiting

    def offer(self, key: str, kind: Hashable, message: M) -> tuple[Place, M]:
        """Puts a message into its lane. The second value is the message that stands for it: itself, or its equal."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key)
            lane.waiting[kind] = message
            self._waiting += 1
            return Place.START, message
        equal = lane.waiting.get(kind)
        if equal is not None:
            return Place.COALESCED, equal
        lane.waiting[kind] = message
        self._waiting += 1
        return Place.WAIT, message

    def take(self, key: str) -> M | None:
        """The lane's next message, now running; None when the lane is empty, which ends it."""
        lane = self._lanes[key]
        if not lane.waiting:
            del self._lanes[key]
            return None
        self._waiting -= 1
        return lane.waiting.popitem(last=False)[1]

    def give_up(self) -> list[M]:
        """Takes out everything that waits, to be handed back."""
        given = [message for lane in self._lanes.values() for message in lane.waiting.values()]
        for lane in self._lanes.values():
            lane.waiting.clear()
        self._waiting = 0
        return given
