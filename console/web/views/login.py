"""In and out."""

import asyncio

from aiohttp import web

from console.web.guard import LOGIN, drop_cookie, session_id, set_cookie
from console.web.page import SESSION, problem, show
from console.web.paths import local_path, see
from console.web.room import Room

_NAME_MAX = 40
_NOBODY = "token"
_SLOW_S = 0.3


class LogIn:
    """The one page for people who are not known yet."""

    def __init__(self, room: Room) -> None:
        self._guard = room.guard
        self._metrics = room.metrics

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get(LOGIN, self._ask),
            web.post(LOGIN, self._come_in),
            web.post("/logout", self._leave),
        ]

    async def _ask(self, request: web.Request) -> web.Response:
        if request.get(SESSION) is not None:
            return see(local_path(request.query.get("next"), "/"))
        return self._form(request, local_path(request.query.get("next"), "/"))

    async def _come_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        token, name, back = (str(form.get(field, "")) for field in ("token", "name", "next"))
        remote = request.remote or ""
        if wait_s := self._guard.door.wait_s(remote):
            self._metrics.logins.labels("too_many").inc()
            answer = self._form(request, local_path(back, "/"), wrong="login.wait", name=name, status=429)
            answer.headers["Retry-After"] = str(int(wait_s) + 1)
            return answer
        if not self._guard.door.admits(token, remote):
            self._metrics.logins.labels("refused").inc()
            await asyncio.sleep(_SLOW_S)
            return self._form(request, local_path(back, "/"), wrong="login.wrong", name=name, status=401)
        self._metrics.logins.labels("token").inc()
        # Whatever cookie came along was somebody else's idea: a log-in always begins a new stay.
        self._guard.sessions.close(session_id(request))
        new_id, _ = self._guard.sessions.open(_clean(name) or _NOBODY)
        answer = see(local_path(back, "/"))
        set_cookie(request, answer, new_id)
        return answer

    async def _leave(self, request: web.Request) -> web.Response:
        self._guard.sessions.close(session_id(request))
        answer = see(LOGIN)
        drop_cookie(request, answer)
        return answer

    def _form(
        self, request: web.Request, back: str, *, wrong: str = "", name: str = "", status: int = 200
    ) -> web.Response:
        if not self._guard.door.is_open:
            return problem(request, 403, "login.proxy_only")
        return show(request, "login", status=status, back=back, wrong=wrong, name=name)


def _clean(name: str) -> str:
    """What is typed stands in the audit: one line, and not a long one."""
    return "".join(sign for sign in name.strip() if sign.isprintable())[:_NAME_MAX]
