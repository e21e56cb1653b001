"""What several component tests stand on."""

import io
from collections.abc import AsyncIterator, Iterator

import pytest

from shared.clients.redis_cache import RedisSettings
from shared.runtime.service import Service
from shared.settings import Secret
from tests.support.calendars import Calendars, open_calendars
from tests.support.lines import every_line
from tests.support.redis import RedisPlace


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Every log line from here on."""
    with every_line() as stream:
        yield stream


@pytest.fixture
def redis(redis_server: RedisPlace) -> RedisSettings:
    """Where the token is kept."""
    return RedisSettings(redis_url=Secret(redis_server.url))


@pytest.fixture
async def calendars(service: Service, redis: RedisSettings) -> AsyncIterator[Calendars]:
    """Both vendors, with one employee."""
    async with open_calendars(service, redis) as opened:
        yield opened
