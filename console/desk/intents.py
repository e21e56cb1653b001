"""Open intents of the journal: writes of which nobody knows yet whether they were done."""

from datetime import datetime

import msgspec

from console.desk.reading import forward
from shared.contracts.keys import key, segments_of
from shared.contracts.topology import IDEMPOTENCY
from shared.runtime.bus import Bus
from shared.state.idempotency import Row

_PREFIX = f"$KV.{IDEMPOTENCY.name}."


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A write that was begun. Its marker is left out: it may be made of what the record says."""

    key: str
    step: str
    entity_type: str
    entity_id: str
    effect: str
    since: datetime
    sent_at: datetime
    run: str
    generation: int


async def intents(bus: Bus, *, entity_type: str | None = None, entity_id: str | None = None) -> list[Intent]:
    """All that are open, oldest first; of one entity type, or of one record. Reads the whole journal."""
    subject = ">"
    if entity_type:
        subject = f"{_PREFIX}*.{key(entity_type)}.{key(entity_id) if entity_id else '*'}.>"
    found: list[Intent] = []
    async for message in forward(bus, f"KV_{IDEMPOTENCY.name}", subject=subject):
        intent = _intent(message.subject.removeprefix(_PREFIX), message.body)
        if intent is not None:
            found.append(intent)
    return sorted(found, key=lambda one: one.since)


def _intent(name: str, body: bytes) -> Intent | None:
    try:
        row = msgspec.json.decode(body, type=Row)
        step, entity_type, entity_id, effect, *_ = segments_of(name)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        return None  # a count of attempts, or a marker of `nats kv del`
    if row.state != "open":
        return None
    return Intent(
        key=name,
        step=step,
        entity_type=entity_type,
        entity_id=entity_id,
        effect=effect,
        since=row.since,
        sent_at=row.sent_at,
        run=row.run,
        generation=row.generation,
    )
