"""The bodies Advoware answers with: JSON, and errors in the shapes that a .NET server has."""

import re
from typing import Literal

import msgspec
from aiohttp import web

Shape = Literal["message", "problem", "text"]
JsonObject = dict[str, object]
_NUMBER = re.compile(r"-?[0-9]{1,10}")

# Kestrel's default limit for a request's body (Microsoft's reference, MaxRequestBodySize).
MAX_BODY_BYTES = 30_000_000

# Texts of ASP.NET where it has one; `Retry-After` aside, nothing is known of the vendor's own.
_TEXTS = {
    400: "The request is invalid.",
    401: "Authorization has been denied for this request.",
    403: "Forbidden",
    404: "Not found",
    405: "The requested resource does not support this http method.",
    409: "Conflict",
    413: "Request body too large.",
    415: "The request entity's media type is not supported for this resource.",
    429: "Too many requests",
    500: "An error has occurred.",
    503: "The service is unavailable.",
}


class Refused(Exception):
    """The request ends here with this status and message."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message or _TEXTS.get(status, "An error has occurred.")


def answer(body: object, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")


def nothing(status: int = 200) -> web.Response:
    """An answer without a body."""
    return web.Response(status=status)


def error(status: int, message: str = "", shape: Shape = "message") -> web.Response:
    """An error answer. "problem" is ASP.NET Core's ProblemDetails, "text" what a relay in front would say."""
    message = message or _TEXTS.get(status, "An error has occurred.")
    if shape == "text":
        refused = web.Response(text=message, status=status)
    elif shape == "problem":
        problem = {"type": "about:blank", "title": message, "status": status}
        refused = web.Response(
            body=msgspec.json.encode(problem), status=status, content_type="application/problem+json"
        )
    else:
        refused = answer({"message": message}, status)
    if status == 401:
        refused.headers["WWW-Authenticate"] = "Bearer"
    return refused


async def json_object(request: web.Request) -> JsonObject:
    """The request's JSON object. Raises Refused with 400, 413 or 415."""
    if request.content_length is not None and request.content_length > MAX_BODY_BYTES:
        raise Refused(413)
    body = await request.read()
    if len(body) > MAX_BODY_BYTES:
        raise Refused(413)
    if request.content_type != "application/json":
        raise Refused(415)
    try:
        return msgspec.json.decode(body, type=JsonObject)
    except msgspec.ValidationError:
        raise Refused(400, "The request body must be a JSON object.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(400, "The request body is not valid JSON.") from None


def number(text: str) -> int:
    """A 32 bit number of a path or query. Raises Refused(400) with ASP.NET's text."""
    if not _NUMBER.fullmatch(text) or not -(2**31) <= int(text) < 2**31:
        raise Refused(400, "The value is not valid.")
    return int(text)
