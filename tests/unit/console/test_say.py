"""What a terminal is told."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from console.hub.say import Column, Voice, number, size

_VOICE = Voice(as_json=False, zone=ZoneInfo("Europe/Berlin"))


def test_columns_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Aligned, without trailing blanks, and nothing that moves a cursor."""
    columns = [Column("name", lambda row: row[0]), Column("n", lambda row: row[1], right=True)]
    _VOICE.table([("a\x1b[2J", 1), ("bc\n", 100)], columns)
    assert capsys.readouterr().out == "NAME     N\na�[2J    1\nbc�    100\n"


def test_nothing_is_said_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """So that a pipe gets nothing."""
    _VOICE.table([], [], empty="no dead letters")
    assert capsys.readouterr() == ("", "no dead letters\n")


def test_facts_leave_out_what_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    """One below the other."""
    _VOICE.facts([("a", 0), ("reason", "r"), ("none", None), ("empty", "")])
    assert capsys.readouterr().out == "a       0\nreason  r\n"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One document, one line."""
    _VOICE.data({"at": datetime(2026, 11, 22, 8, tzinfo=UTC), "x": [1]})
    assert capsys.readouterr().out == '{"at":"2026-11-22T08:00:00Z","x":[1]}\n'


def test_the_operators_clock() -> None:
    """Whatever form a moment has; what is none is shown as it is."""
    at = datetime(2026, 7, 1, 8, 0, 1, 250_000, tzinfo=UTC)
    assert _VOICE.when(at) == "2026-07-01 10:00:01"
    assert _VOICE.when(at.isoformat(), millis=True) == "2026-07-01 10:00:01.250"
    assert _VOICE.clock("2026-11-22T08:30:01.250+00:00") == "09:30:01.250"
    assert [_VOICE.when(None), _VOICE.when(""), _VOICE.when("soon")] == ["", "", "soon"]


@pytest.mark.parametrize(
    ("bytes_", "text"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (123_456, "123 kB"), (5_400_000, "5.4 MB"), (10**16, "10000 TB")],
)
def test_sizes(bytes_: int, text: str) -> None:
    """Three digits are enough."""
    assert size(bytes_) == text


def test_counts() -> None:
    """With commas."""
    assert number(1_234_567) == "1,234,567"
