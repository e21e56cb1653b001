"""P5 at size: 20 employees with 500 appointments each, cold, and then unchanged."""

import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from shared.clients.redis_cache import RedisSettings
from shared.contracts.events import CalendarEvent
from shared.contracts.subjects import CALENDAR_SYNC_ALL
from shared.runtime.service import Service
from shared.settings import Secret
from tests.support.calendars import Calendars, add_termin, day, open_calendars, settled, working
from tests.support.office import stored
from tests.support.redis import RedisPlace


@pytest.fixture
async def calendars(service: Service, redis_server: RedisPlace) -> AsyncIterator[Calendars]:
    """Both vendors; the first of the employees is there."""
    async with open_calendars(service, RedisSettings(redis_url=Secret(redis_server.url))) as opened:
        yield opened


def staff(calendars: Calendars, employees: int, appointments: int) -> list[str]:
    """So many employees with so many Termine each, over a year and a half; every tenth is a series."""
    kuerzel = ["SB", *(f"E{number}" for number in range(1, employees))]
    for one in kuerzel[1:]:
        calendars.advoware.staff.add_mitarbeiter(kuerzel=one, name=f"Beispiel {one}")
    for one in kuerzel:
        for number in range(appointments):
            first = day(number % 540 - 180)
            series = {"dauertermin": 1, "turnus": 1, "turnusArt": 2, "datumBis": day(number % 540)}
            more = series if number % 10 == 0 else {}
            add_termin(calendars, anwalt=one, text=f"Termin {number}", notiz="Saal 3", datum=first, **more)
    return kuerzel


async def round_of_all(service: Service, *, seconds: float) -> float:
    """Everybody's sync by one event; the CPU seconds that it took, those of both simulators included."""
    began = time.process_time()
    await service.publisher.publish(CALENDAR_SYNC_ALL, CalendarEvent(source="schedule"))
    await settled(service, seconds=seconds)
    return time.process_time() - began


async def cold_and_again(
    service: Service, calendars: Calendars, employees: int, appointments: int, *, seconds: float
) -> dict[str, float]:
    """The first round fills every calendar; the third finds nothing to do."""
    kuerzel = staff(calendars, employees, appointments)
    whole = employees * appointments
    async with working(service, calendars):
        cold_s = await round_of_all(service, seconds=seconds)
        assert Counter(len(calendars.events(one)) for one in kuerzel) == {appointments: employees}
        await round_of_all(service, seconds=seconds)  # it sees our own writes come back
        calendars.forget_logs()
        again_s = await round_of_all(service, seconds=seconds)
    assert calendars.writes() == []
    # One list of employees is the round's own.
    asked = len(calendars.requests()) - 1
    assert asked <= 3 * employees, calendars.requests()
    assert await stored(service, "DEAD") == []
    return {
        "appointments": whole,
        "cold_ms_of_cpu_per_appointment": round(cold_s / whole * 1000, 2),
        "again_ms_of_cpu_per_employee": round(again_s / employees * 1000, 2),
        "again_requests_per_employee": asked / employees,
    }


async def test_three_employees(service: Service, calendars: Calendars) -> None:
    """Invariant 1: cold by one event for all, then not one write and three requests for each."""
    await cold_and_again(service, calendars, 3, 40, seconds=60)


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_twenty_employees_with_five_hundred_each(service: Service, calendars: Calendars) -> None:
    """Invariant 1: the same at the firm's size; prints CPU and requests, those of both simulators included."""
    costs = await cold_and_again(service, calendars, 20, 500, seconds=1_000)
    print(f"\n{costs}")  # noqa: T201 - the numbers are what it is for
