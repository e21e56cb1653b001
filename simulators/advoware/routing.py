"""Which handler a request goes to: path names in any case, as ASP.NET matches them, 404 and 405 in its words."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from aiohttp import web

from simulators.advoware.answers import Refused, number

_PLACE = re.compile(r"\\\{(\w+)\\\}")


class Call(NamedTuple):
    """A request that found its route: the places of the path, and whose token it carries."""

    request: web.Request
    places: Mapping[str, str]
    user: str

    def place(self, name: str) -> int:
        """A place of the path as a number. Raises Refused(400)."""
        return number(self.places[name])


Handler = Callable[[Call], Awaitable[web.Response]]


class Path:
    """A path with places, such as `/api/v1/advonet/Akten/{id}`, and its handler for each method it knows."""

    def __init__(self, template: str, **handlers: Handler) -> None:
        self.handlers = handlers
        self._pattern = re.compile(_PLACE.sub(r"(?P<\1>[^/]+)", re.escape(template)) + "/?", re.IGNORECASE)

    def match(self, path: str) -> Mapping[str, str] | None:
        """The places, or None when it is another path."""
        found = self._pattern.fullmatch(path)
        return None if found is None else found.groupdict()


def pick(paths: list[Path], method: str, path: str) -> tuple[Handler, Mapping[str, str]]:
    """The handler and the places. Raises Refused(404) for an unknown path, Refused(405) for a wrong method."""
    known = False
    for one in paths:
        places = one.match(path)
        if places is None:
            continue
        known = True
        handler = one.handlers.get(method)
        if handler is not None:
            return handler, places
    if known:
        raise wrong_method(method)
    raise Refused(404, f"No HTTP resource was found that matches the request URI '{path}'.")


def wrong_method(method: str) -> Refused:
    """405 in ASP.NET's words."""
    return Refused(405, f"The requested resource does not support http method '{method}'.")


async def forbidden(_call: Call) -> web.Response:
    """403 for what exists and nobody may do."""
    raise Refused(403)
