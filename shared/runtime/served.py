"""What needs no run any more: events that were stored before their entity's last run began.

Events carry identity only, so a run does everything that was asked for before it began, also by events that have not
been delivered yet. Pure bookkeeping: no IO, no tasks.
"""

from collections.abc import Hashable

import msgspec

_KEPT_MAX = 10_000


class Mark(msgspec.Struct, frozen=True):
    """Taken before a run begins: how far the stream had grown by then."""

    life: int
    up_to: int


class Served:
    """Per entity and kind, the sequence up to which all is done.

    Kept in memory and only as long as something before it may still come. Sequences mean something only as long as the
    stream is the same: a broker that was restored, or has lost its latest messages in a crash, counts anew. So whoever
    had to begin to listen again has to `start_over`.
    """

    def __init__(self) -> None:
        self._life = 0
        self._stored = 0
        self._delivered = 0
        self._done: dict[tuple[str, Hashable], int] = {}

    def start_over(self) -> None:
        """Forgets everything, and what runs that are under way will say."""
        self._life += 1
        self._stored = self._delivered = 0
        self._done.clear()

    @property
    def mark(self) -> Mark:
        """For a run that begins now or later."""
        return Mark(self._life, self._stored)

    def stored(self, life: int, last_sequence: int) -> None:
        """The broker has said how far the stream has grown."""
        if life == self._life:
            self._stored = max(self._stored, last_sequence)

    def done(self, lane: str, kind: Hashable, mark: Mark) -> None:
        """A run that began after `mark` has ended well."""
        if mark.life != self._life or mark.up_to <= self._delivered:
            return  # of another life, or nothing before it is still to come
        self._done[lane, kind] = mark.up_to
        if len(self._done) > _KEPT_MAX:
            del self._done[next(iter(self._done))]

    def covers(self, lane: str, kind: Hashable, sequence: int) -> bool:
        """Whether the event of this sequence, delivered just now, was served by an earlier run."""
        self._delivered = max(self._delivered, sequence)
        if self._done and sequence > self._stored:
            self._done.clear()  # the backlog is over
        return sequence <= self._done.get((lane, kind), 0)
