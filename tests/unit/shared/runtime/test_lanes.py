"""Lanes as a state machine: never two of one entity, nothing lost, and what is coalesced is stood for."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.runtime.lanes import Lanes, Place

KEYS = st.sampled_from(["a", "b", "c"])
KINDS = st.sampled_from([False, True])


class LanesMachine(RuleBasedStateMachine):
    """Offers, starts, ends and hands back in any order, as the consumer does."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes: Lanes[int] = Lanes()
        self.numbers = 0
        self.started: set[str] = set()
        self.ready: set[str] = set()
        self.running: dict[str, int] = {}
        self.waiting: dict[int, tuple[str, bool]] = {}
        self.begun_at: dict[int, int] = {}
        self.stands_for: dict[int, int] = {}
        self.given_up: set[int] = set()
        self.time = 0

    @rule(key=KEYS, kind=KINDS)
    def offer(self, key: str, kind: bool) -> None:
        """A message arrives."""
        self.time += 1
        self.numbers += 1
        number = self.numbers
        place, standing = self.lanes.offer(key, kind, number)
        equal = [n for n, where in self.waiting.items() if where == (key, kind)]
        if place is Place.COALESCED:
            assert equal == [standing]
            self.stands_for[number] = standing
            return
        assert standing == number
        assert not equal
        assert (place is Place.START) == (key not in self.started)
        self.waiting[number] = (key, kind)
        if place is Place.START:
            self.started.add(key)
            self.ready.add(key)

    @precondition(lambda self: self.ready or self.running)
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        """A lane that is ready or has ended its run takes the next message."""
        self.time += 1
        key = data.draw(st.sampled_from(sorted(self.ready | set(self.running))))
        self.ready.discard(key)
        self.running.pop(key, None)
        number = self.lanes.take(key)
        mine = [n for n, where in self.waiting.items() if where[0] == key]
        if number is None:
            assert not mine
            self.started.discard(key)
            return
        assert number == min(mine)
        del self.waiting[number]
        assert key not in self.running
        assert number not in self.begun_at
        self.running[key] = number
        self.begun_at[number] = self.time

    @rule()
    def give_up(self) -> None:
        """Everything that waits is handed back; runs go on."""
        given = self.lanes.give_up()
        assert sorted(given) == sorted(self.waiting)
        self.given_up.update(given)
        self.waiting.clear()

    @invariant()
    def counts(self) -> None:
        """What the lanes say of themselves is so."""
        assert len(self.lanes) == len(self.started)
        assert self.lanes.waiting == len(self.waiting)
        assert len(self.waiting) <= 2 * 3  # one per lane and kind

    def teardown(self) -> None:
        """Drained, every message was begun, handed back, or stood for by one that was, later than it came."""
        while self.ready or self.running:
            key = min(self.ready | set(self.running))
            self.ready.discard(key)
            self.running.pop(key, None)
            number = self.lanes.take(key)
            if number is not None:
                del self.waiting[number]
                self.running[key] = number
                self.time += 1
                self.begun_at[number] = self.time
        assert not self.waiting
        assert len(self.lanes) == 0
        for number in range(1, self.numbers + 1):
            bearer = self.stands_for.get(number, number)
            assert bearer in self.begun_at or bearer in self.given_up
            assert not (bearer in self.begun_at and bearer in self.given_up)


TestLanes = LanesMachine.TestCase
TestLanes.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_storm_is_one_running_and_one_waiting() -> None:
    """P4: a thousand equal messages are two."""
    lanes: Lanes[int] = Lanes()
    assert lanes.offer("a", False, 0) == (Place.START, 0)
    assert lanes.take("a") == 0
    assert lanes.offer("a", False, 1) == (Place.WAIT, 1)
    for number in range(2, 1000):
        assert lanes.offer("a", False, number) == (Place.COALESCED, 1)
    assert lanes.waiting == 1
    assert lanes.take("a") == 1
    assert lanes.take("a") is None
    assert len(lanes) == 0


def test_what_says_more_waits_apart() -> None:
    """A forced event does not vanish behind an ordinary one, and the older one goes first."""
    lanes: Lanes[str] = Lanes()
    lanes.offer("a", False, "running")
    lanes.take("a")
    assert lanes.offer("a", False, "plain")[0] is Place.WAIT
    assert lanes.offer("a", True, "forced")[0] is Place.WAIT
    assert [lanes.take("a"), lanes.take("a"), lanes.take("a")] == ["plain", "forced", None]


def test_a_lane_given_up_before_it_began_ends() -> None:
    """Its place is taken in vain, and a message that comes meanwhile is not forgotten."""
    lanes: Lanes[int] = Lanes()
    lanes.offer("a", False, 1)
    assert lanes.give_up() == [1]
    assert lanes.offer("a", False, 2)[0] is Place.WAIT
    assert lanes.take("a") == 2
    assert lanes.take("a") is None
