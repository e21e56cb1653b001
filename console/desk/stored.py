"""Stored events published again: rate-limited by the caller, each event once, with new message ids."""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from console.desk import names
from console.desk.deeds import Operator
from console.desk.identity import Identity, identity_of, subject_named
from console.desk.reading import Message, at_or_after, ends, forward
from shared.contracts.envelope import REPLAY_OF, event_id_of
from shared.contracts.topology import STREAMS
from shared.runtime.bus import Bus
from shared.runtime.dead_letter import DeadLetters

_EVENTS = tuple(stream for stream in STREAMS if stream.schedules)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which stored events: on these subjects, from `since` until `until`."""

    subject: str
    since: datetime
    until: datetime | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An event that would be published again."""

    message: Message
    event_id: str
    who: Identity


def stream_of(subject: str) -> str | None:
    """Which stream keeps such events. The first token must be plain."""
    family = subject.partition(".")[0]
    return next((stream.name for stream in _EVENTS if f"{family}.>" in stream.subjects), None)


async def found(bus: Bus, wanted: Wanted, *, up_to: int | None = None) -> AsyncIterator[Found]:
    """In order, each event id once: a retry or a replay of an event that is among them is the same event.

    Definitions of schedules and events put off are no events. Raises BadName where no stream keeps the subject.
    """
    stream = stream_of(wanted.subject)
    names.subject(wanted.subject)
    if stream is None:
        families = ", ".join(subject for one in _EVENTS for subject in one.subjects)
        raise names.BadName(f"no stream keeps {wanted.subject}: it must begin like one of {families}")
    if up_to is None:
        _, up_to = await ends(bus, stream)
    start = await at_or_after(bus, stream, wanted.since)
    if start is None:
        return
    seen: set[str] = set()
    async for message in forward(bus, stream, start=start, up_to=up_to, subject=wanted.subject):
        if wanted.until is not None and message.at > wanted.until:
            return
        event_id = event_id_of(message.headers, f"{stream}-{message.sequence}")
        if subject_named(message.subject) is None or "Nats-Schedule" in message.headers:
            continue
        if seen.isdisjoint({event_id, message.headers.get(REPLAY_OF, event_id)}):
            yield Found(message=message, event_id=event_id, who=identity_of(message.subject, message.body))
        seen.add(event_id)


async def publish_again(operator: Operator, one: Found, *, run: str) -> None:
    """Twice in one `run` is once. Raises Unavailable when JetStream did not store it."""
    message = one.message
    headers = message.headers | {"ce-id": one.event_id}
    replay_id = f"{run}:{message.stream}:{message.sequence}"
    await DeadLetters(operator.publisher).replay(message.subject, message.body, headers, replay_id=replay_id)
