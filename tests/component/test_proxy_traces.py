"""P14: one trace from the door over the bus to Advoware."""

import asyncio
from typing import Any

import pytest

from local_stack.nats_server import NatsServer
from shared.contracts.proxy import AuditRecord
from tests.component.test_proxy import NO_REDIS
from tests.component.test_proxy_audit import records
from tests.component.test_traces import Collector, collecting
from tests.support.advoware import API_KEY, open_road
from tests.support.odd_advoware import OddAdvoware

THEIRS = "0af7651916cd43dd8448eb211c80319c"


async def recorded(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, asked: list[tuple[str, str]]
) -> tuple[Collector, list[AuditRecord]]:
    """The spans of these requests at the door, and what the audit has of them."""
    async with collecting() as (collector, endpoint):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)  # the exporter reads it for itself
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        async with open_road(
            nats_server.url, NO_REDIS, allow="GET **, PUT **", advoware=OddAdvoware(), environ=environ
        ) as road:
            for method, path in asked:
                headers = {"apikey": API_KEY, "traceparent": f"00-{THEIRS}-b7ad6b7169203331-01"}
                url = f"{road.gateway_url}/advoware/proxy?endpoint={path}"
                async with road.http.request(method, url, headers=headers) as answer:
                    await answer.read()
            found = await records(road)
            for one in (road.gateway, *road.proxies):
                await asyncio.to_thread(one.tracer.close)
    return collector, found


def attributes(span: Any) -> dict[str, Any]:
    """Name and value of each."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


async def test_one_trace_from_the_door_to_advoware(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """P14: the gateway's span is the root, the proxy's hangs under it, each vendor call under that."""
    collector, found = await recorded(nats_server, monkeypatch, [("PUT", "Odd/echo")])
    assert collector.services == {"gateway", "advoware_proxy"}
    [root] = collector.named("PUT /advoware/proxy")
    [proxy] = collector.named("advoware_proxy PUT")
    calls = [span for span in collector.spans.values() if span.name.startswith("advoware ")]
    assert {span.trace_id for span in collector.spans.values()} == {root.trace_id}
    assert (root.parent_span_id, proxy.parent_span_id) == (b"", root.span_id)
    assert {call.parent_span_id for call in calls} == {proxy.span_id}
    assert {call.name for call in calls} == {"advoware discover", "advoware token", "advoware raw PUT"}
    assert (root.kind, proxy.kind, {call.kind for call in calls}) == (2, 2, {3})
    assert attributes(root) == {
        "http.request.method": "PUT",
        "http.route": "/advoware/proxy",
        "http.response.status_code": 200,
    }
    assert attributes(proxy) == {"hub.proxy.status": 200}
    assert {record.trace_id for record in found} == {root.trace_id.hex()}


async def test_a_callers_trace_is_linked_and_never_continued(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P14: nobody outside chooses our trace ids; two requests are two traces."""
    collector, _ = await recorded(nats_server, monkeypatch, [("GET", "employees"), ("GET", "employees")])
    roots = collector.named("GET /advoware/proxy")
    assert len({root.trace_id for root in roots}) == 2
    assert THEIRS not in {span.trace_id.hex() for span in collector.spans.values()}
    assert [[link.trace_id.hex() for link in root.links] for root in roots] == [[THEIRS]] * 2


async def test_a_failure_marks_its_spans(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """P14: 502 and its kind at the door, in the proxy and at Advoware; a refused endpoint is nobody's error."""
    collector, _ = await recorded(nats_server, monkeypatch, [("GET", "Odd/quote/500"), ("GET", "a/../b")])
    failed, refused = sorted(collector.named("GET /advoware/proxy"), key=lambda span: span.start_time_unix_nano)
    assert (failed.status.code, attributes(failed)["error.type"]) == (2, "502")
    assert (refused.status.code, attributes(refused)["http.response.status_code"]) == (0, 400)
    proxies = {span.parent_span_id: span for span in collector.named("advoware_proxy GET")}
    assert attributes(proxies[failed.span_id])["error.type"] == "502"
    assert proxies[refused.span_id].status.code == 0
    [call] = collector.named("advoware raw GET")
    assert attributes(call)["error.type"]
