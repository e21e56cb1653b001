"""One trace as a tree: from Tempo's HTTP API, or, where there is none, from what the history knows of it."""

import base64
import binascii
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from console.desk.history import Run, of_trace
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import Bus

_TIMEOUT_S = 10.0
_AMONG = 5_000
"""How far back the history is searched."""
_KEPT = (
    "hub.",
    "messaging.destination.name",
    "messaging.message.id",
    "http.request.method",
    "http.response.status_code",
)
"""How the attributes that are shown begin: the hub's own hold no values, and whoever else writes spans there may."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work and what was done within it."""

    id: str
    service: str
    name: str
    started_at: datetime
    ms: float
    is_error: bool = False
    attributes: dict[str, str] = {}
    children: list["Span"] = []


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """`source` is `tempo` or `history`."""

    trace_id: str
    source: str
    roots: list[Span]


class Missing(Exception):
    """Nobody knows the trace; the text says where was looked."""


async def trace(bus: Bus, tempo_url: str | None, trace_id: str) -> Trace:
    """Raises Missing, and Unavailable when Tempo does not answer."""
    if tempo_url:
        spans = spans_of(await _ask_tempo(tempo_url, trace_id))
        if not spans:
            raise Missing("Tempo does not know this trace: it was not sampled, or is older than Tempo keeps them")
        return Trace(trace_id=trace_id, source="tempo", roots=tree(spans))
    runs = await of_trace(bus, trace_id, among=_AMONG)
    if not runs:
        raise Missing(f"none of the last {_AMONG} runs belongs to this trace; with TEMPO_URL Tempo is asked")
    return Trace(trace_id=trace_id, source="history", roots=[span_of(run) for run in runs])


async def _ask_tempo(url: str, trace_id: str) -> dict[str, Any]:
    import aiohttp

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as session,
            session.get(f"{url.rstrip('/')}/api/traces/{trace_id}", headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status == 404:
                return {}
            if answer.status != 200:
                raise Unavailable(f"Tempo answered {answer.status}")
            return msgspec.json.decode(await answer.read(), type=dict[str, Any])
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failed:
        raise Unavailable(f"Tempo does not answer ({type(failed).__name__})") from None


def spans_of(answer: dict[str, Any]) -> list[tuple[str, Span]]:
    """The spans of an OTLP answer, each with its parent's id."""
    found: list[tuple[str, Span]] = []
    inner = answer.get("trace", answer)
    for resource in inner.get("batches") or inner.get("resourceSpans") or []:
        service = _attributes(resource.get("resource", {}).get("attributes")).get("service.name", "")
        for scope in resource.get("scopeSpans") or resource.get("instrumentationLibrarySpans") or []:
            found += [_span(service, one) for one in scope.get("spans") or []]
    return found


def tree(spans: Iterable[tuple[str, Span]]) -> list[Span]:
    """Spans below their parents, in the order in which they began; one whose parent is missing is a root."""
    below: dict[str, list[Span]] = defaultdict(list)
    known: set[str] = set()
    every = sorted({span.id: (parent, span) for parent, span in spans}.values(), key=lambda one: one[1].started_at)
    known.update(span.id for _, span in every)
    for parent, span in every:
        below[parent if parent in known and parent != span.id else ""].append(span)
    return [_grown(span, below, frozenset()) for span in below[""]]


def _grown(span: Span, below: dict[str, list[Span]], above: frozenset[str]) -> Span:
    if span.id in above:
        return span
    path = above | {span.id}
    return msgspec.structs.replace(span, children=[_grown(child, below, path) for child in below.get(span.id, [])])


def span_of(run: Run) -> Span:
    """A run and its vendor calls, one after the other; when each began is not kept."""
    record = run.record
    ended_at = datetime.fromisoformat(record.at)
    began_at = ended_at - timedelta(milliseconds=record.duration_ms)
    calls = [
        Span(
            id=f"{record.event_id}.{number}",
            service=call.vendor,
            name=call.operation,
            started_at=began_at,
            ms=call.ms,
            is_error=not 0 < call.status < 400,
            attributes={"http.response.status_code": str(call.status)},
        )
        for number, call in enumerate(record.calls, 1)
    ]
    return Span(
        id=record.event_id,
        service=record.worker.partition("@")[0],
        name=record.subject,
        started_at=began_at,
        ms=record.duration_ms,
        is_error=record.outcome in ("retry", "dead", "halt"),
        attributes={
            "hub.entity_type": run.entity_type,
            "hub.entity_id": run.entity_id,
            "hub.outcome": record.outcome,
            "hub.reason": record.reason,
        },
        children=calls,
    )


def _span(service: str, told: dict[str, Any]) -> tuple[str, Span]:
    start, end = int(told.get("startTimeUnixNano", 0)), int(told.get("endTimeUnixNano", 0))
    attributes = _attributes(told.get("attributes"))
    span = Span(
        id=_hex(told.get("spanId", "")),
        service=service,
        name=str(told.get("name", "")),
        started_at=datetime.fromtimestamp(start / 1e9, UTC),
        ms=round((end - start) / 1e6, 2),
        is_error=told.get("status", {}).get("code") in ("STATUS_CODE_ERROR", 2),
        attributes={name: value for name, value in attributes.items() if name.startswith(_KEPT)},
    )
    return _hex(told.get("parentSpanId", "")), span


def _hex(told: str) -> str:
    """Tempo writes ids as base64, the standard's JSON as hex."""
    if len(told) == 16:
        return told
    try:
        return base64.b64decode(told, validate=True).hex()
    except (binascii.Error, ValueError):
        return told


def _attributes(told: Sequence[dict[str, Any]] | None) -> dict[str, str]:
    return {str(one.get("key", "")): _value(one.get("value", {})) for one in told or []}


def _value(told: dict[str, Any]) -> str:
    return str(next(iter(told.values()), ""))
