"""A client of Advoware as one process has it, with a clock that can be moved; without NATS."""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from shared.clients.advoware import Advoware
from shared.clients.advoware_session import AdvowareSettings
from shared.clients.http import Tools
from shared.clients.redis_cache import RedisCache, RedisSettings
from shared.clock import SystemClock
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Tracer


class MovableClock(SystemClock):
    """The machine's clock and whatever it was moved by."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead_s)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


class Process:
    """What one process has to itself: clock, metrics, spans, and its line to Redis."""

    def __init__(self, redis: RedisSettings, *, holder: str = "lone", tracer: Tracer | None = None) -> None:
        self.holder = holder
        self.clock = MovableClock()
        self.metrics = Metrics("test", "0")
        self.tools = Tools(clock=self.clock, tracer=tracer or Tracer(), metrics=self.metrics)
        self.cache = RedisCache(redis, metrics=self.metrics)

    def redis_up(self) -> float | None:
        """The metric hub_redis_up."""
        return self.metrics.registry.get_sample_value("hub_redis_up", {"keeps": "advoware_token"})

    @contextlib.asynccontextmanager
    async def client(self, settings: AdvowareSettings) -> AsyncIterator[Advoware]:
        """Its connections open. Its failures come out as they are."""
        try:
            async with (
                self.cache.open(),
                Advoware(settings, self.cache, self.tools, holder=self.holder).open() as client,
            ):
                yield client
        except BaseExceptionGroup as group:
            if len(group.exceptions) > 1:
                raise
            raise group.exceptions[0] from None
