"""Control routes under /_sim that only this simulator has: switches, clock, tokens, database, and staff."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from simulators.advoware.answers import answer
from simulators.advoware.clock import from_utc, utc
from simulators.advoware.staff import DEEDS, Staff
from simulators.advoware.state import State
from simulators.advoware.switches import changed

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Body = TypeVar("_Body")


class _ClockMove(msgspec.Struct, forbid_unknown_fields=True):
    now: str | None = None
    advance_s: float = 0.0


class _Database(msgspec.Struct, forbid_unknown_fields=True):
    online: bool


def control_routes(state: State, deeds: Staff) -> list[web.RouteDef]:
    """GET and PUT switches, POST clock, DELETE tokens, PUT database, POST staff/{deed}."""

    async def show_switches(_request: web.Request) -> web.Response:
        return answer(state.switches)

    async def change_switches(request: web.Request) -> web.Response:
        state.switches = changed(state.switches, await _read(request, dict[str, object]))
        return answer(state.switches)

    async def clock(request: web.Request) -> web.Response:
        wanted = await _read(request, _ClockMove)
        if wanted.now is not None:
            state.clock.set(from_utc(wanted.now))
        state.clock.advance(wanted.advance_s)
        return answer({"now": utc(state.clock.now())})

    async def expire(_request: web.Request) -> web.Response:
        return answer({"expired": state.tokens.expire_all()})

    async def database(request: web.Request) -> web.Response:
        state.database_online = (await _read(request, _Database)).online
        return answer({"online": state.database_online})

    async def staff(request: web.Request) -> web.Response:
        deed = request.match_info["deed"]
        if deed not in DEEDS:
            return answer({"error": f"no such deed: {deed}"}, 404)
        return answer({"made": getattr(deeds, deed)(**await _read(request, dict[str, Any]))})

    return [
        web.get("/_sim/switches", show_switches),
        web.put("/_sim/switches", _guarded(change_switches)),
        web.post("/_sim/clock", _guarded(clock)),
        web.delete("/_sim/tokens", expire),
        web.put("/_sim/database", _guarded(database)),
        web.post("/_sim/staff/{deed}", _guarded(staff)),
    ]


async def _read(request: web.Request, kind: type[_Body]) -> _Body:
    return msgspec.json.decode(await request.read(), type=kind)


def _guarded(handler: Handler) -> Handler:
    """Answers 400 for a body that does not fit, 404 for a record that is not there."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except KeyError:
            return answer({"error": "no such record"}, 404)
        except (TypeError, ValueError) as wrong:
            return answer({"error": str(wrong)}, 400)

    return handle
