"""An event with its id, time and trace, as NATS headers and body. The headers follow CloudEvents' NATS binding.

Source: https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/nats-protocol-binding.md
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Generic

import msgspec

from shared.clock import stamp
from shared.contracts.subjects import E, Subject

ATTEMPTS = "Hub-Attempts"
REPLAY_OF = "Hub-Replay-Of"
TRACEPARENT = "traceparent"
MSG_ID = "Nats-Msg-Id"


class Envelope(msgspec.Struct, Generic[E], frozen=True, kw_only=True):
    """One event as it lies on the bus."""

    subject: Subject[E]
    event: E
    event_id: str
    traceparent: str | None = None
    failures: int = 0
    """Tries before this message, when it is one that a schedule published again."""
    replay_of: str | None = None


def seal(
    subject: Subject[E], event: E, *, event_id: str, source: str, now: datetime, traceparent: str | None
) -> tuple[dict[str, str], bytes]:
    """Headers and body of a new event. `Nats-Msg-Id` guards our own publish retries and nothing else."""
    headers = {
        MSG_ID: event_id,
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-type": subject.name,
        "ce-source": f"/bitbylaw-hub/{source}",
        "ce-time": stamp(now),
    }
    if traceparent:
        headers[TRACEPARENT] = traceparent
    return headers, msgspec.json.encode(event)


def unseal(subject: Subject[E], headers: Mapping[str, str], body: bytes, *, position: str) -> Envelope[E]:
    """Reads a message from any client; no header is required.

    `position` (stream and sequence) names an event that has no id. Raises Malformed.
    """
    event = subject.decode(body)
    replay_of = headers.get(REPLAY_OF)
    return Envelope(
        subject=subject,
        event=msgspec.structs.replace(event, source="replay") if replay_of else event,
        event_id=event_id_of(headers, position),
        traceparent=headers.get(TRACEPARENT),
        failures=_count(headers.get(ATTEMPTS)),
        replay_of=replay_of,
    )


def event_id_of(headers: Mapping[str, str], position: str) -> str:
    """The event's own id, else the publisher's message id, else its place in the stream."""
    return headers.get("ce-id") or headers.get(MSG_ID) or position


def event_time_of(headers: Mapping[str, str]) -> datetime | None:
    """When the event was accepted, if its headers say so."""
    try:
        told = datetime.fromisoformat(headers["ce-time"])
    except (KeyError, ValueError):
        return None
    return told if told.tzinfo else None


def _count(header: str | None) -> int:
    return int(header) if header and header.isdecimal() and len(header) < 7 else 0
