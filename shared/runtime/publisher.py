"""Publishing that knows whether JetStream has stored it: deadline, retry with the same message id.

nats-py's own: `publish_async` never finishes on a server error, `js.publish` does not retry 503 and costs three times
the CPU. Source: nats-py 2.16.0, nats/js/client.py.
"""

import asyncio
from collections.abc import Callable

import msgspec
from nats.errors import Error as NatsError
from prometheus_client import Counter

from shared.clock import Clock
from shared.contracts.envelope import MSG_ID, seal
from shared.contracts.subjects import E, Subject
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import Bus
from shared.runtime.header_lines import in_one_piece
from shared.telemetry.attributes import Attributes, sending
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Tracer, exemplar

_TRY_S = 1.0
_PAUSE_S = 0.1


class Overloaded(Unavailable):
    """More publishes are under way than this process may have in hand."""


class _Error(msgspec.Struct):
    err_code: int = 0
    description: str = ""


class _Ack(msgspec.Struct):
    stream: str = ""
    seq: int = 0
    error: _Error | None = None


_ACK = msgspec.json.Decoder(_Ack)


class _Known(msgspec.Struct, frozen=True):
    """What stays the same over all events of one subject."""

    span: str
    attributes: Attributes
    published: Counter
    failures: Counter


class Publisher:
    """Publishes to streams. One per process."""

    def __init__(
        self,
        bus: Bus,
        *,
        source: str,
        clock: Clock,
        tracer: Tracer,
        metrics: Metrics,
        new_id: Callable[[], str],
        in_flight_max: int = 512,
        deadline_s: float = 5.0,
    ) -> None:
        self._bus = bus
        self._source = source
        self._clock = clock
        self._tracer = tracer
        self._metrics = metrics
        self._known: dict[str, _Known] = {}
        self._new_id = new_id
        self._in_flight_max = in_flight_max
        self._deadline_s = deadline_s
        self._in_flight = 0
        metrics.publishes_in_flight.set_function(lambda: self._in_flight)

    async def publish(self, subject: Subject[E], event: E) -> str:
        """Returns the event's id once JetStream has stored it. Raises Unavailable (Overloaded) when it has not."""
        event_id = self._new_id()
        known = self._known.get(subject.name) or self._know(subject.name)
        with self._tracer.span(known.span, kind="producer", attributes=known.attributes) as span:
            headers, body = seal(
                subject,
                event,
                event_id=event_id,
                source=self._source,
                now=self._clock.now(),
                traceparent=span.trace.header(),
            )
            if span.recording:
                span.add({"messaging.message.id": event_id, "messaging.message.body.size": len(body)})
            try:
                sequence = await self.store(subject.name, body, in_one_piece(headers))
            except Unavailable:
                known.failures.inc(exemplar=exemplar())
                raise
            span.set("messaging.nats.stream.sequence", sequence)
        known.published.inc()
        return event_id

    def _know(self, subject: str) -> _Known:
        known = self._known[subject] = _Known(
            f"publish {subject}",
            sending(subject),
            self._metrics.events_published.labels(subject),
            self._metrics.publish_failures.labels(subject),
        )
        return known

    async def store(self, subject: str, body: bytes, headers: dict[str, str]) -> int:
        """Publishes raw; the sequence number it got. `Nats-Msg-Id` must be among the headers, or a retry may double."""
        if self._in_flight >= self._in_flight_max:
            raise Overloaded("too many events are waiting to be stored")
        assert MSG_ID in headers
        self._in_flight += 1
        try:
            return await self._until_stored(subject, body, headers)
        finally:
            self._in_flight -= 1

    async def _until_stored(self, subject: str, body: bytes, headers: dict[str, str]) -> int:
        deadline = self._clock.monotonic() + self._deadline_s
        while True:
            ack = await self._try(subject, body, headers)
            if ack is not None and ack.error is None and ack.stream:
                return ack.seq
            if ack is not None and ack.error is not None:
                raise Unavailable(f"JetStream did not store it: {ack.error.description}")
            self._bus.check_permitted(subject)
            if self._clock.monotonic() + _PAUSE_S >= deadline:
                raise Unavailable("JetStream did not answer in time")
            await asyncio.sleep(_PAUSE_S)

    async def _try(self, subject: str, body: bytes, headers: dict[str, str]) -> _Ack | None:
        """One attempt: the acknowledgement, or None when there was none (nobody listens, time-out)."""
        if not self._bus.connected:
            return None
        try:
            told = await self._bus.requests.request(subject, body, timeout_s=_TRY_S, headers=headers)
        except (NatsError, OSError):
            return None
        return _ACK.decode(told.data) if told.data else None
