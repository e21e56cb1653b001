"""P10: passwords, keys and tokens as canaries, every way to fail, and all that leaves the client searched for them."""

import asyncio
import base64
import contextlib
import io
import json
import re
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from redis.asyncio import Redis

from shared.clients.advoware import API
from shared.clients.advoware import Advoware as Client
from shared.clients.advoware_session import AdvowareSettings
from shared.clients.redis_cache import RedisSettings
from shared.outcomes.errors import HubError, RateLimited, Rejected, Unauthorized, Unavailable
from shared.runtime.service import serve as serve_app
from shared.settings import Secret
from shared.telemetry.traces import Tracer
from simulators.advoware import Advoware, Credentials
from simulators.faults import Fault
from simulators.harness import serve
from tests.component.test_service import until
from tests.support.advoware import advoware_settings
from tests.support.advoware_process import Process
from tests.support.redis import OwnServer

TOKEN = "/api/v1/Token"
DATA = f"{API}.*"
PASSWORD = "zeisig-Kennw0rt"
KEY = "stieglitz-schluessel"
SIGNER = "fink-geheimnis"
REDIS_PASSWORD = "drossel-redis"
QUOTED_TOKENS = [f"c4n4ry{number}.eyJhbGciOi.{'x' * 40}" for number in range(400)]

Call = Callable[[], Awaitable[object]]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Watched:
    """A client whose spans are recorded and whose errors are kept."""

    def __init__(self, redis: RedisSettings) -> None:
        self.spans = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.process = Process(redis, tracer=Tracer(provider))
        self.errors: list[HubError] = []

    async def fails(self, call: Call, word: type[HubError]) -> None:
        """The call fails with this word."""
        with pytest.raises(word) as failed:
            await call()
        self.errors.append(failed.value)

    def ways_out(self, lines: io.StringIO) -> dict[str, str]:
        """All that somebody else than Advoware gets to see."""
        frames = ["".join(traceback.format_exception(error)) for error in self.errors]
        return {
            "logs": lines.getvalue(),
            "spans": "\n".join(span.to_json() for span in self.spans.get_finished_spans()),
            "reasons": "\n".join(error.reason for error in self.errors),
            "details": "\n".join(error.detail for error in self.errors),
            "tracebacks": "\n".join(frames),
            "reprs": repr(self.errors) + repr([vars(error) for error in self.errors]),
            "metrics": self.process.metrics.render().decode(),
        }


def found(ways: dict[str, str], canaries: list[str]) -> set[tuple[str, str]]:
    return {(way, canary) for way, text in ways.items() for canary in canaries if canary.lower() in text.lower()}


def account(url: str) -> AdvowareSettings:
    settings = advoware_settings(url, timeout_s=0.5)
    credentials = msgspec.structs.replace(
        settings.credentials,
        advoware_api_key=Secret(encoded(KEY)),
        advoware_api_secret=Secret(encoded(SIGNER)),
        advoware_password=Secret(PASSWORD),
    )
    return msgspec.structs.replace(settings, credentials=credentials)


SECRETS = [PASSWORD, encoded(PASSWORD), KEY, encoded(KEY), SIGNER, encoded(SIGNER), REDIS_PASSWORD, "Bearer"]


async def test_no_secret_leaves_the_client(own_redis_server: OwnServer, lines: io.StringIO) -> None:
    """P10: success, 401s, refused tokens, lost answers, offline, a limit, Redis killed: no secret in any way out."""
    tokens: list[str] = []
    async with Redis(host=own_redis_server.host, port=own_redis_server.port) as admin:
        await admin.config_set("requirepass", REDIS_PASSWORD)
    place = f"{own_redis_server.host}:{own_redis_server.port}"
    watched = Watched(RedisSettings(redis_url=Secret(f"redis://:{REDIS_PASSWORD}@{place}/1")))
    # Advoware's own check is made with what signs: the API secret.
    vendor = Advoware(credentials=Credentials(api_key=encoded(SIGNER), password=PASSWORD))
    async with serve(vendor) as url, watched.process.client(account(url)) as client:

        async def one() -> object:
            return await client.create_beteiligter({"name": "A"})

        await one()
        tokens += vendor._state.tokens._live
        for fault, word in (
            (Fault(kind="lost", path=DATA), Unavailable),
            (Fault(kind="cut_answer", path=DATA), Unavailable),
            (Fault(kind="late", path=DATA, delay_s=0.8), Unavailable),
            (Fault(kind="error", status=400, path=DATA), Rejected),
            (Fault(kind="error", status=500, path=DATA), Unavailable),
            (Fault(kind="expired", path=DATA, times=3), Unauthorized),
        ):
            vendor.faults.add(fault)
            await watched.fails(one, word)
            tokens += vendor._state.tokens._live
        watched.process.clock.ahead_s += 100
        vendor.advance(100)
        await asyncio.to_thread(own_redis_server.kill)
        for fault, word in (
            (Fault(kind="lost", path=TOKEN), Unavailable),
            (Fault(kind="error", status=503, path=TOKEN), Unavailable),
            (Fault(kind="error", status=400, path=TOKEN), Unauthorized),
        ):
            vendor.expire_tokens()
            vendor.faults.add(fault)
            await watched.fails(one, word)
            watched.process.clock.ahead_s += 100
            vendor.advance(100)
        await one()
        tokens += vendor._state.tokens._live
        vendor.database_online = False
        await watched.fails(one, RateLimited)
        await until(lambda: watched.process.redis_up() == 0)
    ways = watched.ways_out(lines)
    assert len(set(tokens)) >= 4
    assert "Redis is away" in ways["logs"]
    assert "advoware token" in ways["spans"]
    assert ways["details"]
    assert found(ways, SECRETS + [part for token in tokens for part in (token, token[:12])]) == set()


class Parrot:
    """A vendor that quotes whatever it was sent, in each shape of an error, with the status it is told."""

    def __init__(self) -> None:
        self.token_status = 200
        self.data_status = 200
        self.shape = "message"
        self.given = iter(QUOTED_TOKENS)
        self.heard: list[str] = []

    def error(self, status: int, text: str) -> web.Response:
        self.heard.append(text)
        bodies: dict[str, Any] = {
            "message": {"message": text},
            "error": {"error": {"message": text}},
            "problem": {"title": text, "detail": text, "status": status},
            "echo": {"error": text.split(maxsplit=1)[0], "message": text},
            "text": text,
        }
        body = bodies[self.shape]
        return web.Response(
            text=body if isinstance(body, str) else json.dumps(body),
            status=status,
            content_type="text/plain" if isinstance(body, str) else "application/json",
        )

    async def token(self, request: web.Request) -> web.Response:
        """POST /api/v1/Token."""
        sent = await request.json()
        if self.token_status == 200:
            return web.json_response({"access_token": next(self.given), "expires_in": 3600})
        quoted = f"{sent['Password']} {encoded(KEY)} {KEY} {json.dumps(sent)} Falscher Name oder falsches Kennwort"
        if self.token_status == 201:
            # A success with everything in it but a token.
            return web.json_response({"expiration_utc": quoted, "access_token": None, "echo": sent}, status=200)
        return self.error(self.token_status, quoted)

    async def data(self, request: web.Request) -> web.Response:
        """Anything else."""
        sent = request.headers["Authorization"]
        bare = sent.removeprefix("Bearer ")
        return self.error(self.data_status, f"{bare} '{bare}' token={bare}; {bare[:30]} [{bare}] {bare} ungültig")

    async def url(self, request: web.Request) -> web.Response:
        """The configurator."""
        root = f"http://{request.host}/"
        return web.json_response({"relayUrl": root, "securityGateway": root})


@contextlib.asynccontextmanager
async def parroting(watched: Watched) -> AsyncIterator[tuple[Parrot, Client]]:
    parrot = Parrot()
    app = web.Application()
    app.router.add_get("/AdvonetConfigurator/api/Url", parrot.url)
    app.router.add_post(TOKEN, parrot.token)
    app.router.add_route("*", "/{path:.*}", parrot.data)
    async with contextlib.AsyncExitStack() as stack:
        port = await stack.enter_async_context(serve_app(app, "127.0.0.1", 0))
        settings = account(f"http://127.0.0.1:{port}")
        yield parrot, await stack.enter_async_context(watched.process.client(settings))


@pytest.mark.parametrize("shape", ["message", "error", "problem", "echo", "text"])
async def test_a_vendor_that_quotes_us_is_not_quoted(lines: io.StringIO, shape: str) -> None:
    """P10: error answers with our password, keys, signature and token in them, at every status and in every shape."""
    watched = Watched(RedisSettings(redis_host="127.0.0.1", redis_port=9))
    async with parroting(watched) as (parrot, client):
        parrot.shape = shape

        async def post() -> object:
            return await client.create_beteiligter({"name": "A"})

        async def unread() -> object:
            path = f"{API}Beteiligte"
            return await client.raw("POST", path, params=(), json={}, timeout_s=2)

        for call in (post, unread):
            for parrot.data_status in (400, 401, 403, 404, 409, 418, 429, 500, 503):
                await watched.fails(call, HubError)
                watched.process.clock.ahead_s += 100
        parrot.data_status = 200
        # A success that cannot be read, with the token in it.
        await watched.fails(client.mitarbeiter, Unavailable)
        for parrot.token_status in (201, 400, 401, 403, 404, 409, 429, 500, 503):
            watched.process.clock.ahead_s += 7200
            await watched.fails(post, HubError)
    signatures = set(re.findall(r'"HMAC512Signature": "([^"]+)"', "".join(parrot.heard)))
    assert len(signatures) == 8
    assert PASSWORD in "".join(parrot.heard)
    assert QUOTED_TOKENS[0] in "".join(parrot.heard)
    ways = watched.ways_out(lines)
    assert ("***" in ways["details"]) is (shape in ("message", "error", "echo"))
    assert found(ways, [*SECRETS, "c4n4ry", "eyJhbGciOi", *signatures]) == set()
