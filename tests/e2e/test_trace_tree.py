"""P14 with real processes: what a person does is one tree of spans at an OTLP receiver, down to the last vendor call.

The vendors' own request logs say what the last call was; canaries stand wherever a client's data might.
"""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulators.advoware import Advoware
from simulators.faults import Fault
from simulators.harness import RequestLog, serve
from tests.e2e.sender import Sender
from tests.e2e.stage import Stage, staged, webhook
from tests.support.google import google_calendar
from tests.support.otlp import Link, Receiver, Span, receiving
from tests.support.processes import ServiceProcess
from tests.support.proxy_process import advoware_environ

pytestmark = pytest.mark.e2e

CANARY = "Kanarienvogel"
MAIL = "sb@kanzlei.example"
KEY = {"apikey": "key-of-a-test"}
CALLS = (
    (r"GET /api/v1/Attachment/file/\w+", "GET espocrm download"),
    (r"GET /api/v1/(\w+)/\w+", r"GET espocrm get \1"),
    (r"GET /api/v1/(?!Attachment)(\w+)/\w+/\w+", r"GET espocrm linked \1"),
    (r"PUT /api/v1/(\w+)/\w+", r"PUT espocrm update \1"),
    (r"POST /v1/files", "POST xai upload_file"),
    (r"POST /v1/collections", "POST xai create_collection"),
    (r"GET /v1/collections/[\w-]+", "GET xai get_collection"),
    (r"GET /v1/collections/[\w-]+/documents/[\w-]+", "GET xai get_document"),
    (r"POST /v1/collections/[\w-]+/documents/[\w-]+", "POST xai add_document"),
)
"""What a vendor was asked, and the name of our span for it."""


class Watch:
    """The stage, and a receiver that its processes send their spans to."""

    def __init__(self, stage: Stage, receiver: Receiver, endpoint: str, http: aiohttp.ClientSession) -> None:
        self.stage = stage
        self.receiver = receiver
        self.http = http
        self.environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        self._running: list[ServiceProcess] = []

    async def up(self, *processes: ServiceProcess) -> None:
        """Starts them side by side."""
        await asyncio.gather(*(process.start() for process in processes))
        self._running += processes

    async def down(self) -> None:
        """SIGTERM for all: what they have not sent yet they send now."""
        assert await asyncio.gather(*(process.terminate() for process in self._running)) == [0] * len(self._running)

    async def send(self, gateway: ServiceProcess, event: str, entity_id: str) -> None:
        """One signed webhook, as EspoCRM sends it."""
        sender = Sender(self.http, gateway.url, webhook(event), retry_s=1.0)
        await sender.send(entity_id)
        assert sender.answers == {200: 1}

    def of_advoware(self, url: str) -> dict[str, str]:
        """The way to a simulated Advoware."""
        return {"REDIS_URL": "redis://127.0.0.1:9/0", **advoware_environ(url)}

    def service(self, module: str, environ: dict[str, str]) -> ServiceProcess:
        """A worker that the stage itself has no words for."""
        common = self.stage._common(module) | {"LOCK_LEASE_SECONDS": "1"}
        return self.stage._children.service(module, common | self.environ | environ, port_name="HEALTH_PORT")

    async def consumed(self, stream: str, consumer: str) -> None:
        """Returns when a consumer has had something and has nothing left."""
        async with asyncio.timeout(30):
            while True:
                info = await self.stage._api(f"CONSUMER.INFO.{stream}.{consumer}")
                if info["delivered"]["consumer_seq"] and not info["num_pending"] + info["num_ack_pending"]:
                    return
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def watched(tmp_path: Path) -> AsyncIterator[Watch]:
    """Broker, EspoCRM and xAI, and the receiver."""
    async with staged(tmp_path) as stage, receiving() as (receiver, endpoint), aiohttp.ClientSession() as http:
        yield Watch(stage, receiver, endpoint, http)


def is_a_tree(receiver: Receiver, spans: list[Span]) -> Span:
    """Its one root. Every other span has its parent in the same trace, and began no earlier than it."""
    ids = {span.span_id for span in spans}
    [root] = [span for span in spans if span.parent_id not in ids]
    assert root.parent_id == "", receiver.tree(root)
    assert all(receiver.spans[span.parent_id].started_at <= span.started_at for span in spans if span is not root)
    return root


def asked(log: RequestLog) -> Counter[str]:
    """What a vendor was asked, by its own log."""
    return Counter(f"{row.method} {row.status}" for row in log.rows())


def name_of(request: str) -> str:
    """Of the span that belongs to a request in a vendor's log."""
    [name] = [found.expand(name) for path, name in CALLS if (found := re.fullmatch(path, request))]
    return name


def told(spans: list[Span], vendor: str) -> Counter[str]:
    """What a vendor was asked, by our spans."""
    return Counter(
        f"{span.attributes['http.request.method']} {span.attributes['http.response.status_code']}"
        for span in spans
        if span.attributes.get("service.peer.name") == vendor
    )


def is_discreet(receiver: Receiver) -> None:
    """No attribute, name, event or resource holds a client's data, and all names are in the one list."""
    sent = b"".join(receiver.bodies)
    assert len(sent) > 1_000
    for secret in (CANARY, CANARY.lower(), MAIL, KEY["apikey"]):
        assert secret.encode() not in sent
    assert receiver.unknown_names() == set()
    assert {span.status_text for span in receiver.spans.values()} == {""}
    assert all(re.fullmatch(r"[\w ./]+", span.name) for span in receiver.spans.values())


async def test_a_webhook_is_one_tree_down_to_the_last_vendor_call(tmp_path: Path) -> None:
    """P14: gateway → publish → process → every call; the owner's run and the document's second hang below."""
    async with watched(tmp_path) as watch:
        stage, receiver = watch.stage, watch.receiver
        gateway, worker = stage.gateway(**watch.environ), stage.worker(**watch.environ)
        await watch.up(gateway, worker)
        owner = stage.owner(name=f"{CANARY} ./. {CANARY}")
        document = stage.document(CANARY.encode(), ("Raeumungsklage", owner))
        stage.espocrm.save("CDokumente", document, {"name": CANARY})
        stage.forget_requests()
        await watch.send(gateway, "CDokumente.update", document)
        await stage.runs(document, of_events=2)
        await stage.settled()
        assert stage.record(document)["xaiSyncStatus"] == "clean"
        history = await stage.history()
        metrics = await open_metrics(watch, worker)
        await watch.down()
    [(trace_id, spans)] = receiver.traces().items()
    root = is_a_tree(receiver, spans)
    assert (root.service, root.name, root.kind) == ("gateway", "POST /vmh/webhook/document/update", "server")
    runs = [span for span in spans if span.kind == "consumer"]
    assert [run.name for run in runs] == [
        "process vmh.document.update",
        "process vmh.raeumungsklage.update",
        "process vmh.document.update",
    ]
    above: Span = root
    for run in runs:
        publish = receiver.spans[run.parent_id]
        assert (publish.kind, publish.parent_id, run.links) == ("producer", above.span_id, (publish.own,))
        above = run
    assert (told(spans, "espocrm"), told(spans, "xai")) == (asked(stage.espocrm.log), asked(stage.xai.log))
    calls = [span for span in spans if span.kind == "client"]
    rows = stage.espocrm.log.rows() + stage.xai.log.rows()
    assert Counter(call.name for call in calls) == Counter(name_of(f"{row.method} {row.path}") for row in rows)
    assert {receiver.spans[call.parent_id].kind for call in calls} == {"consumer"}
    assert {record["trace_id"] for record in history} == {trace_id}
    assert Counter(len(record.get("calls", [])) for record in history) == Counter(
        len(receiver.calls(under=run)) for run in runs
    )
    assert f'trace_id="{trace_id}"' in metrics
    is_discreet(receiver)


async def open_metrics(watch: Watch, process: ServiceProcess) -> str:
    """What a scraper gets that knows exemplars."""
    headers = {"Accept": "application/openmetrics-text;version=1.0.0"}
    async with watch.http.get(f"{process.url}/metrics", headers=headers) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        return await answer.text()


async def test_a_retry_stays_in_the_tree_and_a_replay_is_linked_to_it(tmp_path: Path) -> None:
    """P14: each try is a run with its own calls under the same publish; a replay begins a trace with a link to it."""
    async with watched(tmp_path) as watch:
        stage, receiver = watch.stage, watch.receiver
        worker = stage.worker(**watch.environ)
        await watch.up(worker)
        document = stage.document(CANARY.encode(), ("Raeumungsklage", stage.owner(name=CANARY)))
        await stage.say("vmh.document.update", document)
        await stage.runs(document, of_events=2)
        await stage.settled()
        stage.replace_file(document, f"{CANARY} 2".encode())
        stage.xai.faults.add(Fault(kind="error", status=500, method="POST", path="/v1/files", times=1))
        theirs = f"00-{'1' * 32}-{'2' * 16}-01"
        await publish(stage, document, {"traceparent": theirs, "ce-id": "first"})
        await ended(stage, document, "first")
        await publish(stage, document, {"traceparent": theirs, "ce-id": "again", "Hub-Replay-Of": "first"})
        await ended(stage, document, "again")
        await watch.down()
    *failed, done = [span for span in receiver.named("process vmh.document.update") if span.trace_id == "1" * 32]
    tries = [*failed, done]
    assert {(run.parent_id, run.links) for run in tries} == {("2" * 16, (Link("1" * 32, "2" * 16),))}
    assert len({run.attributes["messaging.message.id"] for run in tries}) == 1
    assert [run.attributes["messaging.nats.message.delivery_count"] for run in tries] == [*range(1, len(tries) + 1)]
    assert [run.attributes["hub.attempt"] for run in tries] == [*range(1, len(tries) + 1)]
    assert [run.is_error for run in tries] == [*(True for _ in failed), False]
    assert {run.attributes["error.type"] for run in failed} == {"Unavailable"}
    assert {run.events[-1].attributes["hub.settlement"] for run in failed} == {"nak"}
    assert [event.name for event in done.events] == ["lock", "journal look", "settle"]
    assert all(receiver.calls(under=run) for run in tries)
    [replay] = [span for span in receiver.spans.values() if span.attributes.get("messaging.message.id") == "again"]
    assert (replay.parent_id, replay.links) == ("", (Link("1" * 32, "2" * 16),))
    is_discreet(receiver)


async def ended(stage: Stage, document: str, event_id: str) -> None:
    """Returns when the history says that an event is done with."""
    async with asyncio.timeout(40):
        while True:
            runs = await stage.history(document)
            if any(run["event_id"] == event_id and run["outcome"] != "retry" for run in runs):
                break
            await asyncio.sleep(0.05)
    await stage.settled()


async def publish(stage: Stage, document: str, headers: dict[str, str]) -> None:
    """`nats pub` with headers."""
    body = f'{{"entity_id": "{document}"}}'.encode()
    await stage.nc.jetstream().publish("vmh.document.update", body, headers=headers)


async def test_a_party_is_one_tree(tmp_path: Path) -> None:
    """P14: EspoCRM's webhook, the party made in Advoware, and its own event for the rest."""
    async with watched(tmp_path) as watch:
        stage, receiver, advoware = watch.stage, watch.receiver, Advoware()
        async with serve(advoware) as url:
            gateway = stage.gateway(**watch.environ)
            environ = {
                "ESPOCRM_API_BASE_URL": f"{stage.espocrm_url}/api/v1",
                "ESPOCRM_API_KEY": "demo",
                "BETEILIGTE_SWEEP_CRON": "0 0 0 1 1 *",
                **watch.of_advoware(url),
            }
            worker = watch.service("beteiligte_worker", environ)
            await watch.up(gateway, worker)
            party = stage.espocrm.insert("CBeteiligte", {"lastName": CANARY, "firstName": CANARY})["id"]
            stage.forget_requests()
            await watch.send(gateway, "CBeteiligte.create", party)
            await stage.runs(party, of_events=2)
            await watch.consumed("VMH", "beteiligte_worker")
            history = await stage.history(party)
            await watch.down()
    [(trace_id, spans)] = receiver.traces().items()
    root = is_a_tree(receiver, spans)
    assert (root.service, root.name) == ("gateway", "POST /vmh/webhook/beteiligte/create")
    assert [run["reason"] for run in history][:2] == ["party_created", "party_synced"]
    assert {run["trace_id"] for run in history} == {trace_id}
    assert (told(spans, "espocrm"), told(spans, "advoware")) == (asked(stage.espocrm.log), asked(advoware.log))
    assert "POST advoware" in {span.name.rpartition(" ")[0] for span in spans}
    is_discreet(receiver)


async def test_each_calendar_of_a_round_is_a_trace_of_its_own(tmp_path: Path) -> None:
    """P14: the door's trace ends where it asks for each employee; their runs are new ones, linked to who asked."""
    advoware = Advoware()
    advoware.staff.add_mitarbeiter(kuerzel="SB", name=CANARY, eMail=MAIL)
    async with watched(tmp_path) as watch, serve(advoware) as url, google_calendar(users=[MAIL]) as (google, settings):
        stage, receiver = watch.stage, watch.receiver
        gateway = stage.gateway(**watch.environ)
        environ: dict[str, Any] = {
            **watch.of_advoware(url),
            "GOOGLE_CALENDAR_SERVICE_ACCOUNT_PATH": settings.google_calendar_service_account_path,
            "GOOGLE_CALENDAR_BASE_URL": settings.google_calendar_base_url,
            "CALENDAR_SYNC_CRON": "0 0 0 1 1 *",
        }
        worker = watch.service("calendar_worker", environ)
        await watch.up(gateway, worker)
        async with watch.http.post(f"{gateway.url}/advoware/calendar/sync", json={}, headers=KEY) as answer:
            assert answer.status == 200
        await stage.runs("SB", of_events=1)
        await watch.consumed("CALENDAR", "calendar_worker")
        await watch.down()
    assert google.calendar_ids("AW-SB")
    first, second = (is_a_tree(receiver, spans) for spans in receiver.traces().values())
    assert (first.name, second.name) == ("POST /advoware/calendar/sync", "process calendar.sync.employee")
    ask = receiver.one("publish calendar.sync.employee")
    assert ask.trace_id == first.trace_id
    assert second.links == (ask.own,)
    every = list(receiver.spans.values())
    assert (told(every, "advoware"), told(every, "google")) == (asked(advoware.log), asked(google.log))
    assert receiver.calls(under=second)
    is_discreet(receiver)
