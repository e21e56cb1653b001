"""One token for all: fetched once, kept in Redis for every service and replica, and in this process beside it."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from shared.clients.advoware_auth import Token
from shared.clients.redis_cache import Away, RedisCache
from shared.clients.turn import Turn
from shared.clock import Clock
from shared.outcomes.errors import Unauthorized
from shared.settings import Secret

_log = logging.getLogger(__name__)

TOKEN_KEY = "advoware_access_token"  # noqa: S105 - the key's name, as in the firm's system
TIMESTAMP_KEY = "advoware_token_timestamp"
IDENTITY_KEY = "advoware_token_identity"
CLAIM_KEY = "advoware_token_claim"

_CLAIM_S = 25.0
"""Longer than a token request may take; a process that died over one holds the others up no longer than this."""
_LOOK_AGAIN_S = 0.05
_REFUSED_S = 60.0
"""A password that was refused is not tried again at once: accounts get locked by that."""
_USELESS_S = 10.0
"""Neither is another token asked for when a fresh one did not help."""


class Tokens:
    """Hands out the token. Of all processes on one Redis one asks Advoware; the others wait for what it gets."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Token]],
        cache: RedisCache,
        *,
        clock: Clock,
        identity: str,
        holder: str,
    ) -> None:
        """`identity` tells our account's token from another's; `holder` names this process."""
        self._fetch = fetch
        self._cache = cache
        self._clock = clock
        self._identity = identity
        self._holder = holder
        self._token: Token | None = None
        self._turn = Turn()
        self._closed_until = 0.0

    async def get(self, rejected: Token | None = None) -> Token:
        """A usable token, and not `rejected`, which Advoware has just refused.

        Raises Unauthorized when our credentials are, and what the token request raises.
        """
        token = self._usable(rejected)
        if token is not None:
            return token
        async with self._turn.taken():
            token = self._usable(rejected)  # somebody before us in the queue may have brought it
            if token is None:
                token = await self._shared(rejected)
                self._token = token
        return token

    def useless(self) -> None:
        """A fresh token was refused too, so another one would not help either, for a while."""
        self._closed_until = max(self._closed_until, self._clock.monotonic() + _USELESS_S)

    def _usable(self, rejected: Token | None) -> Token | None:
        token = self._token
        if token is None or token.usable_until <= self._clock.now():
            return None
        return None if rejected is not None and token.value == rejected.value else token

    async def _shared(self, rejected: Token | None) -> Token:
        try:
            claimed = False
            while True:
                token = await self._stored(rejected)
                if token is not None:
                    return token
                if claimed:
                    return await self._new()
                claimed = await self._cache.claim(CLAIM_KEY, self._holder, ttl_s=_CLAIM_S)
                if not claimed:
                    await asyncio.sleep(_LOOK_AGAIN_S)
        except Away:
            return await self._new()
        finally:
            with contextlib.suppress(Away):
                await self._cache.release(CLAIM_KEY, self._holder)

    async def _stored(self, rejected: Token | None) -> Token | None:
        (value, identity), left_s = await self._cache.read(TOKEN_KEY, IDENTITY_KEY)
        if value is None or identity != self._identity or left_s <= 0:
            return None
        if rejected is not None and value == rejected.value.reveal():
            return None
        return Token(Secret(value), self._clock.now() + timedelta(seconds=left_s))

    async def _new(self) -> Token:
        if self._clock.monotonic() < self._closed_until:
            raise Unauthorized("advoware: refused a moment ago; not asked again yet")
        asked_at = self._clock.now()
        try:
            token = await self._fetch()
        except Unauthorized:
            self._closed_until = self._clock.monotonic() + _REFUSED_S
            raise
        values = {
            TOKEN_KEY: token.value.reveal(),
            IDENTITY_KEY: self._identity,
            TIMESTAMP_KEY: asked_at.isoformat(timespec="seconds"),
        }
        with contextlib.suppress(Away):
            await self._cache.write(values, ttl_s=(token.usable_until - self._clock.now()).total_seconds())
        return token
