"""P10: whatever goes wrong on the way to Advoware, neither secret nor client is told where it does not belong."""

import asyncio
import base64
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from nats.aio.msg import Msg

from local_stack.nats_server import NatsServer
from shared.contracts.proxy import CALLER_HEADER
from simulators.advoware import Credentials
from simulators.faults import Fault, FaultKind
from tests.component.test_proxy import NO_REDIS
from tests.component.test_proxy_service import told
from tests.support.advoware import API_KEY, Road, open_road
from tests.support.odd_advoware import OddAdvoware
from tests.support.office import stored
from tests.support.otlp import receiving
from tests.support.processes import processes
from tests.support.proxy_process import proxy_process

NAME = "Kanarienvogel"
PASSWORD = "pw-c4n4ry-1"
SIGNING = base64.b64encode(b"c4n4ry-signing-key").decode()
KEY = "key-c4n4ry-2-of-the-firm"
ACCOUNT = Credentials(password=PASSWORD, api_key=SIGNING)
CANARIES = (
    NAME,
    PASSWORD,
    SIGNING,
    KEY,
    "zeisig-im-body",
    "stieglitz-in-der-frage",
    "fink-im-fehler",
    "drossel-im-pfad",
)

_ALL = "GET **, POST Odd/**, PUT Odd/**, DELETE Odd/**"


class Heard:
    """All that came back as an error, and all that was said live on the bus."""

    def __init__(self, road: Road) -> None:
        self.road = road
        self.errors: list[str] = []
        self.live: list[str] = []

    async def listen(self) -> None:
        """From now on."""

        async def note(message: Msg) -> None:
            self.live.append(message.data.decode())

        await self.road.gateway.bus.nc.subscribe("log.>", cb=note)

    async def knock(self, endpoint: str, method: str = "GET", **more: Any) -> int:
        """At the door; its status."""
        params = {"stieglitz-in-der-frage": NAME, "q": "stieglitz-in-der-frage"}
        status, body, headers = await self.road.ask(endpoint, method=method, key=KEY, params=params, **more)
        if status != 200:
            self.errors.append(body.decode() + repr(headers))
        return status

    async def tell(self, method: str, asked: object, **headers: str) -> int:
        """Over NATS; its code."""
        reply = await self.road.tell(method, asked, headers=headers)
        if reply.code:
            self.errors.append(reply.error + repr(reply.headers) + repr(reply.body))
        return reply.code


async def everything_goes_wrong(heard: Heard, vendor: OddAdvoware, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each failure there is, with canaries in all that a caller and Advoware can say."""
    body = {"name": f"{NAME} zeisig-im-body"}
    assert await heard.knock("Odd/echo") == 200
    assert await heard.knock("Odd/echo", "POST", json=body) == 200
    for bad in (
        "drossel-im-pfad/..",
        "drossel-im-pfad\\x",
        "//drossel-im-pfad",
        "drossel-im-pfad?x",
        "\0drossel-im-pfad",
    ):
        assert await heard.knock(bad) == 400
        assert await heard.tell("GET", {"endpoint": bad}) == 400
    assert await heard.knock("drossel-im-pfad", "PUT", json=body) == 403
    assert await heard.knock("Odd/echo", "POST", data=b"zeisig-im-body") == 400
    assert await heard.knock("Odd/echo", "GET", json=body) == 400
    assert await heard.knock("Odd/echo", "POST", data=b'"zeisig-im-body"'.ljust(600_000)) == 413
    for asked in (
        b"zeisig-im-body",
        b'{"endpoint":{"zeisig-im-body":1}}',
        b'{"endpoint":"Odd/echo","params":[["zeisig-im-body"]]}',
        b'{"endpoint":"Odd/echo","timeout_s":"zeisig-im-body"}',
        b'{"endpoint":"Odd/echo","params":[["","zeisig-im-body"]]}',
    ):
        assert await heard.tell("GET", asked, **{CALLER_HEADER: f"Frau {NAME}"}) == 400
    vendor.quoted = f"{NAME} fink-im-fehler {PASSWORD} {SIGNING}"
    for status in (400, 403, 404, 409, 422, 500, 503):
        assert await heard.knock(f"Odd/quote/{status}", "PUT", json=body) == 502
    kinds: tuple[FaultKind, ...] = ("lost", "cut_answer", "cut_request", "error")
    for kind in kinds:
        vendor.faults.add(Fault(kind=kind, path=".*/Odd/echo"))
        assert await heard.knock("Odd/echo", "POST", json=body) == 502
    for odd in ("cut", "latin", "moved"):
        assert await heard.knock(f"Odd/{odd}") == 502
    assert await heard.knock("Odd/wait", "PUT", json=body) == 504
    await bugs(heard, monkeypatch)
    assert await heard.knock("Odd/quote/401") == 502


async def bugs(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of ours whose text speaks of a client: in the proxy, and in the gateway."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"fink-im-fehler {NAME}")

    with monkeypatch.context() as patched:
        patched.setattr("advoware_proxy.service.plan", broken)
        assert await heard.knock("Odd/echo") == 500
    with monkeypatch.context() as patched:
        patched.setattr("advoware_proxy.service._send", broken)
        assert await heard.knock("Odd/echo", "PUT", json={}) == 500
    with monkeypatch.context() as patched:
        patched.setattr("gateway.proxy_door.ask", broken)
        assert await heard.knock("Odd/echo") == 500


async def not_even_http(road: Road) -> None:
    """What aiohttp refuses before we see it; it quotes the line to whoever sent it, and to nobody else."""
    port = int(road.gateway_url.rpartition(":")[2])
    for target in (b"drossel-im-pfad\xff", b"drossel-im-pfad\0", b"drossel-im-pfad x", b"drossel-im-pfad" * 700):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET /advoware/proxy?endpoint=" + target + b" HTTP/1.1\r\nHost: h\r\napikey: " + KEY.encode() + b"\r\n\r\n"
        )
        assert b" 400 " in await reader.readline()
        writer.close()


async def test_no_canary_leaves_the_proxy(
    nats_server: NatsServer, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P10: logs at their loudest, spans, metrics, all streams, live lines, numbers and every error's answer."""
    vendor = OddAdvoware(credentials=ACCOUNT)
    async with receiving() as (receiver, endpoint):
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)  # the exporter reads it for itself
        async with open_road(
            nats_server.url,
            NO_REDIS,
            allow=_ALL,
            timeout_s=2,
            advoware=vendor,
            account=ACCOUNT,
            keys={"kanzlei": KEY},
            environ=environ,
        ) as road:
            heard = Heard(road)
            await heard.listen()
            await everything_goes_wrong(heard, vendor, monkeypatch)
            await not_even_http(road)
            ways = {
                "errors": "\n".join(heard.errors),
                "live lines": "\n".join(heard.live),
                "numbers": repr(await told(road.gateway.bus.nc, "STATS", count=1)),
                "metrics": "".join(one.metrics.render().decode() for one in (road.gateway, *road.proxies)),
                **{name: repr(await stored(road.gateway, name)) for name in ("AUDIT", "DEAD", "HISTORY", "VMH")},
            }
    ways |= {"logs": lines.getvalue(), "spans": repr((receiver.spans, receiver.resources))}
    assert {"gateway", "advoware_proxy"} == set(receiver.resources)
    searched(ways, vendor)


def searched(ways: dict[str, str], vendor: OddAdvoware) -> None:
    """Each way out has something in it, and no canary, token or key."""
    assert '"traceback":' in ways["logs"]
    assert "Error handling request" in ways["logs"]
    assert '"step":"answered"' in ways["AUDIT"]
    assert "advoware raw PUT" in ways["spans"]
    assert "hub_proxy_requests_total" in ways["metrics"]
    assert "advoware_proxy" in ways["live lines"]
    assert len(vendor.seen_tokens) >= 2
    canaries = {*CANARIES, *vendor.seen_tokens, quote(SIGNING)}
    found = {(way, canary) for way, text in ways.items() for canary in canaries if canary.lower() in text.lower()}
    assert found == set()


async def test_a_refused_password_is_quoted_nowhere(nats_server: NatsServer, lines: io.StringIO) -> None:
    """P10: Advoware's security gateway answers with the whole token request: name, password and signature in it."""
    ways: list[str] = []
    for status in (400, 401, 403, 404, 500):
        vendor = OddAdvoware(credentials=ACCOUNT)
        vendor.refusing_tokens = status
        async with open_road(
            nats_server.url, NO_REDIS, allow=_ALL, advoware=vendor, account=ACCOUNT, keys={"kanzlei": KEY}
        ) as road:
            heard = Heard(road)
            await heard.listen()
            assert await heard.knock("Odd/echo") == 502
            assert await heard.knock("Odd/echo", "PUT", json={"a": "zeisig-im-body"}) == 502
            ways += [*heard.errors, *heard.live, repr(await stored(road.gateway, "AUDIT"))]
    ways.append(lines.getvalue())
    assert "request" in ways[-1]
    assert [canary for canary in CANARIES for way in ways if canary in way] == []


async def test_a_process_tells_no_secret_of_its_environment(nats_server: NatsServer, tmp_path: Path) -> None:
    """P10: its log at debug, from start to stop, with a request that failed in between."""
    with processes(tmp_path) as children:
        secrets = {
            "ADVOWARE_PASSWORD": PASSWORD,
            "ADVOWARE_API_KEY": SIGNING,
            "REDIS_URL": "redis://hub:redis-c4n4ry@127.0.0.1:1/1",
            "LOG_LEVEL": "debug",
        }
        replica = await proxy_process(children, nats_server.url, "http://127.0.0.1:9", secrets).start()
        async with open_road(nats_server.url, NO_REDIS, replicas=0) as road:
            status, body, _ = await road.ask("employees", key=API_KEY)
            assert (status, list(json.loads(body))) == (502, ["error"])
        assert await replica.terminate() == 0
        said = replica.log.read_text(encoding="utf-8")
    assert '"message":"request"' in said
    assert [canary for canary in (*CANARIES, "c4n4ry") if canary in said + body.decode()] == []
