"""The HTTP layer against a simulated vendor: each way to fail has its word, and only what is safe is repeated."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from shared.clients.http import HttpClient, Tools
from shared.outcomes.errors import HubError, NotFound, RateLimited, Rejected, Unauthorized, Unavailable
from shared.runtime.service import serve as serve_app
from shared.settings import Secret
from shared.telemetry.metrics import Metrics
from shared.telemetry.run import Run, enter_run, leave_run
from shared.telemetry.traces import Tracer
from simulators.faults import Fault
from simulators.harness import serve
from simulators.xai import Xai
from tests.component.test_service import until


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class Line:
    """A client, the vendor at the other end, and the clock between them."""

    def __init__(self, vendor: Xai, client: HttpClient, clock: Clock, metrics: Metrics) -> None:
        self.vendor = vendor
        self.client = client
        self.clock = clock
        self.metrics = metrics

    def asked(self) -> list[str]:
        return [f"{row.method} {row.path}" for row in self.vendor.log.rows()]

    async def get(self, path: str = "/v1/files", **more: Any) -> int:
        return (await self.client.call("GET", path, operation="list_files", **more)).status

    async def post(self) -> int:
        answer = await self.client.call(
            "POST", "/v1/collections", operation="create_collection", json={"collection_name": "x"}
        )
        return answer.status


def build(url: str, clock: Clock, metrics: Metrics, *, key: str = "demo", timeout_s: float = 5.0) -> HttpClient:
    return HttpClient(
        "xai",
        url,
        secret=Secret(key),
        secret_header=("Authorization", "Bearer "),
        timeout_s=timeout_s,
        tools=Tools(clock=clock, tracer=Tracer(), metrics=metrics),
    )


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """Open, and empty."""
    vendor, clock, metrics = Xai(), Clock(), Metrics("test", "0")
    async with serve(vendor) as url, build(url, clock, metrics, timeout_s=0.5).open() as client:
        yield Line(vendor, client, clock, metrics)


@pytest.mark.parametrize(
    ("fault", "word", "gets", "posts"),
    [
        (Fault(kind="rate_limited"), RateLimited, 1, 1),
        (Fault(kind="rate_limited", retry_after_s=7), RateLimited, 1, 1),
        (Fault(kind="error", status=500), Unavailable, 1, 1),
        (Fault(kind="error", status=502), Unavailable, 3, 1),
        (Fault(kind="error", status=503), Unavailable, 3, 1),
        (Fault(kind="error", status=504), Unavailable, 3, 1),
        (Fault(kind="error", status=400), Rejected, 1, 1),
        (Fault(kind="error", status=404), NotFound, 1, 1),
        (Fault(kind="error", status=409), Rejected, 1, 1),
        (Fault(kind="error", status=413), Rejected, 1, 1),
        (Fault(kind="expired"), Unauthorized, 1, 1),
        (Fault(kind="lost"), Unavailable, 3, 1),
        (Fault(kind="cut_answer"), Unavailable, 3, 1),
        (Fault(kind="cut_request"), Unavailable, 3, 1),
        (Fault(kind="late", delay_s=1.0), Unavailable, 3, 1),
    ],
    ids=lambda value: f"{value.kind}{value.status}" if isinstance(value, Fault) else None,
)
async def test_each_fault_has_its_word(line: Line, fault: Fault, word: type[HubError], gets: int, posts: int) -> None:
    """A GET is tried three times where no answer came, a POST never again: nobody knows if it was heard."""
    fault.times = None
    line.vendor.faults.add(fault)
    with pytest.raises(HubError) as posted:
        await line.post()
    line.clock.seconds += 4000  # out of any pause
    with pytest.raises(HubError) as got:
        await line.get()
    assert isinstance(got.value, word)
    assert isinstance(posted.value, word)
    # aiohttp asks once more by itself when a connection it had kept is closed under an idempotent request.
    assert gets <= line.asked().count("GET /v1/files") <= 2 * gets
    assert line.asked().count("POST /v1/collections") == posts


async def test_a_get_gets_through_a_hiccup(line: Line) -> None:
    """Two lost answers are made good within the call."""
    line.vendor.faults.add(Fault(kind="lost", times=2))
    assert await line.get() == 200
    assert len(line.asked()) == 3


async def test_a_post_is_not_repeated_on_a_kept_connection(line: Line) -> None:
    """P2: also where the connection had been used before, the vendor hears a POST once."""
    assert await line.get() == 200
    line.vendor.faults.add(Fault(kind="lost", method="POST", times=None))
    with pytest.raises(Unavailable):
        await line.post()
    assert len(line.vendor.log.writes()) == 1


async def test_a_429_pauses_the_whole_client(line: Line) -> None:
    """The limit is the client's: until it is over, nobody asks, and everybody hears how long."""
    line.vendor.faults.add(Fault(kind="rate_limited", retry_after_s=30))
    with pytest.raises(RateLimited) as told:
        await line.get()
    assert told.value.after_s == 30
    line.clock.seconds = 10
    for call in (line.get, line.post):
        with pytest.raises(RateLimited) as paused:
            await call()
        assert paused.value.after_s == 20
    assert len(line.asked()) == 1
    line.clock.seconds = 30.1
    assert await line.get() == 200
    limited = 'hub_vendor_calls_total{operation="list_files",outcome="429",vendor="xai"} 1.0'
    assert limited in line.metrics.render().decode()


async def test_a_429_without_a_time_pauses_for_a_minute(line: Line) -> None:
    """As xAI does not say."""
    line.vendor.faults.add(Fault(kind="rate_limited"))
    with pytest.raises(RateLimited) as told:
        await line.get()
    assert told.value.after_s == 60


async def test_an_answer_that_is_too_large_is_refused(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """P12: no answer fills our memory."""
    monkeypatch.setattr("shared.clients.http.ANSWER_MAX_BYTES", 100)
    line.vendor.seed({"files": [{"name": f"{number}.txt", "text": "x"} for number in range(10)]})
    with pytest.raises(HubError, match="larger than"):
        await line.get()


@pytest.mark.parametrize("way", ["announced", "chunked", "gzip"])
async def test_nor_in_whatever_way_it_comes(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """P12: with its size said before, without, or small on its way."""
    monkeypatch.setattr("shared.clients.http.ANSWER_MAX_BYTES", 100_000)

    async def handler(request: web.Request) -> web.Response:
        answer = web.Response(body=bytes(int(request.query["size"])))
        if way == "chunked":
            answer.enable_chunked_encoding()
        if way == "gzip":
            answer.enable_compression(web.ContentCoding.gzip)
        return answer

    async with own_vendor(handler) as url, build(url, Clock(), Metrics("t", "0")).open() as client:
        told = await client.call("GET", "/", operation="x", params={"size": "100000"})
        assert told.body == bytes(100_000)
        with pytest.raises(Unavailable, match="larger than"):
            await client.call("GET", "/", operation="x", params={"size": "100001"})


async def test_a_success_that_cannot_be_read_is_no_refusal(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """P2: the vendor has said 200, so the object exists; Rejected would let the journal forget the intent."""
    monkeypatch.setattr("shared.clients.http.ANSWER_MAX_BYTES", 10)
    with pytest.raises(HubError) as failed:
        await line.post()
    assert len(line.vendor.collections) == 1
    assert not isinstance(failed.value, Rejected)


async def test_reasons_name_the_call_and_details_carry_the_vendors_words(line: Line) -> None:
    """P10: the reason goes into logs and dead letters, the vendor's text only into the record."""
    with pytest.raises(NotFound) as gone:
        await line.client.call("GET", "/v1/files/Mueller-Akte", operation="get_file")
    assert gone.value.reason == "xai get_file: 404"
    assert gone.value.detail
    assert "Mueller-Akte" not in gone.value.reason


async def test_a_quoted_key_is_scrubbed() -> None:
    """P10: xAI echoes a wrong key in its answer."""
    key = "xai-geheim-12345678"
    vendor, metrics = Xai(), Metrics("test", "0")
    async with serve(vendor) as url, build(url, Clock(), metrics, key=key).open() as client:
        with pytest.raises(Rejected) as refused:
            await client.call("GET", "/v1/files", operation="list_files")
    assert "Incorrect API key" in refused.value.detail
    assert key[:6] not in refused.value.detail + refused.value.reason


async def test_calls_are_counted_in_run_and_metrics(line: Line) -> None:
    """History shows each request with status and time; no answer is status 0."""
    run = Run(event_id="e")
    token = enter_run(run)
    try:
        await line.get()
        line.vendor.faults.add(Fault(kind="lost", method="POST"))
        with pytest.raises(Unavailable):
            await line.post()
    finally:
        leave_run(token)
    assert [(call.vendor, call.operation, call.status) for call in run.calls] == [
        ("xai", "list_files", 200),
        ("xai", "create_collection", 0),
    ]
    text = line.metrics.render().decode()
    assert 'hub_vendor_calls_total{operation="list_files",outcome="2xx",vendor="xai"} 1.0' in text
    assert 'hub_vendor_calls_total{operation="create_collection",outcome="none",vendor="xai"} 1.0' in text


async def test_nobody_there_is_unavailable() -> None:
    """A refused connection is as no answer."""
    async with build("http://127.0.0.1:9", Clock(), Metrics("test", "0")).open() as client:
        with pytest.raises(Unavailable, match="no answer"):
            await client.call("POST", "/v1/files", operation="x")


@contextlib.asynccontextmanager
async def own_vendor(handler: Any) -> AsyncIterator[str]:
    """For what the simulators do not do."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with serve_app(app, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}"


async def test_connections_are_used_again() -> None:
    """One after the other share one connection."""
    peers: set[object] = set()

    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.json_response({})

    async with own_vendor(handler) as url, build(url, Clock(), Metrics("t", "0")).open() as client:
        for _ in range(10):
            await client.call("GET", "/", operation="x")
    assert len(peers) == 1


async def test_redirects_are_not_followed() -> None:
    """P11: a vendor that sends us elsewhere does not get our key carried there."""
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        raise web.HTTPFound("/elsewhere")

    async with own_vendor(handler) as url, build(url, Clock(), Metrics("t", "0")).open() as client:
        with pytest.raises(Unavailable):
            await client.call("GET", "/here", operation="x")
    assert asked == ["/here"]


async def test_a_stream_that_is_cut_is_unavailable(line: Line) -> None:
    """A download that ends early is no document."""
    line.vendor.seed({"files": [{"name": "a.txt", "text": "x" * 100_000}]})
    [file] = line.vendor.live_files()
    line.vendor.faults.add(Fault(kind="cut_answer"))

    async def read(file_id: str) -> None:
        async with line.client.stream(f"/v1/files/{file_id}/content", operation="c", timeout_s=5) as response:
            async for _ in response.content.iter_chunked(1024):
                continue

    with pytest.raises(Unavailable):
        await read(file.id)
    with pytest.raises(NotFound):
        await read("nix")


async def test_a_form_is_made_anew_for_each_try(line: Line) -> None:
    """A PUT with a body can be repeated; the body is whole each time."""
    bodies: list[bytes] = []

    async def handler(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        return web.Response(status=503 if len(bodies) < 3 else 200)

    def form() -> aiohttp.FormData:
        data = aiohttp.FormData()
        data.add_field("a", "1")
        return data

    async with own_vendor(handler) as url, build(url, Clock(), Metrics("t", "0")).open() as client:
        await client.call("PUT", "/", operation="x", form=form)
    assert len(bodies) == 3
    assert all(b"a=1" in body for body in bodies)


async def test_a_cancelled_call_leaves_the_client_usable(line: Line) -> None:
    """A run that is ended in the middle of a call harms no other."""
    line.vendor.faults.add(Fault(kind="late", delay_s=0.4))
    task = asyncio.get_running_loop().create_task(line.get())
    await until(lambda: bool(line.asked()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await line.get() == 200
