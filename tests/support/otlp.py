"""An OTLP/HTTP receiver of our own, and how to read what it has received."""

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any, NamedTuple, get_args

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from shared.runtime.service import serve
from shared.telemetry.attributes import Attribute

ALLOWED = frozenset(get_args(Attribute))
KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


class Link(NamedTuple):
    """Another span that this one has to do with."""

    trace_id: str
    span_id: str


class Event(NamedTuple):
    """Something that happened within a span."""

    name: str
    attributes: dict[str, Any]


class Span(NamedTuple):
    """One span in plain values; ids in hexadecimal digits, times in nanoseconds."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    """Empty at a root."""
    started_at: int
    ended_at: int
    attributes: dict[str, Any]
    links: tuple[Link, ...]
    events: tuple[Event, ...]
    is_error: bool
    status_text: str

    @property
    def own(self) -> Link:
        """What others link to."""
        return Link(self.trace_id, self.span_id)


class Receiver:
    """What a collector was sent."""

    def __init__(self) -> None:
        self.spans: dict[str, Span] = {}
        """By span id."""
        self.resources: dict[str, dict[str, Any]] = {}
        """By service; the last one seen."""
        self.bodies: list[bytes] = []
        self.status = 200
        """What it answers."""

    async def receive(self, request: web.Request) -> web.Response:
        """POST /v1/traces in protobuf."""
        body = await request.read()
        if self.status != 200:
            return web.Response(status=self.status)
        self.bodies.append(body)
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
            about = attributes_of(part.resource)
            self.resources[about["service.name"]] = about
            for scope in part.scope_spans:
                for told in scope.spans:
                    self.spans[told.span_id.hex()] = _span(about["service.name"], told)
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )

    def named(self, name: str) -> list[Span]:
        """Oldest first."""
        found = [span for span in self.spans.values() if span.name == name]
        return sorted(found, key=lambda span: span.started_at)

    def one(self, name: str) -> Span:
        """The only one of that name."""
        [found] = self.named(name)
        return found

    def children(self, span: Span) -> list[Span]:
        """Oldest first."""
        found = [other for other in self.spans.values() if other.parent_id == span.span_id]
        return sorted(found, key=lambda other: other.started_at)

    def calls(self, *, under: Span | None = None) -> list[Span]:
        """Requests to vendors, oldest first."""
        found = [
            span
            for span in self.spans.values()
            if span.kind == "client" and (under is None or span.parent_id == under.span_id)
        ]
        return sorted(found, key=lambda span: span.started_at)

    def traces(self) -> dict[str, list[Span]]:
        """All spans by trace, oldest first."""
        found: dict[str, list[Span]] = defaultdict(list)
        for span in sorted(self.spans.values(), key=lambda span: span.started_at):
            found[span.trace_id].append(span)
        return dict(found)

    def tree(self, root: Span, depth: int = 0) -> str:
        """A trace as text, for whoever looks at a failure."""
        line = f"{'  ' * depth}{root.service}: {root.name}"
        return "\n".join([line, *(self.tree(child, depth + 1) for child in self.children(root))])

    def unknown_names(self) -> set[str]:
        """Attributes of spans and events that the one list does not have."""
        used = {key for span in self.spans.values() for key in span.attributes}
        used |= {key for span in self.spans.values() for event in span.events for key in event.attributes}
        return used - ALLOWED


def attributes_of(told: Any) -> dict[str, Any]:
    """Name and value of each."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in told.attributes}


def _span(service: str, told: Any) -> Span:
    return Span(
        service=service,
        name=told.name,
        kind=KINDS[told.kind],
        trace_id=told.trace_id.hex(),
        span_id=told.span_id.hex(),
        parent_id=told.parent_span_id.hex(),
        started_at=told.start_time_unix_nano,
        ended_at=told.end_time_unix_nano,
        attributes=attributes_of(told),
        links=tuple(Link(link.trace_id.hex(), link.span_id.hex()) for link in told.links),
        events=tuple(Event(event.name, attributes_of(event)) for event in told.events),
        is_error=told.status.code == 2,
        status_text=told.status.message,
    )


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[tuple[Receiver, str]]:
    """A receiver on loopback, and its base URL for OTEL_EXPORTER_OTLP_ENDPOINT."""
    receiver = Receiver()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/traces", receiver.receive)
    async with serve(app, "127.0.0.1", 0) as port:
        yield receiver, f"http://127.0.0.1:{port}"
