"""Traces: one per webhook, through NATS headers, to the last vendor call.

With an OTLP endpoint in the environment spans are recorded and sent; without one nothing is set up and only the
trace id travels, so that log lines and history records of one event still share it.
"""

import random
import re
import secrets
from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import msgspec
from opentelemetry import trace as otel
from opentelemetry.context import Context

if TYPE_CHECKING:  # the SDK is loaded only when spans are recorded
    from opentelemetry.sdk.trace import TracerProvider

Kind = Literal["server", "client", "producer", "consumer", "internal"]
Value = str | int | float | bool

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)

_KINDS: dict[str, otel.SpanKind] = {
    "server": otel.SpanKind.SERVER,
    "client": otel.SpanKind.CLIENT,
    "producer": otel.SpanKind.PRODUCER,
    "consumer": otel.SpanKind.CONSUMER,
    "internal": otel.SpanKind.INTERNAL,
}


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


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current_trace() -> Trace | None:
    """Where this task stands in its trace."""
    return _current.get()


class Span:
    """One piece of work, from entering to leaving it. `trace` is its own position, for headers and logs."""

    __slots__ = ("_span", "_token", "trace")

    def __init__(self, trace: Trace, span: otel.Span | None) -> None:
        self.trace = trace
        self._span = span
        self._token: Token[Trace | None] | None = None

    def __enter__(self) -> Self:
        self._token = _current.set(self.trace)
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

    def set(self, key: str, value: Value) -> None:
        """Adds an attribute. Ids, counts and names of things only."""
        if self._span is not None:
            self._span.set_attribute(key, value)

    def fail(self, kind: str) -> None:
        """Marks the span as failed; `kind` is the error's class name, never its text, which may hold a value."""
        if self._span is not None:
            self._span.set_attribute("error.type", kind)
            self._span.set_status(otel.StatusCode.ERROR, kind)


class Tracer:
    """Starts spans. Without a provider it only passes trace ids on."""

    def __init__(self, provider: "TracerProvider | None" = None) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("bitbylaw-hub") if provider is not None else None
        self._bits = random.Random().getrandbits  # noqa: S311 - ids must differ, not be secret

    @property
    def recording(self) -> bool:
        """Whether anybody will see attributes; they need not be built otherwise."""
        return self._tracer is not None

    def span(
        self,
        name: str,
        *,
        kind: Kind = "internal",
        parent: Trace | None = None,
        link: Trace | None = None,
        attributes: Mapping[str, Value] | None = None,
    ) -> Span:
        """A span under `parent`, else under the current one, else at the root of a new trace; enter it with `with`.

        `link` names a trace that this one follows without being part of it: a caller we do not trust, a replay.
        """
        above = parent or (None if link else _current.get())
        if self._tracer is None:
            if above is None:
                return Span(Trace(f"{self._bits(128):032x}", f"{self._bits(64):016x}", False), None)
            return Span(Trace(above.trace_id, f"{self._bits(64):016x}", above.sampled), None)
        started = self._tracer.start_span(
            name,
            context=_context(above),
            kind=_KINDS[kind],
            attributes=attributes,
            links=[otel.Link(_span_context(link))] if link else None,
            record_exception=False,
            set_status_on_exception=False,
        )
        context = started.get_span_context()
        own = Trace(f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags.sampled)
        return Span(own, started)

    def close(self) -> None:
        """Sends what is still waiting."""
        if self._provider is not None:
            self._provider.shutdown()


def _span_context(trace: Trace) -> otel.SpanContext:
    flags = otel.TraceFlags(otel.TraceFlags.SAMPLED if trace.sampled else otel.TraceFlags.DEFAULT)
    return otel.SpanContext(int(trace.trace_id, 16), int(trace.span_id, 16), is_remote=True, trace_flags=flags)


def _context(above: Trace | None) -> Context:
    empty = Context()
    return otel.set_span_in_context(otel.NonRecordingSpan(_span_context(above)), empty) if above else empty


def build_tracer(service: str, version: str, environ: Mapping[str, str]) -> Tracer:
    """By the standard OTEL_* variables: OTLP over HTTP when an endpoint is named, else a tracer that spends nothing."""
    endpoint = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if not endpoint or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return Tracer()
    # Imported here because the exporter brings an HTTP stack of its own, which an idle worker need not carry.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = environ.get("OTEL_SERVICE_NAME") or service
    resource = Resource.create(
        {"service.name": name, "service.version": version, "service.instance.id": secrets.token_hex(4)}
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracer(provider)
