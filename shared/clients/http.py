"""One HTTP layer under all vendors: time-outs, repeating where that is safe, status to error, span, call record.

Above this file nobody knows what a 429 is.
"""

import contextlib
import email.utils
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import aiohttp
import msgspec
import tenacity

from shared.clock import Clock
from shared.outcomes.errors import HubError, NotFound, RateLimited, Rejected, Unauthorized, Unavailable
from shared.settings import Secret
from shared.telemetry.metrics import Metrics
from shared.telemetry.run import Call, current_run
from shared.telemetry.traces import Tracer

_CONNECT_S = 5.0
_ANSWER_MAX_BYTES = 32 * 1024 * 1024
_DETAIL_MAX = 300
_PAUSE_S = 60.0
"""After a 429 that does not say how long."""
_PAUSE_MAX_S = 3600.0
_SAFE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_WORTH_REPEATING = frozenset({0, 502, 503, 504})


class Answer(msgspec.Struct, frozen=True):
    """What a vendor said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _NoAnswer(Unavailable):
    """Worth another try within the same call, if repeating is safe."""


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
        secret: Secret,
        secret_header: tuple[str, str],
        timeout_s: float,
        tools: Tools,
        read_status: ReadStatus | None = None,
    ) -> None:
        self._vendor = vendor
        self._base_url = base_url.rstrip("/")
        self._secret = secret
        self._header = {secret_header[0]: secret_header[1] + secret.reveal()}
        self._timeout_s = timeout_s
        self._tools = tools
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
        params: Mapping[str, str] | None = None,
        json: object = None,
        form: Callable[[], aiohttp.FormData] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """A call whose answer fits into memory. Raises a word of `outcomes/errors`.

        GET, PUT and DELETE are tried up to three times when no answer came; a POST never is, because nobody knows
        whether the first one was heard. `operation` names the call in spans, metrics and reasons.
        """
        headers = {"Content-Type": "application/json"} if json is not None else {}

        async def once() -> Answer:
            body: Any = msgspec.json.encode(json) if json is not None else form() if form else None
            async with self._request(
                method, path, operation, params=params, data=body, headers=headers, timeout_s=timeout_s
            ) as response:
                answer = await self._read(response)
                return self._success_or_raise(answer, operation)

        if method not in _SAFE:
            return await once()
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(_NoAnswer),
            stop=tenacity.stop_after_attempt(3),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=1.0),
            reraise=True,
        )
        answer: Answer = await retrying(once)
        return answer

    @contextlib.asynccontextmanager
    async def stream(self, path: str, *, operation: str, timeout_s: float) -> AsyncIterator[aiohttp.ClientResponse]:
        """A GET whose body is read piece by piece. Errors while reading are Unavailable too."""
        async with self._request("GET", path, operation, timeout_s=timeout_s) as response:
            if response.status != 200:
                self._success_or_raise(await self._read(response), operation)
                raise Unavailable(f"{self._vendor} {operation}: unexpected {response.status}")
            yield response

    @contextlib.asynccontextmanager
    async def _request(
        self,
        method: str,
        path: str,
        operation: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None, "open() first"
        self._refuse_while_paused(operation)
        started = self._tools.clock.monotonic()
        status = 0
        total_s = timeout_s or self._timeout_s
        with self._tools.tracer.span(
            f"{self._vendor} {operation}",
            kind="client",
            attributes={"http.request.method": method, "peer.service": self._vendor, "hub.operation": operation},
        ) as span:
            try:
                async with self._session.request(
                    method,
                    self._base_url + path,
                    params=params,
                    data=data,
                    headers={**self._header, **(headers or {})},
                    timeout=aiohttp.ClientTimeout(total=total_s, connect=_CONNECT_S),
                    allow_redirects=False,
                ) as response:
                    status = response.status
                    span.set("http.response.status_code", status)
                    yield response
            except (aiohttp.ClientError, TimeoutError, OSError) as failed:
                status = 0
                raise _NoAnswer(f"{self._vendor} {operation}: no answer ({type(failed).__name__})") from None
            finally:
                self._note(operation, status, self._tools.clock.monotonic() - started)

    async def _read(self, response: aiohttp.ClientResponse) -> Answer:
        pieces: list[bytes] = []
        size = 0
        async for piece in response.content.iter_chunked(256 * 1024):
            size += len(piece)
            if size > _ANSWER_MAX_BYTES:
                too_large = f"{self._vendor}: the answer is larger than 32 MB"
                # A success that cannot be read is no refusal: what was asked for may well have been done.
                raise Unavailable(too_large) if response.ok else Rejected(too_large, status=response.status)
            pieces.append(piece)
        return Answer(response.status, response.headers, b"".join(pieces))

    def _success_or_raise(self, answer: Answer, operation: str) -> Answer:
        if 200 <= answer.status < 300:
            return answer
        reason = f"{self._vendor} {operation}: {answer.status}"
        failed = self._read_status(answer, reason) if self._read_status else None
        failed = failed or common_reading(answer, reason, self._tools.clock.now().timestamp())
        failed.detail = scrub(failed.detail or text_of(answer.body), self._secret)
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

    def _note(self, operation: str, status: int, seconds: float) -> None:
        outcome = f"{status // 100}xx" if status else "none"
        self._tools.metrics.vendor_calls.labels(self._vendor, operation, outcome).inc()
        self._tools.metrics.vendor_seconds.labels(self._vendor, operation).observe(seconds)
        run = current_run()
        if run is not None and len(run.calls) < 200:
            run.calls.append(Call(vendor=self._vendor, operation=operation, status=status, ms=round(seconds * 1000, 1)))


def common_reading(answer: Answer, reason: str, now: float) -> HubError:
    """What a status means where a vendor says nothing of its own."""
    status = answer.status
    if status == 401:
        return Unauthorized(reason)
    if status == 404:
        return NotFound(reason)
    if status == 429:
        told = retry_after_s(answer.headers.get("Retry-After"), now)
        return RateLimited(reason, after_s=_PAUSE_S if told is None else told)
    if status in (408, 425) or status >= 500:
        return Unavailable(reason)
    if status >= 400:
        return Rejected(reason, status=status)
    return Unavailable(reason)


def retry_after_s(header: str | None, now: float) -> float | None:
    """Seconds from a `Retry-After` header, which is a number or an HTTP date; at most an hour."""
    if not header:
        return None
    if header.strip().isdecimal():
        return min(_PAUSE_MAX_S, float(header))
    try:
        at = email.utils.parsedate_to_datetime(header).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(_PAUSE_MAX_S, max(0.0, at - now))


def text_of(body: bytes) -> str:
    """The readable part of an error answer, whatever shape it has."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    if isinstance(told, dict):
        inner = told.get("error", told.get("message", ""))
        if isinstance(inner, dict):
            inner = inner.get("message", "")
        return inner[:_DETAIL_MAX] if isinstance(inner, str) else ""
    return ""


def scrub(text: str, secret: Secret) -> str:
    """A vendor's text without our key, whole or begun: vendors like to quote it."""
    begun = secret.reveal()[:6]
    if not begun:
        return text[:_DETAIL_MAX]
    return " ".join("***" if begun in word else word for word in text.split())[:_DETAIL_MAX]
