"""The doctor's probes of a worker, against the vendors themselves: each tells of the one thing that is wrong."""

from collections.abc import AsyncIterator, Mapping

import pytest

from beteiligte_worker.app import operator_of
from calendar_worker.app import operator_of as calendar_operator_of
from document_worker.app import operator_of as document_operator_of
from shared.clients.redis_cache import RedisSettings
from shared.outcomes.errors import HubError
from shared.runtime.operator import Probe
from shared.runtime.service import Service
from shared.settings import Secret
from simulators.faults import Fault
from tests.support.calendars import open_calendars
from tests.support.office import open_office
from tests.support.parties import Parties, open_parties
from tests.support.redis import OwnServer


async def found(probes: Mapping[str, Probe]) -> dict[str, str]:
    """What is wrong, by probe."""
    ill = {}
    for name, probe in probes.items():
        try:
            await probe()
        except HubError as failed:
            ill[name] = f"{type(failed).__name__}: {failed.reason}"
    return ill


@pytest.fixture
def redis(own_redis_server: OwnServer) -> RedisSettings:
    """A Redis that may be stopped."""
    return RedisSettings(redis_url=Secret(own_redis_server.url), redis_timeout_seconds=1)


@pytest.fixture
async def parties(service: Service, redis: RedisSettings) -> AsyncIterator[Parties]:
    """EspoCRM, Advoware and Redis."""
    async with open_parties(service, redis) as opened:
        yield opened


async def test_all_is_well_with_parties(parties: Parties) -> None:
    """P6: nothing is found where nothing is wrong."""
    assert await found(operator_of(parties.deps).probes) == {}


async def test_redis_is_away_and_comes_back(parties: Parties, own_redis_server: OwnServer) -> None:
    """P6, P7: the optional part is told of, alone; the vendors are as well as before."""
    probes = operator_of(parties.deps).probes
    own_redis_server.stop()
    assert await found(probes) == {"redis": "Unavailable: Redis is away: each process keeps the token itself"}
    own_redis_server.start()
    assert await found(probes) == {}


async def test_nobody_would_get_the_tasks(parties: Parties) -> None:
    """P6: BETEILIGTE_NOTIFY_USER_ID names nobody: found before the first task is lost."""
    parties.espocrm.records.rows["User"].clear()
    assert (await found(operator_of(parties.deps).probes)).keys() == {"BETEILIGTE_NOTIFY_USER_ID"}


async def test_a_vendor_refuses_the_key(service: Service, redis: RedisSettings) -> None:
    """P6: each vendor by its own name."""
    async with open_office(service) as office:
        assert await found(document_operator_of(office.deps).probes) == {}
        office.espocrm.faults.add(Fault(kind="error", status=401, times=None))
        assert (await found(document_operator_of(office.deps).probes)).keys() == {"espocrm"}
    async with open_calendars(service, redis) as calendars:
        assert await found(calendar_operator_of(calendars.deps).probes) == {}
        calendars.google.faults.add(Fault(kind="error", status=401, times=None))
        assert (await found(calendar_operator_of(calendars.deps).probes)).keys() == {"google"}
