"""What every simulated vendor has: a request log, faults, the /_sim control routes, and a server to run it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import msgspec
from aiohttp import web

from simulators.faults import Fault, Faults

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Request(msgspec.Struct, kw_only=True, frozen=True):
    """One request as the vendor saw it. `status` is what the vendor meant to answer, also when the answer was lost."""

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
                bytes_in=request.content_length or 0,
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
        """The vendor's own routes."""

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
    vendor.log.add(request, answer.status, fault)
    if fault is not None and fault.kind == "lost":
        _hang_up(request)
    if fault is not None and fault.kind == "cut_answer":
        await _half_an_answer(request, answer)
    return answer


async def _before_the_work(vendor: Vendor, request: web.Request, fault: Fault | None) -> web.Response | None:
    if fault is None:
        return None
    if fault.kind == "late":
        await asyncio.sleep(fault.delay_s)
    elif fault.kind == "rate_limited":
        answer = vendor.error(429)
        if fault.retry_after_s is not None:
            answer.headers["Retry-After"] = str(fault.retry_after_s)
        return answer
    elif fault.kind == "error":
        return vendor.error(fault.status)
    elif fault.kind == "expired":
        return vendor.error(401)
    elif fault.kind == "cut_request":
        await request.content.readany()
        vendor.log.add(request, 0, fault)
        _hang_up(request)
    return None


def _hang_up(request: web.Request) -> None:
    """Closes the connection under the answer. The client sees a disconnect, never a status."""
    if request.transport is not None:
        request.transport.abort()


async def _half_an_answer(request: web.Request, answer: web.StreamResponse) -> None:
    body = answer.body if isinstance(answer, web.Response) else b""
    half = bytes(body)[: max(1, len(body) // 2)] if isinstance(body, (bytes, bytearray)) else b"{"
    cut = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json", "Content-Length": str(len(half) * 2 + 2)})
    await cut.prepare(request)
    await cut.write(half)
    _hang_up(request)


def _control_routes(vendor: Vendor) -> list[web.RouteDef]:
    async def log(request: web.Request) -> web.Response:
        rows = vendor.log.writes() if request.query.get("writes") else vendor.log.rows()
        return _json(rows)

    async def clear_log(_request: web.Request) -> web.Response:
        vendor.log.clear()
        return _json({"cleared": True})

    async def faults(_request: web.Request) -> web.Response:
        return _json(vendor.faults.rules())

    async def add_fault(request: web.Request) -> web.Response:
        try:
            fault = msgspec.json.decode(await request.read(), type=Fault)
        except msgspec.MsgspecError as wrong:
            return web.json_response({"error": str(wrong)}, status=400)
        vendor.faults.add(fault)
        return _json(vendor.faults.rules())

    async def clear_faults(_request: web.Request) -> web.Response:
        vendor.faults.clear()
        return _json([])

    async def dump(_request: web.Request) -> web.Response:
        return _json(vendor.dump())

    async def seed(request: web.Request) -> web.Response:
        return _json(vendor.seed(msgspec.json.decode(await request.read(), type=dict[str, object])))

    async def reset(_request: web.Request) -> web.Response:
        vendor.reset()
        vendor.faults.clear()
        vendor.log.clear()
        return _json({"reset": vendor.name})

    return [
        web.get("/_sim/log", log),
        web.delete("/_sim/log", clear_log),
        web.get("/_sim/faults", faults),
        web.post("/_sim/faults", add_fault),
        web.delete("/_sim/faults", clear_faults),
        web.get("/_sim/state", dump),
        web.post("/_sim/seed", seed),
        web.post("/_sim/reset", reset),
    ]


def _json(data: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(data), content_type="application/json")


@contextlib.asynccontextmanager
async def serve(vendor: Vendor, *, port: int = 0, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """Runs one vendor; yields its root URL (no trailing slash). Port 0 picks a free one."""
    runner = web.AppRunner(build_app(vendor), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, host, port, reuse_address=True)
    await site.start()
    try:
        async with asyncio.TaskGroup() as background:
            work = background.create_task(vendor.run())
            try:
                yield f"http://{host}:{runner.addresses[0][1]}"
            finally:
                work.cancel()
    finally:
        await runner.cleanup()
