"""Handlers of `users/me/calendarList`: which calendars somebody has on the screen, which is not who may see them."""

from aiohttp import web

from simulators.google_calendar import shown
from simulators.google_calendar.access import ROLES, Call, check_match, is_known, opened, role
from simulators.google_calendar.answers import JsonObject, Refused, answer, bad, json_object, nothing
from simulators.google_calendar.bodies import merged
from simulators.google_calendar.lists import Listing, Lists
from simulators.google_calendar.records import Entry
from simulators.google_calendar.state import State

_USUAL_PAGE, _LARGEST_PAGE = 100, 250
_TEXTS = ("backgroundColor", "colorId", "foregroundColor", "summaryOverride")
_FLAGS = ("hidden", "selected")
_OTHERS = ("defaultReminders", "notificationSettings")


class CalendarListApi:
    """One handler a method."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lists = Lists(state)

    async def list(self, call: Call) -> web.Response:
        query, email = call.query, call.principal.email
        self._state.primary(email)
        least = query.word("minAccessRole", ROLES[1:])
        if least is not None and query.has("syncToken"):
            raise bad("minAccessRole cannot be used with a sync token.", "badRequest", parameter="syncToken")
        same = query.asked(frozenset({"showHidden", "showOwnOrganizationOnly"}))
        begun = self._lists.begin(query, Listing(f"calendarList {email}", same))
        shows_all = begun.since is not None or query.flag("showDeleted")
        rows = [
            ((one.calendar_id,), one)
            for one in self._state.list_of(email).values()
            if self._changed(one) > (begun.since or 0)
            and (shows_all or not self._is_gone(email, one))
            and (query.flag("showHidden") or begun.since is not None or not one.values.get("hidden"))
            and (least is None or ROLES.index(self._role(email, one)) >= ROLES.index(least))
        ]
        limit = min(query.number("maxResults") or _USUAL_PAGE, _LARGEST_PAGE)
        page, token = self._lists.end(begun, rows, limit)
        items = [self._shown(email, one) for one in page]
        return answer({"kind": "calendar#calendarList", "etag": f'"p{self._state.change}"', "items": items, **token})

    async def insert(self, call: Call) -> web.Response:
        """Puts a calendar that is shared with the caller on the caller's list; being shared does not do that."""
        body = await json_object(call.request)
        if not isinstance(body.get("id"), str) or not body["id"]:
            raise bad("Missing calendar id.", "required")
        calendar = opened(self._state, call, str(body["id"]), "freeBusyReader")
        entry = self._state.put_entry(call.principal.email, calendar, {"selected": False, **_checked(body)})
        return answer(self._shown(call.principal.email, entry))

    async def get(self, call: Call) -> web.Response:
        entry = self._entry(call)
        return nothing(304) if is_known(call.request, entry.etag) else answer(self._shown(call.principal.email, entry))

    async def update(self, call: Call) -> web.Response:
        body = await json_object(call.request)
        return self._put(call, self._entry(call), body)

    async def patch(self, call: Call) -> web.Response:
        body = await json_object(call.request)
        entry = self._entry(call)
        return self._put(call, entry, merged(entry.values, body))

    async def delete(self, call: Call) -> web.Response:
        """Takes it off the list; the calendar stays."""
        entry = self._entry(call)
        check_match(call.request, entry.etag)
        self._state.drop_entry(entry)
        return nothing()

    def _entry(self, call: Call) -> Entry:
        calendar = opened(self._state, call, call.place("calendarId"), "freeBusyReader")
        entry = self._state.list_of(call.principal.email).get(calendar.id)
        if entry is None or entry.is_deleted:
            raise Refused(404)
        return entry

    def _put(self, call: Call, entry: Entry, body: JsonObject) -> web.Response:
        check_match(call.request, entry.etag)
        calendar = self._state.calendars[entry.calendar_id]
        return answer(
            self._shown(call.principal.email, self._state.put_entry(call.principal.email, calendar, _checked(body)))
        )

    def _shown(self, email: str, entry: Entry) -> JsonObject:
        of = None if self._is_gone(email, entry) else self._state.calendars.get(entry.calendar_id)
        return shown.entry(entry, of, email)

    def _is_gone(self, email: str, entry: Entry) -> bool:
        """Taken off, deleted, or not shared any more."""
        return entry.is_deleted or self._role(email, entry) == "none"

    def _role(self, email: str, entry: Entry) -> str:
        calendar = self._state.calendars.get(entry.calendar_id)
        return "none" if calendar is None else role(calendar, email)

    def _changed(self, entry: Entry) -> int:
        calendar = self._state.calendars.get(entry.calendar_id)
        return entry.change if calendar is None else max(entry.change, calendar.change, calendar.rules_changed)


def _checked(body: JsonObject) -> JsonObject:
    values = {name: body[name] for name in (*_TEXTS, *_FLAGS, *_OTHERS) if body.get(name) is not None}
    is_right = all(isinstance(values.get(name, ""), str) for name in _TEXTS) and all(
        isinstance(values.get(name, False), bool) for name in _FLAGS
    )
    if not is_right:
        raise bad("Invalid value.")
    return values
