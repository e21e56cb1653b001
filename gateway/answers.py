"""How the gateway says no, at every door alike."""

from collections.abc import Mapping

import msgspec
from aiohttp import web

JSON = {"Content-Type": "application/json"}


class Problem(msgspec.Struct, frozen=True):
    """Why not."""

    error: str


def problem(status: int, error: str, headers: Mapping[str, str] = {}) -> web.Response:
    """An error's answer."""
    return web.Response(status=status, body=msgspec.json.encode(Problem(error)), headers={**JSON, **headers})
