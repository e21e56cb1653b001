"""How fast a caller may ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advoware_proxy import pace as module
from advoware_proxy.pace import Pace


def granted(pace: Pace, caller: str, now: float, count: int) -> int:
    return sum(pace.wait_s(caller, now) == 0 for _ in range(count))


@pytest.mark.parametrize("per_minute", [1, 7, 60, 600])
def test_a_minutes_worth_may_come_at_once_and_no_more(per_minute: int) -> None:
    """P12: the first that is too many is told how long until the next one is due."""
    pace = Pace(per_minute)
    assert granted(pace, "kanzlei", 1000.0, per_minute) == per_minute
    assert pace.wait_s("kanzlei", 1000.0) == pytest.approx(60 / per_minute)
    assert pace.wait_s("kanzlei", 1000.0 + 60 / per_minute) == 0
    assert pace.wait_s("kanzlei", 1000.0 + 60 / per_minute) > 0


def test_callers_do_not_use_up_each_others_rate() -> None:
    """One caller at its limit leaves another's untouched."""
    pace = Pace(5)
    assert granted(pace, "eins", 0.0, 9) == 5
    assert granted(pace, "zwei", 0.0, 9) == 5


def test_after_a_minute_of_silence_all_is_forgotten() -> None:
    """Who was refused is not punished for having asked."""
    pace = Pace(5)
    granted(pace, "eins", 0.0, 500)
    assert granted(pace, "eins", 60.0, 9) == 5


@given(
    st.integers(1, 20),
    st.lists(st.floats(0, 100), min_size=1, max_size=80),
)
def test_no_window_holds_more_than_its_share(per_minute: int, pauses: list[float]) -> None:
    """P12: whenever one asks, any stretch of time gets at most a minute's worth plus the rate times its length."""
    pace, now, taken = Pace(per_minute), 0.0, list[float]()
    for pause in pauses:
        now += pause
        wait_s = pace.wait_s("eins", now)
        if wait_s:
            # Honest: a moment before it is too soon, then it is not.
            assert pace.wait_s("eins", now + wait_s * 0.9) > 0
            now += wait_s + 1e-6
            assert pace.wait_s("eins", now) == 0
        taken.append(now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            length_s = taken[last] - taken[first]
            assert last - first + 1 <= per_minute * (1 + length_s / 60) + 1 + 1e-3


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """P12: beyond a number of callers the new ones share one rate, until others were silent for long enough."""
    monkeypatch.setattr(module, "_CALLERS_MAX", 10)
    pace = Pace(2)
    for number in range(200):
        pace.wait_s(f"caller{number}", 0.0)
    assert len(pace._due) <= 11
    assert pace.wait_s("caller3", 0.0) == 0, "a known caller keeps its own rate"
    assert pace.wait_s("neu", 0.0) > 0, "the others' common rate is used up"
    assert pace.wait_s("neu", 120.0) == 0
    assert len(pace._due) == 1
