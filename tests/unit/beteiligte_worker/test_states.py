"""The eight states of a party: what each means to a run, to a failure and to a sweep, and the instants between."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beteiligte_worker.fields.names import AUTO_RESET, ERROR, NEXT_RETRY, RETRIES, STATUS, bookkeeping, stamp
from beteiligte_worker.model.party import Bookkeeping
from beteiligte_worker.plan.states import AUTO_RESET_HOURS, RETRY_MINUTES, TRIES, after_failure, reset, rests, settled
from shared.contracts.vocabulary import PartySyncStatus
from shared.outcomes.reason import Reason

NOW = 1_800_000_000.0
HOUR = 3600.0
STATES = list(PartySyncStatus)
RESTING = {
    PartySyncStatus.FAILED: Reason.RETRY_NOT_DUE,
    PartySyncStatus.PERMANENTLY_FAILED: Reason.GIVEN_UP,
}


def test_the_waits_are_the_firms() -> None:
    """1, 5, 15, 60 and 240 minutes; given up at the fifth failure, for a day."""
    assert RETRY_MINUTES == (1, 5, 15, 60, 240)
    assert (TRIES, AUTO_RESET_HOURS) == (5, 24)


@pytest.mark.parametrize("status", STATES)
def test_only_a_failed_party_rests_and_only_until_its_time(status: PartySyncStatus) -> None:
    """Six of the eight states are worked on at once; the two of failure when their instant has come."""
    waiting = Bookkeeping(status=status, next_retry=NOW + 1, auto_reset=NOW + 1)
    assert rests(waiting, NOW) == RESTING.get(status)
    assert rests(waiting, NOW + 1) is None
    assert rests(Bookkeeping(status=status), NOW) is None


@pytest.mark.parametrize(("status", "other"), [("failed", "auto_reset"), ("permanently_failed", "next_retry")])
def test_each_state_waits_for_its_own_instant(status: str, other: str) -> None:
    """What is left over of the other state's instant holds nobody back."""
    later = msgspec.structs.replace(Bookkeeping(status=status), **{other: NOW + HOUR})
    assert rests(later, NOW) is None


@pytest.mark.parametrize("status", [s for s in STATES if s != PartySyncStatus.PERMANENTLY_FAILED])
@pytest.mark.parametrize(("tries", "minutes"), [(0, 1), (1, 5), (2, 15), (3, 60)])
def test_a_failure_waits_longer_each_time(status: PartySyncStatus, tries: int, minutes: int) -> None:
    """The first four failures: `failed`, the text, one try more, and the next one after 1, 5, 15, 60 minutes."""
    assert after_failure(Bookkeeping(status=status, retries=tries), "Text", NOW, final=True) == {
        STATUS: "failed",
        ERROR: "Text",
        RETRIES: tries + 1,
        NEXT_RETRY: stamp(NOW + minutes * 60),
        AUTO_RESET: None,
    }


@pytest.mark.parametrize("tries", [4, 5, 9])
def test_the_fifth_failure_gives_up_for_a_day(tries: int) -> None:
    """`permanently_failed`, no next try, and the end of the rest 24 hours from now."""
    assert after_failure(Bookkeeping(status="failed", retries=tries), "Text", NOW, final=True) == {
        STATUS: "permanently_failed",
        ERROR: "Text",
        RETRIES: 5,
        NEXT_RETRY: None,
        AUTO_RESET: stamp(NOW + 24 * HOUR),
    }


def test_a_given_up_party_that_is_asked_for_begins_anew() -> None:
    """A person's wish is a new first try: it does not cost a party that fails again another whole day."""
    told = after_failure(Bookkeeping(status="permanently_failed", retries=5), "Text", NOW, final=True)
    assert (told[STATUS], told[RETRIES], told[NEXT_RETRY]) == ("failed", 1, stamp(NOW + 60))


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize("tries", range(6))
def test_an_outage_counts_for_nothing(status: PartySyncStatus, tries: int) -> None:
    """P7: shown as failed, and neither a try nor an instant: the event itself waits for the vendor."""
    told = after_failure(Bookkeeping(status=status, retries=tries), "Text", NOW, final=False)
    assert told == {STATUS: "failed", ERROR: "Text"}


@pytest.mark.parametrize("status", STATES)
def test_the_reset_comes_after_a_day_and_to_given_up_parties_only(status: PartySyncStatus) -> None:
    """A sweep makes it `failed` with no tries and due at once; everything else it leaves alone."""
    keeping = Bookkeeping(status=status, retries=5, auto_reset=NOW)
    ended = {STATUS: "failed", RETRIES: 0, NEXT_RETRY: None, AUTO_RESET: None}
    assert reset(keeping, NOW) == (ended if status == PartySyncStatus.PERMANENTLY_FAILED else {})
    assert reset(keeping, NOW - 1) == {}


def test_a_given_up_party_without_an_instant_is_reset_at_once() -> None:
    """Somebody has emptied the field: then nothing else would ever end the rest."""
    assert reset(Bookkeeping(status="permanently_failed"), NOW)[STATUS] == "failed"


@pytest.mark.parametrize("status", [PartySyncStatus.CLEAN, PartySyncStatus.DIRTY, PartySyncStatus.DELETED_IN_ADVOWARE])
def test_a_settled_party_keeps_nothing_of_its_failures(status: PartySyncStatus) -> None:
    """Tries, instants and text are gone."""
    assert settled(status) == {STATUS: status, ERROR: None, RETRIES: 0, NEXT_RETRY: None, AUTO_RESET: None}


def test_five_failures_one_after_the_other() -> None:
    """The whole way of a party that never succeeds, read back from what was written each time."""
    now, record = NOW, {STATUS: "pending_sync"}
    waits = []
    for _ in range(5):
        keeping = bookkeeping(record)
        assert rests(keeping, now) is None
        record |= after_failure(keeping, "Text", now, final=True)
        keeping = bookkeeping(record)
        ends = keeping.next_retry or keeping.auto_reset
        assert ends is not None
        assert rests(keeping, ends - 1) is not None
        waits.append((ends - now) / 60)
        now = ends
    assert waits == [1, 5, 15, 60, 24 * 60]
    assert record[STATUS] == "permanently_failed"
    record |= reset(bookkeeping(record), now)
    assert rests(bookkeeping(record), now) is None
    assert after_failure(bookkeeping(record), "Text", now, final=True)[RETRIES] == 1


@given(
    steps=st.lists(st.sampled_from(["fail", "outage", "reset", "wait"]), max_size=30),
    status=st.sampled_from(STATES),
)
def test_no_way_leads_out_of_the_eight(steps: list[str], status: PartySyncStatus) -> None:
    """Whatever happens in whatever order: a known state, at most five tries, and each rest ends within a day."""
    now, record = NOW, dict[str, Any]({STATUS: status})
    for step in steps:
        keeping = bookkeeping(record)
        if step == "wait":
            now += HOUR
        elif step == "reset":
            record |= reset(keeping, now)
        else:
            record |= after_failure(keeping, "Text", now, final=step == "fail")
        keeping = bookkeeping(record)
        assert keeping.status in STATES
        assert keeping.retries <= TRIES
        assert rests(keeping, now + 24 * HOUR) is None
