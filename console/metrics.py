"""What only the console can count, because it looks at all replicas and all services at once."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge

from console.desk.intents import intents
from console.desk.reading import batch
from console.desk.streams import ConsumerInfo, consumers
from shared.clock import Clock
from shared.contracts.audit import Report, report_key
from shared.contracts.topology import DEAD, SNAPSHOTS
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import ApiError, Bus
from shared.state.kv import Bucket
from shared.state.snapshots import Snapshots

_log = logging.getLogger(__name__)

FAMILIES = ("documents", "beteiligte", "calendar")
"""Of which there are audits."""
_EVERY_S = 15.0
_SHARE = 20
"""Looking may take a twentieth of the time: whoever has a journal of a million rows looks less often."""


class ConsoleMetrics:
    """The console's own metrics, beside those that every service has."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.dead_letters_stored = Gauge(
            "hub_dead_letters_stored", "Dead letters that lie in the stream.", ("subject",), registry=registry
        )
        self.open_intents = Gauge(
            "hub_open_intents", "Writes of which nobody knows yet whether they were done.", registry=registry
        )
        self.drift = Gauge(
            "hub_drift", "Entities whose sides differed at the last audit.", ("family",), registry=registry
        )
        self.oldest_pending_seconds = Gauge(
            "hub_oldest_pending_seconds",
            "Age of a consumer's oldest unsettled event.",
            ("consumer",),
            registry=registry,
        )
        self.logins = Counter("hub_console_logins", "Log-ins by how they ended.", ("outcome",), registry=registry)
        self.deeds = Counter("hub_console_deeds", "What people did on the page.", ("deed",), registry=registry)

    def show(self, seen: "Seen") -> None:
        """Sets the gauges; a subject or consumer that is gone goes from here too."""
        self.dead_letters_stored.clear()
        for subject, count in seen.dead.items():
            self.dead_letters_stored.labels(subject).set(count)
        self.oldest_pending_seconds.clear()
        for consumer, age_s in seen.oldest_s.items():
            self.oldest_pending_seconds.labels(consumer).set(age_s)
        self.open_intents.set(seen.open_intents)
        for report in seen.reports:
            self.drift.labels(report.family).set(report.drifting)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One look at everything."""

    dead: dict[str, int] = {}
    """By the event's own subject."""
    open_intents: int = 0
    reports: list[Report] = []
    consumers: list[ConsumerInfo] = []
    oldest_s: dict[str, float] = {}
    """By consumer, seconds; 0 where nothing waits."""


class Lookout:
    """Keeps the gauges and `seen` up to date."""

    def __init__(self, bus: Bus, clock: Clock, metrics: ConsoleMetrics) -> None:
        self._bus = bus
        self._clock = clock
        self._metrics = metrics
        self.seen = Seen()

    async def loop(self) -> None:
        """Looks, shows, rests; for ever."""
        while True:
            began = self._clock.monotonic()
            try:
                self.seen = await look(self._bus, now=self._clock.now())
                self._metrics.show(self.seen)
            except (Unavailable, ApiError) as failed:
                _log.debug("numbers are old", extra={"reason": str(failed)})
            await asyncio.sleep(max(_EVERY_S, (self._clock.monotonic() - began) * _SHARE))


async def look(bus: Bus, *, now: datetime) -> Seen:
    """Reads everything. Raises Unavailable and ApiError."""
    takers = await consumers(bus)
    return Seen(
        dead=await _dead(bus),
        open_intents=len(await intents(bus)),
        reports=await _reports(bus),
        consumers=takers,
        oldest_s={one.name: await _oldest_s(bus, one, now) for one in takers},
    )


async def _dead(bus: Bus) -> dict[str, int]:
    info = await bus.api(f"STREAM.INFO.{DEAD.name}", {"subjects_filter": "dead.>"})
    found: dict[str, int] = info["state"].get("subjects") or {}
    return {subject.removeprefix("dead."): count for subject, count in sorted(found.items())}


async def _reports(bus: Bus) -> list[Report]:
    snapshots = Snapshots(Bucket(bus.requests, SNAPSHOTS.name))
    found: list[Report] = []
    for family in FAMILIES:
        with contextlib.suppress(msgspec.MsgspecError):  # of another version, or written by hand
            report = await snapshots.read(report_key(family), Report)
            found += [report] if report is not None else []
    return found


async def _oldest_s(bus: Bus, one: ConsumerInfo, now: datetime) -> float:
    """Everything below a consumer's floor is settled, so the oldest that is not lies right above it."""
    if not one.lag:
        return 0.0
    info: dict[str, Any] = await bus.api(f"CONSUMER.INFO.{one.stream}.{one.name}")
    floor = info["ack_floor"]["stream_seq"]
    ages = [await _age_s(bus, one.stream, floor + 1, subject, now) for subject in one.subjects]
    return max(ages, default=0.0)


async def _age_s(bus: Bus, stream: str, start: int, subject: str, now: datetime) -> float:
    found: Sequence[Any] = (await batch(bus, stream, {"seq": start, "batch": 1, "next_by_subj": subject})).messages
    return max(0.0, (now - found[0].at).total_seconds()) if found else 0.0
