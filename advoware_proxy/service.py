"""One request: read, plan, send, reply. Whatever happens, the caller gets an answer before its patience ends."""

import asyncio
import codecs
import contextlib
import logging
import math
import mmap
import re
from collections.abc import Mapping

import msgspec

from advoware_proxy.allow import Rule
from advoware_proxy.audit import Audit
from advoware_proxy.pace import Pace
from advoware_proxy.plan import Forward, Refusal, plan, read
from shared.clients.advoware import Advoware
from shared.clients.advoware_session import RawAnswer
from shared.clock import Clock
from shared.contracts.envelope import TRACEPARENT
from shared.contracts.proxy import (
    CALLER_HEADER,
    CALLER_PATTERN,
    METHODS,
    RETRY_AFTER_HEADER,
    STATUS_HEADER,
    Method,
    subject,
)
from shared.outcomes.errors import HubError, RateLimited, Rejected, Unauthorized, Unavailable
from shared.runtime.large_reply import PIECE_BYTES, LargeReplies
from shared.runtime.microservice import Endpoint, Reply, Request
from shared.telemetry.attributes import processing
from shared.telemetry.metrics import Metrics
from shared.telemetry.run import Run, current_run, enter_run, leave_run
from shared.telemetry.traces import Tracer, exemplar, parse_traceparent

_log = logging.getLogger(__name__)

_CALLER = re.compile(CALLER_PATTERN)
_SPARE_S = 1.0
"""How much earlier than the caller's patience we answer."""
_RECORD_S = 0.5
"""Less than _SPARE_S: how long a finished write waits for its record to be completed."""
_UNKNOWN = "; whether it was done is unknown"
_NOT_SENT = "; it was not sent"


class Deps(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a request touches."""

    advoware: Advoware
    audit: Audit
    replies: LargeReplies
    rules: tuple[Rule, ...]
    employees_path: str
    pace: Pace
    timeout_s: float
    clock: Clock
    tracer: Tracer
    metrics: Metrics


def endpoints(deps: Deps) -> list[Endpoint]:
    """One endpoint per HTTP method."""
    return [_endpoint(method, deps) for method in METHODS]


def _endpoint(method: Method, deps: Deps) -> Endpoint:
    async def handler(request: Request) -> Reply:
        return await answer(method, request, deps)

    return Endpoint(name=method.lower(), subject=subject(method), handler=handler)


async def answer(method: Method, request: Request, deps: Deps) -> Reply:
    """Answers one request, under a span of the caller's trace, with one log line and its metrics."""
    began = deps.clock.monotonic()
    told = request.headers.get(CALLER_HEADER, "")
    caller = told if _CALLER.fullmatch(told) else "nats"
    parent = parse_traceparent(request.headers.get(TRACEPARENT))
    to = subject(method)
    with deps.tracer.span(f"process {to}", kind="consumer", parent=parent, attributes=processing(to)) as span:
        token = enter_run(Run(event_id="", trace_id=span.trace.trace_id))
        try:
            reply, endpoint = await _reply(method, request.body, caller, span.trace.trace_id, deps)
        finally:
            leave_run(token)
        status = reply.code or 200
        span.set("hub.proxy.status", status)
        if status >= 500:
            span.fail(str(status))
        seconds = deps.clock.monotonic() - began
        deps.metrics.proxy_seconds.labels(method).observe(seconds, exemplar())
    deps.metrics.proxy_requests.labels(method, str(status)).inc()
    extra = {
        "method": method,
        "caller": caller,
        "endpoint": endpoint,
        "status": status,
        "reason": reply.error,
        "advoware_status": reply.headers.get(STATUS_HEADER, ""),
        "ms": round(seconds * 1000, 1),
        "trace_id": span.trace.trace_id,
    }
    _log.log(logging.WARNING if reply.code else logging.INFO, "request", extra=extra)
    return reply


async def _reply(method: Method, body: bytes, caller: str, trace_id: str, deps: Deps) -> tuple[Reply, str]:
    """The reply, and the endpoint for the log: only one that was checked is fit for it."""
    wait_s = deps.pace.wait_s(caller, deps.clock.monotonic())
    if wait_s > 0:
        return _error(429, "too many requests from this caller", _retry_after(wait_s)), ""
    request = read(body)
    if isinstance(request, Refusal):
        return _error(request.status, request.reason), ""
    todo = plan(method, request, deps.rules, employees_path=deps.employees_path)
    if isinstance(todo, Refusal):
        return _error(todo.status, todo.reason), ""
    patience_s = deps.timeout_s if request.timeout_s is None else min(deps.timeout_s, request.timeout_s)
    return await _answered(todo, patience_s, caller, trace_id, deps), todo.name


async def _answered(todo: Forward, patience_s: float, caller: str, trace_id: str, deps: Deps) -> Reply:
    try:
        async with asyncio.timeout(max(0.05, patience_s - min(_SPARE_S, patience_s / 5))):
            return await _forward(todo, caller, trace_id, deps)
    except TimeoutError:
        return _error(504, f"Advoware did not answer in time{_outcome(todo)}")
    except HubError as failed:
        return _failure(failed, todo)
    except Exception:
        _log.exception("request failed", extra={"method": todo.method, "trace_id": trace_id})
        return _error(500, "internal error")


async def _forward(todo: Forward, caller: str, trace_id: str, deps: Deps) -> Reply:
    """Sends it. A write is on record before it leaves, and its answer after."""
    if not todo.is_write:
        return await _send(todo, deps)
    try:
        record = await deps.audit.sent(todo, caller, trace_id)
    except HubError:
        return _error(503, "the write was not sent: its audit record could not be stored", _retry_after(2))
    status = 0
    try:
        reply = await _send(todo, deps)
        status = int(reply.headers.get(STATUS_HEADER, 0))
    except HubError as failed:
        status = _status_of(failed)
        raise
    finally:
        # Not waited for for long, since the answer matters more; the record is completed all the same.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RECORD_S):
                await asyncio.shield(deps.audit.answered(record, status if _was_sent() else None))
    return reply


async def _send(todo: Forward, deps: Deps) -> Reply:
    answer = await deps.advoware.raw(
        todo.method, todo.path, params=todo.params, json=todo.json, timeout_s=deps.timeout_s
    )
    if "json" in answer.content_type and answer.size_bytes and not await asyncio.to_thread(_is_json, answer):
        answer.body.close()
        return _error(502, f"Advoware's answer is not the JSON it says it is{_UNKNOWN if todo.is_write else ''}")
    headers = {STATUS_HEADER: str(answer.status), "Content-Type": answer.content_type}
    try:
        return deps.replies.reply(answer.body, answer.size_bytes, headers)
    except Unavailable as full:
        if todo.is_write:
            raise
        return _error(503, full.reason, _retry_after(2))


def _is_json(answer: RawAnswer) -> bool:
    """Reads through it without building anything, and leaves it at its beginning."""
    body = answer.body
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := body.read(PIECE_BYTES):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
        body.seek(0)
        if answer.size_bytes <= PIECE_BYTES:
            msgspec.json.decode(body.read(), type=msgspec.Raw)
        else:
            with mmap.mmap(body.fileno(), 0, access=mmap.ACCESS_READ) as view:
                msgspec.json.decode(view, type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    finally:
        body.seek(0)
    return True


def _failure(failed: HubError, todo: Forward) -> Reply:
    """Our words become the gateway's status codes. Nothing that Advoware wrote goes with them."""
    if isinstance(failed, RateLimited):
        return _error(503, "Advoware asks to wait", _retry_after(failed.after_s))
    if isinstance(failed, Unauthorized):
        return _error(502, "Advoware does not accept the hub's credentials")
    if isinstance(failed, Rejected):
        return _error(502, f"Advoware answered {failed.status}", {STATUS_HEADER: str(failed.status)})
    return _error(502, f"Advoware gave no usable answer: {failed.reason}{_outcome(todo)}")


def _outcome(todo: Forward) -> str:
    """What a caller must know of a write that got no answer."""
    return "" if not todo.is_write else _UNKNOWN if _was_sent() else _NOT_SENT


def _was_sent() -> bool:
    """Whether the request itself left us: before it may come discovery and a token."""
    run = current_run()
    return run is not None and any(call.operation.startswith("raw ") for call in run.calls)


def _status_of(failed: HubError) -> int:
    """What a write's record says about a failure: 0 where nobody knows whether it was done."""
    if isinstance(failed, Rejected):
        return failed.status
    if isinstance(failed, Unauthorized):
        return 401
    return 429 if isinstance(failed, RateLimited) else 0


def _error(status: int, reason: str, headers: Mapping[str, str] = {}) -> Reply:
    return Reply(b"", headers, status, reason)


def _retry_after(seconds: float) -> dict[str, str]:
    return {RETRY_AFTER_HEADER: str(max(1, math.ceil(seconds)))}
