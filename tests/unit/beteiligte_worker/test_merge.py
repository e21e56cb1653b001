"""The three-way merge of one value: its whole truth table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beteiligte_worker.model.stammdaten import Value
from beteiligte_worker.plan.merge import NEVER, Never, Newer, Verdict, merge

# EspoCRM, Advoware, agreed, newer record -> where it goes. Every pattern of "equal", "empty" and "never" is one row.
TABLE: tuple[tuple[Value, Value, Value | Never, Newer, Verdict], ...] = (
    # Both the same: nothing to do, whatever was before and whoever is newer.
    (None, None, NEVER, "espocrm", "agreed"),
    (None, None, None, "advoware", "agreed"),
    (None, None, "a", "espocrm", "agreed"),
    ("a", "a", NEVER, "advoware", "agreed"),
    ("a", "a", None, "espocrm", "agreed"),
    ("a", "a", "a", "advoware", "agreed"),
    ("b", "b", "a", "espocrm", "agreed"),
    # Never agreed: something beats nothing, of two the newer record's.
    ("a", None, NEVER, "espocrm", "to_advoware"),
    ("a", None, NEVER, "advoware", "to_advoware"),
    (None, "a", NEVER, "espocrm", "to_espocrm"),
    (None, "a", NEVER, "advoware", "to_espocrm"),
    ("a", "b", NEVER, "espocrm", "conflict_espocrm"),
    ("a", "b", NEVER, "advoware", "conflict_advoware"),
    # Agreed on nothing: who has filled it in, both: EspoCRM.
    ("a", None, None, "espocrm", "to_advoware"),
    ("a", None, None, "advoware", "to_advoware"),
    (None, "a", None, "espocrm", "to_espocrm"),
    (None, "a", None, "advoware", "to_espocrm"),
    ("a", "b", None, "espocrm", "conflict_espocrm"),
    ("a", "b", None, "advoware", "conflict_espocrm"),
    # Agreed on a value: who has changed or emptied it.
    ("b", "a", "a", "espocrm", "to_advoware"),
    ("b", "a", "a", "advoware", "to_advoware"),
    (None, "a", "a", "espocrm", "to_advoware"),
    (None, "a", "a", "advoware", "to_advoware"),
    ("a", "b", "a", "espocrm", "to_espocrm"),
    ("a", "b", "a", "advoware", "to_espocrm"),
    ("a", None, "a", "espocrm", "to_espocrm"),
    ("a", None, "a", "advoware", "to_espocrm"),
    # Both have changed it, differently: EspoCRM's is kept, also when that is nothing.
    ("b", "c", "a", "espocrm", "conflict_espocrm"),
    ("b", "c", "a", "advoware", "conflict_espocrm"),
    (None, "c", "a", "espocrm", "conflict_espocrm"),
    (None, "c", "a", "advoware", "conflict_espocrm"),
    ("b", None, "a", "espocrm", "conflict_espocrm"),
    ("b", None, "a", "advoware", "conflict_espocrm"),
)
VALUES = st.sampled_from([None, "a", "b", "c", True, 0])
BASES = VALUES | st.just(NEVER)
NEWER: st.SearchStrategy[Newer] = st.sampled_from(["espocrm", "advoware"])


@pytest.mark.parametrize(("espocrm", "advoware", "base", "newer", "verdict"), TABLE)
def test_where_a_value_goes(
    espocrm: Value, advoware: Value, base: Value | Never, newer: Newer, verdict: Verdict
) -> None:
    """Who changed a field has its way; both: EspoCRM's is kept; with no agreement yet the newer record's."""
    assert merge(espocrm, advoware, base, newer=newer) == verdict


def test_the_table_is_whole() -> None:
    """Every pattern that three values can make is in the table, for both newer records where it matters."""
    patterns = {_pattern(*row[:3]) for row in TABLE}
    values = (None, "a", "b", "c")
    assert patterns == {_pattern(e, a, b) for e in values for a in values for b in (*values, NEVER)}


def _pattern(espocrm: Value, advoware: Value, base: Value | Never) -> tuple[bool, ...]:
    never = isinstance(base, Never)
    return (
        espocrm is None,
        advoware is None,
        espocrm == advoware,
        never,
        base is None,
        not never and espocrm == base,
        not never and advoware == base,
    )


@given(espocrm=VALUES, advoware=VALUES, base=BASES, newer=NEWER)
def test_after_the_merge_both_agree(espocrm: Value, advoware: Value, base: Value | Never, newer: Newer) -> None:
    """P5: carried out and merged again, there is nothing left to do; equal values are never touched."""
    verdict = merge(espocrm, advoware, base, newer=newer)
    assert (verdict == "agreed") == (espocrm == advoware)
    kept = espocrm if verdict in ("to_advoware", "conflict_espocrm") else advoware
    assert merge(kept, kept, kept, newer=newer) == "agreed"


@given(espocrm=VALUES, advoware=VALUES, base=BASES, newer=NEWER)
def test_nothing_is_lost_in_silence(espocrm: Value, advoware: Value, base: Value | Never, newer: Newer) -> None:
    """A value that only one side ever had is overwritten as a conflict, or because that side is the one that stayed."""
    verdict = merge(espocrm, advoware, base, newer=newer)
    if verdict == "to_advoware":
        assert advoware is None if isinstance(base, Never) else advoware == base
    if verdict == "to_espocrm":
        assert espocrm is None if isinstance(base, Never) else espocrm == base
