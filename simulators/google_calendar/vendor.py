"""The simulated vendor: its routes, and what tests may look at and do."""

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from aiohttp import web

from simulators.faults import Faults
from simulators.google_calendar import answers, shown
from simulators.google_calendar.access import Call, admitted
from simulators.google_calendar.acl import AclApi
from simulators.google_calendar.answers import FORBIDDEN, JsonObject, Refused
from simulators.google_calendar.book import Book
from simulators.google_calendar.calendar_list import CalendarListApi
from simulators.google_calendar.calendars import CalendarsApi
from simulators.google_calendar.clock import instant, stamp
from simulators.google_calendar.control import control_routes
from simulators.google_calendar.events import EventsApi
from simulators.google_calendar.keys import TOKEN_PATH, ServiceAccount, assertion, key_file, write_key_file
from simulators.google_calendar.methods import BASE, METHODS, NOT_IMITATED, Method
from simulators.google_calendar.oauth import TokenEndpoint
from simulators.google_calendar.quota import Quota
from simulators.google_calendar.records import Calendar, Event, Mail
from simulators.google_calendar.seeding import plant
from simulators.google_calendar.shown import View
from simulators.google_calendar.staff import Staff
from simulators.google_calendar.state import State
from simulators.google_calendar.switches import Switches
from simulators.harness import RequestLog

_WRITES = ("POST", "PUT", "PATCH", "DELETE")


class GoogleCalendar:
    """Google Calendar API v3 below `/calendar/v3` and OAuth's token endpoint at `/token`, on one port."""

    name = "google_calendar"

    def __init__(
        self,
        *,
        account: ServiceAccount | None = None,
        key_path: Path | None = None,
        users: Iterable[str] = (),
        delegated: Iterable[str] = (),
        switches: Switches = Switches(),  # noqa: B008  frozen, so one for all is safe
        seed: int = 0,
    ) -> None:
        """`key_path` is where leave_key_file() writes, `delegated` what the account may do in the users' names."""
        self.faults = Faults(seed)
        self.late_errors = Faults(seed)
        """Rules of kind `error` whose status is answered after the work was done: the outcome is unknown."""
        self.log = RequestLog()
        self._state = State(switches, account, seed)
        for email in users:
            self._state.directory.add_user(email)
        self._state.directory.delegate(self._state.directory.account_email, frozenset(delegated))
        self._book = Book(self._state)
        self._quota = Quota(self._state)
        self._key_path = key_path
        self.staff = Staff(self._state, self._book)
        """What a user does at Google's screen."""

    @property
    def switches(self) -> Switches:
        """May be set at any time; tokens that are out keep their end."""
        return self._state.switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        self._state.switches = switches

    @property
    def account(self) -> ServiceAccount:
        """The first service account; its key is made when it is first asked for."""
        return self._state.directory.account

    def add_account(self, account: ServiceAccount) -> None:
        """One more service account. Raises ValueError for a bad key."""
        self._state.directory.add_account(account)

    def add_user(self, email: str) -> None:
        """One more user of the firm, in whose name an account may act where it is delegated."""
        self._state.directory.add_user(email)

    def delegate(self, *scopes: str) -> None:
        """What the first account may do in users' names; nothing takes it back."""
        self._state.directory.delegate(self._state.directory.account_email, frozenset(scopes))

    def key_file(self, url: str) -> dict[str, str]:
        """The first account's key file, its `token_uri` at the URL that serve() yields."""
        return key_file(self.account, url)

    def write_key_file(self, path: Path, url: str) -> None:
        """The same as a file that only its owner reads. Raises OSError."""
        write_key_file(path, self.account, url)

    def leave_key_file(self, url: str) -> None:
        """Writes it where the constructor was told to, if it was: the key stays, its `token_uri` follows the port."""
        if self._key_path is not None:
            write_key_file(self._key_path, self.account, url)

    def assertion(self, *scopes: str, subject: str | None = None) -> str:
        """A JWT of the first account at the simulator's time, right in everything."""
        return assertion(self.account, scopes=scopes, now=self.now(), subject=subject)

    def token_requests(self) -> int:
        """How often a token was asked for since the start or the last reset, refused requests included."""
        return self._state.tokens.requests

    def expire_tokens(self) -> int:
        """Every access token is 401 from now on; says how many were still known."""
        return self._state.tokens.expire_all()

    def expire_sync_tokens(self) -> int:
        """Every sync token is 410 from now on; says how many were alive."""
        return self._state.marks.expire_sync()

    def now(self) -> float:
        """The simulator's clock, in seconds since the epoch."""
        return self._state.clock.now()

    def advance(self, seconds: float) -> None:
        """Moves the simulator's clock; negative is back."""
        self._state.clock.advance(seconds)

    def set_clock(self, text: str) -> None:
        """Sets the clock to an RFC 3339 instant; it runs on from there. Raises ValueError."""
        self._state.clock.set(instant(text).timestamp())

    def calendars(self) -> list[dict[str, Any]]:
        """All calendars, oldest first, primary ones too."""
        return [shown.calendar(one) for one in self._state.calendars.values()]

    def calendar_ids(self, summary: str) -> list[str]:
        """Ids of the calendars with that title."""
        return [one.id for one in self._state.calendars.values() if one.values["summary"] == summary]

    def roles(self, calendar_id: str) -> dict[str, str]:
        """Roles in force by rule id. Raises KeyError."""
        rules = self._state.calendars[calendar_id].rules
        return {key: one.role for key, one in rules.items() if not one.is_deleted}

    def event(self, calendar_id: str, event_id: str) -> dict[str, Any]:
        """An event as its owner sees it, cancelled ones too. Raises KeyError."""
        calendar = self._state.calendars[calendar_id]
        found = self._book.find(calendar, event_id)
        if found is None:
            raise KeyError(event_id)
        return _shown(calendar, found)

    def events(self, calendar_id: str, *, deleted: bool = False) -> list[dict[str, Any]]:
        """Single events, series and exceptions, oldest first; tombstones only when asked for. Raises KeyError."""
        calendar = self._state.calendars[calendar_id]
        return [_shown(calendar, one) for one in calendar.events.values() if deleted or not one.is_cancelled]

    def mails(self) -> list[Mail]:
        """Mails that Google would have sent, oldest first."""
        return list(self._state.mails)

    def routes(self) -> list[web.RouteDef]:
        token = TokenEndpoint(self._state)
        handlers = _handlers(self._state, self._book)
        return [
            web.post(TOKEN_PATH, token.token),
            *(web.route(verb, path, self._not_imitated) for verb, path in NOT_IMITATED),
            *(
                web.route(method.verb, BASE + method.path, self._served(name, method, handlers[name]))
                for name, method in METHODS.items()
            ),
        ]

    def control_routes(self) -> list[web.RouteDef]:
        return control_routes(self._state, self.staff, self.late_errors)

    def error(self, status: int) -> web.Response:
        """An injected error: a 403 says the reason of the switch, a 5xx may be a page of the front end."""
        if status == 403:
            return answers.error(403, FORBIDDEN[self.switches.reason_of_403])
        if status >= 500 and self.switches.server_errors == "html":
            return answers.front_end_error(status)
        return answers.error(status)

    def dump(self) -> object:
        calendars = [
            {
                **shown.calendar(one),
                "acl": [shown.rule(rule) for rule in one.rules.values() if not rule.is_deleted],
                "events": self.events(one.id, deleted=True),
            }
            for one in self._state.calendars.values()
        ]
        return {
            "switches": self.switches,
            "now": stamp(self.now()),
            "users": list(self._state.directory.users),
            "token_requests": self.token_requests(),
            "tokens_issued": self._state.tokens.issued,
            "mails": self.mails(),
            "calendars": calendars,
        }

    def seed(self, data: dict[str, object]) -> object:
        """As in simulators.google_calendar.seeding; answers the new ids. Raises msgspec.ValidationError."""
        return plant(self._state, self.staff, data)

    def reset(self) -> None:
        """Accounts, users and delegation stay: they are settings."""
        self._state.forget()
        self._quota.forget()
        self.late_errors.clear()

    async def run(self) -> None:
        """Nothing to do: everything ends by the clock."""

    def _served(
        self, name: str, method: Method, handler: Callable[[Call], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        counts = name.startswith("events.") and method.verb in _WRITES

        async def handle(request: web.Request) -> web.Response:
            try:
                call = admitted(self._state, request, method)
                self._quota.check(call.principal.email, request.match_info["calendarId"] if counts else None)
                done = await handler(call)
            except Refused as refused:
                return answers.error(refused.status, refused.reason)
            fault = self.late_errors.pick(request.method, request.path)
            return done if fault is None else self.error(fault.status)

        return handle

    async def _not_imitated(self, _request: web.Request) -> web.Response:
        return answers.error(501)


def _handlers(state: State, book: Book) -> dict[str, Callable[[Call], Awaitable[web.Response]]]:
    """The handler of each method, by the method's name."""
    apis = {
        "calendars": CalendarsApi(state, book),
        "calendarList": CalendarListApi(state),
        "acl": AclApi(state),
        "events": EventsApi(state, book),
    }
    found: dict[str, Callable[[Call], Awaitable[web.Response]]] = {}
    for name in METHODS:
        resource, _, verb = name.partition(".")
        found[name] = getattr(apis[resource], "import_" if verb == "import" else verb)
    return found


def _shown(calendar: Calendar, event: Event) -> JsonObject:
    return shown.event(event, calendar, View(email=calendar.owner, role="owner"))
