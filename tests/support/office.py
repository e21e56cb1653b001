"""The vendors and the document worker's parts around them, in one process, over real HTTP and real NATS."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from nats.js.errors import NotFoundError

from document_worker.effects.deps import Deps
from document_worker.fields import DocumentNames
from document_worker.handlers import ROUTES
from shared.clients.espocrm import Espocrm as EspocrmClient
from shared.clients.espocrm import EspocrmSettings
from shared.clients.http import Tools
from shared.clients.xai import Xai as XaiClient
from shared.clients.xai import XaiSettings
from shared.contracts.operator import PlanAnswer, PlanQuestion
from shared.contracts.topology import IDEMPOTENCY, SNAPSHOTS, VMH
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import ApiError
from shared.runtime.health import HealthSettings
from shared.runtime.operator import Operator
from shared.runtime.route import Route
from shared.runtime.service import Service
from shared.runtime.worker import WorkerSettings, work
from shared.settings import Secret
from shared.state.idempotency import Journal
from shared.state.kv import Bucket
from shared.state.snapshots import Snapshots
from simulators.espocrm import Espocrm
from simulators.harness import serve
from simulators.xai import Switches, Xai


class Office:
    """Both vendors, and the worker's Deps pointed at them."""

    def __init__(self, espocrm: Espocrm, xai: Xai, deps: Deps) -> None:
        self.espocrm = espocrm
        self.xai = xai
        self.deps = deps

    def owner(self, entity_type: str = "Raeumungsklage", name: str = "Müller ./. Straße 5") -> str:
        """A new owner; its id."""
        return str(self.espocrm.insert(entity_type, {"name": name})["id"])

    def document(self, content: bytes = b"Klageschrift", *, name: str = "Klage.pdf", owner: str | None = None) -> str:
        """A new document, linked to a Räumungsklage if one is given; its id."""
        attachment = self.espocrm.attach(name, "application/pdf", content)
        entity_id = str(self.espocrm.insert("CDokumente", {"name": "Klage", "dokumentId": attachment})["id"])
        if owner is not None:
            self.espocrm.relate("CDokumente", entity_id, "raeumungsklages", owner)
        return entity_id

    def replace_file(self, document_id: str, content: bytes, *, name: str = "Klage.pdf") -> None:
        """Staff uploads another file."""
        attachment = self.espocrm.attach(name, "application/pdf", content)
        self.espocrm.save("CDokumente", document_id, {"dokumentId": attachment})

    def record(self, document_id: str) -> dict[str, Any]:
        """The document as EspoCRM has it."""
        return self._get("CDokumente", document_id)

    def _get(self, entity_type: str, entity_id: str) -> dict[str, Any]:
        found = self.espocrm.get(entity_type, entity_id)
        assert found is not None
        return dict(found)

    def collection_of(self, owner: str, entity_type: str = "Raeumungsklage") -> str:
        """The owner's collection id."""
        return str(self._get(entity_type, owner)["xaiCollectionId"])

    def attached(self, collection_id: str) -> list[str]:
        """The files in a collection, duplicates included."""
        return list(self.xai.attachments().get(collection_id, []))

    def writes(self) -> list[str]:
        """Every write any vendor has seen since `forget_writes`."""
        rows = self.espocrm.log.writes() + self.xai.log.writes()
        return [f"{row.method} {row.path}" for row in rows]

    def forget_writes(self) -> None:
        """Starts counting writes anew."""
        self.espocrm.log.clear()
        self.xai.log.clear()


def build_deps(service: Service, espocrm: EspocrmClient, xai: XaiClient, *, visible_after_s: float = 0.0) -> Deps:
    """The worker's Deps as `document_worker/app.py` builds them."""
    return Deps(
        espocrm=espocrm,
        xai=xai,
        journal=Journal(Bucket(service.bus.requests, IDEMPOTENCY.name), service.clock),
        snapshots=Snapshots(Bucket(service.bus.requests, SNAPSHOTS.name)),
        publisher=service.publisher,
        clock=service.clock,
        names=DocumentNames(),
        guard_max_changes=20,
        guard_max_share=0.3,
        visible_after_s=visible_after_s,
    )


@contextlib.asynccontextmanager
async def open_office(
    service: Service, *, switches: Switches | None = None, max_mb: int = 512
) -> AsyncIterator[Office]:
    """Starts the simulators and the clients."""
    espocrm = Espocrm(tick_s=None)
    xai = Xai(switches=switches or Switches())
    tools = Tools(clock=service.clock, tracer=service.tracer, metrics=service.metrics)
    async with contextlib.AsyncExitStack() as stack:
        espocrm_url = await stack.enter_async_context(serve(espocrm))
        xai_url = await stack.enter_async_context(serve(xai))
        espocrm_client = EspocrmClient(
            EspocrmSettings(espocrm_api_base_url=f"{espocrm_url}/api/v1", espocrm_api_key=Secret("demo")), tools
        )
        xai_client = XaiClient(
            XaiSettings(
                xai_api_key=Secret("demo"),
                xai_management_key=Secret("demo"),
                xai_files_url=xai_url,
                xai_management_url=xai_url,
                xai_max_file_size_mb=max_mb,
            ),
            tools,
        )
        await stack.enter_async_context(espocrm_client.open())
        await stack.enter_async_context(xai_client.open())
        yield Office(espocrm, xai, build_deps(service, espocrm_client, xai_client))


async def _no_plan(_question: PlanQuestion) -> PlanAnswer:
    raise Unavailable("nobody asks here")


UNATTENDED = Operator(plans=(), plan=_no_plan, probes={})
"""For a worker of which no operator asks anything."""


@contextlib.asynccontextmanager
async def consuming(
    service: Service, routes: Sequence[Route[Any, Any]], deps: Any, settings: WorkerSettings
) -> AsyncIterator[None]:
    """A worker's consumer, running; drained at the end, after which the service may be used for another."""
    service.stopping.clear()
    service.health.draining = False
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            work(
                service,
                settings,
                HealthSettings(health_port=0),
                stream=VMH,
                retry_subject="vmh.retry",
                routes=routes,
                deps=deps,
                crons=(),
                operator=UNATTENDED,
            )
        )
        try:
            yield
        finally:
            service.stopping.set()


@contextlib.asynccontextmanager
async def working(service: Service, office: Office, *, concurrency: int = 8, lease_s: int = 5) -> AsyncIterator[None]:
    """The document worker's consumer, running."""
    settings = WorkerSettings(worker_concurrency=concurrency, lock_lease_seconds=lease_s)
    async with consuming(service, ROUTES, office.deps, settings):
        yield


async def settled(service: Service, *, seconds: float = 30.0) -> None:
    """Returns when the worker's consumer of VMH has nothing left, and the history of it is stored."""
    await consumed(service, VMH.name, "document_worker", seconds=seconds)


async def consumed(service: Service, stream: str, consumer: str, *, seconds: float) -> None:
    """Returns when a consumer has nothing left, delivered or not, and all that its service publishes is stored."""
    async with asyncio.timeout(seconds):
        while True:
            with contextlib.suppress(Exception):
                info = await service.bus.api(f"CONSUMER.INFO.{stream}.{consumer}")
                busy = info["num_pending"] + info["num_ack_pending"] + service.publisher._in_flight
                # A message that was stored a moment ago is not pending yet: the consumer hears of it a little later.
                if busy == 0 and info["delivered"]["stream_seq"] >= await _last_wanted(service, stream, info["config"]):
                    return
            await asyncio.sleep(0.02)


async def _last_wanted(service: Service, stream: str, config: dict[str, Any]) -> int:
    """The sequence of the newest message that a consumer is to have."""
    newest = 0
    for subject in config.get("filter_subjects") or [config.get("filter_subject") or ">"]:
        with contextlib.suppress(ApiError):  # nothing of that subject
            found = await service.bus.api(f"STREAM.MSG.GET.{stream}", {"last_by_subj": subject})
            newest = max(newest, found["message"]["seq"])
    return newest


async def stored(service: Service, stream: str) -> list[dict[str, Any]]:
    """All messages that a stream has: subject, headers, body."""
    state = (await service.bus.api(f"STREAM.INFO.{stream}"))["state"]
    found = []
    for sequence in range(max(1, state["first_seq"]), state["last_seq"] + 1):
        with contextlib.suppress(NotFoundError):  # gone by age, or by a newer one of its subject
            message = await service.bus.nc.jetstream().get_msg(stream, sequence)
            found.append({"subject": message.subject, "headers": dict(message.headers or {}), "body": message.data})
    return found


async def history(service: Service) -> list[dict[str, Any]]:
    """All history records, oldest first."""
    return [msgspec.json.decode(row["body"]) for row in await stored(service, "HISTORY")]
