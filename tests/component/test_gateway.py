"""The gateway over HTTP against a real NATS server: what comes in, what is stored, what is answered."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.app import build
from gateway.settings import Settings
from gateway.webhooks import WEBHOOKS
from local_stack.nats_server import NatsServer
from shared.contracts.topology import VMH
from shared.runtime.bus import NatsSettings
from shared.runtime.service import Service, serve, start
from shared.settings import load
from shared.telemetry.traces import Tracer

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "samples" / "webhooks"
BODY = (SAMPLES / "create.json").read_bytes()
HEADERS: dict[str, str] = json.loads((SAMPLES / "create.headers.json").read_text(encoding="utf-8"))
[(WEBHOOK, SECRET)] = json.loads((SAMPLES / "secrets.json").read_text(encoding="utf-8")).items()
ENVIRON = {"GATEWAY_WEBHOOK_SECRETS": f"{WEBHOOK}:{SECRET}", "GATEWAY_API_KEYS": "curl:key-for-tests"}

CREATE = "/vmh/webhook/document/create"
UPDATE = "/vmh/webhook/document/update"
KEY = {"apikey": "key-for-tests"}


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"] == "application/json"
        return json.loads(self.body)

    def error(self) -> str:
        """The text of an answer that is nothing but an error."""
        assert list(self.json) == ["error"]
        assert b"Traceback" not in self.body
        assert b".py" not in self.body
        return str(self.json["error"])


class Gateway:
    """A running gateway, and a client in front of it."""

    def __init__(self, service: Service, session: aiohttp.ClientSession, port: int) -> None:
        self.service = service
        self.port = port
        self._session = session

    async def post(self, path: str, body: Any, headers: dict[str, str] = KEY) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.ask("POST", path, data, {"Content-Type": "application/json", **headers})

    async def ask(self, method: str, path: str, data: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self._session.request(method, url, data=io.BytesIO(data), headers=headers) as answer:
            return Answer(answer.status, dict(answer.headers), await answer.read())

    async def raw(self, sent: bytes) -> Answer:
        """What is answered to these bytes, when the connection is then left open."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["Content-Length"]))
        writer.close()
        return Answer(int(head[0].split()[1]), headers, body)

    async def stored(self) -> list[dict[str, Any]]:
        """All events of the stream."""
        info = await self.service.bus.api("STREAM.INFO.VMH")
        found = []
        for sequence in range(1, info["state"]["last_seq"] + 1):
            message = await self.service.bus.nc.jetstream().get_msg(VMH.name, sequence)
            found.append(
                {
                    "subject": message.subject,
                    "headers": dict(message.headers or {}),
                    "body": json.loads(message.data or b"{}"),
                }
            )
        return found

    async def said(self) -> list[tuple[str, str]]:
        """Subject and id of all events."""
        return sorted((event["subject"], event["body"]["entity_id"]) for event in await self.stored())


@pytest.fixture
async def service(nats_server: NatsServer) -> AsyncIterator[Service]:
    """A connected service with the gateway's name."""
    async with start("gateway", NatsSettings(nats_url=nats_server.url), {}) as started:
        yield started


@pytest.fixture
async def gateway(service: Service) -> AsyncIterator[Gateway]:
    """The gateway of this process on a free port."""
    async with running(service) as built:
        yield built


@contextlib.asynccontextmanager
async def running(service: Service) -> AsyncIterator[Gateway]:
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        serve(build(load(Settings, ENVIRON), service), "127.0.0.1", 0) as port,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        yield Gateway(service, session, port)


@contextlib.contextmanager
def standing_still(server: NatsServer) -> Iterator[None]:
    """The broker keeps its connections and answers nothing."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def signed(body: bytes, secret: str = SECRET, webhook_id: str = WEBHOOK) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"Signature": base64.b64encode(f"{webhook_id}:{digest}".encode()).decode()}


async def test_a_recorded_delivery_becomes_a_stored_event(gateway: Gateway) -> None:
    """P1: real bytes with real signatures; 200 means that the event lies in the stream, with its headers."""
    answer = await gateway.post(CREATE, BODY, {name: HEADERS[name] for name in ("Signature", "X-Signature")})
    assert answer.status == 200
    assert answer.json == {"status": "received", "action": "create", "new_ids_count": 1, "total_ids_in_batch": 1}
    [event] = await gateway.stored()
    assert event["subject"] == event["headers"]["ce-type"] == "vmh.document.create"
    assert event["headers"]["ce-specversion"] == "1.0"
    assert event["headers"]["ce-source"] == "/bitbylaw-hub/gateway"
    assert event["headers"]["ce-id"] == event["headers"]["Nats-Msg-Id"]
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", event["headers"]["traceparent"])
    assert event["body"].pop("received_at").endswith("Z")
    assert event["body"] == {
        "entity_id": "6b03037c06a040734",
        "entity_type": "CDokumente",
        "action": "create",
        "source": "webhook",
        "force": False,
    }


async def test_every_door_takes_a_batch(gateway: Gateway) -> None:
    """Each row of the table answers with its action, and its events lie on its subject."""
    wanted = []
    for path in WEBHOOKS:
        family, action = path.split("/")[-2:]
        if family == "entity":
            continue
        answer = await gateway.post(path, [{"id": "a1"}, {"id": "b2"}, {"id": "a1"}])
        assert answer.status == 200
        assert answer.json == {"status": "received", "action": action, "new_ids_count": 2, "total_ids_in_batch": 3}
        wanted += [(f"vmh.{family}.{action}", "a1"), (f"vmh.{family}.{action}", "b2")]
    assert await gateway.said() == sorted(wanted)


async def test_the_other_shapes_of_a_body_are_taken(gateway: Gateway) -> None:
    """One object with `id`, one with `entity_id`, and an array of nothing."""
    assert (await gateway.post(UPDATE, {"id": "a1"})).status == 200
    assert (await gateway.post(UPDATE, {"entity_type": "CDokumente", "entity_id": "b2", "action": "x"})).status == 200
    nothing = await gateway.post(UPDATE, [])
    assert (nothing.status, nothing.json["new_ids_count"], nothing.json["total_ids_in_batch"]) == (200, 0, 0)
    assert await gateway.said() == [("vmh.document.update", "a1"), ("vmh.document.update", "b2")]


async def test_a_full_batch_is_stored_whole(gateway: Gateway) -> None:
    """P12: the largest batch is more than a publisher has in hand at once, and is taken all the same."""
    answer = await gateway.post(CREATE, [{"id": f"d{number}"} for number in range(1_000)])
    assert answer.json == {"status": "received", "action": "create", "new_ids_count": 1000, "total_ids_in_batch": 1000}
    assert len(await gateway.said()) == 1_000


async def test_a_link_is_said_to_both_sides(gateway: Gateway) -> None:
    """Document and owner each get an event; a type that owns no collection gets none."""
    link = {"entityType": "Account", "entityId": "o1", "documentId": "d1"}
    assert (await gateway.post("/vmh/webhook/entity/link", link)).json["action"] == "link"
    others = [
        {"entityType": "CBeteiligte", "entityId": "o2", "documentId": "d2"},
        {"entityType": "Contact", "entityId": "o3", "documentId": "d3"},
    ]
    answer = await gateway.post("/vmh/webhook/entity/unlink", others)
    assert answer.json == {"status": "received", "action": "unlink", "new_ids_count": 3, "total_ids_in_batch": 2}
    assert await gateway.said() == [
        ("vmh.account.update", "o1"),
        ("vmh.beteiligte.update", "o2"),
        ("vmh.document.update", "d1"),
        ("vmh.document.update", "d2"),
        ("vmh.document.update", "d3"),
    ]
    assert {event["body"]["action"] for event in await gateway.stored()} == {"link", "unlink"}


async def test_our_own_echo_is_counted_and_not_published(gateway: Gateway) -> None:
    """An update of nothing but our fields ends here; one that asks for a sync does not."""
    echo = {"id": "a1", "xaiSyncStatus": "clean", "xaiSyncedHash": "h", "modifiedById": "u1"}
    answer = await gateway.post(UPDATE, [echo, {"id": "b2", "xaiSyncStatus": "unclean"}])
    assert answer.json == {"status": "received", "action": "update", "new_ids_count": 1, "total_ids_in_batch": 2}
    assert (await gateway.post(UPDATE, [echo])).json["new_ids_count"] == 0
    assert await gateway.said() == [("vmh.document.update", "b2")]
    metrics = (await gateway.ask("GET", "/metrics")).body.decode()
    assert 'hub_webhook_echoes_total{door="document.update"} 2.0' in metrics
    assert 'hub_webhooks_total{door="document.update",status="200"} 2.0' in metrics
    assert 'hub_webhook_seconds_count{door="document.update"} 2.0' in metrics
    assert 'hub_events_published_total{subject="vmh.document.update"} 1.0' in metrics


BAD_IDS = ["../etc/passwd", "*", ">", "Geheim x", "Geheim\x00", "Geheimnüs", "Geheim\n", "", "Geheim" * 9, 471147114711]
GOOD = b'[{"id":"good1"}]'
BAD: list[tuple[str, bytes, dict[str, str], int, str]] = [
    ("wrong signature", GOOD, signed(GOOD, "Geheim"), 401, "no valid signature and no valid apikey"),
    ("unknown webhook", GOOD, signed(GOOD, SECRET, "Geheim"), 401, "no valid signature and no valid apikey"),
    ("other body", GOOD, signed(GOOD + b" "), 401, "no valid signature and no valid apikey"),
    ("garbage", GOOD, {"Signature": "Geheim!"}, 401, "no valid signature and no valid apikey"),
    ("no auth", GOOD, {}, 401, "no valid signature and no valid apikey"),
    ("wrong key", GOOD, {"apikey": "Geheim"}, 401, "no valid signature and no valid apikey"),
    ("no auth, no JSON", b"[{", {}, 401, "no valid signature and no valid apikey"),
    ("truncated", b'[{"id":"good1"},{"name":"Geheim', KEY, 400, "the body is not JSON"),
    ("empty", b"", KEY, 400, "the body is not JSON"),
    ("scalar", b'"Geheim"', KEY, 400, "the body is neither an object nor an array of objects"),
    ("deep", b'[{"id":"good1","x":' + b"[" * 200_000, KEY, 400, "the body is nested too deeply"),
    ("2 MB", b'[{"id":"' + b"Geheim" * 350_000 + b'"}]', KEY, 413, "the body is larger than 1048576 bytes"),
    ("10,000 items", b"[" + b",".join([GOOD[1:-1]] * 10_000) + b"]", KEY, 413, "more than 1000 items"),
    ("no id", b'[{"name":"Geheim"}]', KEY, 400, "item 0 has no id"),
    *(
        (
            f"id {number}",
            json.dumps([{"id": "good1"}, {"id": bad}]).encode(),
            KEY,
            400,
            "item 1: id is not an id: 1 to 36 of A-Z a-z 0-9 _ -",
        )
        for number, bad in enumerate(BAD_IDS)
    ),
]


@pytest.mark.parametrize(("body", "headers", "status", "error"), [case[1:] for case in BAD], ids=[c[0] for c in BAD])
async def test_bad_input_is_refused_whole(
    gateway: Gateway,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
    headers: dict[str, str],
    status: int,
    error: str,
) -> None:
    """Its status, one sentence, nothing published, one log line without any value, and the next request works."""
    answer = await gateway.post(CREATE, body, headers)
    assert (answer.status, answer.error()) == (status, error)
    [record] = [record for record in caplog.records if record.name.startswith("gateway")]
    assert record.levelno == logging.WARNING
    assert record.__dict__["status"] == status
    assert record.__dict__["reason"] == error
    assert not any(value in str(vars(record)) for value in ("Geheim", "passwd", "471147114711"))
    assert (await gateway.post(CREATE, [{"id": "next1"}])).status == 200
    assert await gateway.said() == [("vmh.document.create", "next1")]
    assert f'status="{status}"}} 1.0' in (await gateway.ask("GET", "/metrics")).body.decode()


async def test_a_body_without_a_length_is_measured_while_it_comes(gateway: Gateway) -> None:
    """P12: chunks say no length beforehand; more than a MiB of them is refused, garbage among them as well."""
    head = f"POST {CREATE} HTTP/1.1\r\nHost: h\r\napikey: key-for-tests\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    assert (await gateway.raw(head + chunk * 17)).status == 413
    good = b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD)
    assert (await gateway.raw(head + good)).status == 200
    assert (await gateway.raw(head + b'5\r\n[{"id\r\nzz\r\n')).status == 400
    assert await gateway.said() == [("vmh.document.create", "good1")]


async def test_a_slow_body_is_not_waited_for(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """P12: who sends half a body and stops gets 408, which EspoCRM sends again."""
    monkeypatch.setattr("gateway.body._BODY_S", 0.1)
    head = f"POST {CREATE} HTTP/1.1\r\nHost: h\r\napikey: key-for-tests\r\nContent-Length: 100\r\n\r\n".encode()
    answer = await gateway.raw(head + b"[{")
    assert (answer.status, answer.error()) == (408, "the body did not come in time")


async def test_paths_and_methods_that_do_not_exist(gateway: Gateway) -> None:
    """404 and 405 are JSON as well."""
    for path in ("/", "/vmh/webhook/document", "/vmh/webhook/document/nothing", "/vmh/webhook/document/create/"):
        answer = await gateway.post(path, GOOD)
        assert (answer.status, answer.error()) == (404, "there is no such path")
    for method, path, allowed in (("GET", CREATE, "POST"), ("PUT", CREATE, "POST"), ("POST", "/healthz", "GET")):
        answer = await gateway.ask(method, path)
        assert (answer.status, answer.error()) == (405, "this path does not take that method")
        assert allowed in answer.headers["Allow"]


async def test_an_error_of_ours_is_500_without_its_text(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """P10: a bug's own text may hold a name, so neither answer nor message repeats it; EspoCRM sends 500 again."""

    async def broken(*_: object) -> str:
        raise RuntimeError("Frau Muster")

    monkeypatch.setattr(gateway.service.publisher, "publish", broken)
    for body in (GOOD, b'[{"id":"a1"},{"id":"b2"}]'):
        answer = await gateway.post(CREATE, body)
        assert (answer.status, answer.error()) == (500, "internal error")
    assert [record.getMessage() for record in caplog.records if record.name == "gateway.webhooks"] == [
        "webhook failed"
    ] * 2


async def test_without_nats_the_answer_is_503_at_once_and_then_it_works_again(
    gateway: Gateway, nats_server: NatsServer
) -> None:
    """P1: nothing is accepted that cannot be stored; readiness says so; after the restart nothing is left over."""
    back = asyncio.Event()
    gateway.service.bus.on_reconnect(back.set)
    assert (await gateway.ask("GET", "/readyz")).status == 200
    await asyncio.to_thread(nats_server.stop)
    async with asyncio.timeout(2):
        for body in (GOOD, b'[{"id":"a1"},{"id":"b2"}]'):
            answer = await gateway.post(CREATE, body)
            assert (answer.status, answer.error()) == (503, "not stored, send it again")
            assert answer.headers["Retry-After"] == "2"
    assert (await gateway.ask("GET", "/healthz")).status == 200
    readiness = await gateway.ask("GET", "/readyz")
    assert readiness.status == 503
    assert "nats" in readiness.json["problems"]
    await nats_server.astart()
    async with asyncio.timeout(10):
        await back.wait()
    assert (await gateway.post(CREATE, [{"id": "after1"}])).status == 200
    assert (await gateway.ask("GET", "/readyz")).status == 200
    assert await gateway.said() == [("vmh.document.create", "after1")]


async def test_a_broker_that_stands_still_is_503_before_espocrm_gives_up(
    gateway: Gateway, nats_server: NatsServer
) -> None:
    """P1: EspoCRM waits ten seconds; a single event and a batch are answered before."""
    with standing_still(nats_server):
        async with asyncio.timeout(9):
            answers = await asyncio.gather(
                gateway.post(CREATE, [{"id": "a1"}]), gateway.post(CREATE, [{"id": "b2"}, {"id": "c3"}])
            )
    assert [(answer.status, answer.headers["Retry-After"]) for answer in answers] == [(503, "2")] * 2


async def test_no_more_than_128_requests_are_in_work(gateway: Gateway, nats_server: NatsServer) -> None:
    """P12: the next one is refused at once while the others wait for the broker, and those are stored in the end."""
    with standing_still(nats_server):
        asked = [asyncio.ensure_future(gateway.post(CREATE, [{"id": f"d{number}"}])) for number in range(300)]
        refused = []
        for done in asyncio.as_completed(asked):
            refused.append(await done)
            if len(refused) == 172:
                break
    answers = await asyncio.gather(*asked)
    assert {answer.status for answer in refused} == {503}
    assert {answer.headers["Retry-After"] for answer in refused} == {"2"}
    assert sorted(answer.status for answer in answers) == [200] * 128 + [503] * 172
    assert len(set(await gateway.said())) == 128


async def test_a_batch_that_does_not_fit_is_refused_before_any_of_it_is_stored(
    gateway: Gateway, nats_server: NatsServer
) -> None:
    """P12: three full batches are in work; a fourth, and a single record, are turned away and leave nothing behind."""
    batches = [[{"id": f"b{number}r{item}"} for item in range(200)] for number in range(3)]
    with standing_still(nats_server):
        asked = [asyncio.ensure_future(gateway.post(CREATE, batch)) for batch in batches]
        for _ in range(1_000):
            if gateway.service.publisher._in_flight == 384:
                break
            await asyncio.sleep(0.01)
        late = [await gateway.post(CREATE, [{"id": f"late{item}"} for item in range(size)]) for size in (200, 1)]
    answers = await asyncio.gather(*asked)
    assert [answer.status for answer in answers] == [200] * 3
    assert [answer.status for answer in late] == [503] * 2
    assert len(set(await gateway.said())) == 600


async def test_a_callers_trace_is_linked_and_never_continued(service: Service) -> None:
    """P14: one trace from the webhook on, which nobody outside chooses; the event carries it."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    service.tracer = Tracer(provider)
    theirs = "0af7651916cd43dd8448eb211c80319c"
    async with running(service) as gateway:
        await gateway.post(CREATE, GOOD, {**KEY, "traceparent": f"00-{theirs}-b7ad6b7169203331-01"})
        [event] = await gateway.stored()
    provider.shutdown()
    [span] = exporter.get_finished_spans()
    assert (span.name, span.kind.name, span.parent) == (f"POST {CREATE}", "SERVER", None)
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [theirs]
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": CREATE,
        "url.path": CREATE,
        "url.scheme": "http",
        "http.response.status_code": 200,
    }
    assert event["headers"]["traceparent"].split("-")[1] == f"{span.context.trace_id:032x}" != theirs


async def test_every_route_is_described(gateway: Gateway) -> None:
    """Methods and paths of the application and of its description are the same, but for the description's own."""
    described = (await gateway.ask("GET", "/openapi.json")).json
    told = {(method.upper(), path) for path, item in described["paths"].items() for method in item}
    routed = {
        (route.method, route.resource.canonical)
        for route in build(load(Settings, ENVIRON), gateway.service).router.routes()
        if route.resource is not None and route.method not in ("HEAD", "*")
    }
    own = {(method, path) for method, path in routed if path == "/openapi.json" or path.startswith("/docs")}
    assert told == routed - own
    assert {path for _, path in told} == {
        *WEBHOOKS,
        "/advoware/calendar/sync",
        "/advoware/proxy",
        "/healthz",
        "/readyz",
        "/metrics",
    }


async def test_the_door_to_advoware_is_described_as_it_answers(gateway: Gateway) -> None:
    """Its key, its endpoint, a body where there is one, every status and the headers that go with some."""
    described = (await gateway.ask("GET", "/openapi.json")).json
    methods = described["paths"]["/advoware/proxy"]
    assert {method for method, operation in methods.items() if "requestBody" in operation} == {"post", "put"}
    for method, operation in methods.items():
        assert operation["security"] == [{"apikey": []}]
        assert [(one["name"], one.get("required", False)) for one in operation["parameters"]] == [
            ("endpoint", True),
            ("params", False),
        ]
        answers = operation["responses"]
        assert [int(status) for status in answers] == [200, 400, 401, 403, 408, 413, 429, 500, 502, 503, 504]
        assert set(answers["200"]["content"]) == {"application/json", "*/*"}
        headers = {status: list(one["headers"]) for status, one in answers.items() if "headers" in one}
        assert headers == {"429": ["Retry-After"], "502": ["Hub-Advoware-Status"], "503": ["Retry-After"]}
        assert ("nobody knows whether it was done" in answers["502"]["description"]) == (method != "get")


async def test_the_description_is_whole(gateway: Gateway) -> None:
    """Every reference leads somewhere, every security scheme exists, every operation has a name of its own."""
    answer = await gateway.ask("GET", "/openapi.json")
    described = answer.json
    assert described["openapi"] == "3.0.3"
    references = set(re.findall(r'"\$ref":"#/components/schemas/(\w+)"', answer.body.decode()))
    assert references == set(described["components"]["schemas"])
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for path in WEBHOOKS:
        operation = described["paths"][path]["post"]
        assert {"200", "400", "401", "413", "503"} <= set(operation["responses"])
        assert all(set(one) <= set(described["components"]["securitySchemes"]) for one in operation["security"])
        assert operation["requestBody"]["content"]["application/json"]["schema"]["anyOf"]


async def test_the_page_needs_nothing_from_elsewhere(gateway: Gateway) -> None:
    """No address outside, no inline script, a policy that allows only ourselves, and all that it names is there."""
    page = await gateway.ask("GET", "/docs")
    assert page.status == 200
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert b"//" not in page.body
    assert re.findall(rb"<script[^>]*>(.*?)</script>", page.body) == [b"", b""]
    named = [path.decode() for path in re.findall(rb'(?:href|src)="([^"]+)"', page.body)]
    assert len(named) == 3
    for path in named:
        asset = await gateway.ask("GET", path)
        assert asset.status == 200
        assert len(asset.body) > 50
    initializer = await gateway.ask("GET", "/docs/initializer.js")
    assert b'"/openapi.json"' in initializer.body
    assert b"//" not in initializer.body


def started(**environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway"],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(**environ: str) -> tuple[int, str]:
    with started(**environ) as process:
        try:
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    return process.returncode, errors


def test_without_settings_it_names_all_that_is_missing() -> None:
    """Exit 78, and both names at once, also beside another mistake."""
    code, errors = ended()
    assert code == 78
    assert "GATEWAY_WEBHOOK_SECRETS and GATEWAY_API_KEYS are missing" in errors
    code, errors = ended(GATEWAY_PORT="many")
    assert code == 78
    assert "GATEWAY_WEBHOOK_SECRETS and GATEWAY_API_KEYS are missing" in errors
    assert "GATEWAY_PORT is malformed" in errors
    code, errors = ended(GATEWAY_API_KEYS="demo:demo")
    assert code == 78
    assert "made-up secret" in errors


def test_demo_makes_up_both_and_either_is_enough() -> None:
    """The variable alone decides; a production gateway needs one of the two."""
    demo = load(Settings, {"HUB_ENV": "demo"})
    assert demo.keys.gateway_api_keys["demo"].reveal() == "demo"
    assert demo.keys.gateway_webhook_secrets["demo"].reveal() == "demo"
    for name, value in ENVIRON.items():
        assert load(Settings, {name: value}).gateway_port == 3111


def test_without_nats_it_ends_with_one_sentence() -> None:
    """Exit 69 when a required part is not there."""
    code, errors = ended(HUB_ENV="demo", NATS_URL="nats://127.0.0.1:1", GATEWAY_PORT="0")
    assert code == 69
    assert errors == "gateway: cannot start: NATS is not reachable at nats://127.0.0.1:1\n"


def test_without_jetstream_it_ends_with_one_sentence(tmp_path: Path) -> None:
    """Exit 69 when the server is one that stores nothing."""
    server = NatsServer(tmp_path / "nats", jetstream=False)
    server.start()
    try:
        code, errors = ended(HUB_ENV="demo", NATS_URL=server.url, GATEWAY_PORT="0")
    finally:
        server.stop()
    assert code == 69
    assert "runs without JetStream" in errors
    assert errors.count("\n") == 1


async def test_sigterm_finishes_the_request_in_flight(service: Service, nats_server: NatsServer) -> None:
    """P13: first not ready, then no new connections, and what was being stored is stored and answered; exit 0."""
    with started(GATEWAY_PORT="0", NATS_URL=nats_server.url, **ENVIRON) as process:
        try:
            assert process.stdout is not None
            line: dict[str, Any] = {}
            while line.get("message") != "ready":
                line = json.loads(await asyncio.to_thread(process.stdout.readline))
            async with aiohttp.ClientSession() as session:
                gateway = Gateway(service, session, line["port"])
                with standing_still(nats_server):
                    asked = asyncio.ensure_future(gateway.post(CREATE, GOOD))
                    assert (await gateway.ask("GET", "/healthz")).status == 200
                    process.send_signal(signal.SIGTERM)
                    await stopping(gateway)
                    await closed(gateway.port)
                    assert not asked.done()
                answer = await asked
            output, errors = await asyncio.to_thread(process.communicate)
        finally:
            process.kill()
    assert answer.status == 200
    assert (process.returncode, errors) == (0, "")
    assert '"stopped"' in output
    assert await gateway.said() == [("vmh.document.create", "good1")]


async def test_while_it_stops_each_answer_ends_its_connection(gateway: Gateway) -> None:
    """P13: no kept connection is cut in the middle of its next request, as its client is told to open another."""
    assert "Connection" not in (await gateway.post(CREATE, GOOD)).headers
    gateway.service.health.draining = True
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    async with asyncio.timeout(5):
        assert b"\r\nConnection: close\r\n" in await reader.read()
    writer.close()
    last = await gateway.post(CREATE, GOOD)
    assert (last.status, last.headers["Connection"]) == (200, "close")


async def stopping(gateway: Gateway) -> None:
    """Returns when it says that it stops. Until the signal has arrived it waits for a broker that says nothing."""
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                readiness = await gateway.ask("GET", "/readyz")
            assert (readiness.status, readiness.json["problems"]) == (503, {"service": "is stopping"})
            return


async def closed(port: int) -> None:
    """Returns when nobody listens there."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        writer.close()
        await asyncio.sleep(0.02)
