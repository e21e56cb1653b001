"""Control routes under /_sim that only this simulator has: switches, clock, tokens, people, and staff."""

import msgspec
from aiohttp import web

from simulators.control import Handler, answer, clock_mover, guarded, read, staff_doer
from simulators.faults import Fault, Faults
from simulators.google_calendar.clock import instant, stamp
from simulators.google_calendar.keys import key_file, new_account
from simulators.google_calendar.staff import DEEDS, Staff
from simulators.google_calendar.state import State
from simulators.google_calendar.switches import changed


class _Account(msgspec.Struct, forbid_unknown_fields=True):
    client_email: str


class _User(msgspec.Struct, forbid_unknown_fields=True):
    email: str


class _Delegation(msgspec.Struct, forbid_unknown_fields=True):
    scopes: list[str]
    client_email: str | None = None


def control_routes(state: State, deeds: Staff, late_errors: Faults) -> list[web.RouteDef]:
    """Switches, clock, both kinds of tokens, late errors, key file, accounts, users, delegation, staff/{deed}."""
    return [*_settings(state), *_errors(late_errors), *_people(state), *_deeds(deeds)]


def _settings(state: State) -> list[web.RouteDef]:
    async def show_switches(_request: web.Request) -> web.Response:
        return answer(state.switches)

    async def change_switches(request: web.Request) -> web.Response:
        state.switches = changed(state.switches, await read(request, dict[str, object]))
        return answer(state.switches)

    async def expire(_request: web.Request) -> web.Response:
        return answer({"expired": state.tokens.expire_all()})

    async def expire_sync(_request: web.Request) -> web.Response:
        return answer({"expired": state.marks.expire_sync()})

    return [
        web.get("/_sim/switches", show_switches),
        web.put("/_sim/switches", _guarded(change_switches)),
        web.post("/_sim/clock", _guarded(clock_mover(state.clock, lambda text: instant(text).timestamp(), stamp))),
        web.delete("/_sim/tokens", expire),
        web.delete("/_sim/sync_tokens", expire_sync),
    ]


def _errors(late_errors: Faults) -> list[web.RouteDef]:
    async def show(_request: web.Request) -> web.Response:
        return answer(late_errors.rules())

    async def add(request: web.Request) -> web.Response:
        fault = await read(request, Fault)
        if fault.kind != "error":
            raise ValueError("only errors can come late")
        late_errors.add(fault)
        return answer(late_errors.rules())

    async def clear(_request: web.Request) -> web.Response:
        late_errors.clear()
        return answer([])

    return [
        web.get("/_sim/late_errors", show),
        web.post("/_sim/late_errors", _guarded(add)),
        web.delete("/_sim/late_errors", clear),
    ]


def _people(state: State) -> list[web.RouteDef]:
    async def show_key_file(request: web.Request) -> web.Response:
        return answer(key_file(state.directory.account, str(request.url.origin())))

    async def add_account(request: web.Request) -> web.Response:
        account = new_account((await read(request, _Account)).client_email)
        state.directory.add_account(account)
        return answer(key_file(account, str(request.url.origin())))

    async def add_user(request: web.Request) -> web.Response:
        state.directory.add_user((await read(request, _User)).email)
        return answer({"users": list(state.directory.users)})

    async def delegate(request: web.Request) -> web.Response:
        wanted = await read(request, _Delegation)
        client = wanted.client_email or state.directory.account_email
        state.directory.delegate(client, frozenset(wanted.scopes))
        return answer({"client_email": client, "scopes": sorted(state.directory.delegated(client))})

    return [
        web.get("/_sim/key_file", show_key_file),
        web.post("/_sim/service_accounts", _guarded(add_account)),
        web.post("/_sim/users", _guarded(add_user)),
        web.put("/_sim/delegation", _guarded(delegate)),
    ]


def _deeds(deeds: Staff) -> list[web.RouteDef]:
    return [web.post("/_sim/staff/{deed}", _guarded(staff_doer(deeds, DEEDS)))]


def _guarded(handler: Handler) -> Handler:
    return guarded(handler, missing="no such calendar or event")
