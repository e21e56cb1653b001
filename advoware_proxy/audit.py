"""Who wrote what to Advoware through the proxy: stored before the write is sent, and once more with its answer."""

import logging
import secrets
from typing import Literal

import msgspec

from advoware_proxy.plan import Forward
from shared.clock import Clock
from shared.contracts.envelope import MSG_ID
from shared.contracts.proxy import SERVICE, AuditRecord
from shared.outcomes.errors import Unavailable
from shared.runtime.publisher import Publisher

_log = logging.getLogger(__name__)


class Audit:
    """Writes the records. A write without one is not sent."""

    def __init__(self, publisher: Publisher, clock: Clock, *, worker: str) -> None:
        self._publisher = publisher
        self._clock = clock
        self._worker = worker

    async def sent(self, forward: Forward, caller: str, trace_id: str) -> AuditRecord:
        """Before the write. Raises Unavailable when it cannot be stored."""
        record = AuditRecord(
            id=secrets.token_hex(16),
            at=self._clock.now().isoformat(timespec="milliseconds"),
            step="sent",
            caller=caller,
            method=forward.method,
            endpoint=forward.name,
            trace_id=trace_id,
            worker=self._worker,
        )
        await self._store(record)
        return record

    async def answered(self, sent: AuditRecord, status: int | None) -> None:
        """After it; None: it never left us. A failure here is only logged, for the first record stands."""
        at = self._clock.now().isoformat(timespec="milliseconds")
        step: Literal["answered", "not_sent"] = "not_sent" if status is None else "answered"
        try:
            await self._store(msgspec.structs.replace(sent, at=at, step=step, status=status))
        except Unavailable as failed:
            _log.warning("audit record not completed", extra={"audit_id": sent.id, "reason": failed.reason})

    async def _store(self, record: AuditRecord) -> None:
        subject = f"audit.{SERVICE}.{record.method.lower()}"
        headers = {MSG_ID: f"audit:{record.id}:{record.step}"}
        await self._publisher.store(subject, msgspec.json.encode(record), headers)
