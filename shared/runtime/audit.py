"""Comparing the sides of a whole family, piece by piece, without writing to any of them.

What differs is what the entity's own dry run would write: there is no second opinion beside the sync's. It is healed
by asking for that sync, and in no other way.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from shared.clock import Clock
from shared.contracts.audit import Drift, Report, report_key
from shared.contracts.events import AuditEvent
from shared.contracts.keys import key
from shared.contracts.subjects import Subject
from shared.outcomes.errors import NotFound, Terminal
from shared.outcomes.outcome import Done, Outcome, Skip
from shared.outcomes.reason import Reason
from shared.runtime.publisher import Publisher
from shared.state.snapshots import Snapshots

_TOGETHER = 8

Entity = tuple[str, str]
"""Type and id."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some entities of the family, and where the next ones begin; empty: there are none."""

    entities: Sequence[Entity]
    after: str = ""


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker brings along to have its entities compared."""

    name: str
    subject: Subject[AuditEvent]
    page: Callable[[str], Awaitable[Page]]
    """The entities after a place that an earlier page has named; "" is the beginning."""
    look: Callable[[Entity], Awaitable[tuple[Reason, list[str]]]]
    """The dry run."""
    ask: Callable[[Entity], Awaitable[None]]
    """Asks for the entity's ordinary sync."""


async def numbered_page(after: str, entity_type: str, ids: Callable[[int], Awaitable[list[str]]], *, size: int) -> Page:
    """The entities that `ids` lists from a number on, `size` of them unless these are the last.

    One that is deleted meanwhile may hide its neighbour until the next night.
    """
    offset = int(after or 0)
    found = await ids(offset)
    return Page(
        entities=[(entity_type, entity_id) for entity_id in found],
        after=str(offset + size) if len(found) == size else "",
    )


def audit_key(event: AuditEvent) -> str:
    """One audit of a family at a time."""
    return key("audit", event.entity_id)


def piece_of(event: AuditEvent) -> object:
    """Which piece of which audit an event is about."""
    return event.heal, event.begun_at, event.after


async def audit(
    event: AuditEvent, family: Family, *, snapshots: Snapshots, publisher: Publisher, clock: Clock
) -> Outcome:
    """One piece, and an event for the next. The report grows in the snapshots."""
    now = clock.now().isoformat(timespec="milliseconds")
    before: Report | None = Report(family=family.name, begun_at=now, heal=event.heal)
    if event.begun_at:
        before = await snapshots.read(report_key(family.name), Report)
        if before is None or (before.begun_at, before.after) != (event.begun_at, event.after):
            return Skip(Reason.AUDIT_OVERTAKEN)
    assert before is not None
    page = await family.page(event.after)
    drifts, unknown = await _compared(page.entities, family)
    if event.heal:
        for drift in drifts:
            await family.ask((drift.entity_type, drift.entity_id))
    if page.after:
        # First the event: twice it does no harm, but without it the audit would stand still.
        following = msgspec.structs.replace(event, after=page.after, begun_at=before.begun_at, source="audit")
        await publisher.publish(family.subject, following)
    report = before.with_piece(len(page.entities), unknown, drifts, after=page.after, now=now)
    await snapshots.write(report_key(family.name), report)
    counts = {"checked": len(page.entities), "drifting": len(drifts), "unknown": unknown}
    return Done(Reason.AUDITED, {name: count for name, count in counts.items() if count})


async def _compared(entities: Sequence[Entity], family: Family) -> tuple[list[Drift], int]:
    gate = asyncio.Semaphore(_TOGETHER)

    async def compare(entity: Entity) -> Drift | None:
        async with gate:
            reason, writes = await family.look(entity)
        if not writes:
            return None
        return Drift(entity_type=entity[0], entity_id=entity[1], reason=reason, writes=len(writes))

    found: list[Drift] = []
    unknown = 0
    for answer in await asyncio.gather(*(compare(entity) for entity in entities), return_exceptions=True):
        if isinstance(answer, Drift):
            found.append(answer)
        elif isinstance(answer, NotFound | Terminal):
            unknown += 1
        elif isinstance(answer, BaseException):
            raise answer
    return found, unknown
