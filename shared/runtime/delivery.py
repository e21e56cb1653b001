"""One delivery from message to settlement: earlier attempts, lock, handler, and what its ending means."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import msgspec

from shared.contracts.envelope import event_time_of
from shared.outcomes.errors import Busy, Crashed, HubError, Retry, Unavailable
from shared.outcomes.outcome import Outcome
from shared.outcomes.settle import (
    CRASHES_MAX,
    SUSPECT_AFTER_CRASHES,
    Attempts,
    Bury,
    Later,
    Nak,
    Settlement,
    Stop,
    settle,
)
from shared.runtime.acknowledge import acknowledge, nak
from shared.runtime.desk import Delivery, Desk
from shared.runtime.lineage import lineage
from shared.runtime.report import Ended, metric_reason, report, word_for
from shared.runtime.route import D
from shared.telemetry.attributes import Attribute, Value, processing
from shared.telemetry.run import Run, enter_run, leave_run
from shared.telemetry.traces import Span, exemplar, note

_log = logging.getLogger(__name__)

_SHOWN_AFTER_FAILURES = 3
"""A vendor's hiccup is not shown to lawyers; the third failure in a row is."""


async def deliver(desk: Desk, delivery: Delivery[D], deps: D) -> Settlement:
    """Works on one delivery to its end and says how it ended. Raises nothing but cancellation."""
    envelope = delivery.envelope
    position = delivery.position
    started = desk.clock.monotonic()
    run = Run(event_id=envelope.event_id, run_id=f"{desk.holder}.{position.sequence}.{position.delivered}")
    token = enter_run(run)
    try:
        with _span(desk, delivery) as span:
            run.trace_id = span.trace.trace_id
            attempts = await _attempts(desk, delivery)
            result, settlement = await _under_lock(desk, delivery, deps, run, attempts)
            outcome, reason = word_for(result, settlement)
            ended = Ended(
                outcome=outcome,
                reason=reason,
                attempt=attempts.failures + 1,
                seconds=desk.clock.monotonic() - started,
                result=result,
                settlement=settlement,
            )
            _tell(span, ended)
            report(desk, delivery, run, ended)
            return settlement
    finally:
        leave_run(token)


def _span(desk: Desk, delivery: Delivery[D]) -> Span:
    """By the conventions for messaging, with our own words for the entity; linked to all events that it does."""
    envelope, position = delivery.envelope, delivery.position
    name = envelope.subject.name
    parent, links = lineage(
        envelope,
        delivery.message.headers or {},
        delivered=position.delivered,
        age_s=_age_s(desk, delivery) if position.delivered > 1 else None,
    )
    if delivery.coalesced_traces:
        links = (*links, *delivery.coalesced_traces)
    span = desk.tracer.span(f"process {name}", kind="consumer", parent=parent, links=links, attributes=processing(name))
    if span.recording:
        span.add(
            {
                "messaging.destination.subscription.name": position.stream,
                "messaging.consumer.group.name": desk.consumer,
                "messaging.message.id": envelope.event_id,
                "messaging.message.body.size": len(delivery.message.data),
                "messaging.nats.stream.sequence": position.sequence,
                "messaging.nats.message.delivery_count": position.delivered,
                "hub.entity_type": envelope.event.entity_type,
                "hub.entity_id": envelope.event.entity_id,
                "hub.coalesced": delivery.coalesced,
            }
        )
    return span


def _tell(span: Span, ended: Ended) -> None:
    if isinstance(ended.result, BaseException) and not isinstance(ended.result, Busy):  # handing back is no failure
        span.fail(type(ended.result).__name__)
    if span.recording:
        span.add(
            {"hub.outcome": ended.outcome, "hub.reason": metric_reason(ended.result), "hub.attempt": ended.attempt}
        )


def _age_s(desk: Desk, delivery: Delivery[D]) -> float | None:
    """Since the event was accepted, if its headers say when."""
    accepted_at = event_time_of(delivery.message.headers or {})
    return max(0.0, (desk.clock.now() - accepted_at).total_seconds()) if accepted_at is not None else None


async def _attempts(desk: Desk, delivery: Delivery[D]) -> Attempts:
    position = delivery.position
    try:
        return await desk.attempts.read(
            position.stream,
            position.sequence,
            delivered=position.delivered,
            failures_before=delivery.envelope.failures,
        )
    except Unavailable:
        return Attempts(failures=delivery.envelope.failures)


async def _under_lock(
    desk: Desk, delivery: Delivery[D], deps: D, run: Run, attempts: Attempts
) -> tuple[Outcome | BaseException, Settlement]:
    """Acquires, runs, settles, releases. The broker hears the ending before the next run of this entity can begin."""
    watch = _Watch(desk.lock_ttl_s)
    try:
        lease = await desk.locks.acquire(delivery.lane, run=run.run_id, on_lost=watch.lost)
    except Unavailable as failed:
        return failed, await _close(desk, delivery, failed, attempts)
    if lease is None:
        desk.metrics.locks_busy.inc()
        busy = Busy("another replica works on this entity")
        return busy, await _close(desk, delivery, busy, attempts)
    run.fence = lease.fence
    waited_s = desk.clock.monotonic() - delivery.received_at
    desk.metrics.lock_wait_seconds.observe(waited_s)
    note("lock", {"hub.lock_wait_s": waited_s})
    try:
        return await _run_and_close(desk, delivery, deps, attempts, watch)
    except asyncio.CancelledError:
        await nak(delivery.message, 0.5)  # the service is stopping and this run was too long for its grace period
        raise
    finally:
        await desk.locks.release(lease)


async def _run_and_close(
    desk: Desk, delivery: Delivery[D], deps: D, attempts: Attempts, watch: "_Watch"
) -> tuple[Outcome | BaseException, Settlement]:
    age_s = _age_s(desk, delivery)
    if age_s is not None:
        desk.metrics.event_age_seconds.labels(delivery.envelope.subject.name).observe(age_s, exemplar())
    # When a worker dies, all its runs are under suspicion. From some deaths on they run one after the other, so that
    # the one that kills is found and does not take the others along.
    async with desk.suspects if attempts.crashes >= SUSPECT_AFTER_CRASHES else contextlib.nullcontext():
        await _note_begin(desk, delivery, attempts)
        if attempts.crashes >= CRASHES_MAX:
            result: Outcome | BaseException = Crashed(f"the worker died {attempts.crashes} times over this event")
        else:
            result = await _result(desk, delivery, deps, watch)
    return result, await _close(desk, delivery, result, attempts, show=lambda failed: _show(delivery, deps, failed))


async def _note_begin(desk: Desk, delivery: Delivery[D], attempts: Attempts) -> None:
    """Counts a run of a redelivered message as a crash until it has ended; a first delivery costs nothing."""
    position = delivery.position
    if position.delivered > 1:
        begun = msgspec.structs.replace(attempts, crashes=attempts.crashes + 1)
        with contextlib.suppress(Unavailable):
            await desk.attempts.write(position.stream, position.sequence, begun)


async def _result(desk: Desk, delivery: Delivery[D], deps: D, watch: "_Watch") -> Outcome | BaseException:
    """Calls the handler, bounded by the lock; whatever it raises is a result."""
    try:
        async with watch.scope():
            outcome: Outcome = await delivery.route.handler(delivery.envelope.event, deps)
            return outcome
    except TimeoutError as failed:
        if watch.is_lost:
            desk.metrics.locks_lost.inc()
            return Busy("lost the lock")
        return Unavailable(f"the run took longer than {desk.lock_ttl_s:.0f} s") if watch.expired else failed
    except Exception as failed:
        return failed


class _Watch:
    """Ends a run when its time or its lock is over."""

    def __init__(self, ttl_s: float) -> None:
        self._ttl_s = ttl_s
        self._scope: asyncio.Timeout | None = None
        self.is_lost = False

    def scope(self) -> asyncio.Timeout:
        self._scope = asyncio.timeout(0 if self.is_lost else self._ttl_s)
        return self._scope

    def lost(self) -> None:
        self.is_lost = True
        if self._scope is not None:
            # The handler may have come to its end already: then there is nothing left to stop.
            with contextlib.suppress(RuntimeError):
                self._scope.reschedule(asyncio.get_running_loop().time())

    @property
    def expired(self) -> bool:
        return self._scope is not None and self._scope.expired()


async def _close(
    desk: Desk,
    delivery: Delivery[D],
    result: Outcome | BaseException,
    attempts: Attempts,
    *,
    show: Callable[[BaseException], Awaitable[None]] | None = None,
) -> Settlement:
    """Decides the settlement, shows a failure to people, tells the broker."""
    settlement = settle(result, attempts, desk.dice.random())
    if show is not None and isinstance(result, BaseException) and _worth_showing(result, attempts, settlement):
        await show(result)
    try:
        await acknowledge(desk, delivery, result, attempts, settlement)
    except Unavailable as failed:
        # What should have been stored first was not, so the message must come again.
        _log.warning("could not settle, the event comes again", extra={"reason": failed.reason})
        settlement = Nak(30.0)
        await nak(delivery.message, settlement.delay_s)
    _note_settlement(settlement)
    return settlement


def _note_settlement(settlement: Settlement) -> None:
    told: dict[Attribute, Value] = {"hub.settlement": type(settlement).__name__.lower()}
    if isinstance(settlement, Nak | Later | Stop):
        told["hub.delay_s"] = settlement.delay_s
    note("settle", told)


def _worth_showing(result: BaseException, attempts: Attempts, settlement: Settlement) -> bool:
    if isinstance(result, Busy) or isinstance(settlement, Stop):
        return False
    return (
        isinstance(settlement, Bury)
        or not isinstance(result, Retry)
        or (attempts.failures + 1 >= _SHOWN_AFTER_FAILURES)
    )


async def _show(delivery: Delivery[D], deps: D, failed: BaseException) -> None:
    route = delivery.route
    if route.failed is None:
        return
    error = failed if isinstance(failed, HubError) else HubError("an error in the hub; see its log")
    try:
        async with asyncio.timeout(30):
            await route.failed(delivery.envelope.event, deps, error)
    except Exception as also:
        _log.warning("the failure could not be shown", extra={"error": type(also).__name__})
