"""What an answer means: from a vendor's status and text to a word of `outcomes/errors`. Pure."""

import email.utils
from collections.abc import Mapping

import msgspec

from shared.outcomes.errors import HubError, NotFound, RateLimited, Rejected, Unauthorized, Unavailable
from shared.settings import Secret

DETAIL_MAX = 300
_PAUSE_S = 60.0
"""After a 429 that does not say how long."""
_PAUSE_MAX_S = 3600.0


class Answer(msgspec.Struct, frozen=True):
    """What a vendor said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def common_reading(answer: Answer, reason: str, now: float) -> HubError:
    """What a status means where a vendor says nothing of its own."""
    status = answer.status
    if status == 401:
        return Unauthorized(reason)
    if status == 404:
        return NotFound(reason)
    if status == 429:
        told = retry_after_s(answer.headers.get("Retry-After"), now)
        return RateLimited(reason, after_s=_PAUSE_S if told is None else told)
    if status in (408, 425) or status >= 500:
        return Unavailable(reason)
    if status >= 400:
        return Rejected(reason, status=status)
    return Unavailable(reason)


def retry_after_s(header: str | None, now: float) -> float | None:
    """Seconds from a `Retry-After` header, which is a number or an HTTP date; at most an hour."""
    if not header:
        return None
    if header.strip().isdecimal():
        return min(_PAUSE_MAX_S, float(header))
    try:
        at = email.utils.parsedate_to_datetime(header).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(_PAUSE_MAX_S, max(0.0, at - now))


def text_of(body: bytes) -> str:
    """The readable part of an error answer, whatever shape it has."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    if isinstance(told, dict):
        inner = told.get("error", told.get("message", ""))
        if isinstance(inner, dict):
            inner = inner.get("message", "")
        return inner[:DETAIL_MAX] if isinstance(inner, str) else ""
    return ""


def scrub(text: str, secret: Secret) -> str:
    """A vendor's text without our key, whole or begun: vendors like to quote it."""
    begun = secret.reveal()[:6]
    if not begun:
        return text[:DETAIL_MAX]
    return " ".join("***" if begun in word else word for word in text.split())[:DETAIL_MAX]
