"""KV keys and subject tokens: what goes in comes out, and nothing else can be meant."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.contracts.keys import key, segments_of, token

segments = st.lists(st.text(), min_size=1)


@given(segments)
@example([""])
@example(["", ""])
@example(["a.b", "c"])
@example(["=YQ", "a"])
@example(["Müller ./. Straße 5"])
@example(["*", ">", " ", "\0", "a\n"])
def test_round_trip(given_segments: list[str]) -> None:
    """Any segments come back, and the key is one that NATS allows for keys and subjects."""
    joined = key(*given_segments)
    assert segments_of(joined) == given_segments
    assert re.fullmatch(r"[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)*", joined)


@given(segments, segments)
def test_different_segments_have_different_keys(one: list[str], other: list[str]) -> None:
    """No two entities share a lock, a snapshot or a history by accident."""
    assert (key(*one) == key(*other)) == (one == other)


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ("6b03037c06a040734", "6b03037c06a040734"),
        ("CDokumente", "CDokumente"),
        ("a_b-C9", "a_b-C9"),
        ("", "="),
        ("a.b", "=YS5i"),
        ("ä", "=w6Q"),
        ("a\n", "=YQo"),
        ("=YQ", "=PVlR"),
    ],
)
def test_plain_segments_stay_readable(segment: str, expected: str) -> None:
    """What NATS allows is left as it is; the rest is base64url behind an equals sign."""
    assert token(segment) == expected


def test_the_keys_that_design_fixes() -> None:
    """Habits and manifests rely on these."""
    assert key("document_sync", "CDokumente", "6b03") == "document_sync.CDokumente.6b03"
    assert key("calendar_sync", "employee", "SB") == "calendar_sync.employee.SB"
