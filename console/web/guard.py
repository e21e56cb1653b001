"""What every request passes: who it is, whether the page itself has sent it, and the headers of every answer."""

import hmac
from urllib.parse import quote, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from console.metrics import ConsoleMetrics
from console.settings import AccessSettings
from console.web.page import LIVE_HEADER, SESSION, problem
from console.web.sessions import Door, Session, Sessions, is_within

LOGIN = "/login"
OPEN_PATHS = frozenset({"/assets/console.css", "/assets/icon.svg", LOGIN})
"""What needs no log-in: what the log-in page is made of. Probes and metrics have a port of their own."""
_HOST_COOKIE = "__Host-hub"
_PLAIN_COOKIE = "hub_session"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NAME_MAX = 64

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: errors get them too."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.pop("Server", None)


class Guard:
    """Lets in who is logged in, and takes nothing that a foreign page has sent."""

    def __init__(self, settings: AccessSettings, sessions: Sessions, door: Door, metrics: ConsoleMetrics) -> None:
        self.sessions = sessions
        self.door = door
        self.metrics = metrics
        self._user_header = settings.console_user_header
        self._networks = settings.networks

    @property
    def takes_proxy(self) -> bool:
        """Whether people come by way of a proxy that knows them."""
        return self._user_header is not None

    def middleware(self) -> Middleware:
        """For the application."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            session, new_id = self._who(request)
            if session is not None:
                request[SESSION] = session
            elif request.path not in OPEN_PATHS:
                return self._show_the_door(request)
            if request.method == "POST" and (told := await self._foreign(request, session)):
                return problem(request, 403, told)
            answer = await handler(request)
            if new_id and not answer.prepared:
                set_cookie(request, answer, new_id)
            return answer

        return guard

    def _who(self, request: web.Request) -> tuple[Session | None, str]:
        """The session, and its id where it is new."""
        user = self._told_by_proxy(request)
        found = self.sessions.find(session_id(request), is_person=LIVE_HEADER not in request.headers)
        if user is None:
            # A stay that a proxy vouched for ends where the proxy vouches no more.
            return (None if found is not None and found.by_proxy else found), ""
        if found is not None and found.by_proxy and found.name == user:
            return found, ""
        if request.path in OPEN_PATHS and request.path != LOGIN:
            return None, ""
        new_id, session = self.sessions.open(user, by_proxy=True)
        self.metrics.logins.labels("proxy").inc()
        return session, new_id

    def _told_by_proxy(self, request: web.Request) -> str | None:
        if self._user_header is None or not is_within(request.remote or "", self._networks):
            return None
        told = request.headers.getall(self._user_header, [])
        name = told[0].strip() if len(told) == 1 else ""
        return name if 0 < len(name) <= _NAME_MAX and name.isprintable() else None

    def _show_the_door(self, request: web.Request) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            return problem(request, 401, "problem.login")
        if LIVE_HEADER in request.headers or request.path == "/live":
            return problem(request, 401, "problem.login")
        back = "" if request.path == "/" else f"?next={quote(request.path_qs, safe='')}"
        return web.Response(status=302, headers={"Location": LOGIN + back})

    async def _foreign(self, request: web.Request, session: Session | None) -> str:
        """Why a POST is not taken; empty when it is."""
        site = request.headers.get("Sec-Fetch-Site")
        origin = request.headers.get("Origin")
        if site is not None:
            if site not in ("same-origin", "none"):
                return "problem.foreign"
        elif origin is not None and urlsplit(origin).netloc != request.host:
            return "problem.foreign"
        if session is None or request.path == LOGIN:
            return ""  # the log-in page that was left open beside another
        form = await request.post()
        given = form.get("csrf")
        is_ours = isinstance(given, str) and is_same(given, session.csrf)
        return "" if is_ours else "problem.csrf"


def is_same(given: str, wanted: str) -> bool:
    """In constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())


def session_id(request: web.Request) -> str:
    """What the cookie says."""
    return request.cookies.get(_cookie_name(request), "")


def set_cookie(request: web.Request, answer: web.StreamResponse, value: str) -> None:
    """Gone with the browser; the server forgets it earlier."""
    answer.set_cookie(
        _cookie_name(request), value, path="/", httponly=True, samesite="Strict", secure=is_secure(request)
    )


def drop_cookie(request: web.Request, answer: web.StreamResponse) -> None:
    """After a log-out."""
    answer.del_cookie(_cookie_name(request), path="/", httponly=True, samesite="Strict", secure=is_secure(request))


def _cookie_name(request: web.Request) -> str:
    return _HOST_COOKIE if is_secure(request) else _PLAIN_COOKIE


def is_secure(request: web.Request) -> bool:
    """Whether the browser came by https, or had to: only its own machine may be without."""
    if request.secure or request.headers.get("X-Forwarded-Proto") == "https":
        return True
    try:
        return urlsplit(f"//{request.host}").hostname not in _LOOPBACK
    except ValueError:
        return True
