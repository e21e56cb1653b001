"""The one optional part: a Redis that processes share. Away, it costs a warning and a metric, and no call."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError  # noqa: A004 - Redis' own is meant

from shared.outcomes.errors import Unavailable
from shared.settings import Secret
from shared.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 2.0
_RELEASE = """
if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) end
return 0
"""
"""Takes a claim back only where it is still ours."""


class RedisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach Redis."""

    redis_host: Annotated[str, msgspec.Meta(description="Host of Redis.")] = "localhost"
    redis_port: Annotated[int, msgspec.Meta(ge=1, le=65535, description="Port of Redis.")] = 6379
    redis_db_advoware_cache: Annotated[int, msgspec.Meta(ge=0, description="Database that holds the token.")] = 1
    redis_timeout_seconds: Annotated[float, msgspec.Meta(gt=0, description="Per command.")] = 5
    redis_url: Annotated[
        Secret | None, msgspec.Meta(description="In place of the three above: `redis://user:password@host:port/db`.")
    ] = None

    def __post_init__(self) -> None:
        if self.redis_url is None:
            return
        try:
            good = self.redis_url.reveal().startswith(("redis://", "rediss://", "unix://"))
            parse_url(self.redis_url.reveal())
        except ValueError:
            good = False
        if not good:
            # Its parser's own words quote what stands beside a password that is not percent-encoded.
            raise ValueError(
                "REDIS_URL is malformed: expected redis://, rediss:// or unix://, a password percent-encoded"
            )


class Away(Exception):
    """Redis gave no answer; do without."""


class RedisCache:
    """A few keys with an expiry. `open` before use. Every method raises Away, at once where that is known already."""

    def __init__(self, settings: RedisSettings, *, metrics: Metrics) -> None:
        self._redis = _client(settings)
        self._up = metrics.redis_up.labels("advoware_token")
        self._away = False

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["RedisCache"]:
        """Holds the connections open and watches over them, so that an absence is known before it matters."""
        try:
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(self._watch())
                try:
                    yield self
                finally:
                    watch.cancel()
        finally:
            with contextlib.suppress(RedisError, OSError):
                await self._redis.aclose()

    async def look(self) -> None:
        """Asks whether Redis is there. Raises Unavailable."""
        try:
            await self._ask(self._redis.ping, watching=True)
        except Away:
            raise Unavailable("Redis is away: each process keeps the token itself") from None

    async def read(self, *names: str) -> tuple[list[str | None], float]:
        """The values, and how long the first one still lives in seconds (0 or less: it is not there)."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.mget(names)
            pipeline.pttl(names[0])
            values, left_ms = await self._ask(pipeline.execute)
        return values, left_ms / 1000

    async def write(self, values: Mapping[str, str], *, ttl_s: float) -> None:
        """Sets all of them at once."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            for name, value in values.items():
                pipeline.set(name, value, px=max(1, int(ttl_s * 1000)))
            await self._ask(pipeline.execute)

    async def claim(self, name: str, holder: str, *, ttl_s: float) -> bool:
        """Whether the claim is ours now."""
        return bool(await self._ask(lambda: self._redis.set(name, holder, nx=True, px=int(ttl_s * 1000))))

    async def release(self, name: str, holder: str) -> None:
        """Gives a claim of ours back; anybody else's stays."""
        await self._ask(lambda: self._redis.eval(_RELEASE, 1, name, holder))

    async def _ask(self, command: Callable[[], Awaitable[Any]], *, watching: bool = False) -> Any:
        # Only the watch looks for one that is away: a Redis that never answers costs a caller its time-out once.
        if self._away and not watching:
            raise Away
        try:
            answer = await _cancellable(command)
        except (RedisError, OSError, TimeoutError, ValueError) as failed:  # the last: what answers is no Redis
            self._note(away=True, why=type(failed).__name__)
            raise Away from None
        self._note(away=False)
        return answer

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(Away):
                await self._ask(self._redis.ping, watching=True)
            await asyncio.sleep(_LOOK_EVERY_S)

    def _note(self, *, away: bool, why: str = "") -> None:
        self._up.set(0 if away else 1)
        if away and not self._away:
            _log.warning("Redis is away: the Advoware token is kept in this process", extra={"error": why})
        elif self._away and not away:
            _log.info("Redis is back")
        self._away = away


async def _cancellable(command: Callable[[], Awaitable[Any]]) -> Any:
    """The command's answer. Its client stands on `asyncio.wait_for`, which up to Python 3.11 forgets a cancellation
    that arrives together with the answer; whoever has cancelled us would then wait for ever.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        return await command()
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError


def _client(settings: RedisSettings) -> Redis:
    common: dict[str, Any] = {
        "socket_timeout": settings.redis_timeout_seconds,
        "socket_connect_timeout": settings.redis_timeout_seconds,
        "decode_responses": True,
        # Once, at once, for a connection that went stale in the pool; a time-out is not waited for twice.
        "retry": Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
        "max_connections": 8,
    }
    if settings.redis_url is not None:
        return Redis.from_url(settings.redis_url.reveal(), **common)
    return Redis(host=settings.redis_host, port=settings.redis_port, db=settings.redis_db_advoware_cache, **common)
