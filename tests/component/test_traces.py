"""P14: one trace from publish over process to every vendor call, as an OTLP collector receives it."""

import asyncio
import contextlib
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Mapping

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from local_stack.nats_server import NatsServer
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.runtime.bus import NatsSettings
from shared.runtime.service import Service, start
from shared.telemetry.traces import current_trace
from simulators.faults import Fault
from tests.support.office import Office, history, open_office, settled, stored, working
from tests.support.otlp import Link, Receiver, Span, receiving

NAME = "document_worker"
OF_A_CALL = frozenset(
    (
        "http.request.method",
        "http.response.status_code",
        "server.address",
        "server.port",
        "service.peer.name",
        "hub.operation",
    )
)


@contextlib.asynccontextmanager
async def traced(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, endpoint: str, environ: Mapping[str, str] = {}
) -> AsyncIterator[Service]:
    """A service whose spans go to the endpoint; the last ones when the body has ended."""
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **environ}
    for name, value in told.items():
        monkeypatch.setenv(name, value)  # the SDK reads it for itself
    async with start(NAME, NatsSettings(nats_url=nats_server.url), told) as service:
        yield service


async def sync_one(service: Service, office: Office) -> str:
    """A document through the whole worker; its event's id."""
    document = office.document(owner=office.owner())
    async with working(service, office):
        event_id = await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id=document))
        await settled(service)
    assert office.record(document)["xaiSyncStatus"] == "clean"
    return event_id


def run_of(receiver: Receiver, root: Span) -> Span:
    """The run that hangs under a publish span."""
    [run] = [span for span in receiver.children(root) if span.name.startswith("process ")]
    return run


async def until_lost(service: Service) -> None:
    """Returns when spans were lost: the SDK's own thread tells nobody."""
    async with asyncio.timeout(20):
        while not service.metrics.spans_lost._value.get():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def forgotten() -> None:
    """Returns when the thread that a stop has left behind has ended, so that it disturbs no other test."""
    for thread in threading.enumerate():
        if thread.name == "flush spans":
            await asyncio.to_thread(thread.join, 30)


async def test_one_trace_from_publish_to_the_last_vendor_call(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P14: publish is the root, each run hangs under what published it, each vendor call under its run."""
    async with (
        receiving() as (receiver, endpoint),
        traced(nats_server, monkeypatch, endpoint) as service,
        open_office(service) as office,
    ):
        event_id = await sync_one(service, office)
        rows = await history(service)
        events = await stored(service, "VMH")
        asked = [f"{row.method} {row.status}" for row in office.espocrm.log.rows() + office.xai.log.rows()]
    assert set(receiver.resources) == {NAME}
    [root] = [span for span in receiver.spans.values() if not span.parent_id]
    assert (root.name, root.kind) == ("publish vmh.document.update", "producer")
    assert set(receiver.traces()) == {root.trace_id}
    assert {row["trace_id"] for row in rows} == {root.trace_id}
    assert {str(event["headers"]["traceparent"]).split("-")[1] for event in events} == {root.trace_id}
    runs = [span for span in receiver.spans.values() if span.name.startswith("process vmh.")]
    for run in runs:
        publish = receiver.spans[run.parent_id]
        assert publish.name == run.name.replace("process ", "publish ")
        assert (run.kind, run.links) == ("consumer", (publish.own,))
    calls = receiver.calls()
    assert {call.parent_id for call in calls} <= {run.span_id for run in runs}
    assert len(calls) == sum(len(row.get("calls", [])) for row in rows)
    told = [
        f"{call.attributes['http.request.method']} {call.attributes['http.response.status_code']}" for call in calls
    ]
    assert sorted(told) == sorted(asked)
    assert {"POST xai upload_file", "POST xai create_collection", "GET espocrm download"} <= {c.name for c in calls}
    assert run_of(receiver, root).attributes["messaging.message.id"] == event_id


async def test_attributes_follow_the_conventions(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """P14: names from one list, and the values that OpenTelemetry's conventions of messaging and HTTP ask for."""
    async with (
        receiving() as (receiver, endpoint),
        traced(nats_server, monkeypatch, endpoint) as service,
        open_office(service) as office,
    ):
        event_id = await sync_one(service, office)
        first = (await stored(service, "VMH"))[0]
        holder = service.holder
    [root] = [span for span in receiver.spans.values() if not span.parent_id]
    run = run_of(receiver, root)
    assert root.attributes == {
        "messaging.system": "nats",
        "messaging.operation.type": "send",
        "messaging.operation.name": "publish",
        "messaging.destination.name": "vmh.document.update",
        "messaging.message.id": event_id,
        "messaging.message.body.size": len(first["body"]),
        "messaging.nats.stream.sequence": 1,
    }
    assert run.attributes == {
        "messaging.system": "nats",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": "vmh.document.update",
        "messaging.destination.subscription.name": "VMH",
        "messaging.consumer.group.name": NAME,
        "messaging.message.id": event_id,
        "messaging.message.body.size": len(first["body"]),
        "messaging.nats.stream.sequence": 1,
        "messaging.nats.message.delivery_count": 1,
        "hub.entity_type": "CDokumente",
        "hub.entity_id": json.loads(first["body"])["entity_id"],
        "hub.coalesced": 0,
        "hub.attempt": 1,
        "hub.outcome": "done",
        "hub.reason": run.attributes["hub.reason"],
    }
    assert [event.name for event in run.events] == ["lock", "settle"]
    assert run.events[0].attributes["hub.lock_wait_s"] < 5
    assert run.events[1].attributes == {"hub.settlement": "ack"}
    assert {frozenset(call.attributes) for call in receiver.calls()} == {OF_A_CALL}
    assert receiver.unknown_names() == set()
    about = receiver.resources[NAME]
    assert (about["service.namespace"], about["service.instance.id"]) == ("hub", holder)
    assert about["deployment.environment.name"] == "production"
    assert {"service.version", "telemetry.sdk.version"} <= set(about)


async def test_the_environment_says_who_we_are(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard's variables win over what the service would say of itself."""
    said = {
        "OTEL_SERVICE_NAME": "dokumente",
        "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=kanzlei,deployment.environment.name=probe,team=it",
        "HUB_ENV": "demo",
    }
    async with receiving() as (receiver, endpoint), traced(nats_server, monkeypatch, endpoint, said) as service:
        await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id="d1"))
    [(name, about)] = receiver.resources.items()
    assert (name, about["service.namespace"], about["team"]) == ("dokumente", "kanzlei", "it")
    assert about["deployment.environment.name"] == "probe"


async def test_a_failed_call_and_its_repetition_are_told_apart(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request that leaves is a span, with its own status; the second says that it is one more of the same."""
    async with (
        receiving() as (receiver, endpoint),
        traced(nats_server, monkeypatch, endpoint) as service,
        open_office(service) as office,
    ):
        office.espocrm.faults.add(Fault(kind="error", status=503, method="GET", times=1))
        await sync_one(service, office)
    failed, again = [call for call in receiver.calls() if call.attributes["service.peer.name"] == "espocrm"][:2]
    assert (failed.name, failed.is_error) == (again.name, True)
    assert (failed.attributes["error.type"], failed.attributes["http.response.status_code"]) == ("503", 503)
    assert (again.is_error, again.attributes["http.request.resend_count"]) == (False, 1)
    assert "http.request.resend_count" not in failed.attributes


async def test_without_an_endpoint_the_ids_travel_all_the_same(service: Service) -> None:
    """P14: nothing is recorded or sent; history of all that followed has the publisher's trace."""
    assert not service.tracer.recording
    async with open_office(service) as office:
        with service.tracer.span("webhook") as webhook:
            event_id = await sync_one(service, office)
    rows = await history(service)
    assert {row["trace_id"] for row in rows} == {webhook.trace.trace_id}
    assert event_id in {row["event_id"] for row in rows}


async def test_what_is_not_sampled_costs_nothing_and_keeps_its_ids(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P14: OTEL_TRACES_SAMPLER decides at the root for all that follows; logs and history have the ids all the same."""
    sampler = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}
    async with (
        receiving() as (receiver, endpoint),
        traced(nats_server, monkeypatch, endpoint, sampler) as service,
        open_office(service) as office,
    ):
        assert service.tracer.recording
        await sync_one(service, office)
        rows = await history(service)
        metrics, _ = service.metrics.negotiated("application/openmetrics-text")
    assert receiver.spans == {}
    assert len({row["trace_id"] for row in rows}) == 1
    assert b"trace_id=" not in metrics


async def test_metrics_lead_to_traces(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """P14: a scraper that asks for OpenMetrics gets a trace id beside a bucket; any other gets plain text."""
    async with (
        receiving() as (receiver, endpoint),
        traced(nats_server, monkeypatch, endpoint) as service,
        open_office(service) as office,
    ):
        await sync_one(service, office)
        accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
        text, content_type = service.metrics.negotiated(accept)
        plain, plain_type = service.metrics.negotiated("")
    assert content_type.startswith("application/openmetrics-text")
    assert plain_type.startswith("text/plain; version=0.0.4")
    [trace_id] = receiver.traces()
    lines = [line for line in text.decode().splitlines() if f'# {{trace_id="{trace_id}"}}' in line]
    names = {line.partition("{")[0] for line in lines}
    assert names == {"hub_delivery_seconds_bucket", "hub_event_age_seconds_bucket", "hub_vendor_seconds_bucket"}
    families = {one.name for one in text_string_to_metric_families(text.decode())}  # type: ignore[no-untyped-call]
    assert {"hub_deliveries", "hub_event_loop_lag_seconds", "hub_nats_up"} <= families
    assert b"trace_id" not in plain


async def test_a_collector_that_is_away_disturbs_nobody(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Spans are lost and counted, documents are not; one line says so, not one per batch; the end does not wait."""
    caplog.set_level(logging.INFO)
    quick = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1", "OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4"}
    async with traced(nats_server, monkeypatch, "http://127.0.0.1:9", quick) as service, open_office(service) as office:
        await sync_one(service, office)
        await until_lost(service)
        began = time.monotonic()
    assert time.monotonic() - began < 15  # 4 s for what waits, the rest for a busy machine; the SDK itself waits 30
    said = [record for record in caplog.records if record.name == "shared.telemetry.otlp"]
    assert [record.levelname for record in said] == ["WARNING"]
    await forgotten()


async def test_a_collector_that_never_answers_holds_up_no_stop(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P13: what waits is sent for four seconds, then left behind."""
    taken, enough = asyncio.Event(), asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.set()
        await enough.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    patient = {"OTEL_EXPORTER_OTLP_TIMEOUT": "5"}
    async with traced(nats_server, monkeypatch, f"http://127.0.0.1:{port}", patient) as service:
        await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id="d1"))
        began = time.monotonic()
    assert 3 < time.monotonic() - began < 15
    assert taken.is_set()
    await forgotten()
    enough.set()
    server.close()


async def test_the_receiver_is_back(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an outage of the collector new spans arrive."""
    quick = {"OTEL_BSP_SCHEDULE_DELAY": "50"}
    async with receiving() as (receiver, endpoint), traced(nats_server, monkeypatch, endpoint, quick) as service:
        receiver.status = 400
        await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id="d1"))
        await until_lost(service)
        receiver.status = 200
        with service.tracer.span("webhook"):
            await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id="d2"))
            here = current_trace()
    assert here is not None
    assert Link(here.trace_id, here.span_id) == receiver.one("webhook").own
    assert [span.parent_id for span in receiver.named("publish vmh.document.update")] == [here.span_id]
