"""Who may do what: scopes of a token, and roles on a calendar."""

from typing import NamedTuple

from aiohttp import web

from simulators.google_calendar.answers import FORBIDDEN, Reason, Refused
from simulators.google_calendar.methods import APP_SCOPE, OWNED_SCOPES, UNSERVED_SCOPES, Method
from simulators.google_calendar.query import Query
from simulators.google_calendar.records import Calendar
from simulators.google_calendar.state import State
from simulators.google_calendar.tokens import Principal

ROLES = ("none", "freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")


class Call(NamedTuple):
    """A request whose token allows the method; `scopes` are those that do."""

    request: web.Request
    query: Query
    principal: Principal
    scopes: frozenset[str]

    def place(self, name: str) -> str:
        """A place of the path, decoded."""
        return self.request.match_info[name]


def admitted(state: State, request: web.Request, method: Method) -> Call:
    """The call behind a request. Raises Refused with 401 or 403, and 400 for unknown parameters."""
    header = request.headers.get("Authorization", "")
    if not header:
        raise Refused(401, Reason("required", "Login Required", "global", "header", "Authorization"))
    scheme, _, token = header.partition(" ")
    principal = state.tokens.principal(token.strip(), state.clock.now()) if scheme.lower() == "bearer" else None
    if principal is None:
        raise Refused(401)
    scopes = (principal.scopes & method.scopes) - UNSERVED_SCOPES
    if not scopes:
        raise Refused(403, FORBIDDEN["insufficientPermissions"])
    query = Query(request.query)
    if state.switches.unknown_parameters == "refused":
        query.check_names(method)
    return Call(request, query, principal, scopes)


def role(calendar: Calendar, email: str) -> str:
    """The highest role that the rules give somebody."""
    domain = email.rpartition("@")[2].lower()
    best = "none"
    for rule in calendar.rules.values():
        value = rule.scope_value.lower()
        meant = (
            rule.scope_type == "default"
            or (rule.scope_type == "user" and value == email.lower())
            or (rule.scope_type == "domain" and value == domain)
        )
        if meant and ROLES.index(rule.role) > ROLES.index(best):
            best = rule.role
    return best


def opened(state: State, call: Call, calendar_id: str, least: str) -> Calendar:
    """The calendar, for somebody who has at least that role.

    `primary` is the caller's own. Raises Refused: 404 where there is none or no access at all, 403 where the role is
    too low or the scope does not reach this calendar.
    """
    if calendar_id in ("primary", call.principal.email):
        calendar: Calendar | None = state.primary(call.principal.email)
    else:
        calendar = state.calendars.get(calendar_id)
    given = "none" if calendar is None else role(calendar, call.principal.email)
    if calendar is None or given == "none":
        raise Refused(404)
    if ROLES.index(given) < ROLES.index(least):
        shown = "writer" if least == "writerWithoutPrivateAccess" else least
        message = f"You need to have {shown} access to this calendar."
        raise Refused(403, Reason("requiredAccessLevel", message, "calendar"))
    out_of_reach = (call.scopes <= OWNED_SCOPES and given != "owner") or (
        call.scopes == {APP_SCOPE} and calendar.made_by != call.principal.client_email
    )
    if out_of_reach:
        raise Refused(403, FORBIDDEN["insufficientPermissions"])
    return calendar


def check_match(request: web.Request, etag: str) -> None:
    """Raises Refused(412) for an If-Match of another version."""
    wanted = request.headers.get("If-Match")
    if wanted is not None and wanted.strip() != "*" and etag not in _etags(wanted):
        raise Refused(412)


def is_known(request: web.Request, etag: str) -> bool:
    """Whether the client has this version already (If-None-Match), which is a 304."""
    known = request.headers.get("If-None-Match")
    return known is not None and (known.strip() == "*" or etag in _etags(known))


def _etags(header: str) -> list[str]:
    return [one.strip().removeprefix("W/") for one in header.split(",")]
