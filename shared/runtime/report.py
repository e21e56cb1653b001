"""What the hub says of a delivery that has ended: metrics, the history record, the canonical log line."""

import logging

from shared.outcomes.errors import Busy, HubError
from shared.outcomes.outcome import Done, Outcome, Skip
from shared.outcomes.settle import Ack, Attempts, Bury, Settlement, Stop
from shared.runtime.desk import Delivery, Desk
from shared.runtime.history import Record
from shared.runtime.route import D
from shared.telemetry.run import Run

_log = logging.getLogger(__name__)


def report(
    desk: Desk,
    delivery: Delivery[D],
    run: Run,
    attempts: Attempts,
    result: Outcome | BaseException,
    settlement: Settlement,
    *,
    seconds: float,
) -> None:
    """Metrics, the history record and the canonical log line."""
    envelope, event = delivery.envelope, delivery.envelope.event
    outcome, reason = word_for(result, settlement)
    attempt = attempts.failures + 1
    desk.metrics.deliveries.labels(envelope.subject.name, outcome, metric_reason(result)).inc()
    desk.metrics.delivery_seconds.labels(envelope.subject.name).observe(seconds)
    if not isinstance(result, Busy):
        record = Record(
            at=desk.clock.now().isoformat(timespec="milliseconds"),
            event_id=envelope.event_id,
            subject=envelope.subject.name,
            outcome=outcome,
            reason=reason,
            attempt=attempt,
            source=event.source,
            plan=dict(result.plan) if isinstance(result, Done) else {},
            calls=run.calls,
            coalesced=delivery.coalesced,
            coalesced_ids=delivery.coalesced_ids,
            duration_ms=round(seconds * 1000, 1),
            trace_id=run.trace_id,
            worker=desk.holder,
            replay_of=envelope.replay_of,
        )
        position = delivery.position
        once = f"{desk.consumer}:{position.stream}:{position.sequence}:{position.delivered}"
        desk.history.add(event.entity_type, event.entity_id, record, once=once)
    is_bug = isinstance(result, BaseException) and not isinstance(result, HubError)
    _log.log(
        _level(settlement),
        "delivery",
        extra={
            "subject": envelope.subject.name,
            "entity_type": event.entity_type,
            "entity_id": event.entity_id,
            "outcome": outcome,
            "reason": reason,
            "attempt": attempt,
            "coalesced": delivery.coalesced,
            "duration_ms": round(seconds * 1000, 1),
            "calls": len(run.calls),
            "vendor_ms": round(sum(call.ms for call in run.calls), 1),
        },
        exc_info=result if is_bug and isinstance(result, Exception) else None,
    )


def _level(settlement: Settlement) -> int:
    if isinstance(settlement, Ack):
        return logging.INFO
    return logging.ERROR if isinstance(settlement, Bury | Stop) else logging.WARNING


def word_for(result: Outcome | BaseException, settlement: Settlement) -> tuple[str, str]:
    """Outcome and reason as history and log have them."""
    if isinstance(result, Done):
        return "done", result.reason
    if isinstance(result, Skip):
        return "skip", result.reason
    reason = result.reason if isinstance(result, HubError) else type(result).__name__
    match settlement:
        case Bury():
            return "dead", f"{settlement.kind}: {settlement.reason}"
        case Stop():
            return "halt", f"{settlement.kind}: {reason}"
        case _:
            return "retry", f"{type(result).__name__}: {reason}"


def metric_reason(result: Outcome | BaseException) -> str:
    """A reason from a bounded list: the typed reasons and the names of errors."""
    return str(result.reason) if isinstance(result, Done | Skip) else type(result).__name__
