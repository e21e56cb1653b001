"""One line to Advoware: where it is, the token on every call, another one after a 401.

Source: https://support.stp.one/hc/de/articles/22362673851293-API-Startseite (addresses) and
the vendor's own mobile client, public on GitHub as a Z-Push backend (error texts and what it makes of them).
"""

import contextlib
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Annotated, BinaryIO, TypeVar, cast

import aiohttp
import msgspec

from shared.clients.advoware_auth import (
    Credentials,
    Places,
    Token,
    identity_of,
    read_discovery,
    read_token,
    token_request,
)
from shared.clients.advoware_token import Tokens
from shared.clients.http import HttpClient, Params, Tools
from shared.clients.reading import Answer
from shared.clients.redis_cache import RedisCache
from shared.clients.turn import Turn
from shared.outcomes.errors import HubError, Misconfigured, RateLimited, Rejected, Unauthorized, Unavailable

_DISCOVERY_S = 10.0
_TOKEN_S = 12.0
_PLACES_S = 3600.0
_OFFLINE_S = 70.0
"""How long the vendor's own client waits when the firm's database is not online."""
_SENDS_MAX = 3
"""A token that was taken back, then another process's from Redis that was too, then one that is fresh for sure."""
_MEMORY_BYTES = 512 * 1024
_PIECE_BYTES = 128 * 1024
_SECURITY_GATEWAY = "https://security.advo-net.net"
_NO_ACCESS = ("Falscher Name oder falsches Kennwort", "freigeschaltet", "ist nicht registriert")
_OFFLINE = "ist nicht angemeldet"

T = TypeVar("T")


class AdvowareSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach Advoware."""

    credentials: Credentials
    advoware_api_base_url: Annotated[
        str, msgspec.Meta(pattern=r"^(https?://.+)?$", description="Fixed data base URL; empty: discovery.")
    ] = ""
    advoware_discovery_url: Annotated[
        str, msgspec.Meta(pattern=r"^https?://.+", description="The vendor's configurator.")
    ] = "https://www2.advo-net.net/AdvonetConfigurator/api/Url"
    advoware_auth_url: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^(https?://.+)?$",
            description="Security gateway; empty: what discovery names, or https://security.advo-net.net.",
        ),
    ] = ""
    advoware_token_lifetime_minutes: Annotated[
        int, msgspec.Meta(ge=3, description="Where the token's own expiry is not told.")
    ] = 55
    advoware_api_timeout_seconds: Annotated[float, msgspec.Meta(gt=0, description="Per call.")] = 30
    advoware_employees_path: Annotated[
        str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", description="Path of the employees' list.")
    ] = "Mitarbeiter"


class RawAnswer(msgspec.Struct, frozen=True):
    """Whatever Advoware said, unread. `body` is on disk when large, and removes itself when nobody holds it."""

    status: int
    content_type: str
    size_bytes: int
    body: BinaryIO


class Session:
    """Calls to Advoware with everything that belongs to them. `open` before use."""

    def __init__(self, settings: AdvowareSettings, cache: RedisCache, tools: Tools, *, holder: str) -> None:
        self._settings = settings
        self._clock = tools.clock
        self._places: Places | None = None
        self._places_until = 0.0
        self._looking = Turn()
        self._http = HttpClient(
            "advoware",
            "",
            secret=None,
            timeout_s=settings.advoware_api_timeout_seconds,
            tools=tools,
            read_status=_read_status,
        )
        self._tokens = Tokens(
            self._fetch_token, cache, clock=tools.clock, identity=identity_of(settings.credentials), holder=holder
        )

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Session"]:
        """Holds the connections open."""
        async with self._http.open():
            yield self

    async def call(self, method: str, path: str, *, operation: str, params: Params = (), json: object = None) -> Answer:
        """A call whose answer fits into memory. `path` begins with `/api/`."""

        async def send(base: str, token: Token) -> Answer:
            return await self._http.call(
                method, base + path, operation=operation, params=params, json=json, secret=token.value
            )

        return await self._with_token(send)

    async def raw(self, method: str, path: str, *, params: Params, json: object, timeout_s: float) -> RawAnswer:
        """Any call, sent once, and again only after a 401; its answer unread. `path` begins with `/api/`; the caller
        has checked it. Raises Unavailable when the answer is larger than `http.ANSWER_MAX_BYTES`.
        """

        async def send(base: str, token: Token) -> RawAnswer:
            async with self._http.stream(
                base + path,
                operation=f"raw {method}",
                timeout_s=timeout_s,
                method=method,
                params=params,
                json=json,
                secret=token.value,
            ) as response:
                spool = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES, prefix="hub-")  # noqa: SIM115
                body = cast(BinaryIO, spool)
                try:
                    size = await self._copy(response, body)
                except BaseException:
                    body.close()
                    raise
                content_type = response.headers.get("Content-Type") or "application/octet-stream"
                return RawAnswer(response.status, content_type, size, body)

        return await self._with_token(send)

    async def _copy(self, response: aiohttp.ClientResponse, body: BinaryIO) -> int:
        """How many bytes there were; `body` stands at its beginning again."""
        size = 0
        async for piece in response.content.iter_chunked(_PIECE_BYTES):
            size += len(piece)
            self._http.refuse_too_large(size, response)
            body.write(piece)
        body.seek(0)
        return size

    async def _with_token(self, send: Callable[[str, Token], Awaitable[T]]) -> T:
        base = (await self._where()).data
        token = await self._tokens.get()
        for _ in range(_SENDS_MAX - 1):
            try:
                return await send(base, token)
            except Unauthorized:
                token = await self._tokens.get(rejected=token)
        try:
            return await send(base, token)
        except Unauthorized:
            self._tokens.useless()
            raise

    async def _fetch_token(self) -> Token:
        places = await self._where()
        request = token_request(self._settings.credentials, nonce=str(uuid.uuid4()), now=self._clock.now())
        try:
            answer = await self._http.call(
                "POST", f"{places.security}/api/v1/Token", operation="token", json=request, timeout_s=_TOKEN_S
            )
        except Rejected as refused:
            # Whatever is wrong with our request, no event is at fault, and no party is gone.
            raise Unauthorized(refused.reason) from None
        except HubError as failed:
            failed.detail = ""  # it answers a request that held our password
            raise
        lifetime = timedelta(minutes=self._settings.advoware_token_lifetime_minutes)
        try:
            return read_token(answer.body, now=self._clock.now(), lifetime=lifetime)
        except ValueError as wrong:
            raise Unavailable(f"advoware token: {wrong}") from None

    async def _where(self) -> Places:
        """The firm's addresses: by setting, else asked for once an hour."""
        settings = self._settings
        if settings.advoware_api_base_url:
            security = settings.advoware_auth_url or _SECURITY_GATEWAY
            return Places(settings.advoware_api_base_url.rstrip("/"), security.rstrip("/"))
        if self._places is None:
            async with self._looking.taken():
                if self._places is None:
                    self._places = await self._discover()
                    self._places_until = self._clock.monotonic() + _PLACES_S
        elif self._clock.monotonic() >= self._places_until:
            self._places_until = self._clock.monotonic() + _PLACES_S  # nobody else need ask meanwhile
            with contextlib.suppress(HubError):  # the last known addresses are better than none
                self._places = await self._discover()
        return self._places

    async def _discover(self) -> Places:
        settings = self._settings
        try:
            answer = await self._http.call(
                "GET",
                settings.advoware_discovery_url,
                operation="discover",
                params=[("Kanzlei", settings.credentials.advoware_kanzlei)],
                timeout_s=_DISCOVERY_S,
            )
        except Rejected as refused:
            raise Misconfigured(f"{refused.reason} (ADVOWARE_DISCOVERY_URL or ADVOWARE_KANZLEI)") from None
        try:
            found = read_discovery(answer.body, insecure=settings.advoware_discovery_url.startswith("http://"))
        except ValueError as wrong:
            raise Unavailable(f"advoware discover: {wrong}") from None
        return Places(found.data, settings.advoware_auth_url.rstrip("/") or found.security)


def _read_status(answer: Answer, reason: str) -> HubError | None:
    """Advoware's own: its words say more than its status. 403 and 409 are refusals of this one request.

    A refusal for what we sent may quote it, and so those words: they count only where the status is no such refusal.
    """
    if answer.status in (400, 409, 422):
        return None
    text = answer.body[:4096].decode("utf-8", "replace")
    if _OFFLINE in text:
        return RateLimited(f"{reason} (the firm's database is not online)", after_s=_OFFLINE_S)
    if any(words in text for words in _NO_ACCESS):
        return Unauthorized(f"{reason} (name, password or licence)")
    return None
