"""The bodies Google answers with: JSON, errors as the Calendar API and as the token endpoint have them."""

from typing import NamedTuple

import msgspec
from aiohttp import web

JsonObject = dict[str, object]

# Far above what a calendar needs; Google's own limit is not published.
MAX_BODY_BYTES = 10_000_000


class Reason(NamedTuple):
    """What stands in `errors[0]`: the page "Handle API errors" has the words, the guide's examples the sentences."""

    word: str
    message: str
    domain: str = "global"
    location_type: str | None = None
    location: str | None = None


FORBIDDEN = {
    "rateLimitExceeded": Reason("rateLimitExceeded", "Rate Limit Exceeded", "usageLimits"),
    "userRateLimitExceeded": Reason("userRateLimitExceeded", "User Rate Limit Exceeded", "usageLimits"),
    "quotaExceeded": Reason("quotaExceeded", "Calendar usage limits exceeded.", "usageLimits"),
    "forbidden": Reason("forbidden", "Forbidden"),
    "forbiddenForNonOrganizer": Reason(
        "forbiddenForNonOrganizer", "Shared properties can only be changed by the organizer of the event.", "calendar"
    ),
    "insufficientPermissions": Reason("insufficientPermissions", "Insufficient Permission"),
}
"""What a 403 can mean, by its reason: three of them are only a matter of waiting."""

_BY_STATUS = {
    400: Reason("badRequest", "Bad Request"),
    401: Reason("authError", "Invalid Credentials", "global", "header", "Authorization"),
    404: Reason("notFound", "Not Found"),
    409: Reason("duplicate", "The requested identifier already exists."),
    410: Reason("deleted", "Resource has been deleted"),
    412: Reason("conditionNotMet", "Precondition Failed", "global", "header", "If-Match"),
    413: Reason("uploadTooLarge", "Request Entity Too Large"),
    429: Reason("rateLimitExceeded", "Rate Limit Exceeded", "usageLimits"),
    501: Reason("notImplemented", "Not Implemented"),
}


class Refused(Exception):
    """The request ends here, with this status and Google's reason."""

    def __init__(self, status: int, reason: Reason | None = None) -> None:
        self.status = status
        self.reason = reason or _BY_STATUS.get(status, Reason("backendError", "Backend Error"))
        super().__init__(self.reason.message)


def bad(message: str, word: str = "invalid", *, parameter: str | None = None, domain: str = "global") -> Refused:
    """A 400; `parameter` names the one of the query that is wrong."""
    where = ("parameter", parameter) if parameter else (None, None)
    return Refused(400, Reason(word, message, domain, *where))


class TokenRefused(Exception):
    """The token endpoint's refusal (RFC 6749 section 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description


def answer(body: object, status: int = 200) -> web.Response:
    """A JSON answer; a resource's etag stands in its header too."""
    told = web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
    etag = body.get("etag") if isinstance(body, dict) else None
    if isinstance(etag, str):
        told.headers["ETag"] = etag
    return told


def nothing(status: int = 204) -> web.Response:
    """An answer without a body."""
    return web.Response(status=status)


def error(status: int, reason: Reason | None = None) -> web.Response:
    """An error of the Calendar API; without a reason the usual one of its status."""
    told = Refused(status, reason).reason
    detail: JsonObject = {"domain": told.domain, "reason": told.word, "message": told.message}
    if told.location is not None:
        detail |= {"locationType": told.location_type, "location": told.location}
    body = {"error": {"errors": [detail], "code": status, "message": told.message}}
    refused = answer(body, status)
    if status == 401:
        refused.headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
    return refused


def front_end_error(status: int) -> web.Response:
    """What stands before the API answers in HTML when it cannot reach it."""
    page = f"<!DOCTYPE html><html lang=en><title>Error {status} (Server Error)!!1</title><p><b>{status}.</b></html>"
    return web.Response(text=page, status=status, content_type="text/html")


def token_error(refused: TokenRefused) -> web.Response:
    """An error of the token endpoint."""
    return answer({"error": refused.error, "error_description": refused.description}, refused.status)


async def json_object(request: web.Request) -> JsonObject:
    """The request's JSON object; none sent is an empty one. Raises Refused with 400 or 413."""
    body = await request.read()
    if len(body) > MAX_BODY_BYTES:
        raise Refused(413)
    if not body.strip():
        return {}
    try:
        return msgspec.json.decode(body, type=JsonObject)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise bad("Parse Error", "parseError") from None
