"""Every fault works as its comment says, the log counts writes, and the /_sim routes do what they are called."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from simulators.__main__ import Environment
from simulators.faults import Fault, Faults
from simulators.harness import RequestLog, serve

BIG = b"x" * 1_000_000


class Counter:
    """The smallest vendor: POST /things adds one, GET counts, /stream streams, /crash breaks."""

    name = "counter"

    def __init__(self) -> None:
        self.faults = Faults()
        self.log = RequestLog()
        self.things = 0
        self.started = asyncio.Event()
        self.stopped = False
        self.breaks = False

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/things", self._add),
            web.get("/things", self._count),
            web.delete("/things", self._clear),
            web.get("/stream", self._stream),
            web.get("/crash", self._crash),
        ]

    def control_routes(self) -> list[web.RouteDef]:
        return [web.get("/_sim/things", self._count)]

    def error(self, status: int) -> web.Response:
        return web.json_response({"counter says": status}, status=status)

    def dump(self) -> object:
        return {"things": self.things}

    def seed(self, data: dict[str, object]) -> object:
        self.things += msgspec.convert(data["things"], int)
        return {"things": self.things}

    def reset(self) -> None:
        self.things = 0

    async def run(self) -> None:
        self.started.set()
        if self.breaks:
            raise LookupError("the background broke")
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped = True

    async def _add(self, request: web.Request) -> web.Response:
        await request.read()
        self.things += 1
        return web.json_response({"things": self.things})

    async def _count(self, _request: web.Request) -> web.Response:
        return web.json_response({"things": self.things})

    async def _clear(self, _request: web.Request) -> web.Response:
        self.things = 0
        return web.Response(status=204)

    async def _stream(self, _request: web.Request) -> web.Response:
        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(BIG), 100_000):
                yield BIG[start : start + 100_000]

        return web.Response(body=chunks(), headers={"Content-Length": str(len(BIG))})

    async def _crash(self, _request: web.Request) -> web.Response:
        raise RuntimeError("a bug in a simulator")


@pytest.fixture
def vendor() -> Counter:
    return Counter()


@pytest.fixture
async def http(vendor: Counter) -> AsyncIterator[aiohttp.ClientSession]:
    async with serve(vendor) as url, aiohttp.ClientSession(url) as session:
        yield session


async def add(http: aiohttp.ClientSession, body: bytes = b"{}") -> int:
    async with http.post("/things", data=body) as answer:
        await answer.read()
        return answer.status


async def test_late_answers_after_the_delay_with_the_work_done(http: aiohttp.ClientSession, vendor: Counter) -> None:
    """The work is done at once, the answer comes delay_s later."""
    vendor.faults.add(Fault(kind="late", delay_s=0.15))
    begun = time.monotonic()
    waiting = asyncio.get_running_loop().create_task(add(http))
    await asyncio.sleep(0.08)
    assert vendor.things == 1
    assert await waiting == 200
    assert time.monotonic() - begun >= 0.14


async def test_a_client_that_gives_up_on_a_late_answer_has_done_its_write(
    http: aiohttp.ClientSession, vendor: Counter
) -> None:
    """A deadline that passes leaves the outcome unknown, and here it is done."""
    vendor.faults.add(Fault(kind="late", delay_s=0.3))
    with pytest.raises(asyncio.TimeoutError):
        await http.post("/things", data=b"{}", timeout=aiohttp.ClientTimeout(total=0.1))
    assert vendor.things == 1


@pytest.mark.parametrize("retry_after_s", [None, 7])
async def test_rate_limited(http: aiohttp.ClientSession, vendor: Counter, retry_after_s: int | None) -> None:
    """429 in the vendor's shape before the work, with Retry-After only when it was given."""
    vendor.faults.add(Fault(kind="rate_limited", retry_after_s=retry_after_s))
    async with http.post("/things", data=b"{}") as answer:
        assert answer.status == 429
        assert await answer.json() == {"counter says": 429}
        assert answer.headers.get("Retry-After") == (None if retry_after_s is None else "7")
    assert vendor.things == 0


async def test_error_and_expired_come_before_the_work(http: aiohttp.ClientSession, vendor: Counter) -> None:
    """`error` answers its status and `expired` 401, and nothing was done."""
    vendor.faults.add(Fault(kind="error", status=502))
    vendor.faults.add(Fault(kind="expired"))
    assert [await add(http), await add(http), await add(http)] == [502, 401, 200]
    assert vendor.things == 1
    assert [row.fault for row in vendor.log.rows()] == ["error", "expired", None]


@pytest.mark.parametrize("path", ["/things", "/stream"])
async def test_lost_reads(http: aiohttp.ClientSession, vendor: Counter, path: str) -> None:
    """A lost answer is a disconnect for plain and for streamed answers."""
    vendor.faults.add(Fault(kind="lost", times=2))  # aiohttp repeats a GET once by itself
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.get(path)


async def test_lost_write_is_done_once(http: aiohttp.ClientSession, vendor: Counter) -> None:
    """The work is done, the client sees a disconnect, and the log tells the status that was meant."""
    vendor.faults.add(Fault(kind="lost"))
    with pytest.raises(aiohttp.ClientConnectionError):
        await add(http)
    assert vendor.things == 1
    assert [(row.status, row.fault) for row in vendor.log.rows()] == [(200, "lost")]
    assert await add(http) == 200


@pytest.mark.parametrize(("method", "path"), [("POST", "/things"), ("GET", "/stream")])
async def test_cut_answer(http: aiohttp.ClientSession, vendor: Counter, method: str, path: str) -> None:
    """The status arrives, the body breaks off half-way, and the work is done."""
    vendor.faults.add(Fault(kind="cut_answer"))
    async with http.request(method, path) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    assert vendor.things == (1 if method == "POST" else 0)


async def test_cut_answer_without_a_body_is_lost(http: aiohttp.ClientSession, vendor: Counter) -> None:
    """Where there is no body to cut the whole answer is lost, the work still done."""
    vendor.things = 5
    vendor.faults.add(Fault(kind="cut_answer", times=2))  # aiohttp repeats a DELETE once by itself
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.delete("/things")
    assert vendor.things == 0


@pytest.mark.parametrize("body", [b"", b"{}", BIG])
async def test_cut_request_does_no_work(http: aiohttp.ClientSession, vendor: Counter, body: bytes) -> None:
    """Whatever the body's size: disconnected, nothing done, one log row with status 0."""
    vendor.faults.add(Fault(kind="cut_request"))
    with pytest.raises(aiohttp.ClientError):
        await add(http, body)
    assert vendor.things == 0
    assert [(row.status, row.fault) for row in vendor.log.rows()] == [(0, "cut_request")]


async def test_a_client_that_breaks_off_is_logged_with_status_0(http: aiohttp.ClientSession, vendor: Counter) -> None:
    """A body that stops half-way does no work and is seen in the log."""

    async def half() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.02)
        raise OSError("the client's disk broke")

    with pytest.raises((aiohttp.ClientError, OSError)):
        await http.post("/things", data=half())
    for _ in range(100):
        if vendor.log.rows():
            break
        await asyncio.sleep(0.01)
    assert [row.status for row in vendor.log.rows()] == [0]
    assert vendor.things == 0


async def test_crashes_and_unknown_paths_are_logged(http: aiohttp.ClientSession, vendor: Counter) -> None:
    """A broken handler counts as 500, an unknown path as 404, a wrong method as 405."""
    for method, path in (("GET", "/crash"), ("GET", "/nowhere"), ("PUT", "/things")):
        async with http.request(method, path) as answer:
            await answer.read()
    assert [row.status for row in vendor.log.rows()] == [500, 404, 405]


def test_times_and_match() -> None:
    """A rule fires `times` times, only for its method and whole path, and the next rule follows."""
    faults = Faults()
    faults.add(Fault(kind="error", method="POST", path="/a/.*", times=2))
    faults.add(Fault(kind="expired", method="POST", path="/a/.*", times=None))
    faults.add(Fault(kind="lost", path="/never", times=0))
    assert faults.pick("GET", "/a/1") is None
    assert faults.pick("POST", "/b/a/1") is None
    assert faults.pick("POST", "/never") is None
    kinds = [fault.kind for fault in (faults.pick("POST", "/a/1") for _ in range(5)) if fault]
    assert kinds == ["error", "error", "expired", "expired", "expired"]


def test_a_rule_can_be_added_again() -> None:
    """Using a rule up does not change the one it was made from."""
    faults, rule = Faults(), Fault(kind="error")
    for _ in range(2):
        faults.add(rule)
        assert faults.pick("GET", "/") is not None
        assert faults.pick("GET", "/") is None


def test_chance_is_repeatable() -> None:
    """`chance` fires about that often, in the same places for the same seed."""

    def hits(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add(Fault(kind="error", chance=0.3, times=None))
        return [faults.pick("GET", "/") is not None for _ in range(1000)]

    assert hits(1) == hits(1) != hits(2)
    assert 230 < sum(hits(1)) < 370


async def test_the_log_counts_writes(http: aiohttp.ClientSession, vendor: Counter) -> None:
    """GET is no write, POST and DELETE are; /_sim itself never shows; bytes are counted, chunked ones too."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"12"
        yield b"345"

    await (await http.get("/things")).read()
    await add(http, b"1234")
    async with http.post("/things", data=chunks()) as answer:
        await answer.read()
    await (await http.delete("/things")).read()
    assert [row.method for row in vendor.log.rows()] == ["GET", "POST", "POST", "DELETE"]
    assert [row.bytes_in for row in vendor.log.writes()] == [4, 5, 0]
    async with http.get("/_sim/log", params={"writes": "1"}) as answer:
        assert [row["number"] for row in await answer.json()] == [2, 3, 4]
    async with http.delete("/_sim/log") as answer:
        assert answer.status == 200
    assert vendor.log.rows() == []


def test_the_log_forgets_the_oldest() -> None:
    """The log stays bounded."""
    log = RequestLog(keep=20)
    for _ in range(100):
        log.add(make_mocked_request("GET", "/"), 200, None)
    assert len(log.rows()) <= 20
    assert log.rows()[-1].number == 100


async def test_fault_routes(http: aiohttp.ClientSession, vendor: Counter) -> None:
    """Faults are added, listed and cleared over HTTP; malformed ones are refused."""
    async with http.post("/_sim/faults", json={"kind": "error", "times": None, "status": 500}) as answer:
        assert answer.status == 200
    async with http.get("/_sim/faults") as answer:
        assert [(rule["kind"], rule["status"]) for rule in await answer.json()] == [("error", 500)]
    assert await add(http) == 500
    async with http.delete("/_sim/faults") as answer:
        assert await answer.json() == []
    assert await add(http) == 200
    for wrong in ({"kind": "nonsense"}, {"kind": "error", "colour": "red"}, {"kind": "error", "path": "("}):
        async with http.post("/_sim/faults", json=wrong) as answer:
            assert answer.status == 400
    assert vendor.faults.rules() == []


async def test_state_routes(http: aiohttp.ClientSession, vendor: Counter) -> None:
    """Seed puts in, state shows, reset empties state, faults and log; the vendor's own control routes are there."""
    vendor.faults.add(Fault(kind="error", times=None))
    async with http.post("/_sim/seed", json={"things": 3}) as answer:
        assert await answer.json() == {"things": 3}
    for path in ("/_sim/state", "/_sim/things"):
        async with http.get(path) as answer:
            assert await answer.json() == {"things": 3}
    for body in (b"[", b'{"things": "three"}'):
        async with http.post("/_sim/seed", data=body) as answer:
            assert answer.status == 400
    assert await add(http) == 503
    async with http.post("/_sim/reset") as answer:
        assert await answer.json() == {"reset": "counter"}
    assert (vendor.things, vendor.faults.rules(), vendor.log.rows()) == (0, [], [])


async def test_the_background_runs_while_served(vendor: Counter) -> None:
    """`run` starts with the server and is cancelled with it."""
    async with serve(vendor):
        await asyncio.wait_for(vendor.started.wait(), 1)
        assert not vendor.stopped
    assert vendor.stopped


async def test_failures_come_out_unwrapped(vendor: Counter) -> None:
    """What the body raises, and what breaks the background, is caught by its own type."""
    with pytest.raises(KeyError):
        async with serve(vendor):
            raise KeyError("from the body")
    broken = Counter()
    broken.breaks = True
    with pytest.raises(LookupError, match="background"):
        async with serve(broken):
            await asyncio.sleep(5)


async def test_listening_everywhere_it_is_reached_here() -> None:
    """In a container it listens on all addresses, and what it leaves for others on this machine names loopback."""
    vendor = Counter()
    async with serve(vendor, host="0.0.0.0") as url, aiohttp.ClientSession() as session:
        assert url.startswith("http://127.0.0.1:")
        async with session.get(f"{url}/things") as answer:
            assert answer.status == 200


def test_an_address_that_is_none_is_refused() -> None:
    """All that is wrong with the environment is remembered, by name."""
    environment = Environment({"SIM_HOST": "everywhere"})
    assert environment.address("SIM_HOST", "127.0.0.1") == "127.0.0.1"
    assert environment.problems == ["SIM_HOST is no IP address"]
