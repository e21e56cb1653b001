"""The bodies xAI answers with: JSON, and errors in the shapes that were seen."""

import json
import uuid
from typing import Literal

import msgspec
from aiohttp import web

_INVALID = "Client specified an invalid argument"

# The sentences are the status texts of Rust's tonic; the first, the 503 one and their body were seen live.
_SENTENCES = {
    400: _INVALID,
    401: "The request does not have valid authentication credentials",
    403: "The caller does not have permission to execute the specified operation",
    404: "Some requested entity was not found",
    409: "Some entity that we attempted to create already exists",
    429: "Some resource has been exhausted",
    500: "Internal error",
    501: "Operation is not implemented or not supported",
    503: "The service is currently unavailable",
    504: "Deadline expired before operation could complete",
}

Shape = Literal["sentence", "nested", "number", "text"]


class Refused(Exception):
    """The request ends here with this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def answer(body: object, status: int = 200) -> web.Response:
    """A JSON answer with the x-request-id that xAI sends along."""
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        content_type="application/json",
        headers={"x-request-id": str(uuid.uuid4())},
    )


def error(status: int, message: str = "", shape: Shape = "sentence") -> web.Response:
    """An error answer. "sentence" is the shape of api.x.ai; the other three were seen here and there."""
    sentence = _SENTENCES.get(status, _INVALID if 400 <= status < 500 else _SENTENCES[500])
    message = message or sentence
    if shape == "nested":
        return answer({"error": {"code": status, "message": message}}, status)
    if shape == "number":
        return answer({"code": status, "error": message}, status)
    if shape == "text":
        return web.Response(text=message, status=status)
    return answer({"code": sentence, "error": message}, status)


async def json_object(request: web.Request) -> dict[str, object]:
    """The request's JSON object; an empty body counts as {}. Anything else is refused with 400."""
    body = await request.read()
    if not body.strip():
        return {}
    try:
        data = json.loads(body)
    except ValueError:
        raise Refused(400, "The request body is not valid JSON") from None
    if not isinstance(data, dict):
        raise Refused(400, "The request body must be a JSON object")
    return data
