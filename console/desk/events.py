"""An event that an operator asks for, and its end."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from console.desk.deeds import Operator
from console.desk.history import Coming, Run, following, runs
from console.desk.streams import hearers
from shared.contracts.subjects import Subject
from shared.runtime.bus import Bus
from shared.runtime.history import Record

_ENDS = ("done", "skip", "dead")
_LOOK_AFTER_S = 5.0


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """An event that JetStream has stored, and the services that will run it."""

    event_id: str
    subject: str
    published_at: datetime
    hearers: list[str]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the event. `waits_for` are services that have not ended it; nobody left means the end."""

    run: Run
    is_end: bool
    """Of its service."""
    waits_for: list[str]


async def publish(operator: Operator, subject: Subject[Any], event: Any) -> Ticket:
    """Returns once JetStream has stored it. Raises Unavailable."""
    heard_by = await hearers(operator.bus, subject.name)
    event_id = await operator.publisher.publish(subject, event)
    at = operator.clock.now()
    return Ticket(event_id=event_id, subject=subject.name, published_at=at, hearers=heard_by)


async def publish_and_follow(
    operator: Operator, subject: Subject[Any], event: Any, *, timeout_s: float
) -> AsyncIterator[Ticket | Told]:
    """The ticket, then each run of the event, until every service that hears it has ended it.

    Raises TimeoutError. A `halt` is no end: the event goes on when the consumer does.
    """
    entity = (event.entity_type or subject.defaults["entity_type"], event.entity_id)
    async with following(operator.bus, *entity) as coming:
        ticket = await publish(operator, subject, event)
        yield ticket
        waits_for = list(ticket.hearers)
        seen: list[Record] = []
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            for run in await _news(operator.bus, coming, entity, deadline):
                if run.record in seen or not stands_for(run.record, ticket):
                    continue
                seen.append(run.record)
                is_end = run.record.outcome in _ENDS
                waits_for = _without(waits_for, run.record.worker) if is_end else waits_for
                yield Told(run=run, is_end=is_end, waits_for=waits_for)
                if is_end and not waits_for:
                    return


async def _news(bus: Bus, coming: Coming, entity: tuple[str, str], deadline: float) -> list[Run]:
    """The next run; or, when none has come for a while, those that are stored: one may have been missed."""
    now = asyncio.get_running_loop().time()
    if now >= deadline:
        raise TimeoutError
    try:
        async with asyncio.timeout_at(min(deadline, now + _LOOK_AFTER_S)):
            return [await anext(coming)]
    except TimeoutError:
        return await runs(bus, *entity)


def stands_for(record: Record, ticket: Ticket) -> bool:
    """Whether this run did the event's work: it was the event, or one that the event was coalesced with.

    A record names only the first twenty of those. Where it stands for more, a run that began after the event was
    stored has seen all that the event was about.
    """
    if ticket.event_id == record.event_id or ticket.event_id in record.coalesced_ids:
        return True
    if record.coalesced <= len(record.coalesced_ids) or record.subject != ticket.subject:
        return False
    try:
        ended_at = datetime.fromisoformat(record.at)
    except ValueError:
        return False
    began_at = (ended_at if ended_at.tzinfo else ended_at.replace(tzinfo=UTC)) - timedelta(
        milliseconds=record.duration_ms
    )
    return began_at > ticket.published_at


def _without(waits_for: Sequence[str], worker: str) -> list[str]:
    """`worker` is `<service>@<host>.<random>`. One that is not known ends it for all: better than to wait for ever."""
    service = worker.partition("@")[0]
    return [name for name in waits_for if name != service] if service in waits_for else []


def new_run() -> str:
    """Names one deed over many messages, so that a repeated publish is one message."""
    return secrets.token_hex(6)
