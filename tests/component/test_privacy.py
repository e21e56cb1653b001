"""P10: canaries in every name, file, content and key, and everything that leaves the worker searched for them."""

import contextlib
import io
from collections.abc import AsyncIterator

import msgspec
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from document_worker.effects.deps import Deps
from document_worker.handlers import ROUTES, on_document
from shared.clients.espocrm import Espocrm as EspocrmClient
from shared.clients.espocrm import EspocrmSettings
from shared.clients.http import Tools
from shared.clients.xai import Xai as XaiClient
from shared.clients.xai import XaiSettings
from shared.contracts.events import EntityEvent, SweepEvent
from shared.contracts.subjects import DOCUMENT_SWEEP, DOCUMENT_UPDATE, RAEUMUNGSKLAGE_UPDATE
from shared.outcomes.outcome import Outcome
from shared.runtime.service import Service
from shared.runtime.worker import WorkerSettings
from shared.settings import Secret
from shared.telemetry.traces import Tracer
from simulators.espocrm import Espocrm
from simulators.faults import Fault
from simulators.harness import serve
from simulators.xai import Xai
from tests.component.test_lanes_consumer import first_advisories
from tests.support.office import build_deps, consuming, settled, stored

NAME = "Kanarienvogel"
KEYS = ("espokey-c4n4ry-1", "xaikey-c4n4ry-2", "mgmtkey-c4n4ry-3")
CANARIES = [NAME, "zeisig-datei", "stieglitz-inhalt", "c4n4ry", "fink-im-fehler", "drossel-im-body"]


async def buggy(event: EntityEvent, deps: Deps) -> Outcome:
    """The document's handler with an error in it that speaks of its document."""
    record = await deps.espocrm.get("CDokumente", event.entity_id)
    if str(record["name"]).endswith("bug"):
        try:
            int(record["name"])
        except ValueError as inner:
            raise RuntimeError(f"fink-im-fehler {record['name']}") from inner
    return await on_document(event, deps)


async def test_no_canary_leaves_the_worker(
    service: Service, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Success, refusals, outages, lost answers, bugs, dead letters and sweeps: ids and names of fields, no values."""
    monkeypatch.setattr("shared.outcomes.settle.BUGS_MAX", 2)
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = Tracer(provider)
    service.tracer = service.publisher._tracer = tracer
    espocrm = Espocrm(api_keys={KEYS[0]: "hub"}, tick_s=None)
    xai = Xai(api_key=KEYS[1], management_key=KEYS[2])
    tools = Tools(clock=service.clock, tracer=tracer, metrics=service.metrics)
    async with contextlib.AsyncExitStack() as stack:
        espocrm_url = await stack.enter_async_context(serve(espocrm))
        xai_url = await stack.enter_async_context(serve(xai))
        crm = EspocrmClient(
            EspocrmSettings(espocrm_api_base_url=f"{espocrm_url}/api/v1", espocrm_api_key=Secret(KEYS[0])), tools
        )
        settings = XaiSettings(
            xai_api_key=Secret(KEYS[1]),
            xai_management_key=Secret(KEYS[2]),
            xai_files_url=xai_url,
            xai_management_url=xai_url,
        )
        client = await stack.enter_async_context(XaiClient(settings, tools).open())
        deps = build_deps(service, await stack.enter_async_context(crm.open()), client)
        async with running(service, deps):
            owner, documents = seed(espocrm)
            xai.faults.add(Fault(kind="lost", method="POST", path="/v1/files"))
            xai.faults.add(Fault(kind="error", status=413, method="POST", path="/v1/files"))
            xai.faults.add(Fault(kind="error", status=503, method="POST", path="/v1/collections/.*/documents/.*"))
            espocrm.faults.add(Fault(kind="error", status=500, path="/api/v1/Attachment/.*"))
            await service.publisher.publish(RAEUMUNGSKLAGE_UPDATE, EntityEvent(entity_id=owner))
            for document in documents:
                await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id=document))
            nc = service.bus.nc
            await nc.publish("vmh.document.update", b'{"entity_id": "drossel-im-body '.ljust(90) + b'"}')
            await nc.publish("vmh.document.update", b'{"entity_id": {"drossel-im-body": 1}}')
            await nc.publish("vmh.document.update", b"drossel-im-body is no JSON")
            await settled(service, seconds=40)
            await service.publisher.publish(DOCUMENT_SWEEP, SweepEvent())
            await settled(service, seconds=40)
    statuses = {str((espocrm.get("CDokumente", document) or {})["xaiSyncStatus"]) for document in documents}
    assert {"clean", "failed"} <= statuses
    await searched(service, lines, exporter)


def seed(espocrm: Espocrm) -> tuple[str, list[str]]:
    """One owner with documents, named as no log may name them."""
    owner = str(espocrm.insert("Raeumungsklage", {"name": f"{NAME} GmbH"})["id"])
    documents = []
    for kind in ("eins", "zwei", "drei", "bug"):
        attachment = espocrm.attach(f"zeisig-datei {kind}.pdf", "application/pdf", f"stieglitz-inhalt {kind}".encode())
        values = {"name": f"{NAME} {kind}", "dokumentId": attachment}
        documents.append(str(espocrm.insert("CDokumente", values)["id"]))
        espocrm.relate("CDokumente", documents[-1], "raeumungsklages", owner)
    return owner, documents


@contextlib.asynccontextmanager
async def running(service: Service, deps: Deps) -> AsyncIterator[None]:
    """The worker's own routes, one of them with a bug."""
    routes = tuple(
        msgspec.structs.replace(route, handler=buggy) if route.handler is on_document else route for route in ROUTES
    )
    async with consuming(service, routes, deps, WorkerSettings(lock_lease_seconds=5)):
        yield


async def searched(service: Service, lines: io.StringIO, exporter: InMemorySpanExporter) -> None:
    """Each way out, with something in it, and no canary."""
    dead = await stored(service, "DEAD")
    advisories = await first_advisories(service)
    kinds = {str(letter["headers"]["Hub-Error"]) for letter in dead}
    assert {"Malformed", "Rejected", "Bug"} <= kinds
    ways = {
        "logs": lines.getvalue(),
        "history": repr(await stored(service, "HISTORY")),
        "dead letters' headers": repr([letter["headers"] for letter in dead]),
        # A body is the event as it was; of an event that could be read it holds ids only.
        "dead letters' bodies": repr([row["body"] for row in dead if row["headers"]["Hub-Error"] != "Malformed"]),
        "advisories": repr(advisories),
        "metrics": service.metrics.render().decode(),
        "spans": "\n".join(span.to_json() for span in exporter.get_finished_spans()),
    }
    assert '"outcome":"dead"' in ways["logs"]
    assert '"traceback":' in ways["logs"]
    assert "upload_file" in ways["spans"]
    found = {(way, canary) for way, text in ways.items() for canary in CANARIES if canary.lower() in text.lower()}
    assert found == set()
