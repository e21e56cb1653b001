"""Google's refusals by status and reason, as published, and whatever else a body may hold."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clients.google_reading import CalendarFull, Duplicate, Stale, TokenRefused, read_status
from shared.clients.reading import Answer, common_reading
from shared.outcomes.errors import Busy, HubError, NotFound, RateLimited, Rejected, Retry, Unauthorized, Unavailable

SAMPLES = Path(__file__).parents[3] / "samples" / "google_calendar" / "errors.json"
PUBLISHED: dict[str, Any] = json.loads(SAMPLES.read_text(encoding="utf-8"))


def read(status: int, body: object, headers: dict[str, str] | None = None) -> HubError:
    """As the HTTP layer reads it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Answer(status, headers or {}, raw)
    return read_status(answer, "google x: n") or common_reading(answer, "google x: n", 0.0)


def error(status: int, reason: str, message: str = "Frau Zeisig") -> dict[str, Any]:
    """As the guide shows it."""
    return {
        "error": {"errors": [{"domain": "d", "reason": reason, "message": message}], "code": status, "message": message}
    }


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("400", Rejected),
        ("401", TokenRefused),
        ("403 userRateLimitExceeded", RateLimited),
        ("403 rateLimitExceeded", RateLimited),
        ("403 quotaExceeded", CalendarFull),
        ("404", NotFound),
        ("409", Duplicate),
        ("410 fullSyncRequired", Rejected),
        ("410 updatedMinTooLongAgo", Rejected),
        ("410 deleted", Rejected),
        ("412", Stale),
        ("429", RateLimited),
        ("500", Unavailable),
    ],
)
def test_each_published_error_has_its_word(name: str, word: type[HubError]) -> None:
    """The samples are the guide's."""
    failed = read(int(name[:3]), PUBLISHED[name])
    assert type(failed) is word
    if isinstance(failed, Rejected):
        assert failed.status == int(name[:3])


def test_every_published_error_is_tested() -> None:
    """The guide's examples, counted."""
    assert len(PUBLISHED) - 1 == 13


def test_words_of_our_own_are_kinds_of_the_houses() -> None:
    """The runtime knows what to do with each."""
    assert issubclass(Stale, Busy)
    assert issubclass(Duplicate, Rejected)
    assert issubclass(TokenRefused, Unauthorized)
    assert issubclass(CalendarFull, Retry)


@pytest.mark.parametrize("reason", ["insufficientPermissions", "accessNotConfigured", "accountDisabled", "authError"])
def test_no_access_at_all_halts(reason: str) -> None:
    """No calendar is at fault, and another token would not help."""
    failed = read(403, error(403, reason))
    assert type(failed) is Unauthorized
    assert failed.reason == f"google x: n {reason}"


@pytest.mark.parametrize(
    "reason",
    [
        "forbidden",
        "forbiddenForNonOrganizer",
        "requiredAccessLevel",
        "forbiddenForServiceAccounts",
        "cannotChangeOwnAcl",
    ],
)
def test_a_403_about_one_thing_is_a_refusal(reason: str) -> None:
    """Permanent, of this calendar or event only."""
    failed = read(403, error(403, reason))
    assert type(failed) is Rejected
    assert failed.status == 403


@pytest.mark.parametrize(
    ("reason", "pause_s"),
    [("rateLimitExceeded", 30.0), ("userRateLimitExceeded", 60.0), ("dailyLimitExceeded", 3600.0)],
)
def test_limits_say_how_long(reason: str, pause_s: float) -> None:
    """By reason: the status is the same as that of a refusal."""
    failed = read(403, error(403, reason))
    assert isinstance(failed, RateLimited)
    assert failed.after_s == pause_s
    assert failed.reason == f"google x: n {reason}"


def test_a_429_says_how_long_by_header() -> None:
    """Retry-After where there is one, though Google does not promise it."""
    failed = read(429, error(429, "rateLimitExceeded"), {"Retry-After": "7"})
    assert isinstance(failed, RateLimited)
    assert failed.after_s == 7
    assert isinstance(read(429, error(429, "quotaExceeded")), CalendarFull)


@pytest.mark.parametrize(
    ("status", "word", "failed"),
    [
        (400, "invalid_grant", Unauthorized),
        (401, "unauthorized_client", Unauthorized),
        (400, "invalid_scope", Unauthorized),
        (403, "access_denied", Unauthorized),
        (400, "frau_zeisig", Unauthorized),
        (400, "internal_failure", Unavailable),
        (500, "internal_failure", Unavailable),
        (503, "backend", Unavailable),
        (404, "not_found", NotFound),
        (429, "slow", RateLimited),
    ],
)
def test_the_token_endpoints_words(status: int, word: str, failed: type[HubError]) -> None:
    """OAuth's shape: never a reason to ask for another token; what is not known is not repeated."""
    told = read(status, {"error": word, "error_description": "Frau Zeisig"})
    assert type(told) is failed
    assert "eisig" not in told.reason


def test_a_refusal_says_what_to_look_at() -> None:
    """For whoever reads the log."""
    assert read(400, {"error": "invalid_grant"}).reason == (
        "google x: n invalid_grant (key, clock or GOOGLE_CALENDAR_SUBJECT)"
    )
    assert "domain-wide delegation" in read(401, {"error": "unauthorized_client"}).reason


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", [b"<!DOCTYPE html><html lang=en>", b"", b"\xff", b"[" * 100_000])
def test_the_front_ends_pages_are_no_answer(status: int, body: bytes) -> None:
    """HTML, nothing, or rubbish: whether it was done is unknown."""
    assert type(read(status, body)) is Unavailable


@pytest.mark.parametrize("status", [403, 404, 409, 412])
def test_a_status_with_a_page_is_read_by_the_status(status: int) -> None:
    """Some proxies answer in HTML below 500 too."""
    assert type(read(status, b"<html>")) is {403: Rejected, 404: NotFound, 409: Duplicate, 412: Stale}[status]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "errors", "reason", "message"]) | st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.integers(min_value=300, max_value=599), JSON.map(msgspec.json.encode) | st.binary(max_size=40))
def test_any_answer_has_a_word(status: int, body: bytes) -> None:
    """And its reason holds nothing of the body but words that we know."""
    failed = read(status, body)
    assert isinstance(failed, HubError)
    assert failed.reason.startswith("google x: n")
    assert len(failed.reason) < 120


@given(st.sampled_from([400, 401, 403, 404, 409, 410, 412, 429, 500]), st.booleans())
def test_google_is_never_quoted(status: int, oauth: bool) -> None:
    """P10: a calendar's id is a mail address, and messages name them."""
    canary = "zeisig@kanzlei.example"
    body: object = {"error": canary} if oauth else error(status, canary, canary)
    assert canary not in read(status, body).reason
