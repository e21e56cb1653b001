"""P14: one trace from publish over process to every vendor call, as an OTLP collector receives it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from local_stack.nats_server import NatsServer
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.runtime.bus import NatsSettings
from shared.runtime.service import Service, serve, start
from tests.support.office import history, open_office, settled, stored, working


class Collector:
    """What has been received: spans by id, with service and kind."""

    def __init__(self) -> None:
        self.spans: dict[str, Any] = {}
        self.services: set[str] = set()
        self.requests = 0

    async def receive(self, request: web.Request) -> web.Response:
        """POST /v1/traces in protobuf."""
        self.requests += 1
        told = ExportTraceServiceRequest.FromString(await request.read())
        for resource in told.resource_spans:
            self.services |= {a.value.string_value for a in resource.resource.attributes if a.key == "service.name"}
            for scope in resource.scope_spans:
                self.spans.update({span.span_id.hex(): span for span in scope.spans})
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans.values() if span.name == name]


@contextlib.asynccontextmanager
async def collecting() -> AsyncIterator[tuple[Collector, str]]:
    collector = Collector()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/traces", collector.receive)
    async with serve(app, "127.0.0.1", 0) as port:
        yield collector, f"http://127.0.0.1:{port}"


async def sync_one(service: Service) -> str:
    """A document through the whole worker; its event's id."""
    async with open_office(service) as office:
        owner = office.owner()
        document = office.document(owner=owner)
        async with working(service, office):
            event_id = await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id=document))
            await settled(service)
        assert office.record(document)["xaiSyncStatus"] == "clean"
    return event_id


async def test_one_trace_from_publish_to_the_last_vendor_call(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Publish is the root, each run hangs under what published it, each vendor call under its run."""
    async with collecting() as (collector, endpoint):
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)  # the exporter reads it for itself
        scope = start("document_worker", NatsSettings(nats_url=nats_server.url), environ)
        service = await scope.__aenter__()
        event_id = await sync_one(service)
        rows = await history(service)
        events = await stored(service, "VMH")
        # Closing sends what still waits, which would stop the loop that must receive it.
        await asyncio.to_thread(service.tracer.close)
        await scope.__aexit__(None, None, None)
    assert collector.services == {"document_worker"}
    trace_ids = {span.trace_id.hex() for span in collector.spans.values()}
    [root] = [span for span in collector.spans.values() if not span.parent_span_id]
    assert root.name == "publish vmh.document.update"
    assert trace_ids == {root.trace_id.hex()}
    assert {row["trace_id"] for row in rows} == trace_ids
    assert all(str(event["headers"]["traceparent"]).split("-")[1] in trace_ids for event in events)
    runs = collector.named("process vmh.document.update") + collector.named("process vmh.raeumungsklage.update")
    for run in runs:
        assert collector.spans[run.parent_span_id.hex()].name.startswith("publish vmh.")
        assert run.kind == 5  # consumer
    first = next(run for run in runs if run.parent_span_id == root.span_id)
    told = {a.key: a.value.string_value for a in first.attributes}
    assert told["messaging.message.id"] == event_id
    calls = [span for span in collector.spans.values() if span.name.startswith(("espocrm ", "xai "))]
    in_runs = {run.span_id for run in runs}
    assert all(call.parent_span_id in in_runs and call.kind == 3 for call in calls)
    assert len(calls) == sum(len(row.get("calls", [])) for row in rows)
    assert {"xai upload_file", "xai create_collection", "xai add_document", "espocrm download"} <= {
        call.name for call in calls
    }


async def test_without_an_endpoint_the_ids_travel_all_the_same(service: Service) -> None:
    """Nothing is recorded or sent; history of all that followed has the publisher's trace."""
    assert not service.tracer.recording
    with service.tracer.span("webhook") as webhook:
        event_id = await sync_one(service)
    rows = await history(service)
    assert {row["trace_id"] for row in rows} == {webhook.trace.trace_id}
    assert event_id in {row["event_id"] for row in rows}


async def test_a_collector_that_is_away_disturbs_nobody(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spans are lost, documents are not."""
    endpoint = "http://127.0.0.1:9"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    async with start("document_worker", NatsSettings(nats_url=nats_server.url), environ) as service:
        assert service.tracer.recording
        await sync_one(service)
