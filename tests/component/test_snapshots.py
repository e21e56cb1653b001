"""What we remember, against a real NATS server: snapshots under their fence, and counted attempts."""

import asyncio
import contextlib
from collections.abc import Iterator

import msgspec
import pytest

from shared.contracts.topology import IDEMPOTENCY, SNAPSHOTS
from shared.outcomes.errors import Busy, Unavailable
from shared.outcomes.settle import Attempts
from shared.runtime.service import Service
from shared.state.attempts import AttemptsLog
from shared.state.kv import Bucket
from shared.state.snapshots import Snapshots
from shared.telemetry.run import Run, enter_run, leave_run
from tests.support.nats import OwnNats


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What a sync remembers."""

    hash: str
    ids: tuple[str, ...] = ()


class Later(msgspec.Struct, frozen=True, kw_only=True):
    """The same, after a release that knows more."""

    hash: str
    ids: tuple[str, ...] = ()
    news: int = 7


@pytest.fixture
def snapshots(service: Service) -> Snapshots:
    """On an empty bucket."""
    return Snapshots(Bucket(service.bus.requests, SNAPSHOTS.name))


@contextlib.contextmanager
def run(fence: int) -> Iterator[None]:
    token = enter_run(Run(event_id="e", fence=fence))
    try:
        yield
    finally:
        leave_run(token)


KEY = "document_sync.CDokumente.d1"


async def test_round_trip(snapshots: Snapshots) -> None:
    """What is written is read; nothing is None; forgotten is nothing, twice too."""
    assert await snapshots.read(KEY, State) is None
    await snapshots.write(KEY, State(hash="Größe", ids=("a", "b")))
    assert await snapshots.read(KEY, State) == State(hash="Größe", ids=("a", "b"))
    await snapshots.forget(KEY)
    await snapshots.forget(KEY)
    assert await snapshots.read(KEY, State) is None


@pytest.mark.parametrize("is_new", [False, True])
async def test_an_older_run_cannot_write_over_a_later_one(snapshots: Snapshots, *, is_new: bool) -> None:
    """P2: a run that lost its lock and wakes up again is refused, and what the later one wrote stands."""
    with run(10):
        await snapshots.write(KEY, State(hash="first"))
        await snapshots.write(KEY, State(hash="again"))
    with run(11):
        await snapshots.write(KEY, State(hash="later"))
    with run(10), pytest.raises(Busy):
        await snapshots.write(KEY, State(hash="stale"), is_new=is_new)
    assert await snapshots.read(KEY, State) == State(hash="later")


async def test_a_state_that_was_taken_for_new_is_found(snapshots: Snapshots) -> None:
    """Whoever guesses wrong writes all the same, also over what was forgotten."""
    with run(10):
        await snapshots.write(KEY, State(hash="first"), is_new=True)
    with run(11):
        await snapshots.write(KEY, State(hash="second"), is_new=True)
        await snapshots.write(KEY, State(hash="third"), is_new=True)
    assert await snapshots.read(KEY, State) == State(hash="third")
    with run(12):
        await snapshots.forget(KEY)
        await snapshots.write(KEY, State(hash="fourth"), is_new=True)
    assert await snapshots.read(KEY, State) == State(hash="fourth")


async def test_an_older_run_cannot_forget_what_a_later_one_wrote(snapshots: Snapshots) -> None:
    """Removing is writing: it is under the same fence."""
    with run(11):
        await snapshots.write(KEY, State(hash="later"))
    with run(10), contextlib.suppress(Busy):
        await snapshots.forget(KEY)
    assert await snapshots.read(KEY, State) == State(hash="later")


async def test_writers_side_by_side_end_with_the_later_one(snapshots: Snapshots) -> None:
    """Whatever the order in which they arrive."""

    async def write(fence: int) -> None:
        with run(fence):
            await snapshots.write(KEY, State(hash=str(fence)))

    async with asyncio.TaskGroup() as tasks:
        written = [tasks.create_task(_quiet(write(fence))) for fence in (5, 1, 9, 3, 7)]
    assert written[2].result() is None
    assert await snapshots.read(KEY, State) == State(hash="9")


async def _quiet(work: object) -> Busy | None:
    try:
        await work  # type: ignore[misc]  # any awaitable
    except Busy as busy:
        return busy
    return None


async def test_a_release_may_add_fields(snapshots: Snapshots) -> None:
    """Old rows are read by new code and new ones by old code: replicas of two versions run side by side."""
    await snapshots.write(KEY, State(hash="h"))
    assert await snapshots.read(KEY, Later) == Later(hash="h")
    await snapshots.write(KEY, Later(hash="h", news=8))
    assert await snapshots.read(KEY, State) == State(hash="h")


async def test_keys_by_pattern(snapshots: Snapshots) -> None:
    """What a sweep walks over."""
    for entity in ("d1", "d2"):
        await snapshots.write(f"document_sync.CDokumente.{entity}", State(hash="h"))
    await snapshots.write("collection_sync.Account.o1", State(hash="h"))
    assert await snapshots.keys("document_sync.CDokumente.*") == [
        "document_sync.CDokumente.d1",
        "document_sync.CDokumente.d2",
    ]
    assert await snapshots.keys("nothing.*") == []


async def test_a_bucket_without_nats_is_unavailable(service: Service) -> None:
    """Every failure of the store has the word that makes the event come again."""
    bucket = Bucket(service.bus.requests, "no_such_bucket")
    with pytest.raises(Unavailable):
        await bucket.get("a")
    with pytest.raises(Unavailable):
        await bucket.put("a", b"")
    with pytest.raises(Unavailable):
        await bucket.delete(1)


async def test_compare_and_set(service: Service) -> None:
    """Only exactly the revision that was read is written over."""
    bucket = Bucket(service.bus.requests, SNAPSHOTS.name)
    first = await bucket.create("a", b"1")
    assert first is not None
    assert await bucket.create("a", b"2") is None
    second = await bucket.update("a", b"2", first)
    assert second is not None
    assert await bucket.update("a", b"3", first) is None
    await bucket.delete(first)
    entry = await bucket.get("a")
    assert entry is not None
    assert (entry.value, entry.revision) == (b"2", second)


async def test_a_write_whose_answer_came_too_late_is_known_to_be_ours(service: Service, nats_server: OwnNats) -> None:
    """P2: the broker stood still for longer than a try takes, and then stores the first one: the lock is not lost."""
    bucket = Bucket(service.bus.requests, SNAPSHOTS.name)
    nats_server.freeze()
    asked = asyncio.gather(bucket.create("a", b"mine"), bucket.put("b", b"1"), bucket.get("c"))
    await asyncio.sleep(3.5)  # one try and a little more
    nats_server.thaw()
    created, _, nothing = await asked
    entry = await bucket.get("a")
    assert entry is not None
    assert (entry.value, entry.revision) == (b"mine", created)
    assert nothing is None
    assert await bucket.create("a", b"another's") is None


# Attempts


@pytest.fixture
def attempts(service: Service) -> AttemptsLog:
    """On an empty bucket."""
    return AttemptsLog(Bucket(service.bus.requests, IDEMPOTENCY.name), consumer="document_worker")


async def test_what_one_service_failed_at_is_not_counted_for_another(service: Service, attempts: AttemptsLog) -> None:
    """Two services hear the events of a party: each has its own tries at the same message."""
    other = AttemptsLog(Bucket(service.bus.requests, IDEMPOTENCY.name), consumer="beteiligte_worker")
    await attempts.write("VMH", 7, Attempts(failures=9))
    assert await other.read("VMH", 7, delivered=2, failures_before=0) == Attempts()
    assert (await attempts.read("VMH", 7, delivered=2, failures_before=0)).failures == 9


async def test_a_first_delivery_asks_nobody(service: Service, attempts: AttemptsLog) -> None:
    """The common case costs nothing; what an earlier message used up counts."""
    await attempts.write("VMH", 7, Attempts(failures=9))
    assert await attempts.read("VMH", 7, delivered=1, failures_before=0) == Attempts()
    assert await attempts.read("VMH", 7, delivered=1, failures_before=4) == Attempts(failures=4)


async def test_counts_are_kept_per_message(attempts: AttemptsLog) -> None:
    """Across replicas and restarts, and for no other message."""
    await attempts.write("VMH", 7, Attempts(failures=2, bugs=1, handed_back=3))
    assert await attempts.read("VMH", 7, delivered=6, failures_before=0) == Attempts(failures=2, bugs=1, handed_back=3)
    assert (await attempts.read("VMH", 8, delivered=2, failures_before=0)).failures == 0


async def test_a_redelivery_without_a_row_counts_nothing(attempts: AttemptsLog) -> None:
    """Handed back unread, or lost on the way: no run had begun, so nobody died over it."""
    assert await attempts.read("VMH", 7, delivered=12, failures_before=3) == Attempts(failures=3)
