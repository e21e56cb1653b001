"""Documents under everything that can happen to them: edits, faults, lost answers, crashes at every await, duplicates.

After the dust settles EspoCRM and xAI agree, nothing exists twice, and one more run writes nothing.
"""

import asyncio
import contextlib
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule

from document_worker.handlers import ROUTES
from local_stack.nats_server import NatsServer
from shared.clients.espocrm import Espocrm as EspocrmClient
from shared.clients.espocrm import EspocrmSettings
from shared.clients.http import Tools
from shared.clients.xai import Xai as XaiClient
from shared.clients.xai import XaiSettings
from shared.contracts.events import EntityEvent
from shared.outcomes.errors import HubError
from shared.runtime.bus import NatsSettings
from shared.runtime.service import start
from shared.settings import Secret
from shared.telemetry.run import Run, enter_run, leave_run
from simulators.espocrm import Espocrm
from simulators.faults import Fault
from simulators.harness import serve
from simulators.xai import Switches, Xai
from tests.stateful.deliveries import Deliveries
from tests.stateful.machine import run_machine
from tests.support.crash import DiesAfter, Killed
from tests.support.office import build_deps

_CONTENTS = [b"Klageschrift", b"Mietvertrag", b"Anlage K1", b""]
_OWNER_LINKS = {"Raeumungsklage": "raeumungsklages", "Account": "accounts", "CBeteiligte": "beteiligtes"}
_HANDLERS = {route.subject.name: route for route in ROUTES}


class MovedClock:
    """A clock that the machine moves."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 1, tzinfo=UTC)
        self.seconds = 0.0

    def now(self) -> datetime:
        # Far enough on that nothing the simulators date by the real clock seems to be from the future.
        return datetime.now(UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class DocumentMachine(RuleBasedStateMachine):
    """Staff, vendors, crashes and two workers."""

    documents = Bundle("documents")
    owners = Bundle("owners")

    nats_url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = contextlib.AsyncExitStack()
        self.clock = MovedClock()
        self.fence = 0
        self.alive: set[str] = set()
        self.known_owners: set[tuple[str, str]] = set()
        self.uploads: set[tuple[str, bytes]] = set()

    @initialize(
        re_add=st.sampled_from(["noop", "conflict", "duplicate"]),
        detach_missing=st.sampled_from(["ok", "not_found"]),
        token=st.booleans(),
        files_go=st.booleans(),
    )
    def open(self, re_add: Any, detach_missing: Any, token: bool, files_go: bool) -> None:
        """Vendors with one set of undocumented behaviours, and two workers."""
        self.espocrm = Espocrm(tick_s=None)
        self.xai = Xai(
            switches=Switches(
                re_add=re_add,
                detach_missing=detach_missing,
                token_on_last_page=token,
                detach_deletes_file=files_go,
                delete_collection_deletes_files=files_go,
            )
        )
        self.runner.run(self._open())

    async def _open(self) -> None:
        service = await self.stack.enter_async_context(
            start("document_worker", NatsSettings(nats_url=self.nats_url), {})
        )
        self.service = service
        for stream in ("VMH", "HISTORY", "DEAD", "KV_locks", "KV_idempotency", "KV_snapshots"):
            await service.bus.api(f"STREAM.PURGE.{stream}")
        self.deliveries = Deliveries(service, "VMH")
        await self.deliveries.skip()
        espocrm_url = await self.stack.enter_async_context(serve(self.espocrm))
        xai_url = await self.stack.enter_async_context(serve(self.xai))
        self.workers = [await self._worker(espocrm_url, xai_url) for _ in range(2)]

    async def _worker(self, espocrm_url: str, xai_url: str) -> Any:
        service = self.service
        tools = Tools(clock=self.clock, tracer=service.tracer, metrics=service.metrics)
        espocrm = EspocrmClient(
            EspocrmSettings(espocrm_api_base_url=f"{espocrm_url}/api/v1", espocrm_api_key=Secret("demo")), tools
        )
        key = Secret("demo")
        xai = XaiClient(
            XaiSettings(xai_api_key=key, xai_management_key=key, xai_files_url=xai_url, xai_management_url=xai_url),
            tools,
        )
        await self.stack.enter_async_context(espocrm.open())
        await self.stack.enter_async_context(xai.open())
        return build_deps(service, espocrm, xai)

    def teardown(self) -> None:
        """Quiet, compare, and go."""
        try:
            if hasattr(self, "workers"):
                self.runner.run(self._quiet())
                self._agree()
                self.runner.run(self._nothing_left_to_write())
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()

    # Staff

    @rule(target=owners, entity_type=st.sampled_from(sorted(_OWNER_LINKS)))
    def new_owner(self, entity_type: str) -> tuple[str, str]:
        found = (entity_type, str(self.espocrm.insert(entity_type, {"name": "Müller GmbH & Co. KG"})["id"]))
        self.known_owners.add(found)
        return found

    @rule(target=documents, content=st.sampled_from(_CONTENTS), with_file=st.booleans())
    def new_document(self, content: bytes, with_file: bool) -> str:
        changes: dict[str, object] = {"name": "Klage"}
        document = str(self.espocrm.insert("CDokumente", changes)["id"])
        self.alive.add(document)
        if with_file:
            self.replace_file(document, content)
        return document

    @rule(document=documents, content=st.sampled_from(_CONTENTS))
    def replace_file(self, document: str, content: bytes) -> None:
        if document in self.alive:
            attachment = self.espocrm.attach("Klage.pdf", "application/pdf", content)
            self.espocrm.save("CDokumente", document, {"dokumentId": attachment})
            self.uploads.add((document, content))

    @rule(document=documents, owner=owners)
    def link(self, document: str, owner: tuple[str, str]) -> None:
        if document in self.alive and owner in self.known_owners:
            self.espocrm.relate("CDokumente", document, _OWNER_LINKS[owner[0]], owner[1])

    @rule(document=documents, owner=owners)
    def unlink(self, document: str, owner: tuple[str, str]) -> None:
        if document in self.alive and owner in self.known_owners:
            self.espocrm.unrelate("CDokumente", document, _OWNER_LINKS[owner[0]], owner[1])

    @rule(document=documents)
    def delete_or_restore(self, document: str) -> None:
        if document in self.alive:
            self.espocrm.remove("CDokumente", document)
            self.alive.discard(document)
        else:
            self.espocrm.restore("CDokumente", document)
            self.alive.add(document)

    @rule(owner=consumes(owners))
    def delete_owner(self, owner: tuple[str, str]) -> None:
        self.espocrm.remove(*owner)
        self.known_owners.discard(owner)
        self._publish(f"vmh.{_family(owner[0])}.delete", owner[1])

    # Vendors' bad days

    @rule(
        kind=st.sampled_from(["lost", "cut_answer", "cut_request", "error", "rate_limited"]),
        method=st.sampled_from(["*", "POST", "PUT", "DELETE", "GET"]),
        at_xai=st.booleans(),
        times=st.integers(1, 3),
    )
    def trouble(self, kind: Any, method: str, at_xai: bool, times: int) -> None:
        vendor = self.xai if at_xai else self.espocrm
        vendor.faults.add(Fault(kind=kind, method=method, times=times))

    # The hub

    @rule(document=documents)
    def webhook(self, document: str) -> None:
        self._publish("vmh.document.update", document)

    @rule(owner=owners)
    def owner_webhook(self, owner: tuple[str, str]) -> None:
        self._publish(f"vmh.{_family(owner[0])}.update", owner[1])

    @rule(document=documents, worker=st.integers(0, 1), steps=st.none() | st.integers(0, 400))
    def run_document(self, document: str, worker: int, steps: int | None) -> None:
        """A delivery that lives, or dies at some await."""
        self.runner.run(self._run("vmh.document.update", b'{"entity_id":"%s"}' % document.encode(), worker, steps))

    @rule(owner=owners, worker=st.integers(0, 1), steps=st.none() | st.integers(0, 300))
    def run_owner(self, owner: tuple[str, str], worker: int, steps: int | None) -> None:
        body = msgspec.json.encode(EntityEvent(entity_id=owner[1], entity_type=owner[0]))
        self.runner.run(self._run(f"vmh.{_family(owner[0])}.update", body, worker, steps))

    @rule(worker=st.integers(0, 1), steps=st.none() | st.integers(0, 100), order=st.randoms(use_true_random=False))
    def work_off_the_queue(self, worker: int, steps: int | None, order: Any) -> None:
        """Everything published since, in any order, the first of it with a crash."""
        self.runner.run(self._work_off(worker, steps, order))

    @rule(worker=st.integers(0, 1), steps=st.none() | st.integers(0, 300))
    def sweep(self, worker: int, steps: int | None) -> None:
        self.runner.run(self._run("vmh.document.sweep", b"{}", worker, steps))

    def _publish(self, subject: str, entity_id: str) -> None:
        event = EntityEvent(entity_id=entity_id)
        self.runner.run(self.service.publisher.publish(_HANDLERS[subject].subject, event))

    async def _run(self, subject: str, body: bytes, worker: int, steps: int | None) -> bool:
        """One delivery as the consumer makes it, with a later fence than all before; whether it came to its end."""
        self.clock.seconds += 120  # a vendor's pause is over by the next delivery
        self.fence += 1
        route = _HANDLERS[subject]
        token = enter_run(Run(event_id="machine", run_id=str(self.fence), fence=1_000_000 + self.fence))
        try:
            await DiesAfter(route.handler(route.subject.decode(body), self.workers[worker]), steps)
        except (Killed, HubError):
            return False
        finally:
            leave_run(token)
        return True

    async def _work_off(self, worker: int, steps: int | None, order: Any) -> None:
        queue = await self.deliveries.take()
        order.shuffle(queue)
        for number, (subject, body) in enumerate(queue):
            if not await self._run(subject, body, worker, steps if number == 0 else None):
                await self.service.bus.nc.publish(subject, body)  # it comes again
        await self.service.bus.nc.flush()

    async def _quiet(self) -> None:
        """No more faults; events and sweeps until nothing is asked for any more."""
        self.espocrm.faults.clear()
        self.xai.faults.clear()
        for _ in range(12):
            assert await self._run("vmh.document.sweep", b"{}", 0, None)
            for entity_type, entity_id in sorted(self.known_owners):
                body = msgspec.json.encode(EntityEvent(entity_id=entity_id, entity_type=entity_type))
                assert await self._run(f"vmh.{_family(entity_type)}.update", body, 0, None)
            rounds = 0
            asked: list[tuple[str, bytes]] = []
            while queue := await self.deliveries.take():
                asked = asked or queue
                rounds += 1
                assert rounds < 30, f"the queue never ends: {queue[:5]}"
                for subject, body in queue:
                    assert await self._run(subject, body, 1, None), (subject, body)
            if not asked:
                return
        raise AssertionError(f"sweeps keep finding something: {asked}")

    # What must be true in the end

    def _agree(self) -> None:
        expected: dict[str, list[str]] = {}
        for entity_type, owner in self.known_owners:
            record = self.espocrm.get(entity_type, owner)
            assert record is not None
            if self.espocrm.linked_ids(entity_type, owner, "dokumentes"):
                assert record["xaiCollectionId"] in self.xai.attachments(), "an owner with documents has a collection"
        for document in self.alive:
            record = self.espocrm.get("CDokumente", document)
            assert record is not None
            wanted = self._wanted(document)
            if record["dokumentId"] and wanted:
                assert record["xaiSyncStatus"] == "clean", record
                assert sorted(record["xaiCollections"]) == wanted
                assert self.xai.content(record["xaiId"]) == self.espocrm.content(record["dokumentId"])
                for collection in wanted:
                    expected.setdefault(collection, []).append(record["xaiId"])
            else:
                assert record["xaiSyncStatus"] in ("no_sync", None), record
                assert not record["xaiCollections"]
        found = {cid: sorted(files) for cid, files in self.xai.attachments().items() if files}
        assert found == {cid: sorted(files) for cid, files in expected.items()}
        markers = [file.purpose for file in self.xai.live_files()]
        assert len(markers) == len(set(markers)), "one file per document and content"
        collections = [row.description for row in self.xai.collections.values()]
        assert len(collections) == len(set(collections)), "one collection per owner"

    def _wanted(self, document: str) -> list[str]:
        found = []
        for entity_type, link in _OWNER_LINKS.items():
            for owner in self.espocrm.linked_ids("CDokumente", document, link):
                if (entity_type, owner) in self.known_owners:
                    record = self.espocrm.get(entity_type, owner)
                    assert record is not None
                    found.append(str(record["xaiCollectionId"]))
        return sorted(found)

    async def _nothing_left_to_write(self) -> None:
        self.espocrm.log.clear()
        self.xai.log.clear()
        assert await self._run("vmh.document.sweep", b"{}", 0, None)
        for document in sorted(self.alive):
            await self._run("vmh.document.update", b'{"entity_id":"%s"}' % document.encode(), 0, None)
        assert [f"{row.method} {row.path}" for row in self.espocrm.log.writes() + self.xai.log.writes()] == []
        assert await self.deliveries.take() == []


def _family(entity_type: str) -> str:
    return {"CBeteiligte": "beteiligte"}.get(entity_type, entity_type.lower())


def _run(nats_server: NatsServer, *, examples: int, steps: int) -> None:
    derandomize = "CI" in os.environ
    run_machine(DocumentMachine, examples=examples, steps=steps, derandomize=derandomize, nats_url=nats_server.url)


def test_documents_agree_in_the_end(nats_server: NatsServer) -> None:
    """P2, P5, P8: whatever happens, both sides agree, nothing exists twice, and one more run writes nothing."""
    _run(nats_server, examples=20, steps=25)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_documents_agree_in_the_end_long(nats_server: NatsServer) -> None:
    """The same for longer."""
    _run(nats_server, examples=400, steps=50)
