"""One HTTP layer under all vendors: time-outs, repeating where that is safe, status to error, span, call record.

Above this file nobody knows what a 429 is.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from urllib.parse import urlsplit

import aiohttp
import msgspec
import tenacity

from shared.clients.calls import Calls
from shared.clients.reading import DETAIL_MAX, Answer, common_reading, scrub, text_of
from shared.clock import Clock
from shared.outcomes.errors import HubError, RateLimited, Rejected, Unavailable
from shared.settings import Secret
from shared.telemetry.attributes import Attributes
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Span, Tracer

_CONNECT_S = 5.0
_FIRST_PAUSE_S = 0.1
ANSWER_MAX_BYTES = 32 * 1024 * 1024
_SAFE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_WORTH_REPEATING = frozenset({0, 502, 503, 504})


class _NoAnswer(Unavailable):
    """Worth another try within the same call, if repeating is safe."""


Params = Mapping[str, str] | Sequence[tuple[str, str]]
"""A query; as pairs a name may stand in it twice."""

ReadStatus = Callable[[Answer, str], HubError | None]
"""A vendor's own reading of a status that is no success, given the reason; None leaves it to the common reading."""


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What every client needs besides its vendor's address."""

    clock: Clock
    tracer: Tracer
    metrics: Metrics


class HttpClient:
    """Calls to one host of one vendor. `open` before use; one connection pool."""

    def __init__(
        self,
        vendor: str,
        base_url: str,
        *,
        secret: Secret | None,
        secret_header: tuple[str, str] = ("Authorization", "Bearer "),
        timeout_s: float,
        tools: Tools,
        read_status: ReadStatus | None = None,
    ) -> None:
        """`secret` goes with every call; None where the calls bring their own."""
        self._vendor = vendor
        self._base_url = base_url.rstrip("/")
        self._about = _about(vendor, base_url)
        self._secret = secret
        self._secret_header = secret_header
        self._timeout_s = timeout_s
        self._tools = tools
        self._calls = Calls(vendor, tools.metrics)
        self._read_status = read_status
        self._paused_until = 0.0
        self._session: aiohttp.ClientSession | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["HttpClient"]:
        """Holds the connections open."""
        connector = aiohttp.TCPConnector(limit=64, keepalive_timeout=30)
        async with aiohttp.ClientSession(
            connector=connector, auto_decompress=True, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            self._session = session
            try:
                yield self
            finally:
                self._session = None

    async def call(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        params: Params = (),
        json: object = None,
        form: Callable[[], aiohttp.FormData] | None = None,
        timeout_s: float | None = None,
        secret: Secret | None = None,
        if_match: str = "",
    ) -> Answer:
        """A call whose answer fits into memory. Raises a word of `outcomes/errors`.

        GET, PUT and DELETE are tried up to three times when no answer came; a POST never is, because nobody knows
        whether the first one was heard. `operation` names the call in spans, metrics and reasons. With `if_match`, an
        etag, only what still has it is written.
        """

        tries = itertools.count()

        async def once() -> Answer:
            body = form() if form else None
            async with self._request(
                method,
                path,
                operation,
                params=params,
                json=json,
                form=body,
                timeout_s=timeout_s,
                secret=secret,
                if_match=if_match,
                resent=next(tries),
            ) as response:
                answer = await self._read(response)
                return self._success_or_raise(answer, operation, secret)

        try:
            return await once()
        except _NoAnswer:
            if method not in _SAFE:
                raise
        return await _again(once)

    @contextlib.asynccontextmanager
    async def stream(
        self,
        path: str,
        *,
        operation: str,
        timeout_s: float,
        method: str = "GET",
        params: Params = (),
        json: object = None,
        secret: Secret | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One call, never repeated, whose answer is read piece by piece. Errors while reading are Unavailable too."""
        async with self._request(
            method, path, operation, params=params, json=json, timeout_s=timeout_s, secret=secret, once=method != "GET"
        ) as response:
            if not 200 <= response.status < 300:
                self._success_or_raise(await self._read(response), operation, secret)
                raise Unavailable(f"{self._vendor} {operation}: unexpected {response.status}")
            yield response

    @contextlib.asynccontextmanager
    async def _request(
        self,
        method: str,
        path: str,
        operation: str,
        *,
        params: Params,
        json: object = None,
        form: aiohttp.FormData | None = None,
        timeout_s: float | None = None,
        secret: Secret | None = None,
        if_match: str = "",
        once: bool = False,
        resent: int = 0,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None, "open() first"
        self._refuse_while_paused(operation)
        started = self._tools.clock.monotonic()
        status = 0
        total_s = timeout_s or self._timeout_s
        with self._span(method, operation, resent) as span:
            try:
                async with self._session.request(
                    method,
                    self._base_url + path,
                    params=params or None,
                    data=form if json is None else msgspec.json.encode(json),
                    headers=self._headers(secret or self._secret, json, if_match),
                    timeout=aiohttp.ClientTimeout(total=total_s, sock_connect=_CONNECT_S),
                    allow_redirects=False,
                    middlewares=(_once,) if once else (),
                ) as response:
                    status = response.status
                    span.replied(status)
                    yield response
            except (aiohttp.ClientError, TimeoutError, OSError) as failed:
                status = 0
                span.fail(type(failed).__name__)
                raise _NoAnswer(f"{self._vendor} {operation}: no answer ({type(failed).__name__})") from None
            finally:
                self._calls.note(operation, status, self._tools.clock.monotonic() - started)

    def _span(self, method: str, operation: str, resent: int) -> Span:
        """One for each request that leaves. Neither path nor query: both may hold what nobody outside shall read."""
        span = self._tools.tracer.span(
            f"{method} {self._vendor} {operation}", kind="client", attributes={"http.request.method": method}
        )
        if span.recording:
            span.add(self._about)
            span.set("hub.operation", operation)
            if resent:
                span.set("http.request.resend_count", resent)
        return span

    def _headers(self, secret: Secret | None, json: object, if_match: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json"} if json is not None else {}
        if if_match:
            headers["If-Match"] = if_match
        if secret is not None:
            name, scheme = self._secret_header
            headers[name] = scheme + secret.reveal()
        return headers

    async def _read(self, response: aiohttp.ClientResponse) -> Answer:
        if response.content_length is not None and "Content-Encoding" not in response.headers:
            # Its size is known before it is read, and nearly always so.
            self.refuse_too_large(0, response)
            return Answer(response.status, response.headers, await response.read())
        pieces: list[bytes] = []
        size = 0
        async for piece in response.content.iter_chunked(256 * 1024):
            size += len(piece)
            self.refuse_too_large(size, response)
            pieces.append(piece)
        return Answer(response.status, response.headers, b"".join(pieces))

    def refuse_too_large(self, size_bytes: int, response: aiohttp.ClientResponse) -> None:
        """Raises for an answer that is, or says it will be, larger than ANSWER_MAX_BYTES."""
        if max(size_bytes, response.content_length or 0) > ANSWER_MAX_BYTES:
            too_large = f"{self._vendor}: the answer is larger than 32 MB"
            # A success that cannot be read is no refusal: what was asked for may well have been done.
            raise Unavailable(too_large) if response.ok else Rejected(too_large, status=response.status)

    def _success_or_raise(self, answer: Answer, operation: str, secret: Secret | None = None) -> Answer:
        if 200 <= answer.status < 300:
            return answer
        reason = f"{self._vendor} {operation}: {answer.status}"
        failed = self._read_status(answer, reason) if self._read_status else None
        failed = failed or common_reading(answer, reason, self._tools.clock.now().timestamp())
        detail = failed.detail or text_of(answer.body)
        sent = secret or self._secret
        failed.detail = scrub(detail, sent) if sent else detail[:DETAIL_MAX]
        if isinstance(failed, RateLimited):
            # The limit is the whole client's, so the whole client waits, not one task.
            self._paused_until = self._tools.clock.monotonic() + failed.after_s
        if answer.status in _WORTH_REPEATING and type(failed) is Unavailable:
            raise _NoAnswer(failed.reason, detail=failed.detail)
        raise failed

    def _refuse_while_paused(self, operation: str) -> None:
        left_s = self._paused_until - self._tools.clock.monotonic()
        if left_s > 0:
            raise RateLimited(f"{self._vendor} {operation}: paused after 429", after_s=left_s)


async def _again(once: Callable[[], Awaitable[Answer]]) -> Answer:
    """Twice more. Only here tenacity, which costs a tenth of a call: nearly every call is answered at once."""
    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(_NoAnswer),
        stop=tenacity.stop_after_attempt(2),
        wait=tenacity.wait_random_exponential(multiplier=0.4, max=1.0),
        reraise=True,
    )
    await asyncio.sleep(_FIRST_PAUSE_S)
    answer: Answer = await retrying(once)
    return answer


def _about(vendor: str, base_url: str) -> Attributes:
    """What all spans to one host have."""
    url = urlsplit(base_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    return {"service.peer.name": vendor, "server.address": url.hostname or "", "server.port": port}


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keeps aiohttp from repeating a PUT or DELETE by itself: it does not for what it takes for another error."""
    try:
        return await send(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as lost:
        raise aiohttp.ClientConnectionError(type(lost).__name__) from None
