"""An audit of a family that an operator asks for, and how far it has come."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from console.desk.deeds import Operator
from console.desk.events import Ticket, publish_and_follow
from console.desk.history import Run, last_run
from console.desk.identity import BY_HAND
from console.desk.workers import replicas
from shared.contracts.audit import Report, report_key
from shared.contracts.events import AuditEvent
from shared.contracts.subjects import SUBJECTS, Subject
from shared.contracts.topology import SNAPSHOTS
from shared.runtime.bus import Bus
from shared.state.kv import Bucket
from shared.state.snapshots import Snapshots

_LOOK_S = 0.25


class Stopped(Exception):
    """The audit will not come to its end; the text is one sentence."""


def audit_subjects() -> dict[str, Subject[Any]]:
    """Where an event goes that asks for an audit, by family."""
    return {subject.defaults["entity_id"]: subject for subject in SUBJECTS if subject.event is AuditEvent}


async def is_there(bus: Bus, service: str) -> bool:
    """Whether any replica of a service answers."""
    return any(one.service == service for one in await replicas(bus))


async def last_report(bus: Bus, family: str) -> Report | None:
    """The latest audit of a family, as far as it has come."""
    return await Snapshots(Bucket(bus.requests, SNAPSHOTS.name)).read(report_key(family), Report)


async def audited(
    operator: Operator, subject: Subject[Any], *, heal: bool, timeout_s: float
) -> AsyncIterator[Ticket | Run | Report]:
    """Asks for an audit: its ticket, its report whenever that has grown, and runs that have to be tried again.

    Ends when the report has ended. Raises TimeoutError: then it goes on by itself. Raises Stopped.
    """
    family = subject.defaults["entity_id"]
    deadline = asyncio.get_running_loop().time() + timeout_s
    event = msgspec.convert({"source": BY_HAND, "heal": heal, **subject.defaults}, AuditEvent)
    async for news in publish_and_follow(operator, subject, event, timeout_s=timeout_s):
        if isinstance(news, Ticket):
            yield news
            continue
        _refuse_dead(news.run)
        if not news.is_end:
            yield news.run
    # From the first piece's end on the report is this audit's: it has that piece's moment, by the worker's clock.
    async for grown in _growing(operator.bus, family, deadline):
        yield grown


async def _growing(bus: Bus, family: str, deadline: float) -> AsyncIterator[Run | Report]:
    before: Report | None = None
    waiting: Run | None = None
    while True:
        report = await last_report(bus, family)
        if report is None or (before is not None and report.begun_at != before.begun_at):
            raise Stopped(f"another audit of {family} has taken its place; --last shows that one")
        if report != before:
            yield report
        if report.ended_at:
            return
        before = report
        run = await last_run(bus, "Audit", family)
        if run is not None and run != waiting:
            _refuse_dead(run)
            if run.record.outcome in ("retry", "halt"):
                yield run
            waiting = run
        if asyncio.get_running_loop().time() >= deadline:
            raise TimeoutError
        await asyncio.sleep(_LOOK_S)


def _refuse_dead(run: Run) -> None:
    if run.record.outcome == "dead":
        raise Stopped(f"a piece of it is a dead letter ({run.record.reason}); `hub dead ls` has it")
