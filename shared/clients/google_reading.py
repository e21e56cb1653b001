"""What Google's refusals mean: by status and, where the status says too little, by `reason`. Pure.

Source: https://developers.google.com/workspace/calendar/api/guides/errors; RFC 6749 section 5.2 for the token endpoint.
"""

from typing import Any

import msgspec

from shared.clients.reading import Answer
from shared.outcomes.errors import Busy, HubError, RateLimited, Rejected, Retry, Unauthorized, Unavailable

_PAUSES_S = {"rateLimitExceeded": 30.0, "userRateLimitExceeded": 60.0, "dailyLimitExceeded": 3600.0}
"""403s that only mean too fast: how long the whole client waits. Google's windows are minutes and days."""
FULL_S = 600.0
"""How long a calendar is left alone that had too many writes; Google publishes no figure."""
_NO_ACCESS = frozenset({"authError", "insufficientPermissions", "accessNotConfigured", "accountDisabled"})
"""No matter which calendar: a scope that is not granted, an API that is not switched on."""
_REFUSALS = {
    "invalid_grant": "key, clock or GOOGLE_CALENDAR_SUBJECT",
    "unauthorized_client": "domain-wide delegation of the scope",
    "invalid_client": "key",
    "invalid_scope": "scope",
    "invalid_request": "request",
    "unsupported_grant_type": "request",
    "access_denied": "access",
    "admin_policy_enforced": "the domain's policy",
    "deleted_client": "the service account is deleted",
    "disabled_client": "the service account is disabled",
}
"""The token endpoint's words, and what to look at."""
_PASSING = frozenset({"internal_failure", "server_error", "temporarily_unavailable"})


class Stale(Busy):
    """The thing has changed since its etag was read: read it again, decide again."""


class Duplicate(Rejected):
    """The id is taken, be it by an event that was deleted."""

    def __init__(self, reason: str, *, detail: str = "") -> None:
        super().__init__(reason, status=409, detail=detail)


class TokenRefused(Unauthorized):
    """The access token is not accepted; another one may be."""


class CalendarFull(Retry):
    """Too many writes to one calendar. It is nobody else's limit, so the client does not pause for it."""


def read_status(answer: Answer, reason: str) -> HubError | None:
    """Google's own reading; None leaves it to the common one. No text of Google's gets into the reason."""
    error = _error(answer.body)
    if isinstance(error, str):
        return _read_refusal(error, answer.status, reason)
    word = _word(error)
    if answer.status == 401:
        return TokenRefused(reason)
    if answer.status == 409:
        return Duplicate(reason)
    if answer.status == 412:
        return Stale(reason)
    return _read_limit_or_access(answer.status, word, reason) if answer.status in (403, 429) else None


def _read_limit_or_access(status: int, word: str, reason: str) -> HubError | None:
    if word == "quotaExceeded":
        return CalendarFull(f"{reason} quotaExceeded")
    if status == 403 and word in _PAUSES_S:
        return RateLimited(f"{reason} {word}", after_s=_PAUSES_S[word])
    if status == 403 and word in _NO_ACCESS:
        return Unauthorized(f"{reason} {word}")
    return None


def _read_refusal(word: str, status: int, reason: str) -> HubError | None:
    if word in _PASSING:
        return Unavailable(f"{reason} {word}")
    if status in (400, 401, 403):
        hint = f" {word} ({_REFUSALS[word]})" if word in _REFUSALS else ""
        return Unauthorized(reason + hint)
    return None


def _error(body: bytes) -> object:
    try:
        return msgspec.json.decode(body, type=dict[str, Any]).get("error")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _word(error: object) -> str:
    """The `reason` of the first of the errors; empty where there is none."""
    errors = error.get("errors") if isinstance(error, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    word = first.get("reason") if isinstance(first, dict) else None
    return word if isinstance(word, str) else ""
