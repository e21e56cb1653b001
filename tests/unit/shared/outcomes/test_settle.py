"""From ending to settlement: the whole table, its limits, and that it is total."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.outcomes.errors import (
    Busy,
    Crashed,
    Halt,
    HubError,
    Malformed,
    Misconfigured,
    NotFound,
    Parked,
    RateLimited,
    Refused,
    Rejected,
    Retry,
    Terminal,
    TooManyDead,
    Unauthorized,
    Unavailable,
)
from shared.outcomes.outcome import Done, Outcome, Skip
from shared.outcomes.reason import Reason
from shared.outcomes.settle import (
    BUGS_MAX,
    HALT_DELAY_S,
    NAK_DELAY_MAX_S,
    RETRIES_MAX,
    Ack,
    Attempts,
    Bury,
    Later,
    Nak,
    Settlement,
    Stop,
    settle,
)

EVEN = 0.5
"""Dice that vary nothing."""


@pytest.mark.parametrize(
    ("result", "attempts", "expected"),
    [
        (Done(Reason.UPLOADED), Attempts(), Ack(worked=True)),
        (Done(Reason.UPLOADED), Attempts(failures=400, bugs=4), Ack(worked=True)),
        (Skip(Reason.IN_STEP), Attempts(), Ack(worked=False)),
        (Busy("r"), Attempts(), Nak(0.5)),
        (Busy("r"), Attempts(handed_back=3), Nak(2.0)),
        (Busy("r"), Attempts(handed_back=10_000), Nak(5.0)),
        (Busy("r"), Attempts(failures=RETRIES_MAX, bugs=BUGS_MAX), Nak(0.5)),
        (Unavailable("r"), Attempts(), Nak(1.0)),
        (Unavailable("r"), Attempts(failures=1), Nak(2.0)),
        (Unavailable("r"), Attempts(failures=5), Nak(32.0)),
        (Unavailable("r"), Attempts(failures=6), Later(64.0)),
        (Unavailable("r"), Attempts(failures=400), Later(600.0)),
        (Retry("r"), Attempts(), Nak(1.0)),
        (RateLimited("r", after_s=10.0), Attempts(), Nak(11.0)),
        (RateLimited("r", after_s=59.0), Attempts(failures=3), Nak(60.0)),
        (RateLimited("r", after_s=60.0), Attempts(), Later(61.0)),
        (Unavailable("r"), Attempts(failures=RETRIES_MAX - 2), Later(600.0)),
        (
            Unavailable("r"),
            Attempts(failures=RETRIES_MAX - 1),
            Bury("Unavailable", f"gave up after {RETRIES_MAX} tries: r", in_a_row=False),
        ),
        (RateLimited("r", after_s=1.0), Attempts(failures=RETRIES_MAX + 5), Nak(2.0)),
        (Malformed("r"), Attempts(), Bury("Malformed", "r", in_a_row=False)),
        (Refused("r"), Attempts(), Bury("Refused", "r", in_a_row=False)),
        (Rejected("r", status=400), Attempts(), Bury("Rejected", "r", in_a_row=True)),
        (NotFound("r"), Attempts(), Bury("NotFound", "r", in_a_row=True)),
        (Parked("r"), Attempts(), Bury("Parked", "r", in_a_row=True)),
        (Crashed("r"), Attempts(), Bury("Crashed", "r", in_a_row=True)),
        (Terminal("r"), Attempts(), Bury("Terminal", "r", in_a_row=True)),
        (Unauthorized("r"), Attempts(), Stop("Unauthorized", "r", HALT_DELAY_S)),
        (Unauthorized("r"), Attempts(failures=RETRIES_MAX), Stop("Unauthorized", "r", HALT_DELAY_S)),
        (TooManyDead("r"), Attempts(), Stop("TooManyDead", "r", HALT_DELAY_S)),
        (Misconfigured("r"), Attempts(), Stop("Misconfigured", "r", HALT_DELAY_S)),
        (Halt("r"), Attempts(), Stop("Halt", "r", HALT_DELAY_S)),
        (ValueError("x"), Attempts(), Nak(1.0)),
        (ValueError("x"), Attempts(failures=7, bugs=2), Nak(4.0)),
        (ValueError("x"), Attempts(bugs=BUGS_MAX - 2), Nak(8.0)),
        (
            ValueError("Herr Meier"),
            Attempts(bugs=BUGS_MAX - 1),
            Bury("Bug", "ValueError; the traceback is in the log", in_a_row=True),
        ),
        (HubError("r"), Attempts(), Nak(1.0)),
        (TimeoutError(), Attempts(), Nak(1.0)),
        (KeyboardInterrupt(), Attempts(), Nak(1.0)),
    ],
)
def test_each_ending_has_one_settlement(
    result: Outcome | BaseException, attempts: Attempts, expected: Settlement
) -> None:
    """The table of design 5, with its limits."""
    assert settle(result, attempts, EVEN) == expected


ERRORS = [
    Retry,
    Busy,
    Unavailable,
    Terminal,
    Malformed,
    Refused,
    Parked,
    Crashed,
    NotFound,
    Halt,
    Unauthorized,
    TooManyDead,
    HubError,
    ValueError,
    TimeoutError,
    SystemExit,
]
counts = st.integers(min_value=0, max_value=10**9)
attempts_of_any_kind = st.builds(Attempts, failures=counts, bugs=counts, handed_back=counts, crashes=counts)
results: st.SearchStrategy[Outcome | BaseException] = st.one_of(
    st.sampled_from(list(Reason)).map(Done),
    st.sampled_from(list(Reason)).map(Skip),
    st.sampled_from(ERRORS).map(lambda kind: kind("r")),
    st.floats(0, 3600).map(lambda seconds: RateLimited("r", after_s=seconds)),
    st.integers(0, 599).map(lambda status: Rejected("r", status=status)),
)
dice = st.floats(0, 1, exclude_max=True)


@given(results, attempts_of_any_kind, dice)
def test_it_is_total_and_its_delays_are_bounded(
    result: Outcome | BaseException, attempts: Attempts, dice: float
) -> None:
    """Never raises; a nak is never without a delay nor longer than a minute; a schedule is always longer."""
    match settle(result, attempts, dice):
        case Nak(delay_s=delay_s):
            assert 0.3 < delay_s <= NAK_DELAY_MAX_S
        case Later(delay_s=delay_s):
            assert NAK_DELAY_MAX_S < delay_s <= 3600 + 1.25
        case Stop(delay_s=delay_s):
            assert delay_s == HALT_DELAY_S
        case Bury(kind=kind, reason=reason):
            assert kind
            assert reason
        case Ack():
            assert isinstance(result, Done | Skip)


@given(attempts_of_any_kind, dice)
def test_a_vendors_outage_is_never_fatal_before_the_limit(attempts: Attempts, dice: float) -> None:
    """P7: until the last try an unavailable vendor costs waiting, whatever bugs or crashes there were."""
    settlement = settle(Unavailable("r"), attempts, dice)
    assert isinstance(settlement, Bury) == (attempts.failures + 1 >= RETRIES_MAX)


@given(attempts_of_any_kind, dice, st.text(min_size=8))
def test_a_bugs_own_text_stays_out_of_the_dead_letter(attempts: Attempts, dice: float, text: str) -> None:
    """P10: an exception's text may hold a value, so only its type goes on."""
    settlement = settle(RuntimeError(f"<{text}>"), attempts, dice)
    assert f"<{text}>" not in repr(settlement)
