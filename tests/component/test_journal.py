"""The effect journal against a real NATS server and a vendor that counts its objects."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared.contracts.topology import IDEMPOTENCY
from shared.outcomes.errors import (
    Busy,
    HubError,
    NotFound,
    Parked,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from shared.runtime.service import Service
from shared.state.idempotency import Effect, Journal, Row
from shared.state.kv import Bucket
from shared.telemetry.run import Run, enter_run, leave_run
from tests.support.crash import DiesAfter, Killed


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def pass_by(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Vendor:
    """Makes an object per call, and would make two for two. `after` is what happens once the object is there."""

    def __init__(self) -> None:
        self.objects: list[tuple[str, str]] = []
        self.calls = 0
        self.looks = 0
        self.rows: list[Row] = []
        self.refuses: HubError | None = None
        self.loses_answers = False
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    def sender(self, marker: str) -> Callable[[], Awaitable[str]]:
        async def send() -> str:
            self.calls += 1
            await asyncio.sleep(0)
            if self.refuses is not None:
                raise self.refuses
            self.objects.append((f"v{len(self.objects) + 1}", marker))
            made = self.objects[-1][0]
            if self.meanwhile is not None:
                await self.meanwhile()
            await asyncio.sleep(0)
            if self.loses_answers:
                raise Unavailable("no answer")
            return made

        return send

    async def look(self, row: Row) -> Sequence[str]:
        self.looks += 1
        self.rows.append(row)
        await asyncio.sleep(0)
        return [vendor_id for vendor_id, marker in self.objects if marker == row.marker]


def effect(content: str = "hash1", marker: str = "hub:d1:hash1") -> Effect:
    return Effect(
        step="document_sync",
        entity_type="CDokumente",
        entity_id="d1",
        name="upload",
        content=content,
        marker=marker,
    )


class Desk:
    """A journal, its bucket, a vendor and a clock."""

    def __init__(self, service: Service) -> None:
        self.clock = Clock()
        self.bucket = Bucket(service.bus.requests, IDEMPOTENCY.name)
        self.journal = Journal(self.bucket, self.clock)
        self.vendor = Vendor()

    async def perform(
        self, wanted: Effect | None = None, *, visible_after_s: float = 5, gone: Sequence[str] = ()
    ) -> str:
        wanted = wanted or effect()
        return await self.journal.perform(
            wanted,
            send=self.vendor.sender(wanted.marker),
            look=self.vendor.look,
            visible_after_s=visible_after_s,
            gone=gone,
        )

    async def row(self, wanted: Effect | None = None) -> Row | None:
        entry = await self.bucket.get((wanted or effect()).key)
        return msgspec.json.decode(entry.value, type=Row) if entry else None


@pytest.fixture
def desk(service: Service) -> Desk:
    """Everything empty."""
    return Desk(service)


async def test_done_is_a_receipt(desk: Desk) -> None:
    """P2: the second run sends nothing and looks for nothing."""
    assert await desk.journal.receipt(effect()) is None
    assert await desk.perform() == "v1"
    assert await desk.perform() == "v1"
    assert await desk.journal.receipt(effect()) == "v1"
    assert (desk.vendor.calls, desk.vendor.looks) == (1, 0)
    row = await desk.row()
    assert row is not None
    assert (row.state, row.vendor_id, row.generation) == ("done", "v1", 1)


async def test_the_intent_is_written_before_the_call(desk: Desk) -> None:
    """While the vendor works, the row is open and says who began it."""
    seen: list[Row | None] = []

    async def meanwhile() -> None:
        seen.append(await desk.row())
        assert await desk.journal.receipt(effect()) is None

    desk.vendor.meanwhile = meanwhile
    token = enter_run(Run(event_id="e", run_id="run7", fence=42))
    try:
        await desk.perform()
    finally:
        leave_run(token)
    [row] = seen
    assert row is not None
    assert (row.state, row.run, row.fence, row.marker, row.vendor_id) == ("open", "run7", 42, "hub:d1:hash1", None)
    assert row.since == row.sent_at == desk.clock.now()


async def test_other_content_is_another_effect(desk: Desk) -> None:
    """The key says what is wanted: a changed document is a new object."""
    await desk.perform()
    assert await desk.perform(effect("hash2", "hub:d1:hash2")) == "v2"


async def test_a_lost_answer_is_adopted(desk: Desk) -> None:
    """The work was done: the next run finds the one object and makes no other."""
    desk.vendor.loses_answers = True
    with pytest.raises(Unavailable):
        await desk.perform()
    assert await desk.perform() == "v1"
    assert await desk.journal.receipt(effect()) == "v1"
    assert (desk.vendor.calls, desk.vendor.looks) == (1, 1)


async def test_too_early_to_tell_and_then_sent_again(desk: Desk) -> None:
    """Nothing found: within the vendor's visibility delay nobody knows; after it the call was never heard."""
    desk.vendor.refuses = Unavailable("cut while sending")
    with pytest.raises(Unavailable):
        await desk.perform()
    begun = desk.clock.now()
    desk.vendor.refuses = None
    desk.clock.pass_by(4.9)
    with pytest.raises(Unavailable, match="too early to tell"):
        await desk.perform()
    assert desk.vendor.calls == 1
    desk.clock.pass_by(0.2)
    assert await desk.perform() == "v1"
    assert desk.vendor.calls == 2
    row = await desk.row()
    assert row is not None
    assert (row.since, row.sent_at, row.generation) == (begun, desk.clock.now(), 1)


async def test_each_try_starts_the_delay_over_and_looks_back_to_the_first(desk: Desk) -> None:
    """An object of any try must be found, and the latest one may not be visible yet."""
    desk.vendor.refuses = Unavailable("cut")
    begun = desk.clock.now()
    for _ in range(3):
        desk.clock.pass_by(6)
        with contextlib.suppress(Unavailable):
            await desk.perform()
    desk.clock.pass_by(4)
    with pytest.raises(Unavailable, match="too early"):
        await desk.perform()
    assert desk.vendor.calls == 3
    assert {row.since for row in desk.vendor.rows} == {begun + timedelta(seconds=6)}


async def test_several_objects_are_parked(desk: Desk) -> None:
    """Never guess: a person must choose, and the row stays as it is."""
    desk.vendor.loses_answers = True
    with pytest.raises(Unavailable):
        await desk.perform()
    desk.vendor.objects.append(("v9", effect().marker))
    desk.clock.pass_by(3600)
    for _ in range(2):
        with pytest.raises(Parked, match="2 objects carry the marker"):
            await desk.perform()
    assert desk.vendor.calls == 1
    desk.vendor.objects.pop()  # the person has chosen
    assert await desk.perform() == "v1"


async def test_one_object_listed_twice_is_one(desk: Desk) -> None:
    """A vendor's pages may overlap."""
    desk.vendor.loses_answers = True
    with pytest.raises(Unavailable):
        await desk.perform()
    desk.vendor.objects *= 2
    assert await desk.perform() == "v1"


@pytest.mark.parametrize(
    "refusal",
    [Rejected("no", status=413), NotFound("no"), RateLimited("later", after_s=3), Unauthorized("key")],
)
async def test_a_clear_no_removes_the_intent(desk: Desk, refusal: HubError) -> None:
    """Nothing was made, so nothing is open, and the next try asks nobody."""
    desk.vendor.refuses = refusal
    with pytest.raises(type(refusal)):
        await desk.perform()
    assert await desk.row() is None
    desk.vendor.refuses = None
    assert await desk.perform() == "v1"
    assert desk.vendor.looks == 0


async def test_an_object_that_the_vendor_has_lost_is_made_anew(desk: Desk) -> None:
    """A receipt for something that is gone starts the key's next generation, and only for that id."""
    assert await desk.perform() == "v1"
    assert await desk.perform(gone=["other"]) == "v1"
    desk.vendor.objects.clear()
    desk.vendor.objects.append(("v1x", "elsewhere"))
    assert await desk.perform(gone=["v1"]) == "v2"
    row = await desk.row()
    assert row is not None
    assert (row.generation, row.vendor_id) == (2, "v2")
    assert await desk.perform(gone=["v1"]) == "v2"


async def test_two_at_once_send_once(desk: Desk) -> None:
    """As if the lock had failed: compare-and-set lets one through, the other hears Busy or the receipt."""
    results = await asyncio.gather(*(desk.perform() for _ in range(5)), return_exceptions=True)
    assert desk.vendor.calls == 1
    assert "v1" in results
    assert all(result == "v1" or isinstance(result, Busy | Unavailable) for result in results)


async def test_a_run_whose_lock_is_lost_does_not_send_over_a_later_ones_intent(desk: Desk) -> None:
    """Design 4.1: every step carries the fence, so an older run hears Busy where a later one is sending."""
    desk.vendor.refuses = Unavailable("still under way")
    token = enter_run(Run(event_id="e2", run_id="later", fence=20))
    try:
        with pytest.raises(Unavailable):
            await desk.perform()
    finally:
        leave_run(token)
    desk.vendor.refuses = None
    desk.clock.pass_by(60)
    token = enter_run(Run(event_id="e1", run_id="older", fence=10))
    try:
        with pytest.raises(Busy):
            await desk.perform()
    finally:
        leave_run(token)
    assert desk.vendor.calls == 1


@pytest.mark.parametrize("loses_answers", [False, True])
async def test_killed_at_every_await(desk: Desk, loses_answers: bool) -> None:
    """P2: wherever a run dies, the next ones end with exactly one object and its receipt."""
    for steps in range(200):
        wanted = effect(f"hash{steps}", f"marker{steps}")
        desk.vendor.loses_answers = loses_answers
        survived = True
        try:
            await DiesAfter(desk.perform(wanted, visible_after_s=0), steps)
        except Killed:
            survived = False
        except Unavailable:
            pass
        desk.vendor.loses_answers = False
        desk.clock.pass_by(1)
        vendor_id = await desk.perform(wanted, visible_after_s=0)
        assert [found for found, marker in desk.vendor.objects if marker == wanted.marker] == [vendor_id]
        assert await desk.journal.receipt(wanted) == vendor_id
        if survived:
            assert steps > 3
            return
    raise AssertionError("it never got through")


async def test_killed_at_every_await_of_the_recovery(desk: Desk) -> None:
    """P2: also a run that adopts what an earlier one has made may die anywhere."""
    for steps in range(200):
        wanted = effect(f"hash{steps}", f"marker{steps}")
        desk.vendor.loses_answers = True
        with pytest.raises(Unavailable):
            await desk.perform(wanted)
        desk.vendor.loses_answers = False
        try:
            await DiesAfter(desk.perform(wanted), steps)
        except Killed:
            vendor_id = await desk.perform(wanted)
            assert [found for found, marker in desk.vendor.objects if marker == wanted.marker] == [vendor_id]
        else:
            assert steps > 3
            return
    raise AssertionError("it never got through")


async def test_done_rows_expire_and_open_ones_never(service: Service, desk: Desk) -> None:
    """Receipts are kept for 30 days; an unknown outcome until somebody knows it."""
    await desk.perform()
    desk.vendor.loses_answers = True
    with pytest.raises(Unavailable):
        await desk.perform(effect("hash2", "m2"))
    jetstream = service.bus.nc.jetstream()
    done = await jetstream.get_last_msg("KV_idempotency", f"$KV.idempotency.{effect().key}")
    still_open = await jetstream.get_last_msg("KV_idempotency", f"$KV.idempotency.{effect('hash2').key}")
    assert (done.headers or {})["Nats-TTL"] == "2592000s"
    assert "Nats-TTL" not in (still_open.headers or {})


async def test_open_intents_of_an_entity_are_withdrawn(desk: Desk) -> None:
    """Once its sides agree: open ones go, receipts stay, other entities are left alone, young ones wait."""
    desk.vendor.loses_answers = True
    other = msgspec.structs.replace(effect(), entity_id="d2")
    for lost in (effect("old"), other):
        with pytest.raises(Unavailable):
            await desk.perform(lost)
    desk.clock.pass_by(60)
    with pytest.raises(Unavailable):
        await desk.perform(effect("young"))
    desk.vendor.loses_answers = False
    made = await desk.perform(effect("done"))
    assert await desk.journal.withdraw("document_sync", "CDokumente", "d1", older_than_s=30)
    assert await desk.row(effect("old")) is None
    assert await desk.row(effect("young")) is not None
    assert await desk.row(other) is not None
    assert await desk.journal.receipt(effect("done")) == made
    desk.clock.pass_by(60)
    assert not await desk.journal.withdraw("document_sync", "CDokumente", "d1", older_than_s=30)
    assert await desk.row(effect("young")) is None
