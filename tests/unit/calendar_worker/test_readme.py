"""The decision tables of calendar_worker/README.md, run row by row against the code that they describe."""

import itertools
from typing import get_args

import pytest

from calendar_worker.plan.decide import Advoware, Google, decide, merge
from tests.house.repo import bare, read, rows, section

_PAGE = "calendar_worker/README.md"
_YES_NO = {"yes": True, "no": False}


def _table(heading: str) -> dict[tuple[str, ...], list[str]]:
    """The verdicts of a table, by every combination of the words in a row's cells."""
    found: dict[tuple[str, ...], list[str]] = {}
    for row in rows(section(read(_PAGE), heading)):
        cells = [bare(cell).split(", ") for cell in row]
        for words in itertools.product(*cells[:-1]):
            found.setdefault(words, []).append(cells[-1][0])
    return found


_PAIRS = _table("A pair")
_PARTS = _table("A part")


@pytest.mark.parametrize("writable", _YES_NO)
@pytest.mark.parametrize("google", get_args(Google))
@pytest.mark.parametrize("advoware", get_args(Advoware))
def test_the_table_of_pairs_is_complete_and_true(advoware: Advoware, google: Google, writable: str) -> None:
    """Every combination stands in exactly one row, and the code says the same."""
    assert _PAIRS[advoware, google, writable] == [decide(advoware, google, writable=_YES_NO[writable])]


@pytest.mark.parametrize("newer", ["advoware", "google"])
@pytest.mark.parametrize("writable", _YES_NO)
@pytest.mark.parametrize("equal", _YES_NO)
@pytest.mark.parametrize("google", _YES_NO)
@pytest.mark.parametrize("advoware", _YES_NO)
def test_the_table_of_parts_is_complete_and_true(
    advoware: str, google: str, equal: str, writable: str, newer: str
) -> None:
    """Every combination stands in exactly one row, and the code says the same."""
    verdict = merge(
        advoware=_YES_NO[advoware],
        google=_YES_NO[google],
        equal=_YES_NO[equal],
        writable=_YES_NO[writable],
        newer="advoware" if newer == "advoware" else "google",
    )
    assert _PARTS[advoware, google, equal, writable, newer] == [verdict]
