"""P14: one trace from the door over the bus to Advoware."""

import pytest

from local_stack.nats_server import NatsServer
from shared.contracts.proxy import AuditRecord
from tests.component.test_proxy import NO_REDIS
from tests.component.test_proxy_audit import records
from tests.support.advoware import API_KEY, open_road
from tests.support.odd_advoware import OddAdvoware
from tests.support.otlp import Link, Receiver, receiving

THEIRS = Link("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


async def recorded(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, asked: list[tuple[str, str]]
) -> tuple[Receiver, list[AuditRecord]]:
    """The spans of these requests at the door, and what the audit has of them."""
    async with receiving() as (receiver, endpoint):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)  # the exporter reads it for itself
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        async with open_road(
            nats_server.url, NO_REDIS, allow="GET **, PUT **", advoware=OddAdvoware(), environ=environ
        ) as road:
            for method, path in asked:
                headers = {"apikey": API_KEY, "traceparent": f"00-{THEIRS.trace_id}-{THEIRS.span_id}-01"}
                url = f"{road.gateway_url}/advoware/proxy?endpoint={path}"
                async with road.http.request(method, url, headers=headers) as answer:
                    await answer.read()
            found = await records(road)
    return receiver, found


async def test_one_trace_from_the_door_to_advoware(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """P14: the gateway's span is the root, the proxy's hangs under the request, each vendor call under that."""
    receiver, found = await recorded(nats_server, monkeypatch, [("PUT", "Odd/echo")])
    assert set(receiver.resources) == {"gateway", "advoware_proxy"}
    root = receiver.one("PUT /advoware/proxy")
    asked = receiver.one("publish advoware.proxy.put")
    proxy = receiver.one("process advoware.proxy.put")
    calls = receiver.calls()
    assert set(receiver.traces()) == {root.trace_id}
    assert (root.parent_id, asked.parent_id, proxy.parent_id) == ("", root.span_id, asked.span_id)
    assert {call.parent_id for call in calls} == {proxy.span_id}
    assert [call.name for call in calls] == ["GET advoware discover", "POST advoware token", "PUT advoware raw PUT"]
    assert (root.kind, asked.kind, proxy.kind) == ("server", "producer", "consumer")
    assert root.attributes == {
        "http.request.method": "PUT",
        "http.route": "/advoware/proxy",
        "url.path": "/advoware/proxy",
        "url.scheme": "http",
        "http.response.status_code": 200,
    }
    assert proxy.attributes == {
        "messaging.system": "nats",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": "advoware.proxy.put",
        "hub.proxy.status": 200,
    }
    assert {record.trace_id for record in found} == {root.trace_id}
    assert receiver.unknown_names() == set()


async def test_a_callers_trace_is_linked_and_never_continued(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P14: nobody outside chooses our trace ids; two requests are two traces."""
    receiver, _ = await recorded(nats_server, monkeypatch, [("GET", "employees"), ("GET", "employees")])
    roots = receiver.named("GET /advoware/proxy")
    assert len({root.trace_id for root in roots}) == 2
    assert THEIRS.trace_id not in receiver.traces()
    assert [root.links for root in roots] == [(THEIRS,)] * 2


async def test_a_failure_marks_its_spans(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """P14: 502 at the door and in the proxy, Advoware's own status at its call; a refusal is nobody's error."""
    receiver, _ = await recorded(nats_server, monkeypatch, [("GET", "Odd/quote/500"), ("GET", "a/../b")])
    failed, refused = receiver.named("GET /advoware/proxy")
    assert (failed.is_error, failed.attributes["error.type"]) == (True, "502")
    assert (refused.is_error, refused.attributes["http.response.status_code"]) == (False, 400)
    proxies = {span.trace_id: span for span in receiver.named("process advoware.proxy.get")}
    assert proxies[failed.trace_id].attributes["error.type"] == "502"
    assert not proxies[refused.trace_id].is_error
    calls = receiver.named("GET advoware raw GET")
    assert {call.attributes["error.type"] for call in calls} == {"500"}
    assert {span.status_text for span in receiver.spans.values()} == {""}
