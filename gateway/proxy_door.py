"""The door to Advoware: a request over HTTP becomes one to the proxy service, its answer `{"result": …}`.

JSON comes wrapped, anything else (a PDF, say) as it is, with its own content type. Large answers pass through in
pieces. What may be asked is the proxy's decision.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

import msgspec
from aiohttp import web

from gateway.answers import JSON, problem
from gateway.auth import API_KEY, Auth
from gateway.body import body_of
from gateway.payloads import Refusal
from shared.contracts.envelope import TRACEPARENT
from shared.contracts.proxy import (
    CALLER_HEADER,
    METHODS,
    PARAMS_MAX,
    RETRY_AFTER_HEADER,
    STATUS_HEADER,
    ProxyRequest,
    subject,
)
from shared.outcomes.errors import Unavailable
from shared.runtime.ask import Nobody, TooLarge, ask
from shared.runtime.large_reply import SIZE_HEADER, rest_of
from shared.runtime.microservice import Reply
from shared.runtime.service import Service
from shared.telemetry.attributes import sending, serving
from shared.telemetry.traces import exemplar, links_to

_log = logging.getLogger(__name__)

PATH = "/advoware/proxy"
BODY_MAX_BYTES = 512 * 1024
_PROXY_S = 50.0
_WAIT_S = 52.0
"""The proxy answers before we give up, and we before a caller who waits for the usual minute."""
_TAKE_S = 20.0
"""For how long a caller may leave a piece unread; the proxy keeps the others no longer."""
_IN_WORK_MAX = 256
_BEFORE, _AFTER = b'{"result":', b"}"
_LOCKED_DOWN = {
    # What Advoware sends must not run as a page of ours.
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class ProxyDoor:
    """The handler of all four methods."""

    def __init__(self, service: Service, auth: Auth) -> None:
        self._service = service
        self._auth = auth
        self._in_work = 0

    def routes(self) -> list[web.RouteDef]:
        """One per method. HEAD is not among them: it would cost Advoware a whole answer."""
        return [
            web.route(method, PATH, self.receive, **({"allow_head": False} if method == "GET" else {}))
            for method in METHODS
        ]

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Answers one request."""
        clock, metrics = self._service.clock, self._service.metrics
        began = clock.monotonic()
        links = links_to(request.headers.get(TRACEPARENT))
        name, attributes = f"{request.method} {PATH}", serving(request.method, PATH)
        self._in_work += 1
        try:
            with self._service.tracer.span(name, kind="server", links=links, attributes=attributes) as span:
                answer = await self._answer(request)
                span.answered(answer.status)
                metrics.webhook_seconds.labels("advoware.proxy").observe(clock.monotonic() - began, exemplar())
        finally:
            self._in_work -= 1
        metrics.webhooks.labels("advoware.proxy", str(answer.status)).inc()
        return answer

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            caller = self._auth.owner_of(request.headers.get(API_KEY, ""))
            if caller is None:
                raise Refusal(401, "no valid apikey")
            if self._in_work > _IN_WORK_MAX:
                return problem(503, "too many requests are in work", {RETRY_AFTER_HEADER: "2"})
            asked = await _read(request)
            return await self._pass_on(request, await self._ask(subject(request.method), asked, caller))
        except Refusal as refused:
            return problem(refused.status, refused.reason)
        except TooLarge:
            return problem(413, "the request is too large")
        except Nobody as nobody:
            _log.warning("proxy not there", extra={"reason": nobody.reason})
            return problem(503, "the Advoware proxy is not there", {RETRY_AFTER_HEADER: "2"})
        except Unavailable as failed:
            _log.warning("proxy did not answer", extra={"reason": failed.reason})
            return problem(504, "the Advoware proxy did not answer in time")
        except Exception:
            _log.exception("proxy request failed")
            return problem(500, "internal error")

    async def _ask(self, to: str, asked: ProxyRequest, caller: str) -> Reply:
        body = msgspec.json.encode(asked)
        with self._service.tracer.span(f"publish {to}", kind="producer", attributes=sending(to)) as span:
            span.set("messaging.message.body.size", len(body))
            headers = {CALLER_HEADER: caller, TRACEPARENT: span.trace.header()}
            return await ask(self._service.bus, to, body, headers=headers, timeout_s=_WAIT_S)

    async def _pass_on(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        if reply.code:
            headers = {
                name: reply.headers[name] for name in (RETRY_AFTER_HEADER, STATUS_HEADER) if name in reply.headers
            }
            return problem(reply.code, reply.error, headers)
        content_type = reply.headers.get("Content-Type", "application/octet-stream")
        wrapped = "json" in content_type or not reply.body
        headers = {"Content-Type": JSON["Content-Type"] if wrapped else content_type, **_LOCKED_DOWN}
        headers |= {name: reply.headers[name] for name in (STATUS_HEADER,) if name in reply.headers}
        before, after = (_BEFORE, _AFTER) if wrapped else (b"", b"")
        if SIZE_HEADER not in reply.headers:
            return web.Response(body=before + (reply.body or b"null") + after, headers=headers)
        size = int(reply.headers[SIZE_HEADER]) + len(before) + len(after)
        answer = web.StreamResponse(headers={**headers, "Content-Length": str(size)})
        try:
            await answer.prepare(request)
            async with contextlib.aclosing(self._pieces(before, reply, after)) as pieces:
                async for piece in pieces:
                    async with asyncio.timeout(_TAKE_S):
                        await answer.write(piece)
        except (Unavailable, OSError) as failed:
            # The head has left, so all that is left is to break off: the caller misses what Content-Length promised.
            _log.warning("answer broken off", extra={"reason": _why(failed)})
            if request.transport is not None:
                request.transport.abort()
        return answer

    async def _pieces(self, before: bytes, reply: Reply, after: bytes) -> AsyncGenerator[bytes, None]:
        yield before + reply.body
        async with contextlib.aclosing(rest_of(self._service.bus, reply)) as rest:
            async for piece in rest:
                yield piece
        yield after


def _why(failed: Unavailable | OSError) -> str:
    if isinstance(failed, Unavailable):
        return failed.reason
    return "the caller does not read on" if isinstance(failed, TimeoutError) else "the caller went away"


async def _read(request: web.Request) -> ProxyRequest:
    told = request.query.getall("endpoint", [])
    if len(told) != 1 or not told[0]:
        raise Refusal(400, "Endpoint required as query param" if not any(told) else "endpoint stands twice")
    params = [(name, value) for name, value in request.query.items() if name != "endpoint"]
    if len(params) > PARAMS_MAX:
        raise Refusal(400, f"more than {PARAMS_MAX} query parameters")
    body = await body_of(request, BODY_MAX_BYTES)
    if not body:
        return ProxyRequest(endpoint=told[0], params=params, timeout_s=_PROXY_S)
    try:
        body.decode()  # what is left raw is not looked at by msgspec
        json = msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Refusal(400, "the body is not JSON") from None
    return ProxyRequest(endpoint=told[0], params=params, body=json, timeout_s=_PROXY_S)
