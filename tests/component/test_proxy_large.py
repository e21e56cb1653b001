"""Large answers: whole or broken off, never cut, in bounded memory, and at the caller's pace."""

import asyncio
import contextlib
import hashlib
import json
import logging
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from nats.aio.msg import Msg

from local_stack.nats_server import NatsServer
from shared.contracts.proxy import RETRY_AFTER_HEADER, subject
from shared.outcomes.errors import Unavailable
from shared.runtime.ask import ask
from shared.runtime.large_reply import NEXT_HEADER, PIECE_BYTES, SIZE_HEADER, rest_of
from shared.runtime.microservice import CODE_HEADER, Reply
from shared.runtime.service import Service
from simulators.faults import Fault
from simulators.harness import serve as simulate
from tests.component.test_proxy import NO_REDIS, failing
from tests.e2e.stage import note
from tests.support.advoware import API_KEY, Road, open_road
from tests.support.odd_advoware import MB, OddAdvoware, large_json, odd_bytes
from tests.support.processes import processes
from tests.support.proxy_process import proxy_process

TOO_LARGE = "Advoware gave no usable answer: advoware: the answer is larger than 32 MB"


@pytest.fixture
async def vendor() -> OddAdvoware:
    """The simulator behind `road`."""
    return OddAdvoware()


@pytest.fixture
async def road(nats_server: NatsServer, vendor: OddAdvoware) -> AsyncIterator[Road]:
    """One proxy."""
    async with open_road(nats_server.url, NO_REDIS, advoware=vendor, timeout_s=20) as opened:
        yield opened


async def whole(service: Service, reply: Reply) -> bytes:
    """A reply with all its pieces."""
    pieces = [reply.body]
    if SIZE_HEADER in reply.headers:
        async for piece in rest_of(service.bus, reply):
            assert len(piece) <= PIECE_BYTES
            pieces.append(piece)
    return b"".join(pieces)


@contextlib.asynccontextmanager
async def reading(road: Road, endpoint: str) -> AsyncIterator[tuple[asyncio.StreamReader, int]]:
    """A caller with a small buffer, its head read: the body's reader and announced length."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", int(road.gateway_url.rpartition(":")[2])))
    reader, writer = await asyncio.open_connection(sock=sock, limit=64 * 1024)
    try:
        target = f"/advoware/proxy?endpoint={endpoint}"
        writer.write(f"GET {target} HTTP/1.1\r\nHost: h\r\napikey: {API_KEY}\r\nConnection: close\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("HTTP/1.1 200 ")
        length = next(line for line in head.split("\r\n") if line.lower().startswith("content-length:"))
        yield reader, int(length.partition(":")[2])
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def until_end(reader: asyncio.StreamReader) -> int:
    """How many bytes still come."""
    got = 0
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(MB):
            got += len(piece)
    return got


async def said(caplog: pytest.LogCaptureFixture, reason: str) -> None:
    """Returns when the gateway has broken an answer off for that reason."""
    async with asyncio.timeout(10):
        while reason not in {getattr(record, "reason", "") for record in caplog.records}:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# Whole


async def test_five_megabytes_pass_byte_for_byte(road: Road, vendor: OddAdvoware) -> None:
    """JSON inside its wrapping, a file as it is, at the door and over NATS; nothing in between is held or rewritten."""
    number = vendor.staff.add_dokument(5_000_000)
    began = time.perf_counter()
    status, body, headers = await road.ask(f"Dokumente/{number}")
    binary_ms = (time.perf_counter() - began) * 1000
    assert (status, headers["Content-Type"], headers["Content-Length"]) == (200, "application/pdf", "5000000")
    assert hashlib.sha256(body).hexdigest() == vendor.dokument_sha256(number)
    listed = large_json(5_000_000)
    began = time.perf_counter()
    status, body, headers = await road.ask("Odd/list/5000000")
    note(f"5 MB through the door: file {binary_ms:.0f} ms, JSON {(time.perf_counter() - began) * 1000:.0f} ms")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert body == b'{"result":' + listed + b"}"
    assert headers["Content-Length"] == str(len(body))
    reply = await road.tell("GET", {"endpoint": "Odd/list/5000000"})
    assert reply.headers[SIZE_HEADER] == str(len(listed))
    assert await whole(road.gateway, reply) == listed


async def test_a_real_list_of_megabytes_is_whole(road: Road, vendor: OddAdvoware) -> None:
    """Ten thousand Akten come as Advoware has them."""
    vendor.seed({"akten_count": 10_000})
    status, body, _ = await road.ask("Akten")
    assert (status, len(body) > MB, len(json.loads(body)["result"])) == (200, True, 10_000)


async def test_the_seams_of_the_pieces_do_not_show(road: Road) -> None:
    """Answers a byte below, at and above one and two pieces are whole; up to one piece they come in one message."""
    for size in [size + off for size in (PIECE_BYTES, 2 * PIECE_BYTES) for off in (-1, 0, 1)]:
        status, body, _ = await road.ask(f"Odd/chunked/{size}")
        assert (size, status, body == odd_bytes(size)) == (size, 200, True)
        reply = await road.tell("GET", {"endpoint": f"Odd/announced/{size}"})
        assert (SIZE_HEADER in reply.headers) == (size > PIECE_BYTES)
        assert await whole(road.gateway, reply) == odd_bytes(size)


async def test_the_largest_answer_passes(road: Road) -> None:
    """32 MB, announced or not."""
    for how in ("announced", "chunked"):
        status, body, _ = await road.ask(f"Odd/{how}/{32 * MB}")
        assert (status, len(body)) == (200, 32 * MB)


async def test_a_piece_may_be_asked_for_again(road: Road) -> None:
    """Also the last one, which may have been lost on the way; what is no offset gets no piece."""
    reply = await road.tell("GET", {"endpoint": f"Odd/chunked/{PIECE_BYTES + 7}"})
    nc = road.gateway.bus.nc
    for _ in range(2):
        last = await nc.request(reply.headers[NEXT_HEADER], str(PIECE_BYTES).encode())
        assert last.data == odd_bytes(PIECE_BYTES + 7)[PIECE_BYTES:]
    for wrong in (b"", b"-1", b"x", b"1.5"):
        answer = await nc.request(reply.headers[NEXT_HEADER], wrong)
        assert (answer.data, (answer.headers or {})[CODE_HEADER]) == (b"", "410")
    answer = await nc.request(reply.headers[NEXT_HEADER] + "x", b"0")
    assert (answer.headers or {})[CODE_HEADER] == "410"


# Too large, or not whole


async def test_more_than_the_limit_is_502_and_nothing_of_it(road: Road) -> None:
    """P12: announced, not announced, or packed small: an answer of more than 32 MB is refused, never cut."""
    for what in (f"announced/{60 * MB}", f"chunked/{60 * MB}", "bomb", f"chunked/{32 * MB + 1}"):
        assert await failing(road, f"Odd/{what}") == (502, TOO_LARGE, "")


async def test_an_answer_cut_by_advoware_is_502_and_never_a_short_200(road: Road) -> None:
    """What came of it is thrown away, however much it was."""
    for size in (2_000, 2_000_000, 20_000_000):
        road.advoware.faults.add(Fault(kind="cut_answer", path=".*/Odd/list/.*"))
        status, sentence, _ = await failing(road, f"Odd/list/{size}")
        assert (status, sentence) == (
            502,
            "Advoware gave no usable answer: advoware raw GET: no answer (ClientPayloadError)",
        )


async def test_what_nobody_fetches_is_let_go(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """P12: after a while the rest is gone, and who asks for it then is told so instead of getting less."""
    monkeypatch.setattr("shared.runtime.large_reply._IDLE_S", 0.1)
    reply = await road.tell("GET", {"endpoint": f"Odd/chunked/{2 * MB}"})
    gone = asyncio.get_running_loop().time() + 0.3
    await asyncio.sleep(gone - asyncio.get_running_loop().time())
    with pytest.raises(Unavailable, match="the rest of the answer is gone"):
        await whole(road.gateway, reply)


async def test_too_many_that_nobody_fetches_are_503(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """P12: what waits to be fetched has a limit; small answers still come, and large ones once there is room."""
    monkeypatch.setattr("shared.runtime.large_reply._HELD_MAX_BYTES", 5 * MB)
    monkeypatch.setattr("shared.runtime.large_reply._IDLE_S", 0.3)
    large = {"endpoint": f"Odd/chunked/{2 * MB}"}
    assert [(await road.tell("GET", large)).code for _ in range(2)] == [0, 0]
    refused = await road.tell("GET", large)
    assert (refused.code, refused.error) == (503, "too many large answers are waiting to be fetched")
    assert refused.headers[RETRY_AFTER_HEADER] == "2"
    assert (await road.tell("GET", {"endpoint": "employees"})).code == 0
    async with asyncio.timeout(5):
        while (await road.tell("GET", large)).code:  # noqa: ASYNC110 - nothing tells that time has passed
            await asyncio.sleep(0.05)


# The caller's pace


async def test_a_slow_reader_gets_all_and_floods_nobody(road: Road) -> None:
    """P12: the rest is fetched as the caller reads, so that neither gateway nor broker holds it."""
    pieces: list[int] = []

    async def count(message: Msg) -> None:
        if len(message.data) > 1000:
            pieces.append(len(message.data))

    await road.gateway.bus.nc.subscribe("_INBOX.>", cb=count)
    async with reading(road, f"Odd/chunked/{30 * MB}") as (reader, length):
        before = -1
        while before != len(pieces):  # until nothing moves
            before = len(pieces)
            await asyncio.sleep(0.1)
        waiting = sum(pieces)
        got = 0
        for _ in range(20):
            got += len(await reader.readexactly(50_000))
            await asyncio.sleep(0.005)
        assert got + await until_end(reader) == length == 30 * MB
    note(f"fetched ahead of a reader that stands still: {waiting / MB:.1f} MB of 30")
    assert waiting < 12 * MB


async def test_who_does_not_read_on_is_broken_off(
    road: Road, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """P12: a piece may be left unread only for a while; the place at the door is free again."""
    monkeypatch.setattr("gateway.proxy_door._TAKE_S", 0.2)
    async with reading(road, f"Odd/chunked/{30 * MB}") as (reader, length):
        await said(caplog, "the caller does not read on")
        assert await until_end(reader) < length


async def test_a_caller_that_goes_away_is_no_error_of_ours(road: Road, caplog: pytest.LogCaptureFixture) -> None:
    """One line, no traceback, and the next one is served."""
    async with reading(road, f"Odd/chunked/{30 * MB}"):
        pass
    await said(caplog, "the caller went away")
    assert [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info] == []
    assert (await road.ask("employees"))[0] == 200


# Replicas of their own


async def test_a_replica_killed_in_mid_transfer_breaks_the_answer_off(
    nats_server: NatsServer,
    vendor: OddAdvoware,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P13: the caller misses what Content-Length promised; asked anew, the other replica answers."""
    monkeypatch.setattr("shared.runtime.large_reply._PIECE_S", 0.3)
    async with open_road(nats_server.url, NO_REDIS, replicas=0, advoware=vendor) as road:
        with processes(tmp_path / "logs") as children:
            first = await proxy_process(children, nats_server.url, road.advoware_url).start()
            url = f"{road.gateway_url}/advoware/proxy?endpoint=Odd/chunked/{30 * MB}"
            async with road.http.get(url, headers={"apikey": API_KEY}) as answer:
                assert (answer.status, answer.headers["Content-Length"]) == (200, str(30 * MB))
                first.kill()
                with pytest.raises(aiohttp.ClientPayloadError):
                    await answer.read()
            await said(caplog, "the rest of the answer is gone")
            await proxy_process(children, nats_server.url, road.advoware_url).start()
            status, body, _ = await road.ask(f"Odd/chunked/{2 * MB}")
            assert (status, body == odd_bytes(2 * MB)) == (200, True)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_hundred_slow_answers_at_once_stay_in_bounded_memory(
    nats_server: NatsServer, vendor: OddAdvoware, service: Service, tmp_path: Path
) -> None:
    """P12: 200 MB on their way through one replica are all whole, and it holds a piece or two of each, not all."""
    size = 2 * MB
    async with simulate(vendor) as url, contextlib.AsyncExitStack() as stack:
        children = stack.enter_context(processes(tmp_path / "logs"))
        replica = await proxy_process(children, nats_server.url, url).start()
        asked = json.dumps({"endpoint": f"Odd/paced/{size}"}).encode()

        async def get() -> Reply:
            return await ask(service.bus, subject("GET"), asked, headers={}, timeout_s=30)

        idle_kb = replica.memory_kb("VmRSS")
        async with asyncio.TaskGroup() as tasks:
            asking = [tasks.create_task(get()) for _ in range(100)]
            await vendor.until_arrived(64)  # as many as it has connections
            vendor.gate.set()
        held_kb = replica.memory_kb("VmRSS")
        digest = hashlib.sha256(odd_bytes(size)).digest()
        for task in asking:
            assert task.result().code == 0, task.result().error
            assert hashlib.sha256(await whole(service, task.result())).digest() == digest
        peak_kb = replica.memory_kb("VmHWM")
        rss = [f"{kb / 1024:.0f}" for kb in (idle_kb, held_kb, peak_kb)]
        note(f"proxy's RSS in MB: idle {rss[0]}, 100 answers of 2 MB held {rss[1]}, at most {rss[2]}")
        assert peak_kb - idle_kb < 190 * 1024
