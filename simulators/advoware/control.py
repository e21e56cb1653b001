"""Control routes under /_sim that only this simulator has: switches, clock, tokens, database, and staff."""

import msgspec
from aiohttp import web

from simulators.advoware.clock import from_utc, utc
from simulators.advoware.staff import DEEDS, Staff
from simulators.advoware.state import State
from simulators.advoware.switches import changed
from simulators.control import Handler, answer, clock_mover, guarded, read, staff_doer


class _Database(msgspec.Struct, forbid_unknown_fields=True):
    online: bool


def control_routes(state: State, deeds: Staff) -> list[web.RouteDef]:
    """GET and PUT switches, POST clock, DELETE tokens, PUT database, POST staff/{deed}."""

    async def show_switches(_request: web.Request) -> web.Response:
        return answer(state.switches)

    async def change_switches(request: web.Request) -> web.Response:
        state.switches = changed(state.switches, await read(request, dict[str, object]))
        return answer(state.switches)

    async def expire(_request: web.Request) -> web.Response:
        return answer({"expired": state.tokens.expire_all()})

    async def database(request: web.Request) -> web.Response:
        state.database_online = (await read(request, _Database)).online
        return answer({"online": state.database_online})

    return [
        web.get("/_sim/switches", show_switches),
        web.put("/_sim/switches", _guarded(change_switches)),
        web.post("/_sim/clock", _guarded(clock_mover(state.clock, from_utc, utc))),
        web.delete("/_sim/tokens", expire),
        web.put("/_sim/database", _guarded(database)),
        web.post("/_sim/staff/{deed}", _guarded(staff_doer(deeds, DEEDS))),
    ]


def _guarded(handler: Handler) -> Handler:
    return guarded(handler, missing="no such record")
