"""Schedules: when they fire next, what came of the last time; fire now, pause, resume."""

import uuid
from datetime import datetime

import msgspec

from console.desk.cron_time import next_run
from console.desk.deeds import Operator
from console.desk.events import Ticket, publish
from console.desk.history import last_run
from console.desk.identity import BY_HAND, subject_named
from console.desk.reading import Message, forward, last
from shared.contracts.envelope import MSG_ID
from shared.contracts.topology import STREAMS
from shared.outcomes.errors import Malformed
from shared.runtime.bus import Bus
from shared.runtime.dead_letter import as_they_were
from shared.runtime.schedule import PAUSED

PAUSED_ZONE = "Hub-Paused-Zone"
"""Beside PAUSED: a paused definition says in both what it was."""
_NEVER = "@at 2199-01-01T00:00:00Z"
_EXPRESSION = "Nats-Schedule"
_TARGET = "Nats-Schedule-Target"
_ZONE = "Nats-Schedule-Time-Zone"


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A cron definition as it lies at the broker."""

    name: str
    """`vmh.cron.<job>`"""
    stream: str
    expression: str
    timezone: str
    target: str
    is_paused: bool
    next_at: datetime | None
    last_at: datetime | None
    """When its target was last published, by it or by anybody."""
    last_outcome: str
    last_reason: str

    @property
    def job(self) -> str:
        """The last part of its name."""
        return self.name.rpartition(".")[2]


async def schedules(bus: Bus, *, now: datetime) -> list[Schedule]:
    """All that are defined."""
    found: list[Schedule] = []
    for stream in STREAMS:
        if stream.schedules:
            subject = f"{stream.subjects[0].partition('.')[0]}.cron.>"
            definitions = {message.subject: message async for message in forward(bus, stream.name, subject=subject)}
            found += [await _schedule(bus, one, now) for one in definitions.values() if _EXPRESSION in one.headers]
    return sorted(found, key=lambda one: one.name)


async def schedule(bus: Bus, name: str, *, now: datetime) -> Schedule | None:
    """One, by its name or the last part of it."""
    found = [one for one in await schedules(bus, now=now) if name in (one.name, one.job)]
    return found[0] if len(found) == 1 else None


async def trigger(operator: Operator, one: Schedule) -> Ticket:
    """Publishes its target now. Raises ValueError where the hub has no such subject."""
    subject = subject_named(one.target)
    if subject is None:
        raise ValueError(f"{one.target} is no subject of the hub")
    try:
        event = subject.decode(b"{}")
    except Malformed as wrong:
        raise ValueError(f"{one.target} cannot be published: {wrong.reason}") from None
    await operator.record("trigger", one.name)
    return await publish(operator, subject, msgspec.structs.replace(event, source=BY_HAND))


async def pause(operator: Operator, one: Schedule) -> None:
    """Replaces the definition by one that does not fire and remembers what it was. Raises Unavailable."""
    await operator.record("pause", one.name)
    headers = {_EXPRESSION: _NEVER, _TARGET: one.target, PAUSED: one.expression, PAUSED_ZONE: one.timezone}
    await _define(operator, one, headers)


async def resume(operator: Operator, one: Schedule) -> None:
    """Puts back the definition that was paused. Raises Unavailable."""
    await operator.record("resume", one.name)
    await _define(operator, one, {_EXPRESSION: one.expression, _TARGET: one.target, _ZONE: one.timezone})


async def _define(operator: Operator, one: Schedule, headers: dict[str, str]) -> None:
    present = await last(operator.bus, one.stream, one.name)
    kept = as_they_were(present.headers) if present is not None else {}
    kept = {name: value for name, value in kept.items() if name not in (PAUSED, PAUSED_ZONE)}
    # It must outlive the stream's max_age: a definition that is gone fires no more.
    told = kept | {name: value for name, value in headers.items() if value} | {"Nats-TTL": "never"}
    body = present.body if present is not None else b"{}"
    await operator.publisher.store(one.name, body, told | {MSG_ID: f"cron:{uuid.uuid4()}"})


async def _schedule(bus: Bus, definition: Message, now: datetime) -> Schedule:
    headers = definition.headers
    is_paused = PAUSED in headers
    expression = headers[PAUSED] if is_paused else headers[_EXPRESSION]
    timezone = headers.get(PAUSED_ZONE if is_paused else _ZONE, "")
    target = headers.get(_TARGET, "")
    fired = await last(bus, definition.stream, target) if target else None
    outcome, reason = await _outcome(bus, target)
    return Schedule(
        name=definition.subject,
        stream=definition.stream,
        expression=expression,
        timezone=timezone,
        target=target,
        is_paused=is_paused,
        next_at=None if is_paused else next_run(expression, timezone, after=now),
        last_at=fired.at if fired is not None else None,
        last_outcome=outcome,
        last_reason=reason,
    )


async def _outcome(bus: Bus, target: str) -> tuple[str, str]:
    """Of the last run of what a target is about."""
    subject = subject_named(target)
    if subject is None:
        return "", ""
    try:
        event = subject.decode(b"{}")
    except Malformed:
        return "", ""
    run = await last_run(bus, event.entity_type, event.entity_id)
    return (run.record.outcome, run.record.reason) if run is not None else ("", "")
