"""What the hub says of a delivery that has ended: metrics, the history record, the canonical log line."""

import logging

import msgspec

from shared.clock import stamp
from shared.outcomes.errors import Busy, HubError
from shared.outcomes.outcome import Done, Outcome, Skip
from shared.outcomes.settle import Ack, Bury, Settlement, Stop
from shared.runtime.desk import Delivery, Desk
from shared.runtime.history import Record
from shared.runtime.route import D
from shared.telemetry.run import Run
from shared.telemetry.traces import exemplar

_log = logging.getLogger(__name__)


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery's end, in the words that history, log and metrics share."""

    outcome: str
    reason: str
    attempt: int
    seconds: float
    result: Outcome | BaseException
    settlement: Settlement


def report(desk: Desk, delivery: Delivery[D], run: Run, ended: Ended) -> None:
    """Metrics, the history record and the canonical log line."""
    subject = delivery.envelope.subject.name
    desk.metrics.deliveries.labels(subject, ended.outcome, metric_reason(ended.result)).inc()
    desk.metrics.delivery_seconds.labels(subject).observe(ended.seconds, exemplar())
    if not isinstance(ended.result, Busy):  # giving back is not an ending, and may happen often
        _record(desk, delivery, run, ended)
    _line(delivery, run, ended)


def _record(desk: Desk, delivery: Delivery[D], run: Run, ended: Ended) -> None:
    envelope, position = delivery.envelope, delivery.position
    record = Record(
        at=stamp(desk.clock.now()),
        event_id=envelope.event_id,
        subject=envelope.subject.name,
        outcome=ended.outcome,
        reason=ended.reason,
        attempt=ended.attempt,
        source=envelope.event.source,
        plan=dict(ended.result.plan) if isinstance(ended.result, Done) else {},
        calls=run.calls,
        coalesced=delivery.coalesced,
        coalesced_ids=delivery.coalesced_ids,
        duration_ms=round(ended.seconds * 1000, 1),
        trace_id=run.trace_id,
        worker=desk.holder,
        replay_of=envelope.replay_of,
    )
    once = f"{desk.consumer}:{position.stream}:{position.sequence}:{position.delivered}"
    desk.history.add(envelope.event.entity_type, envelope.event.entity_id, record, once=once)


def _line(delivery: Delivery[D], run: Run, ended: Ended) -> None:
    event = delivery.envelope.event
    is_bug = isinstance(ended.result, Exception) and not isinstance(ended.result, HubError)
    _log.log(
        _level(ended.settlement),
        "delivery",
        extra={
            "subject": delivery.envelope.subject.name,
            "entity_type": event.entity_type,
            "entity_id": event.entity_id,
            "outcome": ended.outcome,
            "reason": ended.reason,
            "attempt": ended.attempt,
            "coalesced": delivery.coalesced,
            "duration_ms": round(ended.seconds * 1000, 1),
            "calls": len(run.calls),
            "vendor_ms": round(sum(call.ms for call in run.calls), 1),
        },
        exc_info=ended.result if is_bug and isinstance(ended.result, Exception) else None,
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
