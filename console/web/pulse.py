"""The last hour as the history tells it: runs and failures by minute, vendors, the newest runs."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from console.desk.history import Run
from console.desk.reading import Message, at_or_after, ends, forward
from console.web.changes import Changes
from console.web.language import read_moment
from shared.clock import Clock
from shared.contracts.keys import segments_of
from shared.contracts.topology import HISTORY
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import ApiError, Bus
from shared.runtime.history import Record
from shared.telemetry.run import Call

_log = logging.getLogger(__name__)

MINUTES = 60
FAILURES = ("retry", "dead", "halt")
_BACK_MAX = 50_000
_CLOCKS = timedelta(hours=2)
"""A record that claims another time than this is believed to have ended when it was stored."""
_EVERY_S = 0.5
_BREATH = 250
_SAMPLES = 200


class Vendor:
    """One vendor's answers."""

    def __init__(self) -> None:
        self.calls = 0
        self.errors = 0
        self.ms: list[float] = []
        self.last_error: tuple[str, int] | None = None

    def add(self, call: Call) -> None:
        """4xx is an answer to us; what says that the vendor is unwell is silence, 429 and 5xx."""
        self.calls += 1
        if call.status in (0, 429) or call.status >= 500:
            self.errors += 1
            self.last_error = (call.operation, call.status)
        if len(self.ms) < _SAMPLES:
            self.ms.append(call.ms)


class Minute:
    """What ended within one."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.runs = 0
        self.failed = 0
        self.vendors: dict[str, Vendor] = {}


class VendorHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor over the last hour."""

    name: str
    calls: int
    errors: int
    median_ms: float
    slow_ms: float
    """Only one call in twenty took longer."""
    last_error: tuple[str, int] | None

    @property
    def state(self) -> str:
        """`good`, `shaky` or `bad`."""
        share = self.errors / self.calls
        return "good" if share < 0.01 else "shaky" if share < 0.25 else "bad"


class Pulse:
    """Follows the history from an hour back on, and tells whom it concerns."""

    def __init__(self, bus: Bus, clock: Clock, changes: Changes) -> None:
        self._bus = bus
        self._clock = clock
        self._changes = changes
        self._minutes: dict[int, Minute] = {}
        self._next = 0
        self.known_since: datetime | None = None
        """Where reading began, if the hour before our start held more than we read."""
        self._is_cut = False
        self.recent: deque[Run] = deque(maxlen=500)
        self.failures: deque[tuple[Run, datetime]] = deque(maxlen=40)

    async def loop(self) -> None:
        """Reads on and on."""
        while True:
            try:
                if not self._next:
                    self._next = await self._begin()
                await self._read_on()
            except (Unavailable, ApiError) as failed:
                _log.debug("history is not read", extra={"reason": str(failed)})
            await asyncio.sleep(_EVERY_S)

    async def _begin(self) -> int:
        hour_ago = self._clock.now() - timedelta(minutes=MINUTES)
        _, end = await ends(self._bus, HISTORY.name)
        start = await at_or_after(self._bus, HISTORY.name, hour_ago)
        first = start or end + 1
        self._is_cut = first < end - _BACK_MAX + 1
        return max(first, end - _BACK_MAX + 1, 1)

    async def _read_on(self) -> None:
        read = 0
        async for message in forward(self._bus, HISTORY.name, start=self._next):
            self._next = message.sequence + 1
            self._take(message)
            read += 1
            if not read % _BREATH:  # pages come before the past
                await asyncio.sleep(0.02)

    def _take(self, message: Message) -> None:
        run = read_run(message)
        if run is None:
            return
        if self._is_cut and self.known_since is None:
            self.known_since = message.at
        at = read_moment(run.record.at)
        if at is None or abs(at - message.at) > _CLOCKS:
            at = message.at
        minute = self._minute(int(at.timestamp() // 60))
        failed = run.record.outcome in FAILURES
        minute.runs += 1
        minute.failed += failed
        for call in run.record.calls:
            minute.vendors.setdefault(call.vendor, Vendor()).add(call)
        self.recent.appendleft(run)
        if failed:
            self.failures.appendleft((run, at))
        self._changes.tell("history")
        self._changes.tell(f"entity:{run.entity_type}/{run.entity_id}")

    def _minute(self, number: int) -> Minute:
        found = self._minutes.get(number)
        if found is None:
            # Workers' clocks may differ a little: the past stays open, and is forgotten after an hour.
            self._minutes = {old: minute for old, minute in self._minutes.items() if old >= number - 2 * MINUTES}
            found = self._minutes[number] = Minute(number)
        return found

    def _last_hour(self) -> Iterator[Minute]:
        now = int(self._clock.now().timestamp() // 60)
        return (minute for minute in self._minutes.values() if now - MINUTES < minute.number <= now)

    def bars(self) -> list[tuple[int, int]]:
        """Runs and failures of each of the last sixty minutes, oldest first."""
        now = int(self._clock.now().timestamp() // 60)
        found = {minute.number: minute for minute in self._last_hour()}
        return [
            (found[number].runs, found[number].failed) if number in found else (0, 0)
            for number in range(now - MINUTES + 1, now + 1)
        ]

    def vendors(self) -> list[VendorHealth]:
        """Of whom the last hour tells, by name."""
        joined: dict[str, Vendor] = {}
        for minute in self._last_hour():
            for name, one in minute.vendors.items():
                into = joined.setdefault(name, Vendor())
                into.calls += one.calls
                into.errors += one.errors
                into.ms += one.ms
                into.last_error = one.last_error or into.last_error
        return [_health(name, joined[name]) for name in sorted(joined)]

    def failures_of_last_hour(self) -> list[Run]:
        """Newest first, a few."""
        hour_ago = self._clock.now() - timedelta(minutes=MINUTES)
        return [run for run, at in self.failures if at > hour_ago]


def _health(name: str, one: Vendor) -> VendorHealth:
    ms = sorted(one.ms)
    return VendorHealth(
        name=name,
        calls=one.calls,
        errors=one.errors,
        median_ms=ms[len(ms) // 2],
        slow_ms=ms[min(len(ms) - 1, len(ms) * 19 // 20)],
        last_error=one.last_error,
    )


def read_run(message: Message) -> Run | None:
    """A record of the history; None where it is somebody else's message."""
    try:
        _, entity_type, entity_id = segments_of(message.subject)
        return Run(entity_type=entity_type, entity_id=entity_id, record=msgspec.json.decode(message.body, type=Record))
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        return None
