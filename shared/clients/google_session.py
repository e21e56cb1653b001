"""One line to Google: the token on every call, another one before it ends and after a 401."""

import contextlib
from collections.abc import AsyncIterator

import aiohttp

from shared.clients.google_auth import GRANT_TYPE, Key, Token, assertion, read_token
from shared.clients.google_reading import FULL_S, CalendarFull, TokenRefused, read_status
from shared.clients.http import HttpClient, Params, Tools
from shared.clients.reading import Answer
from shared.clients.turn import Turn
from shared.outcomes.errors import HubError, RateLimited, Rejected, Unauthorized, Unavailable

_TOKEN_S = 10.0
_TIMEOUT_S = 30.0


class Session:
    """Calls to the Calendar API with everything that belongs to them. `open` before use."""

    def __init__(self, base_url: str, key: Key, tools: Tools, *, subject: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._subject = subject
        self._clock = tools.clock
        self._token: Token | None = None
        self._asking = Turn()
        self._http = HttpClient("google", "", secret=None, timeout_s=_TIMEOUT_S, tools=tools, read_status=read_status)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Session"]:
        """Holds the connections open."""
        async with self._http.open():
            yield self

    async def call(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        params: Params = (),
        json: object = None,
        etag: str = "",
    ) -> Answer:
        """A call below the base URL; with an `etag` only what still has it is written."""

        async def send(token: Token) -> Answer:
            return await self._http.call(
                method,
                f"{self._base_url}/{path}",
                operation=operation,
                params=params,
                json=json,
                secret=token.value,
                if_match=etag,
            )

        token = await self._usable_token()
        try:
            try:
                return await send(token)
            except TokenRefused:  # nothing was done, so a write may be sent again too
                return await send(await self._usable_token(refused=token))
        except CalendarFull as full:
            raise RateLimited(full.reason, after_s=FULL_S, detail=full.detail) from None

    async def _usable_token(self, refused: Token | None = None) -> Token:
        token = self._held(refused)
        if token is None:
            async with self._asking.taken():
                token = self._held(refused)  # somebody before us in the queue may have brought it
                if token is None:
                    token = self._token = await self._fetch_token()
        return token

    def _held(self, refused: Token | None) -> Token | None:
        token = self._token
        if token is None or token is refused or token.usable_until <= self._clock.now():
            return None
        return token

    async def _fetch_token(self) -> Token:
        asked_at = self._clock.now()
        form = {"grant_type": GRANT_TYPE, "assertion": assertion(self._key, subject=self._subject, now=asked_at)}
        try:
            answer = await self._http.call(
                "POST", self._key.token_uri, operation="token", form=lambda: aiohttp.FormData(form), timeout_s=_TOKEN_S
            )
        except Rejected as refused:
            # Whatever is wrong with our request, no event is at fault, and no calendar is gone.
            raise Unauthorized(refused.reason) from None
        except HubError as failed:
            failed.detail = ""  # it answers a request that held our assertion
            raise
        try:
            return read_token(answer.body, now=asked_at)
        except ValueError as wrong:
            raise Unavailable(f"google token: {wrong}") from None
