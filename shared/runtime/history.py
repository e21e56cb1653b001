"""What became of each delivery, by entity: the answer to "what happened to this record, and why?"."""

import asyncio
import logging

import msgspec

from shared.contracts.envelope import MSG_ID
from shared.contracts.keys import key
from shared.outcomes.errors import Unavailable
from shared.runtime.publisher import Publisher
from shared.telemetry.metrics import Metrics
from shared.telemetry.run import Call

_log = logging.getLogger(__name__)


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of an entity's story. Ids, counts, names; no values."""

    at: str
    event_id: str
    subject: str
    outcome: str
    """`done`, `skip`, `retry`, `dead` or `halt`."""
    reason: str
    attempt: int = 1
    source: str = ""
    plan: dict[str, int] = {}
    calls: list[Call] = []
    coalesced: int = 0
    """Equal events that this run stands for. They get no record of their own, or a storm would push all others out."""
    coalesced_ids: list[str] = []
    """The first twenty of them."""
    duration_ms: float = 0.0
    trace_id: str = ""
    worker: str = ""
    replay_of: str | None = None


class History:
    """Writes records in the background: a delivery does not wait for its own record."""

    def __init__(self, publisher: Publisher, metrics: Metrics, tasks: asyncio.TaskGroup) -> None:
        self._publisher = publisher
        self._metrics = metrics
        self._tasks = tasks

    def add(self, entity_type: str, entity_id: str, record: Record, *, once: str) -> None:
        """Stores a record; `once` names this delivery, so that a repeated write is one record."""
        subject = f"history.{key(entity_type or 'Unknown', entity_id or 'unknown')}"
        self._tasks.create_task(self._store(subject, msgspec.json.encode(record), once))

    async def _store(self, subject: str, body: bytes, once: str) -> None:
        try:
            await self._publisher.store(subject, body, {MSG_ID: f"history:{once}"})
        except Unavailable as failed:
            self._metrics.history_lost.inc()
            _log.warning("history record not stored", extra={"reason": failed.reason})
