"""All workers under mixed load while vendors fail now and then: memory and tasks stay flat, and nothing is left."""

import asyncio
import contextlib
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from simulators.advoware import Advoware
from simulators.faults import Fault
from simulators.google_calendar import GoogleCalendar
from simulators.harness import serve
from tests.e2e.staff import Staff
from tests.e2e.stage import Stage, note, staged
from tests.support.google import google_account
from tests.support.processes import ServiceProcess
from tests.support.proxy_process import advoware_environ

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")]

_LONG_S = 600
_SHORT_S = 20
_EVERY_S = 0.05
_CLEAR_S = 90.0
_GROWTH_MB = 12.0
_TASKS = 25
"""More than at rest: aiohttp and nats-py keep one or two each while a connection is open."""
_KUERZEL = "SB"
_CONSUMERS = {"document_worker": "VMH", "beteiligte_worker": "VMH", "calendar_worker": "CALENDAR"}


class Look(NamedTuple):
    """A worker at one moment."""

    rss_mb: float
    tasks: float


class Firm:
    """Every vendor, every worker, and staff on both sides."""

    def __init__(self, stage: Stage, advoware: Advoware, google: GoogleCalendar, workers: list[ServiceProcess]) -> None:
        self.stage = stage
        self._advoware = advoware
        self._google = google
        self.workers = workers
        self._dice = random.Random(7)
        self._parties: list[str] = []
        self._termine: list[int] = []
        self.changes = 0
        self.is_over = False

    def fail_now_and_then(self) -> None:
        """Each vendor is sometimes late, sometimes away, and xAI sometimes loses an answer.

        But Advoware takes every POST: of a party whose POST may have been heard, a person has to say so.
        """
        for vendor in (self.stage.espocrm, self.stage.xai, self._advoware, self._google):
            for method in ("GET", "PUT") if vendor is self._advoware else ("*",):
                vendor.faults.add(Fault(kind="error", method=method, chance=0.02, times=None))
                vendor.faults.add(Fault(kind="late", method=method, chance=0.02, delay_s=0.3, times=None))
        self.stage.lose_answers(0.02)

    def recover(self) -> None:
        """All vendors are well again."""
        for vendor in (self.stage.espocrm, self.stage.xai, self._advoware, self._google):
            vendor.faults.clear()

    async def documents(self, staff: Staff) -> None:
        """Staff file, replace, link and remove documents, until told to stop."""
        while not self.is_over:
            await staff.change()
            await self._pause()

    async def parties(self) -> None:
        """Staff enter and rename parties, until told to stop."""
        while not self.is_over:
            if len(self._parties) < 20:
                name = f"Müßig {len(self._parties)}"
                made = self.stage.espocrm.insert("CBeteiligte", {"firstName": "Jürgen", "lastName": name})
                self._parties.append(str(made["id"]))
            party = self._dice.choice(self._parties)
            self.stage.espocrm.save("CBeteiligte", party, {"lastName": f"Müßig {self.changes}"})
            await self.stage.say("vmh.beteiligte.update", party)
            await self._pause()

    async def calendars(self) -> None:
        """Appointments are entered and moved in Advoware, and the sync is asked for, until told to stop."""
        while not self.is_over:
            day = (date.today() + timedelta(days=self._dice.randrange(1, 60))).isoformat()  # noqa: DTZ011
            fields: dict[str, Any] = {"datum": day, "datumBis": day, "uhrzeitVon": "09:00", "uhrzeitBis": "10:00"}
            fields["text"] = f"Termin {self.changes}"
            if len(self._termine) < 40:
                self._termine.append(self._advoware.staff.add_termin(anwalt=_KUERZEL, **fields))
            else:
                self._advoware.staff.change_termin(self._dice.choice(self._termine), **fields)
            await self.stage.nc.jetstream().publish("calendar.sync.employee", b'{"kuerzel":"SB"}')
            await self._pause()

    async def _pause(self) -> None:
        self.changes += 1
        await asyncio.sleep(self._dice.uniform(0, 6 * _EVERY_S))

    async def look(self) -> list[Look]:
        """Each worker now."""
        return [Look(worker.memory_kb("VmRSS") / 1024, await worker.metric("hub_tasks")) for worker in self.workers]

    async def lag(self) -> int:
        """Messages that are not settled."""
        total = 0
        for consumer, stream in _CONSUMERS.items():
            info = await self.stage._api(f"CONSUMER.INFO.{stream}.{consumer}")
            total += info["num_pending"] + info["num_ack_pending"]
        return total

    async def until_clear(self) -> float:
        """Until nothing is left; the seconds it took."""
        began = time.monotonic()
        while left := await self.lag():
            assert time.monotonic() - began < _CLEAR_S, f"{left} messages are left"
            await asyncio.sleep(0.1)
        return time.monotonic() - began


@contextlib.asynccontextmanager
async def firm(directory: Path) -> AsyncIterator[Firm]:
    """All of it, ready."""
    advoware, google = Advoware(), GoogleCalendar(account=google_account())
    advoware.staff.add_mitarbeiter(kuerzel=_KUERZEL, name="Beispiel")
    async with staged(directory) as stage, serve(advoware) as advoware_url, serve(google) as google_url:
        key = directory / "google-key.json"
        google.write_key_file(key, google_url)
        own = {
            "REDIS_URL": "redis://127.0.0.1:1",
            **advoware_environ(advoware_url),
            "ESPOCRM_API_BASE_URL": f"{stage.espocrm_url}/api/v1",
            "ESPOCRM_API_KEY": "demo",
            "BETEILIGTE_NOTIFY_USER_ID": stage.espocrm.actor("admin").id,
            "GOOGLE_CALENDAR_SERVICE_ACCOUNT_PATH": str(key),
            "GOOGLE_CALENDAR_BASE_URL": f"{google_url}/calendar/v3",
        }
        workers = [
            stage.worker(),
            stage._children.service(
                "beteiligte_worker", stage._common("beteiligte_worker") | own, port_name="HEALTH_PORT"
            ),
            stage._children.service("calendar_worker", stage._common("calendar_worker") | own, port_name="HEALTH_PORT"),
        ]
        for worker in workers:
            await worker.start()
        yield Firm(stage, advoware, google, workers)


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(_SHORT_S, id="short", marks=[pytest.mark.timeout(300)]),
        pytest.param(_LONG_S, id="ten-minutes", marks=[pytest.mark.slow, pytest.mark.timeout(_LONG_S + 300)]),
    ],
)
async def test_under_mixed_load_nothing_grows(tmp_path: Path, seconds: int) -> None:
    """P12: after the load memory is what it was in its first half, tasks are those at rest, and lag is zero."""
    async with firm(tmp_path) as office:
        await asyncio.sleep(1)  # the gauge of tasks is set twice a second
        at_rest = await office.look()
        staff = Staff(office.stage, 7, most=30)
        await staff.begin()
        office.fail_now_and_then()
        looks: list[list[Look]] = []
        async with asyncio.TaskGroup() as tasks:
            for work in (office.documents(staff), office.parties(), office.calendars()):
                tasks.create_task(work)
            for _ in range(seconds):
                await asyncio.sleep(1)
                looks.append(await office.look())
            office.is_over = True
        office.recover()
        cleared_s = await office.until_clear()
        await asyncio.sleep(1)
        after = await office.look()
        dead = await office.stage.dead()
        note(f"{office.changes} changes, cleared after {cleared_s:.1f} s")
        for worker, before, now, *seen in zip(office.workers, at_rest, after, *looks, strict=True):
            middle = seen[len(seen) // 4 : len(seen) // 2]
            warm_mb = statistics.median(one.rss_mb for one in middle)
            late_mb = statistics.median(one.rss_mb for one in seen[-len(seen) // 4 :])
            note(
                f"{worker.module}: {before.rss_mb:.0f}, {warm_mb:.0f}, {late_mb:.0f} MB; tasks {before.tasks:.0f}, "
                f"at most {max(one.tasks for one in seen):.0f}, in the end {now.tasks:.0f}"
            )
            assert late_mb - warm_mb < _GROWTH_MB
            assert now.tasks <= before.tasks + _TASKS
        assert dead == []
        await office.stage.quiet()
        assert office.stage.out_of_step() == []
