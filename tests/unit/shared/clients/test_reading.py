"""Reading a vendor's refusals: statuses, waiting times, texts."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.clients.reading import Answer, common_reading, retry_after_s, scrub, text_of
from shared.outcomes.errors import (
    HubError,
    NotFound,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from shared.settings import Secret

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Unauthorized),
        (402, Rejected),
        (403, Rejected),
        (404, NotFound),
        (405, Rejected),
        (408, Unavailable),
        (409, Rejected),
        (413, Rejected),
        (422, Rejected),
        (425, Unavailable),
        (429, RateLimited),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
        (599, Unavailable),
        (301, Unavailable),
        (304, Unavailable),
        (100, Unavailable),
    ],
)
def test_what_a_status_means(status: int, kind: type[HubError]) -> None:
    """Only a clear no is terminal; whatever leaves the outcome open can be tried again."""
    failed = common_reading(Answer(status, {}, b""), "v op: n", NOW)
    assert type(failed) is kind
    assert failed.reason == "v op: n"
    if isinstance(failed, Rejected):
        assert failed.status == status


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("7.5", None),
        ("-3", None),
        ("9" * 400, 3600.0),
        ("86400", 3600.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2030 11:00:00 GMT", 3600.0),
        ("soon", None),
        ("Sun, 99 Mar 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after(header: str | None, expected: float | None) -> None:
    """A number or an HTTP date, never negative, at most an hour."""
    assert retry_after_s(header, NOW) == expected


odd_dates = st.builds(
    "{}, {} Mar {} {}:00:00 {}".format,
    st.sampled_from(["Sun", ""]),
    st.integers(-1, 40),
    st.integers(0, 20000),
    st.integers(0, 30),
    st.sampled_from(["GMT", "-0000", "+9999", "+99999999999999999", "", "X"]),
)


@given(st.text() | odd_dates | st.datetimes(timezones=st.just(UTC)).map(format_datetime))
@example("Mon, 01 Jan 2024 00:00:00 +99999999999999999")
@example("Mon, 01 Jan 0001 00:00:00 -0000")
def test_any_retry_after_is_bearable(header: str) -> None:
    """A vendor's nonsense is no bug of ours."""
    told = retry_after_s(header, NOW)
    assert told is None or 0 <= told <= 3600


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error": "no such file"}', "no such file"),
        (b'{"code": "x", "error": "no such file"}', "no such file"),
        (b'{"error": {"code": 3, "message": "nested"}}', "nested"),
        (b'{"message": "plain"}', "plain"),
        (b'{"code": 5, "error": "7"}', "7"),
        (b'{"error": null}', ""),
        (b'{"error": {"message": null}}', ""),
        (b'{"error": {}}', ""),
        (b"{}", ""),
        (b"", ""),
        (b"[1]", ""),
        (b'"text"', ""),
        (b"<html>", ""),
        (b"\xff", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_text_of(body: bytes, expected: str) -> None:
    """The four shapes of xAI's errors, and silence about everything else."""
    assert text_of(body) == expected


@given(
    st.binary()
    | st.recursive(st.text() | st.none(), lambda x: st.dictionaries(st.sampled_from(["error", "message"]), x)).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_text_of_anything(body: bytes) -> None:
    """Never raises, never long."""
    assert len(text_of(body)) <= 300


@given(st.text(alphabet="abcdef0123456789", min_size=12, max_size=40), st.text(alphabet="xyz .:'", max_size=20))
def test_a_key_is_scrubbed_from_a_vendors_text(key: str, around: str) -> None:
    """P10: whole, begun or in the middle of a word, a vendor's quote of our key does not get through."""
    quoted = key[:8] + "***"
    shown = scrub(f"{around}Incorrect API key provided: {key}. {quoted} '{key}' Bearer={key}{around}", Secret(key))
    assert key[:6] not in shown
    assert len(shown) <= 300


@pytest.mark.parametrize(("secret", "expected"), [("", "a b"), ("zzz", "a b"), ("b", "a ***")])
def test_scrub_leaves_the_rest(secret: str, expected: str) -> None:
    """What is no key is readable."""
    assert scrub("a b", Secret(secret)) == expected
