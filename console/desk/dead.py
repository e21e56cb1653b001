"""Dead letters: a page of them, one of them, and publishing again or dropping one or many."""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from console.desk import names
from console.desk.deeds import Operator
from console.desk.identity import identity_of
from console.desk.reading import Message, at_or_after, count, ends, forward, newest, one
from shared.contracts.envelope import ATTEMPTS, REPLAY_OF, TRACEPARENT, event_id_of
from shared.contracts.topology import DEAD
from shared.runtime.bus import ApiError, Bus
from shared.runtime.dead_letter import ERROR, REASON, SEQUENCE, STREAM, SUBJECT, DeadLetters

_PREFIX = f"{DEAD.name.lower()}."
_NO_MESSAGE = (10037, 10043, 10057)
_KNOWN = ("ce-", "hub-", "nats-", "traceparent")


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which letters are meant. An empty one means all."""

    subject: str = ""
    """The event's own, with wildcards: `vmh.document.*`."""
    kind: str = ""
    reason: str = ""
    """Stands somewhere in the reason."""
    newer: datetime | None = None
    older: datetime | None = None

    def words(self) -> str:
        """For the audit."""
        parts = {"subject": self.subject, "kind": self.kind, "newer": self.newer, "older": self.older}
        said = [f"{name}={value}" for name, value in parts.items() if value]
        return " ".join([*said, *(["reason=…"] if self.reason else [])]) or "all"


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter without its body: ids, counts, names."""

    sequence: int
    at: datetime
    subject: str
    entity_type: str
    entity_id: str
    kind: str
    reason: str
    attempts: int
    event_id: str
    from_stream: str
    from_sequence: int
    trace_id: str
    replay_of: str
    size_bytes: int
    other_headers: list[str]
    """Names of headers that are not the hub's."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Letters, newest first. `total` is how many lie in the stream on these subjects, whatever else is asked for."""

    letters: list[Letter]
    total: int


def letter_of(message: Message) -> Letter:
    """Reads one; what is missing stays empty."""
    headers = message.headers
    subject = original_subject(message)
    who = identity_of(subject, message.body)
    trace = headers.get(TRACEPARENT, "").split("-")
    return Letter(
        sequence=message.sequence,
        at=message.at,
        subject=subject,
        entity_type=who.entity_type,
        entity_id=who.entity_id,
        kind=headers.get(ERROR, ""),
        reason=headers.get(REASON, ""),
        attempts=_number(headers.get(ATTEMPTS)),
        event_id=event_id_of(headers, f"{headers.get(STREAM, '')}-{headers.get(SEQUENCE, '')}"),
        from_stream=headers.get(STREAM, ""),
        from_sequence=_number(headers.get(SEQUENCE)),
        trace_id=trace[1] if len(trace) == 4 else "",
        replay_of=headers.get(REPLAY_OF, ""),
        size_bytes=len(message.body),
        other_headers=sorted(name for name in headers if not name.lower().startswith(_KNOWN)),
    )


def original_subject(message: Message) -> str:
    """Where the event came from, and where it goes again."""
    return message.headers.get(SUBJECT) or message.subject.removeprefix(_PREFIX)


async def page(bus: Bus, filters: Filters, *, wanted: int, before: int | None = None) -> Page:
    """The newest letters that pass, older than sequence `before`. Raises BadName."""
    found = await newest(
        bus,
        DEAD.name,
        wanted=wanted,
        subject=_subject(filters),
        before=await _before(bus, filters, before),
        since=filters.newer,
        keep=lambda message: _passes(filters, message),
    )
    total = await count(bus, DEAD.name, subject=_subject(filters))
    return Page(letters=[letter_of(message) for message in found], total=total)


async def show(bus: Bus, sequence: int) -> Letter | None:
    """One letter."""
    message = await one(bus, DEAD.name, sequence)
    return None if message is None else letter_of(message)


async def matching(bus: Bus, filters: Filters, *, up_to: int | None = None) -> AsyncIterator[Message]:
    """All letters that pass, oldest first; those that come meanwhile are left out by `up_to`."""
    start = 1
    if filters.newer is not None:
        found = await at_or_after(bus, DEAD.name, filters.newer)
        if found is None:
            return
        start = found
    before = await _before(bus, filters, None)
    if before is not None:
        up_to = before - 1 if up_to is None else min(up_to, before - 1)
    async for message in forward(bus, DEAD.name, start=start, up_to=up_to, subject=_subject(filters)):
        if _passes(filters, message):
            yield message


async def sequences(bus: Bus, filters: Filters) -> list[int]:
    """Of all letters that pass, oldest first."""
    _, up_to = await ends(bus, DEAD.name)
    return [message.sequence async for message in matching(bus, filters, up_to=up_to)]


async def replay(operator: Operator, sequence: int, *, run: str) -> bool:
    """Publishes a letter's event again: same event id, new message id, a fresh count. False where the letter is gone.

    Twice in one `run` is once. Raises Unavailable when JetStream did not store it.
    """
    message = await one(operator.bus, DEAD.name, sequence)
    if message is None:
        return False
    replay_id = f"{run}:{DEAD.name}:{sequence}"
    await DeadLetters(operator.publisher).replay(
        original_subject(message), message.body, message.headers, replay_id=replay_id
    )
    return True


async def drop(operator: Operator, sequence: int) -> bool:
    """Removes exactly this letter; False where it is gone already."""
    try:
        await operator.bus.api(f"STREAM.MSG.DELETE.{DEAD.name}", {"seq": sequence, "no_erase": True})
    except ApiError as refused:
        if refused.code not in _NO_MESSAGE:
            raise
        return False
    return True


def _subject(filters: Filters) -> str:
    return f"{_PREFIX}{names.subject(filters.subject)}" if filters.subject else ">"


async def _before(bus: Bus, filters: Filters, before: int | None) -> int | None:
    if filters.older is None:
        return before
    first_newer = await at_or_after(bus, DEAD.name, filters.older)
    if first_newer is None or before is None:
        return before if first_newer is None else first_newer
    return min(before, first_newer)


def _passes(filters: Filters, message: Message) -> bool:
    headers = message.headers
    if filters.kind and headers.get(ERROR, "").lower() != filters.kind.lower():
        return False
    return filters.reason.lower() in headers.get(REASON, "").lower()


def _number(header: str | None) -> int:
    return int(header) if header and header.isascii() and header.isdecimal() and len(header) < 16 else 0
