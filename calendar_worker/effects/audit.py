"""Auditing calendars: reading both sides whole, and carrying out what an audit decides.

Whatever writes does it under the employee's lock, so that it never runs beside a sync.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from calendar_worker.effects.creating import made_termin
from calendar_worker.effects.deps import Deps
from calendar_worker.effects.employees import ask_employee
from calendar_worker.effects.keys import employee_key
from calendar_worker.effects.load import load, load_employees
from calendar_worker.effects.memory import read_memory, write_memory
from calendar_worker.effects.removing import remove
from calendar_worker.model.audit import DELETING, Asked, Audited, Report
from calendar_worker.plan.audit.decide import audit, is_for_the_sync
from calendar_worker.plan.audit.duplicates import asks_receipts
from calendar_worker.plan.employees import plan_employees
from calendar_worker.plan.guard import is_mass
from calendar_worker.translate.termin import read_termin
from shared.clients.google_calendar import GoogleCalendar, Listing
from shared.contracts.events import EVERYBODY, CalendarEvent, same_kuerzel
from shared.outcomes.errors import HubError
from shared.runtime.exclusive import Exclusive

_log = logging.getLogger(__name__)
_TOGETHER = 4
Record = dict[str, Any]


async def run_audit(asked: Asked, deps: Deps, alone: Exclusive) -> list[Report]:
    """One report per employee. What fails for one is in its report and stops no other."""
    if same_kuerzel(asked.kuerzel) != EVERYBODY:
        return [await _of_employee(asked, deps, alone)]
    try:
        everybody = plan_employees(await load_employees(CalendarEvent(), deps)).ask
    except HubError as failed:
        return [Report(kuerzel=asked.kuerzel, failed=failed.reason)]
    each = [msgspec.structs.replace(asked, kuerzel=kuerzel) for kuerzel in everybody]
    reports = [await _of_employee(one, deps, alone) for one in each]
    if not asked.wanted:
        return reports
    return [one for one in reports if one.facts or one.findings or one.refused or one.failed]


async def _of_employee(asked: Asked, deps: Deps, alone: Exclusive) -> Report:
    report = Report(kuerzel=asked.kuerzel)
    try:
        if asked.apply and asked.command in DELETING:
            report = await alone.run(employee_key(asked.kuerzel), lambda: _delete(asked, deps))
        elif asked.apply and asked.command == "verify":
            report = await _verify(asked, deps, alone)
        else:
            report, _ = audit(asked, await load_audited(asked, deps))
    except HubError as failed:
        report = msgspec.structs.replace(report, failed=failed.reason)
    _log.info(
        "audit",
        extra={
            "command": asked.command,
            "kuerzel": asked.kuerzel,
            "apply": asked.apply,
            "found": len(report.findings),
            "done": dict(report.done),
            "reason": report.refused or report.failed,
        },
    )
    return report


async def _delete(asked: Asked, deps: Deps) -> Report:
    audited = await load_audited(asked, deps)
    report, decided = audit(asked, audited)
    done, failed = await remove(decided.removals, audited.seen, deps)
    return msgspec.structs.replace(report, done=done, failed=failed)


async def _verify(asked: Asked, deps: Deps, alone: Exclusive) -> Report:
    """Asks for a sync that sees everything: it shall not trust what it has seen so far."""

    async def look() -> Report:
        report, _ = audit(asked, await load_audited(asked, deps))
        if is_for_the_sync(report):
            memory = await read_memory(report.kuerzel, deps)
            await write_memory(report.kuerzel, msgspec.structs.replace(memory, sync_token=""), memory, deps)
        return report

    report = await alone.run(employee_key(asked.kuerzel), look)
    if not is_for_the_sync(report):
        return report
    await ask_employee(report.kuerzel, "audit", deps)
    return msgspec.structs.replace(report, done={"sync_asked_for": 1})


class _Whole:
    """A calendar that is listed whole, whatever the sync token."""

    def __init__(self, google: GoogleCalendar) -> None:
        self._google = google

    def __getattr__(self, name: str) -> Any:
        return getattr(self._google, name)

    async def list_events(self, calendar_id: str, _sync_token: str | None = None) -> Listing:
        """All that live."""
        return await self._google.list_events(calendar_id, None)


async def load_audited(asked: Asked, deps: Deps) -> Audited:
    """Both sides of one employee, whole."""
    whole = msgspec.structs.replace(deps, google=cast("GoogleCalendar", _Whole(deps.google)))
    seen = await load(CalendarEvent(kuerzel=asked.kuerzel, force=asked.force), whole)
    if not seen.kuerzel or not seen.calendar_id or seen.lost or seen.not_asked:
        return Audited(seen=seen)
    audited = await _with_far_days(Audited(seen=seen), deps)
    return await _with_receipts(audited, deps)


async def _with_far_days(audited: Audited, deps: Deps) -> Audited:
    """Termine of remembered pairs that a sync does not look for: one more list, and singly what is not in it."""
    seen = audited.seen
    rows = seen.memory.rows.values()
    known = {*seen.termine, *seen.gone, *seen.foreign, *seen.unreadable}
    far = {row.fr_nr: row for row in rows if row.fr_nr not in known}
    if not far:
        return audited
    first = min(row.first for row in far.values())
    last = max(row.last or row.first for row in far.values())
    listed = await deps.advoware.termine(seen.kuerzel, first, last)
    found: dict[int, Record | None] = {one["frNr"]: one for one in listed if one.get("frNr") in far}
    missing = sorted(far.keys() - found.keys())
    if not seen.terms.force and is_mass(len(missing), len(rows), seen):
        return msgspec.structs.replace(audited, not_asked=len(missing))
    found.update(await _singly(missing, deps))
    gone = frozenset(number for number, record in found.items() if record is None)
    foreign = frozenset(
        number
        for number, record in found.items()
        if record is not None and read_termin(record, kuerzel=seen.kuerzel, timezone=deps.timezone) is None
    )
    return msgspec.structs.replace(audited, there=frozenset(found.keys() - gone - foreign), gone=gone, foreign=foreign)


async def _singly(numbers: Sequence[int], deps: Deps) -> dict[int, Record | None]:
    """None: there is no Termin of that number."""
    gate = asyncio.Semaphore(_TOGETHER)

    async def ask(number: int) -> Record | None:
        async with gate:
            return await deps.advoware.termin(number)

    return dict(zip(numbers, await asyncio.gather(*map(ask, numbers)), strict=True))


async def _with_receipts(audited: Audited, deps: Deps) -> Audited:
    kuerzel = audited.seen.kuerzel
    receipts = {event: await made_termin(kuerzel, event, (), deps) for event in sorted(asks_receipts(audited.seen))}
    return msgspec.structs.replace(audited, receipts={event: number for event, number in receipts.items() if number})
