"""What control routes under /_sim have in common: reading a body, refusing one in words, the clock, what staff do."""

import re
from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from simulators.clock import Clock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Body = TypeVar("Body")


class _ClockMove(msgspec.Struct, forbid_unknown_fields=True):
    now: str | None = None
    advance_s: float = 0.0


def answer(body: object, status: int = 200) -> web.Response:
    """JSON."""
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")


async def read(request: web.Request, kind: type[Body]) -> Body:
    """The request's body. Raises ValueError."""
    return msgspec.json.decode(await request.read(), type=kind)


def guarded(handler: Handler, *, missing: str) -> Handler:
    """Answers 400 for a body that does not fit, 404 with `missing` for what is not there."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except KeyError:
            return answer({"error": missing}, 404)
        except (TypeError, ValueError, re.error) as wrong:
            return answer({"error": str(wrong)}, 400)

    return handle


def clock_mover(clock: Clock, seconds_of: Callable[[str], float], text_of: Callable[[float], str]) -> Handler:
    """Sets the clock, moves it, and says what it shows, in the vendor's form of an instant."""

    async def move(request: web.Request) -> web.Response:
        wanted = await read(request, _ClockMove)
        if wanted.now is not None:
            clock.set(seconds_of(wanted.now))
        clock.advance(wanted.advance_s)
        return answer({"now": text_of(clock.now())})

    return move


def staff_doer(staff: Any, deeds: Collection[str]) -> Handler:
    """Does one of the `deeds`, which are methods of `staff`; the body is its arguments."""

    async def do(request: web.Request) -> web.Response:
        deed = request.match_info["deed"]
        if deed not in deeds:
            return answer({"error": f"no such deed: {deed}"}, 404)
        return answer({"made": getattr(staff, deed)(**await read(request, dict[str, Any]))})

    return do
