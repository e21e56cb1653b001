"""What every simulated vendor has: a request log, faults, the /_sim control routes, and a server to run it."""

import asyncio
import contextlib
import ipaddress
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import msgspec
from aiohttp import web
from aiohttp.payload import Payload

from simulators.faults import Fault, Faults

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_HALF_AN_ANSWER_S = 0.005


class Request(msgspec.Struct, kw_only=True, frozen=True):
    """One request as the vendor saw it.

    `status` is what the vendor meant to answer, also when the answer was lost; 0 when the request was cut.
    """

    number: int
    at: float
    method: str
    path: str
    query: str
    status: int
    fault: str | None
    bytes_in: int

    @property
    def is_write(self) -> bool:
        return self.method not in _READS


class RequestLog:
    """The last requests, oldest first, so that a test can assert "zero writes"."""

    def __init__(self, keep: int = 200_000) -> None:
        self._rows: list[Request] = []
        self._keep = keep
        self._count = 0

    def add(self, request: web.Request, status: int, fault: Fault | None) -> None:
        self._count += 1
        self._rows.append(
            Request(
                number=self._count,
                at=time.time(),
                method=request.method,
                path=request.path,
                query=request.query_string,
                status=status,
                fault=fault.kind if fault else None,
                bytes_in=request.content_length or request.content.total_bytes,
            )
        )
        if len(self._rows) > self._keep:
            del self._rows[: self._keep // 10]

    def rows(self) -> list[Request]:
        return list(self._rows)

    def writes(self) -> list[Request]:
        """Requests that could have changed something."""
        return [row for row in self._rows if row.is_write]

    def clear(self) -> None:
        self._rows.clear()


class Vendor(Protocol):
    """One simulated vendor: state, routes over it, and what the control routes need."""

    name: str
    faults: Faults
    log: RequestLog

    def routes(self) -> list[web.RouteDef]:
        """The vendor's own routes.

        A handler hands its answer back unbegun; a streamed one is a web.Response whose body is an async iterator.
        Only so can a fault lose or cut it.
        """

    def control_routes(self) -> list[web.RouteDef]:
        """Routes under /_sim that only this vendor has."""

    def error(self, status: int) -> web.Response:
        """An error answer in this vendor's own shape (429, 401, 5xx)."""

    def dump(self) -> object:
        """The whole state as JSON-able data."""

    def seed(self, data: dict[str, object]) -> object:
        """Puts data in, past all checks; answers what was made."""

    def reset(self) -> None:
        """Forgets everything but the settings."""

    async def run(self) -> None:
        """Work in the background for as long as the simulator is up (a job queue, say); ends when cancelled."""


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_app(vendor: Vendor, *, max_body_bytes: int = 2 * 1024**3) -> web.Application:
    """The vendor's routes under its faults and log, plus /_sim."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_sim"):
            return await handler(request)
        return await _answer(vendor, request, handler)

    app = web.Application(middlewares=[guard], client_max_size=max_body_bytes)
    app.add_routes(_control_routes(vendor))
    app.add_routes(vendor.control_routes())
    app.add_routes(vendor.routes())
    return app


async def _answer(vendor: Vendor, request: web.Request, handler: Handler) -> web.StreamResponse:
    fault = vendor.faults.pick(request.method, request.path)
    before = await _before_the_work(vendor, request, fault)
    if before is not None:
        vendor.log.add(request, before.status, fault)
        return before
    try:
        answer = await handler(request)
    except web.HTTPException as refused:  # aiohttp's own 404 and 405
        vendor.log.add(request, refused.status, fault)
        raise
    except (ConnectionError, web.RequestPayloadError):  # the client went away in mid-body; nobody is left to answer
        vendor.log.add(request, 0, fault)
        return _hang_up(request)
    except Exception:
        vendor.log.add(request, 500, fault)
        raise
    vendor.log.add(request, answer.status, fault)
    return answer if fault is None else await _after_the_work(request, answer, fault)


async def _before_the_work(vendor: Vendor, request: web.Request, fault: Fault | None) -> web.Response | None:
    if fault is None:
        return None
    if fault.kind == "rate_limited":
        answer = vendor.error(429)
        if fault.retry_after_s is not None:
            answer.headers["Retry-After"] = str(fault.retry_after_s)
        return answer
    if fault.kind == "error":
        return vendor.error(fault.status)
    if fault.kind == "expired":
        return vendor.error(401)
    if fault.kind == "cut_request":
        with contextlib.suppress(ConnectionError, web.RequestPayloadError):
            await request.content.readany()
        return _hang_up(request)
    return None


async def _after_the_work(request: web.Request, answer: web.StreamResponse, fault: Fault) -> web.StreamResponse:
    if fault.kind == "late":
        await asyncio.sleep(fault.delay_s)
    elif fault.kind == "lost":
        return _hang_up(request)
    elif fault.kind == "cut_answer":
        return await _half_an_answer(request, answer)
    return answer


def _hang_up(request: web.Request) -> web.Response:
    """Closes the connection under the answer. The client sees a disconnect, never a status.

    What it returns goes nowhere: aiohttp wants an answer from every handler.
    """
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=0)


async def _half_an_answer(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """Promises the whole length and sends half of it. An answer without a body is lost as a whole."""
    body = await _whole_body(answer)
    if answer.prepared or not body:
        return _hang_up(request)
    headers = {"Content-Type": answer.content_type, "Content-Length": str(len(body))}
    cut = web.StreamResponse(status=answer.status, headers=headers)
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    # Let the half leave the socket first: an abort throws away what is still buffered.
    await asyncio.sleep(_HALF_AN_ANSWER_S)
    _hang_up(request)
    return cut


async def _whole_body(answer: web.StreamResponse) -> bytes:
    body = answer.body if isinstance(answer, web.Response) else None
    return await body.as_bytes() if isinstance(body, Payload) else bytes(body or b"")


def _control_routes(vendor: Vendor) -> list[web.RouteDef]:
    return [*_log_routes(vendor), *_fault_routes(vendor), *_state_routes(vendor)]


def _log_routes(vendor: Vendor) -> list[web.RouteDef]:
    async def log(request: web.Request) -> web.Response:
        return _json(vendor.log.writes() if request.query.get("writes") else vendor.log.rows())

    async def clear_log(_request: web.Request) -> web.Response:
        vendor.log.clear()
        return _json({"cleared": True})

    return [web.get("/_sim/log", log), web.delete("/_sim/log", clear_log)]


def _fault_routes(vendor: Vendor) -> list[web.RouteDef]:
    async def faults(_request: web.Request) -> web.Response:
        return _json(vendor.faults.rules())

    async def add_fault(request: web.Request) -> web.Response:
        try:
            vendor.faults.add(msgspec.json.decode(await request.read(), type=Fault))
        except (msgspec.MsgspecError, re.error) as wrong:
            return web.json_response({"error": str(wrong)}, status=400)
        return _json(vendor.faults.rules())

    async def clear_faults(_request: web.Request) -> web.Response:
        vendor.faults.clear()
        return _json([])

    return [
        web.get("/_sim/faults", faults),
        web.post("/_sim/faults", add_fault),
        web.delete("/_sim/faults", clear_faults),
    ]


def _state_routes(vendor: Vendor) -> list[web.RouteDef]:
    async def dump(_request: web.Request) -> web.Response:
        return _json(vendor.dump())

    async def seed(request: web.Request) -> web.Response:
        try:
            return _json(vendor.seed(msgspec.json.decode(await request.read(), type=dict[str, object])))
        except msgspec.MsgspecError as wrong:
            return web.json_response({"error": str(wrong)}, status=400)

    async def reset(_request: web.Request) -> web.Response:
        vendor.reset()
        vendor.faults.clear()
        vendor.log.clear()
        return _json({"reset": vendor.name})

    return [
        web.get("/_sim/state", dump),
        web.post("/_sim/seed", seed),
        web.post("/_sim/reset", reset),
    ]


def _json(data: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(data), content_type="application/json")


@contextlib.asynccontextmanager
async def serve(vendor: Vendor, *, port: int = 0, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """Runs one vendor; yields its root URL (no trailing slash) as this machine reaches it. Port 0 picks a free one.

    What the body raises comes out as it is; a background that breaks cancels the body and comes out too.
    """
    runner = web.AppRunner(build_app(vendor), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, host, port, reuse_address=True)
    await site.start()
    try:
        async with asyncio.TaskGroup() as background:
            work = background.create_task(vendor.run())
            try:
                here = "127.0.0.1" if ipaddress.ip_address(host).is_unspecified else host
                yield f"http://{here}:{runner.addresses[0][1]}"
            finally:
                work.cancel()
    except BaseExceptionGroup as several:
        # A lone failure leaves without the group's wrapping, so that callers can catch it by its type.
        if len(several.exceptions) == 1:
            raise several.exceptions[0] from None
        raise
    finally:
        await runner.cleanup()
