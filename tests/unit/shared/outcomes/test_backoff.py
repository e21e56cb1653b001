"""Waiting times, by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.outcomes.backoff import busy_delay_s, retry_delay_s

counts = st.integers(min_value=0, max_value=10**12)
dice = st.floats(0, 1, exclude_max=True)


@given(counts, dice)
def test_bounds(count: int, dice: float) -> None:
    """A retry waits 0.75 to 750 s, a busy entity 0.375 to 6.25 s, however long it goes on."""
    assert 0.75 <= retry_delay_s(count, dice) <= 750
    assert 0.375 <= busy_delay_s(count, dice) <= 6.25


@given(counts, dice)
def test_more_failures_never_wait_less(count: int, dice: float) -> None:
    """With equal dice the delay only grows."""
    assert retry_delay_s(count, dice) <= retry_delay_s(count + 1, dice)
    assert busy_delay_s(count, dice) <= busy_delay_s(count + 1, dice)


@given(counts, dice, dice)
def test_the_dice_vary_by_a_quarter(count: int, one: float, other: float) -> None:
    """Two that fail together come back at different times, within ±25 %."""
    assert retry_delay_s(count, one) <= retry_delay_s(count, other) * 5 / 3 + 1e-9


@pytest.mark.parametrize(
    ("failures", "delay_s"), [(0, 1), (1, 2), (2, 4), (5, 32), (9, 512), (10, 600), (20, 600), (500, 600)]
)
def test_doubles_up_to_ten_minutes(failures: int, delay_s: float) -> None:
    """1, 2, 4 … 600 s."""
    assert retry_delay_s(failures, 0.5) == delay_s
