"""`hub logs`, `hub trace`: live lines of all replicas, and one trace as a tree."""

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from console.desk.logs import Wanted, following
from shared.runtime.service import Service, serve
from tests.support.hub import CANARY, TRACE_ID, hub, interrupted, record, remember, started_hub


def _line(message: str, level: str = "info", **fields: Any) -> bytes:
    told = {"time": "2026-11-22T08:30:01.250+00:00", "level": level, "service": "gateway", "message": message}
    return json.dumps(told | fields).encode()


async def test_live_lines_until_ctrl_c(service: Service) -> None:
    """P14: real log lines as they are written, by level and service; Ctrl-C is exit code 130, without a traceback."""
    url = service.bus.settings.nats_url
    args = ("logs", "-f", "--level", "warning", "--service", "document_worker")
    async with started_hub(url, *args) as process, asyncio.timeout(20):
        assert process.stdout is not None
        assert process.stderr is not None
        assert await process.stderr.readline() == b"listening\n"
        await service.bus.nc.publish("log.gateway.error", _line("of another service", "error"))
        log = logging.getLogger("test")
        log.info("of too low a level")
        log.warning("lock not released", extra={"lock": "a.b", "trace_id": TRACE_ID})
        line = (await process.stdout.readline()).decode()
        assert line.split()[1:] == ["warning", "document_worker", "lock", "not", "released", "lock=a.b"]
        assert await interrupted(process) == (130, "")


async def test_lines_for_a_program(service: Service) -> None:
    """JSON lines, of one trace; what is no log line is nothing."""
    url = service.bus.settings.nats_url
    async with started_hub(url, "logs", "-f", "--json", "--trace", TRACE_ID) as process, asyncio.timeout(20):
        assert process.stdout is not None
        assert process.stderr is not None
        await process.stderr.readline()
        await service.bus.nc.publish("log.gateway.info", b"\xff no JSON")
        await service.bus.nc.publish("log.gateway.info", _line("another", trace_id="b" * 32))
        await service.bus.nc.publish("log.gateway.info", _line("it", trace_id=TRACE_ID, ms=3))
        told = json.loads(await process.stdout.readline())
        assert (told["message"], told["fields"]) == ("it", {"trace_id": TRACE_ID, "ms": 3})
        assert (await interrupted(process))[0] == 130


async def test_what_stands_in_a_line_does_not_move_the_cursor(service: Service) -> None:
    """P11: control characters of whoever publishes are shown as what they are not."""
    async with started_hub(service.bus.settings.nats_url, "logs", "-f") as process, asyncio.timeout(20):
        assert process.stdout is not None
        assert process.stderr is not None
        await process.stderr.readline()
        await service.bus.nc.publish("log.x.info", _line("\x1b[2Jgone\r\nforged"))
        assert b"\xef\xbf\xbd[2Jgone\xef\xbf\xbd\xef\xbf\xbdforged" in await process.stdout.readline()
        await interrupted(process)


async def test_logs_are_not_kept(service: Service) -> None:
    """Without -f there is nothing to show, and a sentence says so."""
    done = await hub(service.bus.settings.nats_url, "logs")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "hub: log lines are not kept: -f shows them as they come; `hub history` has what happened before\n"
    )


async def test_a_flood_of_lines_is_bounded(service: Service) -> None:
    """P12: a reader that stands still loses lines instead of holding all of them."""
    seen: list[str] = []
    async with following(service.bus, Wanted(services=("gateway",))) as lines:
        for number in range(12_000):
            await service.bus.nc.publish("log.gateway.info", _line(str(number)))
        await service.bus.nc.flush()
        await asyncio.sleep(0.5)
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0.5):
                    seen.append((await anext(lines)).message)
    # A line of the service's own may have taken a place.
    assert 9_900 < len(seen) <= 10_000
    assert seen == [str(number) for number in range(len(seen))]


def _span(number: int, parent: int, name: str, *, ms: int, **more: Any) -> dict[str, Any]:
    def encoded(part: int) -> str:
        return base64.b64encode(part.to_bytes(8, "big")).decode() if part else ""

    start = 1_790_000_000_000_000_000 + number * 1_000_000
    return {
        "traceId": base64.b64encode(bytes.fromhex(TRACE_ID)).decode(),
        "spanId": encoded(number),
        "parentSpanId": encoded(parent),
        "name": name,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + ms * 1_000_000),
        **more,
    }


def _resource(service: str, *spans: dict[str, Any]) -> dict[str, Any]:
    name = {"key": "service.name", "value": {"stringValue": service}}
    return {"resource": {"attributes": [name]}, "scopeSpans": [{"spans": list(spans)}]}


_HTTP = [
    {"key": "http.response.status_code", "value": {"intValue": "413"}},
    {"key": "db.statement", "value": {"stringValue": CANARY}},
]
_ANSWER = {
    "batches": [
        _resource(
            "document_worker",
            _span(3, 2, "vmh.document.update", ms=40),
            _span(4, 3, "xai upload_file", ms=30, status={"code": "STATUS_CODE_ERROR"}, attributes=_HTTP),
        ),
        _resource("gateway", _span(1, 0, "POST /vmh/webhook/document/update", ms=4), _span(2, 1, "publish", ms=1)),
    ]
}


@pytest.fixture
async def tempo() -> AsyncIterator[str]:
    """Tempo's HTTP API with one trace."""

    async def trace(request: web.Request) -> web.Response:
        if request.match_info["id"] == "f" * 32:
            return web.Response(status=500)
        known = request.match_info["id"] == TRACE_ID
        return web.json_response(_ANSWER) if known else web.Response(status=404, text="trace not found")

    app = web.Application()
    app.add_routes([web.get("/api/traces/{id}", trace)])
    async with serve(app, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}"


async def test_a_trace_from_tempo(service: Service, tempo: str) -> None:
    """P14: from the webhook to the last vendor call, over services, as a tree; attributes of strangers are left out."""
    url = service.bus.settings.nats_url
    told = await hub(url, "trace", TRACE_ID, TEMPO_URL=tempo)
    assert told.code == 0
    lines = told.out.splitlines()
    assert lines[0].startswith("gateway: POST /vmh/webhook/document/update  4 ms")
    assert lines[1:] == [
        "└─ gateway: publish  1 ms",
        "   └─ document_worker: vmh.document.update  40 ms",
        "      └─ document_worker: xai upload_file  30 ms  http.response.status_code=413",
    ]
    as_json = await hub(url, "trace", TRACE_ID.upper(), "--json", TEMPO_URL=tempo + "/")
    assert as_json.json["roots"][0]["children"][0]["children"][0]["children"][0]["is_error"] is True
    assert CANARY not in told.out + as_json.out
    unknown = await hub(url, "trace", "0" * 32, TEMPO_URL=tempo)
    assert (unknown.code, "Tempo does not know this trace" in unknown.err) == (1, True)
    broken = await hub(url, "trace", "f" * 32, TEMPO_URL=tempo)
    assert (broken.code, broken.err) == (69, "hub: Tempo answered 500\n")


async def test_a_trace_without_tempo(service: Service) -> None:
    """What the history knows: the runs of the trace and their vendor calls."""
    url = service.bus.settings.nats_url
    await remember(service, "CDokumente.d1", record("e1"), record("e2", trace_id="b" * 32))
    told = await hub(url, "trace", TRACE_ID)
    run, call = told.out.splitlines()
    assert run.startswith("document_worker: vmh.document.update  250 ms  entity_type=CDokumente entity_id=d1")
    assert call == "└─ xai: upload_file  12.5 ms  http.response.status_code=200"
    unknown = await hub(url, "trace", "c" * 32)
    assert (unknown.code, "with TEMPO_URL Tempo is asked" in unknown.err) == (1, True)
    wrong = await hub(url, "trace", "nonsense")
    assert wrong.code == 2
