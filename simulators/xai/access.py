"""Which key opens which path, and what a stranger is told."""

from aiohttp import web

from simulators.xai.answers import Refused

_MIDDLE = slice(2, -2)


def check_api_key(request: web.Request, key: str) -> None:
    """api.x.ai: a wrong key is a 400 that echoes part of it (seen live); no or a malformed header is a 401."""
    given = _bearer(request)
    if given != key:
        raise Refused(
            400,
            f"Incorrect API key provided: {_veiled(given)}. You can obtain an API key from https://console.x.ai.",
        )


def check_management_key(request: web.Request, key: str) -> None:
    """management-api.x.ai: what a wrong key gets there is not documented; 401 is what gRPC maps to."""
    if _bearer(request) != key:
        raise Refused(401, "Invalid management key")


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(401, "Missing or malformed Authorization header")
    return token.strip()


def _veiled(key: str) -> str:
    return key if len(key) <= 4 else key.replace(key[_MIDDLE], "***", 1)
