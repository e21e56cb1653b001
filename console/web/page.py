"""Templates filled in: one page, one language, one reader."""

import hashlib
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from console.web.language import Tongue, code_for
from console.web.sessions import Session
from shared.clock import Clock

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
SESSION = web.RequestKey("session", Session)
LIVE_HEADER = "Hub-Live"
"""The script says so of what it asks for by itself."""
NAV = ("overview", "flows", "entity", "dead", "locks", "schedules", "log")
PATHS = {"overview": "/", **{name: f"/{name}" for name in NAV[1:]}}


class Pages:
    """Renders."""

    def __init__(self, clock: Clock, zone: tzinfo, count: Callable[[], int]) -> None:
        self._clock = clock
        self._zone = zone
        self._count = count
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        for name in self._environment.list_templates():  # compiled now, not while the first reader waits
            self._environment.get_template(name)
        # A browser keeps an asset for ever under the name that its content gives it.
        self._assets = {
            path.name: f"/assets/{path.name}?{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
            for path in ASSETS.iterdir()
        }

    def tongue(self, request: web.Request) -> Tongue:
        """The reader's language, now."""
        return Tongue(code_for(request), zone=self._zone, now=self._clock.now())

    def show(self, request: web.Request, view: str, *, status: int = 200, live: str = "", **told: Any) -> web.Response:
        """A page. `live` is what the script shall listen to."""
        t = self.tongue(request)
        session = request.get(SESSION)
        body = self._environment.get_template(f"{view}.html").render(
            t=t,
            view=view,
            session=session,
            notes=session.take_notes() if session is not None and LIVE_HEADER not in request.headers else [],
            csrf=session.csrf if session is not None else "",
            asset=self._assets,
            nav=NAV,
            paths=PATHS,
            path=request.path_qs,
            other_language=_other_language(request, t.code),
            live=live,
            count=self._count(),
            **told,
        )
        return web.Response(text=body, status=status, content_type="text/html", charset="utf-8")


PAGES = web.AppKey("pages", Pages)


def show(request: web.Request, view: str, *, status: int = 200, live: str = "", **told: Any) -> web.Response:
    """A page of the application."""
    return request.app[PAGES].show(request, view, status=status, live=live, **told)


def problem(request: web.Request, status: int, sentence: str, *, detail: str = "") -> web.Response:
    """An error's page; `sentence` is a key of the words."""
    return show(request, "problem", status=status, code=status, sentence=sentence, detail=detail)


def _other_language(request: web.Request, code: str) -> str:
    wanted = "en" if code == "de" else "de"
    if request.method not in ("GET", "HEAD"):  # the answer to a form is at no address
        return f"/?lang={wanted}"
    return str(request.rel_url.update_query(lang=wanted))
