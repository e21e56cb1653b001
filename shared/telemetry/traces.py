"""Traces: one per webhook, through NATS headers, to the last vendor call.

Spans are recorded where a provider is and its sampler wants them. Otherwise only the ids travel, so that log lines
and history records of one event still share them.
"""

import random
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, cast

import msgspec
from opentelemetry import trace as otel
from opentelemetry.context import Context

from shared.telemetry.attributes import Attribute, Attributes, Value

if TYPE_CHECKING:  # the SDK is loaded only when spans are recorded
    from opentelemetry.sdk.trace import TracerProvider

Kind = Literal["server", "client", "producer", "consumer", "internal"]

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)

_KINDS: dict[str, otel.SpanKind] = {
    "server": otel.SpanKind.SERVER,
    "client": otel.SpanKind.CLIENT,
    "producer": otel.SpanKind.PRODUCER,
    "consumer": otel.SpanKind.CONSUMER,
    "internal": otel.SpanKind.INTERNAL,
}
_NOWHERE = Context()


class Trace(msgspec.Struct, frozen=True):
    """A position in a trace, as W3C Trace Context has it."""

    trace_id: str
    span_id: str
    sampled: bool

    def header(self) -> str:
        """The `traceparent` header."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def parse_traceparent(header: str | None) -> Trace | None:
    """Reads a `traceparent` header; anything malformed is no trace."""
    found = _TRACEPARENT.fullmatch(header or "")
    if found is None or found[1] == "ff" or not found[2].strip("0") or not found[3].strip("0"):
        return None
    return Trace(found[2], found[3], bool(int(found[4], 16) & 1))


class Span:
    """One piece of work, from entering to leaving it. `trace` is its own position, for headers and logs."""

    __slots__ = ("_is_told", "_span", "_token", "trace")

    def __init__(self, trace: Trace, span: otel.Span | None) -> None:
        self.trace = trace
        self._span = span
        self._is_told = False
        self._token: Token[Span | None] | None = None

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, failed: BaseException | None, _frames: TracebackType | None
    ) -> None:
        assert self._token is not None
        _current.reset(self._token)
        if self._span is not None:
            if failed is not None:
                self.fail(type(failed).__name__)
            self._span.end()

    @property
    def recording(self) -> bool:
        """Whether anybody will see attributes; they need not be built otherwise."""
        return self._span is not None

    def set(self, key: Attribute, value: Value) -> None:
        """Adds an attribute. Ids, counts and names of things only."""
        if self._span is not None:
            self._span.set_attribute(key, value)

    def add(self, attributes: Attributes) -> None:
        """Adds several attributes."""
        if self._span is not None:
            self._span.set_attributes(_plain(attributes))

    def event(self, name: str, attributes: Attributes) -> None:
        """Notes that something has happened just now."""
        if self._span is not None:
            self._span.add_event(name, _plain(attributes))

    def answered(self, status: int) -> None:
        """The end of a server's span: what is the caller's fault is no failure of ours."""
        self.set("http.response.status_code", status)
        if status >= 500:
            self.fail(str(status))

    def replied(self, status: int) -> None:
        """What a vendor has answered. 404 is an answer like any other: we often ask whether something is there."""
        self.set("http.response.status_code", status)
        if status == 404:
            self._is_told = True
        elif status >= 400:
            self.fail(str(status))

    def fail(self, kind: str) -> None:
        """Marks the span as failed, for the first reason told: a status, or an error's class, never its text."""
        if self._span is not None and not self._is_told:
            self._is_told = True
            self._span.set_attribute("error.type", kind)
            self._span.set_status(otel.StatusCode.ERROR)


def links_to(header: str | None) -> Sequence[Trace]:
    """A stranger's `traceparent`, to be linked and not continued: outsiders choose neither our ids nor our sampling."""
    trace = parse_traceparent(header)
    return (trace,) if trace is not None else ()


_current: ContextVar[Span | None] = ContextVar("span", default=None)


def current_trace() -> Trace | None:
    """Where this task stands in its trace."""
    span = _current.get()
    return span.trace if span is not None else None


def note(name: str, attributes: Attributes) -> None:
    """Notes in the current span that something has happened just now; nothing where there is none."""
    span = _current.get()
    if span is not None:
        span.event(name, attributes)


def exemplar() -> dict[str, str] | None:
    """What a metric's sample may carry to be followed to its trace; None where the trace is not kept."""
    span = _current.get()
    return {"trace_id": span.trace.trace_id} if span is not None and span.trace.sampled else None


class Tracer:
    """Starts spans. Without a provider it only passes trace ids on."""

    def __init__(self, provider: "TracerProvider | None" = None, *, follows_parent: bool = False) -> None:
        """`follows_parent`: what hangs under a trace that is not sampled is not sampled either."""
        self._tracer = provider.get_tracer("bitbylaw-hub") if provider is not None else None
        self._follows_parent = follows_parent
        self._bits = random.Random().getrandbits  # noqa: S311 - ids must differ, not be secret

    @property
    def recording(self) -> bool:
        """Whether spans may be recorded at all."""
        return self._tracer is not None

    def span(
        self,
        name: str,
        *,
        kind: Kind = "internal",
        parent: Trace | None = None,
        links: Sequence[Trace] = (),
        attributes: Attributes | None = None,
    ) -> Span:
        """A span under `parent`; without one, under the current span; with links instead, the root of a new trace.

        `links` name traces that this one has to do with without being part of them: a caller we do not trust, an
        event's earlier run. Enter it with `with`.
        """
        above = parent or (None if links else current_trace())
        if self._tracer is None or (self._follows_parent and above is not None and not above.sampled):
            # Nobody will look: the ids are all that is needed, and a twentieth of the work.
            if above is None:
                return Span(Trace(f"{self._bits(128):032x}", f"{self._bits(64):016x}", False), None)
            return Span(Trace(above.trace_id, f"{self._bits(64):016x}", above.sampled), None)
        started = self._tracer.start_span(
            name,
            context=_context(above),
            kind=_KINDS[kind],
            attributes=_plain(attributes) if attributes is not None else None,
            links=[otel.Link(_span_context(link)) for link in links],
            record_exception=False,
            set_status_on_exception=False,
        )
        context = started.get_span_context()
        own = Trace(f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags.sampled)
        return Span(own, started if started.is_recording() else None)


def _plain(attributes: Attributes) -> Mapping[str, Value]:
    """The same for the SDK, which has no list of names."""
    return cast("Mapping[str, Value]", attributes)


def _span_context(trace: Trace) -> otel.SpanContext:
    flags = otel.TraceFlags(otel.TraceFlags.SAMPLED if trace.sampled else otel.TraceFlags.DEFAULT)
    return otel.SpanContext(int(trace.trace_id, 16), int(trace.span_id, 16), is_remote=True, trace_flags=flags)


def _context(above: Trace | None) -> Context:
    return otel.set_span_in_context(otel.NonRecordingSpan(_span_context(above)), _NOWHERE) if above else _NOWHERE
