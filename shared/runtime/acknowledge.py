"""The one place that acks, naks and terms. What must survive is stored before the broker is told."""

import json
import logging
from datetime import timedelta

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from shared.contracts.envelope import ATTEMPTS
from shared.outcomes.errors import Busy, Halt, HubError, RateLimited
from shared.outcomes.outcome import Done, Outcome, Skip
from shared.outcomes.settle import Ack, Attempts, Bury, Later, Nak, Settlement, Stop
from shared.runtime.dead_letter import letter_of
from shared.runtime.desk import Delivery, Desk
from shared.runtime.route import D
from shared.telemetry.traces import exemplar

_log = logging.getLogger(__name__)


async def acknowledge(
    desk: Desk,
    delivery: Delivery[D],
    result: Outcome | BaseException,
    attempts: Attempts,
    settlement: Settlement,
) -> None:
    """Tells the broker. Raises Unavailable when something that must be stored first could not be."""
    message, position = delivery.message, delivery.position
    counted = _count(result, attempts)
    match settlement:
        case Ack():
            await ack(message)
        case Nak() | Stop():
            await desk.attempts.write(position.stream, position.sequence, counted)
            await nak(message, settlement.delay_s)
        case Later():
            await desk.schedules.publish_later(
                message.subject,
                message.data,
                {**(message.headers or {}), "ce-id": delivery.envelope.event_id, ATTEMPTS: str(counted.failures)},
                at=desk.clock.now() + timedelta(seconds=settlement.delay_s),
                retry_subject=desk.retry_subject,
                # By its place and not by its event id: an event may be put off again and again, and ids are the
                # publisher's business.
                once=f"{position.stream}-{position.sequence}-{position.delivered}",
            )
            await ack(message)
        case Bury():
            letter = letter_of(
                message,
                position,
                consumer=desk.consumer,
                kind=settlement.kind,
                reason=settlement.reason,
                attempts=counted.failures,
            )
            await desk.dead_letters.store(letter)
            desk.metrics.dead_letters.labels(message.subject, settlement.kind).inc(exemplar=exemplar())
            await term(message, settlement.reason)


async def ack(message: Msg) -> None:
    """Finished with this message."""
    await _answer(message, b"+ACK")


async def nak(message: Msg, delay_s: float) -> None:
    """Deliver again after `delay_s`. Never without a delay, which would be a tight loop."""
    await _answer(message, b"-NAK " + json.dumps({"delay": int(delay_s * 1e9)}).encode())


async def in_progress(message: Msg) -> None:
    """Still at it: the broker's ack_wait starts over."""
    await _answer(message, b"+WPI")


async def term(message: Msg, reason: str) -> None:
    """Never deliver again; the reason goes into the broker's advisory."""
    await _answer(message, b"+TERM " + reason.encode())


async def _answer(message: Msg, verb: bytes) -> None:
    """Never raises: a verb that does not arrive means that the message comes again, which every handler bears."""
    try:
        await message._client.publish(message.reply, verb)  # noqa: SLF001 - Msg.ack() and friends lack the reason
    except (NatsError, OSError) as failed:
        _log.warning("the broker was not told", extra={"error": type(failed).__name__})


def _count(result: Outcome | BaseException, before: Attempts) -> Attempts:
    if isinstance(result, Busy | RateLimited | Halt):
        return msgspec.structs.replace(before, handed_back=before.handed_back + 1)
    is_bug = not isinstance(result, (HubError, Done, Skip))
    return msgspec.structs.replace(before, failures=before.failures + 1, bugs=before.bugs + is_bug)
