"""A message that cannot be read: it goes to the dead letters at once, with the reason."""

import logging

from nats.aio.msg import Msg

from shared.contracts.envelope import TRACEPARENT, event_id_of
from shared.outcomes.errors import HubError, Unavailable
from shared.outcomes.settle import HALT_DELAY_S
from shared.runtime.acknowledge import nak, term
from shared.runtime.dead_letter import letter_of
from shared.runtime.desk import Desk
from shared.runtime.pull_loop import Position
from shared.telemetry.attributes import processing
from shared.telemetry.traces import exemplar, links_to

_log = logging.getLogger(__name__)


async def bury_unreadable(desk: Desk, message: Msg, position: Position, wrong: HubError) -> None:
    """A message that cannot be read has no entity, so no lane and no history: a dead letter, and nobody waits."""
    name, attributes = f"process {message.subject}", processing(message.subject)
    before = links_to((message.headers or {}).get(TRACEPARENT))
    parent = before[0] if before else None
    with desk.tracer.span(name, kind="consumer", parent=parent, links=before, attributes=attributes) as span:
        span.fail(type(wrong).__name__)
        await _bury(desk, message, position, wrong)


async def _bury(desk: Desk, message: Msg, position: Position, wrong: HubError) -> None:
    kind = type(wrong).__name__
    letter = letter_of(message, position, consumer=desk.consumer, kind=kind, reason=wrong.reason, attempts=1)
    try:
        await desk.dead_letters.store(letter)
    except Unavailable:
        await nak(message, HALT_DELAY_S)
        return
    await term(message, wrong.reason)
    desk.metrics.dead_letters.labels(message.subject, letter.kind).inc(exemplar=exemplar())
    desk.metrics.deliveries.labels(message.subject, "dead", letter.kind).inc()
    event_id = event_id_of(message.headers or {}, f"{position.stream}-{position.sequence}")
    _log.error(
        "delivery",
        extra={"subject": message.subject, "event_id": event_id, "outcome": "dead", "reason": wrong.reason},
    )
