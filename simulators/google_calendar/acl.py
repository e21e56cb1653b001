"""Handlers of `calendars/{calendarId}/acl`: who may do what with a calendar."""

from aiohttp import web

from simulators.google_calendar import shown
from simulators.google_calendar.access import ROLES, Call, check_match, is_known, opened
from simulators.google_calendar.answers import JsonObject, Reason, Refused, answer, bad, json_object, nothing
from simulators.google_calendar.lists import Listing, Lists
from simulators.google_calendar.records import Calendar, Rule
from simulators.google_calendar.state import State

_USUAL_PAGE, _LARGEST_PAGE = 100, 250
_SCOPE_TYPES = ("default", "user", "group", "domain")


class AclApi:
    """One handler a method. Writers may look, owners may change."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lists = Lists(state)

    async def list(self, call: Call) -> web.Response:
        calendar = self._opened(call, "writer")
        begun = self._lists.begin(call.query, Listing(f"acl {call.principal.email} {calendar.id}", ()))
        shows_all = begun.since is not None or call.query.flag("showDeleted")
        rows = [
            ((one.id,), one)
            for one in calendar.rules.values()
            if one.change > (begun.since or 0) and (shows_all or not one.is_deleted)
        ]
        limit = min(call.query.number("maxResults") or _USUAL_PAGE, _LARGEST_PAGE)
        page, token = self._lists.end(begun, rows, limit)
        items = [shown.rule(one) for one in page]
        return answer({"kind": "calendar#acl", "etag": f'"p{self._state.change}"', "items": items, **token})

    async def get(self, call: Call) -> web.Response:
        rule = self._rule(call, self._opened(call, "writer"))
        return nothing(304) if is_known(call.request, rule.etag) else answer(shown.rule(rule))

    async def insert(self, call: Call) -> web.Response:
        """Grants a role; the rule of a scope that has one is replaced. Mails the person, unless told otherwise."""
        body = await json_object(call.request)
        calendar = self._opened(call, "owner")
        scope_type, value = _scope(body)
        known = calendar.rules.get(scope_type if scope_type == "default" else f"{scope_type}:{value}")
        return self._put(call, calendar, known, (scope_type, value, _role(body)))

    async def update(self, call: Call) -> web.Response:
        body = await json_object(call.request)
        calendar = self._opened(call, "owner")
        rule = self._rule(call, calendar)
        scope_type, value = _scope(body)
        if (scope_type, value) != (rule.scope_type, rule.scope_value):
            raise bad("The scope of a rule cannot be changed.")
        return self._put(call, calendar, rule, (scope_type, value, _role(body)))

    async def patch(self, call: Call) -> web.Response:
        body = await json_object(call.request)
        calendar = self._opened(call, "owner")
        rule = self._rule(call, calendar)
        wanted = _role({"role": rule.role, **body})
        return self._put(call, calendar, rule, (rule.scope_type, rule.scope_value, wanted))

    async def delete(self, call: Call) -> web.Response:
        calendar = self._opened(call, "owner")
        rule = self._rule(call, calendar)
        check_match(call.request, rule.etag)
        _check_own(call, calendar, rule, "none")
        self._state.set_rule(calendar, rule.scope_type, rule.scope_value, "none", deleted=True)
        return nothing()

    def _put(self, call: Call, calendar: Calendar, before: Rule | None, wanted: tuple[str, str, str]) -> web.Response:
        scope_type, value, role = wanted
        if before is not None:
            check_match(call.request, before.etag)
            _check_own(call, calendar, before, role)
        rule = self._state.set_rule(calendar, scope_type, value, role)
        if call.query.flag("sendNotifications") is not False and scope_type in ("user", "group") and role != "none":
            self._state.mail(value, "calendar shared", calendar)
        return answer(shown.rule(rule))

    def _opened(self, call: Call, least: str) -> Calendar:
        return opened(self._state, call, call.place("calendarId"), least)

    def _rule(self, call: Call, calendar: Calendar) -> Rule:
        rule = calendar.rules.get(call.place("ruleId"))
        if rule is None or rule.is_deleted:
            raise Refused(404)
        return rule


def _check_own(call: Call, calendar: Calendar, rule: Rule, role: str) -> None:
    """Nobody locks himself out, and the data owner stays an owner."""
    own = {f"user:{call.principal.email}", f"user:{calendar.owner}"}
    if rule.id in own and role != rule.role:
        raise Refused(403, Reason("cannotChangeOwnAcl", "Cannot change your own access level.", "calendar"))


def _scope(body: JsonObject) -> tuple[str, str]:
    scope = body.get("scope")
    kind = scope.get("type") if isinstance(scope, dict) else None
    value = scope.get("value") if isinstance(scope, dict) else None
    if kind is None:
        raise bad("Missing scope type.", "required")
    if kind not in _SCOPE_TYPES:
        raise bad("Invalid scope type.")
    if kind == "default":
        return str(kind), ""
    if not isinstance(value, str) or not value or (kind != "domain" and "@" not in value):
        raise bad("Invalid scope value.")
    return str(kind), value


def _role(body: JsonObject) -> str:
    role = body.get("role")
    if role is None:
        raise bad("Missing role.", "required")
    if role not in ROLES:
        raise bad("Invalid role.")
    return str(role)
