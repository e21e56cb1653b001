"""What needs no run: held against a stream that is simulated, with restarts that begin to count anew."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from shared.runtime.served import _KEPT_MAX, Mark, Served

ENTITIES = st.sampled_from(["a", "b", "c"])
KINDS = st.sampled_from([False, True])


class ServedMachine(RuleBasedStateMachine):
    """A stream that grows, is delivered in order and again, and is replaced by another at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.served = Served()
        self.time = 0
        self.stream: list[tuple[str, bool, int]] = []
        """Entity, kind, when it was stored."""
        self.next = 0
        self.answers: list[tuple[int, int]] = []
        """Of the broker, that are still on their way."""
        self.running: list[tuple[str, bool, Mark, int, int]] = []
        self.begun: dict[tuple[str, bool], int] = {}
        """When the last run began that has ended well, over this stream."""
        self.life = 0

    @rule(entity=ENTITIES, kind=KINDS)
    def store(self, entity: str, kind: bool) -> None:
        """Somebody publishes."""
        self.time += 1
        self.stream.append((entity, kind, self.time))

    @rule()
    def ask(self) -> None:
        """The broker says how long the stream is; the answer takes its time."""
        self.answers.append((self.served.mark.life, len(self.stream)))

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        """An answer arrives, in any order."""
        life, last = self.answers.pop(data.draw(st.integers(0, len(self.answers) - 1)))
        self.served.stored(life, last)

    @rule(entity=ENTITIES, kind=KINDS)
    def begin(self, entity: str, kind: bool) -> None:
        """A run begins."""
        self.time += 1
        self.running.append((entity, kind, self.served.mark, self.time, self.life))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), well=st.booleans())
    def end(self, data: st.DataObject, well: bool) -> None:
        """A run ends, well or not."""
        entity, kind, mark, began, life = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        if not well:
            return
        self.served.done(entity, kind, mark)
        if life == self.life:
            self.begun[entity, kind] = max(began, self.begun.get((entity, kind), 0))

    @precondition(lambda self: self.next < len(self.stream))
    @rule()
    def deliver(self) -> None:
        """The next event: no run that began later may have been left out for it."""
        self.next += 1
        self._look(self.next)

    @precondition(lambda self: self.next)
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        """One that was handed back."""
        self._look(data.draw(st.integers(1, self.next)))

    @rule()
    def restart(self) -> None:
        """Another stream, which counts from 1, and whoever listens has to begin again."""
        self.life += 1
        self.stream, self.next, self.begun = [], 0, {}
        self.served.start_over()

    def _look(self, sequence: int) -> None:
        entity, kind, stored_at = self.stream[sequence - 1]
        if self.served.covers(entity, kind, sequence):
            assert self.begun.get((entity, kind), 0) > stored_at


TestServed = ServedMachine.TestCase
TestServed.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)


def test_a_backlog_of_one_entity_is_one_run() -> None:
    """P6: what lay in the stream before the run began needs none of its own; what came later does."""
    served = Served()
    served.stored(0, 10)
    mark = served.mark
    assert not served.covers("a", False, 1)
    served.done("a", False, mark)
    assert [served.covers("a", False, sequence) for sequence in range(2, 12)] == [True] * 9 + [False]


def test_neither_another_kind_nor_another_entity_is_served() -> None:
    """A run with force has done what others ask for, but is not counted on for it."""
    served = Served()
    served.stored(0, 10)
    served.covers("a", True, 1)
    served.done("a", True, served.mark)
    assert not served.covers("a", False, 2)
    assert not served.covers("b", True, 3)
    assert served.covers("a", True, 4)


def test_nothing_is_kept_once_the_backlog_is_over() -> None:
    """Memory: a worker that is in step remembers nobody."""
    served = Served()
    served.stored(0, 3)
    served.done("a", False, served.mark)
    assert served.covers("a", False, 3)
    assert not served.covers("b", False, 4)
    assert not served.covers("a", False, 3)
    served.done("c", False, served.mark)
    assert not served.covers("c", False, 2)


def test_memory_is_bounded() -> None:
    """The oldest go first; who is forgotten gets a run too many, never one too few."""
    served = Served()
    served.stored(0, 10**6)
    for number in range(_KEPT_MAX + 10):
        served.done(f"e{number}", False, served.mark)
    assert not served.covers("e0", False, 5)
    assert served.covers("e10", False, 5)
