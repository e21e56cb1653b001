"""A simulated Google Calendar, the settings that lead to it, and a client as a worker has one."""

import contextlib
import functools
import json
import re
import tempfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web

from shared.clients.google_auth import SCOPE
from shared.clients.google_calendar import GoogleCalendar as Client
from shared.clients.google_calendar import GoogleCalendarSettings
from shared.clients.http import Tools
from shared.clock import Clock, SystemClock
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Tracer
from simulators.google_calendar import GoogleCalendar, ServiceAccount, Switches, new_account
from simulators.harness import serve


@functools.cache
def google_account() -> ServiceAccount:
    """One account for all tests of a process: its RSA key takes a moment."""
    return new_account()


@contextlib.asynccontextmanager
async def google_calendar(
    *,
    users: Iterable[str] = (),
    subject: str = "",
    switches: Switches = Switches(),  # noqa: B008  frozen, so one for all is safe
    seed: int = 0,
    now: str = "",
    simulator: GoogleCalendar | None = None,
) -> AsyncIterator[tuple[GoogleCalendar, GoogleCalendarSettings]]:
    """Serves a simulator, made from the arguments or given. `subject` is a user in whose name the account may act then.

    `now` sets its clock, RFC 3339; a client whose clock is more than five minutes off gets no token.
    """
    vendor = simulator or GoogleCalendar(account=google_account(), users=users, switches=switches, seed=seed)
    if subject:
        vendor.add_user(subject)
        vendor.delegate(SCOPE)
    if now:
        vendor.set_clock(now)
    with tempfile.TemporaryDirectory(prefix="hub-google-") as folder:
        async with serve(vendor) as url:
            yield vendor, google_settings(vendor, url, Path(folder), subject=subject)


def google_settings(vendor: GoogleCalendar, url: str, folder: Path, *, subject: str = "") -> GoogleCalendarSettings:
    """Leaves the key file in the folder; the settings that name it and lead to `url`."""
    path = folder / "service-account.json"
    vendor.write_key_file(path, url)
    return GoogleCalendarSettings(
        google_calendar_service_account_path=str(path),
        google_calendar_subject=subject,
        google_calendar_base_url=f"{url}/calendar/v3",
    )


@contextlib.asynccontextmanager
async def google_client(
    settings: GoogleCalendarSettings, *, clock: Clock | None = None, tools: Tools | None = None
) -> AsyncIterator[Client]:
    """A client, its connections open; with tools of its own unless some are given."""
    own = Tools(clock=clock or SystemClock(), tracer=Tracer(), metrics=Metrics("test", "0"))
    async with Client(settings, tools or own).open() as client:
        yield client


@contextlib.asynccontextmanager
async def google(**how: Any) -> AsyncIterator[tuple[GoogleCalendar, Client]]:
    """Both ends at once; `how` is google_calendar's."""
    async with google_calendar(**how) as (vendor, settings), google_client(settings) as client:
        yield vendor, client


# What was sent, against what Google has published

_SAMPLES = Path(__file__).parents[1] / "samples" / "google_calendar"


class Sent(NamedTuple):
    """A request below /calendar/v3 as it came: `path` without that, `query` by name in order of appearance."""

    method: str
    path: str
    query: list[tuple[str, str]]
    if_match: str | None
    body: Any


class RecordingGoogle(GoogleCalendar):
    """A simulator that keeps what it was sent."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**{"account": google_account(), **how})
        self.sent: list[Sent] = []

    def routes(self) -> list[web.RouteDef]:
        """The vendor's, each behind a pen."""
        return [web.route(one.method, one.path, self._recorded(one.handler)) for one in super().routes()]

    def _recorded(self, handler: Any) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            if request.path.startswith("/calendar/v3/"):
                raw = await request.read()
                path = request.raw_path.partition("?")[0].removeprefix("/calendar/v3/")
                body = json.loads(raw) if raw else None
                self.sent.append(
                    Sent(request.method, path, list(request.query.items()), request.headers.get("If-Match"), body)
                )
            answer: web.StreamResponse = await handler(request)
            return answer

        return handle


def unpublished(sent: Sent) -> list[str]:
    """What is in a request that the discovery document does not know or allow; nothing when all is well."""
    name, method = published_method(sent)
    if method is None:
        return [f"{sent.method} {sent.path}: no such method"]
    published = _discovery()
    found = [f"{name}: {what}" for what in _wrong_query(sent, method, published)]
    if method["request"] is None:
        return found + ([f"{name}: has a body"] if sent.body is not None else [])
    if not isinstance(sent.body, dict):
        return [*found, f"{name}: has no body"]
    lacking = [one for one in method["required_body"] if _member(sent.body, one) is None]
    found += [f"{name}: lacks {one}" for one in lacking]
    # A null in a patch removes a member.
    nullable = sent.method == "PATCH"
    return found + [f"{name}: {what}" for what in _wrong_value(sent.body, method["request"], nullable=nullable)]


def published_method(sent: Sent) -> tuple[str, Any]:
    """The published method that a request is, and its description; None where there is none."""
    for name, method in _discovery()["methods"].items():
        places = re.sub(r"\\{[A-Za-z]+\\}", "[^/]+", re.escape(method["path"]))
        if method["httpMethod"] == sent.method and re.fullmatch(places, sent.path):
            return name, method
    return "", None


@functools.cache
def _discovery() -> Any:
    return json.loads((_SAMPLES / "discovery.json").read_text(encoding="utf-8"))


def _wrong_query(sent: Sent, method: Any, published: Any) -> list[str]:
    names = [name for name, _ in sent.query]
    known = {*method["query"], *published["commonParameters"]}
    found = [f"unknown parameter {name}" for name in names if name not in known]
    found += [f"lacks the parameter {name}" for name in method["required_query"] if name not in names]
    twice = {name for name in names if names.count(name) > 1}
    found += [f"{name} twice" for name in twice if not published["parameters"].get(name, {}).get("repeated")]
    if "syncToken" in names:
        found += [f"{name} beside syncToken" for name in names if name in published["notWithSyncToken"]]
    for name, value in sent.query:
        told = published["parameters"].get(name, {})
        if value not in told.get("enum", [value]):
            found.append(f"{name} is none of its words")
        if told.get("type") == "boolean" and value not in ("true", "false"):
            found.append(f"{name} is no boolean")
        low, high = told.get("minimum", 0), told.get("maximum", 2**31 - 1)
        if told.get("type") == "integer" and not (value.isdecimal() and low <= int(value) <= high):
            found.append(f"{name} is no number that is allowed")
    return found


def _wrong_value(value: Any, kind: str, *, nullable: bool, at: str = "") -> list[str]:
    """`kind` is a schema's name, or a type of JSON, or either in brackets: `[…]` an array, `{…}` an object of such."""
    if value is None and nullable and at:
        return []
    if kind[0] in "[{":
        if not isinstance(value, list if kind[0] == "[" else dict):
            return [f"{at} is no {'list' if kind[0] == '[' else 'object'}"]
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        wrong = (_wrong_value(one, kind[1:-1], nullable=nullable, at=f"{at}.{key}") for key, one in inner)
        return [what for some in wrong for what in some]
    plain = {"string": str, "boolean": bool, "integer": int}.get(kind)
    if plain is not None:
        return [] if type(value) is plain else [f"{at} is no {kind}"]
    schema = _discovery()["types"].get(kind)
    if schema is None or not isinstance(value, dict):
        return [f"{at} is no {kind} that the excerpt knows"]
    found = [f"{at}.{name} is unknown" for name in value if name not in schema]
    for name, one in value.items():
        if name in schema:
            found += _wrong_value(one, schema[name], nullable=nullable, at=f"{at}.{name}")
    return found


def _member(body: Any, path: str) -> Any:
    for name in path.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body
