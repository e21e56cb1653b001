"""A whole hub for one test: broker and services as processes, vendors in this one so that they can be looked at."""

import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from local_stack.environment import WEBHOOKS, Webhook
from local_stack.nats_server import NatsServer
from simulators.espocrm import Espocrm
from simulators.faults import Fault
from simulators.harness import serve
from simulators.xai import Xai
from tests.e2e.judge import LINKS, out_of_step
from tests.support.guarded import Guarded, guarded
from tests.support.processes import Processes, ServiceProcess, processes

_TOGETHER = 200


class Stage:
    """Everything, and what staff, vendors and operators do with it."""

    def __init__(
        self,
        nats_server: NatsServer,
        nc: Client,
        children: Processes,
        espocrm: Espocrm,
        xai: Xai,
        urls: tuple[str, str],
        *,
        broker: Guarded | None = None,
    ) -> None:
        self.nats = nats_server
        self.nc = nc
        self.espocrm = espocrm
        self.xai = xai
        self.espocrm_url, self.xai_url = urls
        self._children = children
        self._broker = broker

    # Services

    def worker(self, **environ: str) -> ServiceProcess:
        """A document worker that is not started yet. A dead one's entities are free again after a second."""
        settings = {
            **self._common("document_worker"),
            "LOCK_LEASE_SECONDS": "1",
            "ESPOCRM_API_BASE_URL": f"{self.espocrm_url}/api/v1",
            "ESPOCRM_API_KEY": "demo",
            "XAI_API_KEY": "demo",
            "XAI_MANAGEMENT_KEY": "demo",
            "XAI_FILES_URL": self.xai_url,
            "XAI_MANAGEMENT_URL": self.xai_url,
            # Sweeps come when a test asks for one.
            "DOCUMENT_SWEEP_CRON": "0 0 0 1 1 *",
        }
        return self._children.service("document_worker", settings | environ, port_name="HEALTH_PORT")

    def gateway(self, **environ: str) -> ServiceProcess:
        """A gateway that is not started yet and knows the demo's webhooks."""
        settings = {
            **self._common("gateway"),
            "GATEWAY_API_KEYS": "test:key-of-a-test",
            "GATEWAY_WEBHOOK_SECRETS": ",".join(f"{webhook.id}:{webhook.secret}" for webhook in WEBHOOKS),
        }
        return self._children.service("gateway", settings | environ, port_name="GATEWAY_PORT")

    def _common(self, user: str) -> dict[str, str]:
        """Each service connects as itself where the broker knows users."""
        creds = {"NATS_CREDS": self._broker.creds(user)} if self._broker is not None else {}
        return {"HUB_ENV": "demo", "NATS_URL": self.nats.url, **creds}

    def subscribe(self, gateway: ServiceProcess) -> None:
        """EspoCRM's webhooks, all of them, and none left out for being our own doing."""
        rows = [
            {"id": hook.id, "secretKey": hook.secret, "event": hook.event, "url": gateway.url + hook.path}
            for hook in WEBHOOKS
        ]
        self.espocrm.seed({"webhooks": rows})

    # Staff

    def owner(self, entity_type: str = "Raeumungsklage", *, name: str = "Müller ./. Straße 5") -> str:
        """A new owner; its id."""
        return str(self.espocrm.insert(entity_type, {"name": name})["id"])

    def document(self, content: bytes, *owners: tuple[str, str]) -> str:
        """A new document, linked to owners given as entity type and id; its id."""
        attachment = self.espocrm.attach("Klage.pdf", "application/pdf", content)
        document = str(self.espocrm.insert("CDokumente", {"name": "Klage", "dokumentId": attachment})["id"])
        for entity_type, owner in owners:
            self.espocrm.relate("CDokumente", document, LINKS[entity_type], owner)
        return document

    def documents(self, count: int, *, owners: int = 3) -> list[str]:
        """Many new documents over a few new owners."""
        some = [self.owner(name=f"Akte {number}") for number in range(owners)]
        return [
            self.document(f"Schriftsatz {number}".encode(), ("Raeumungsklage", some[number % owners]))
            for number in range(count)
        ]

    def replace_file(self, document: str, content: bytes) -> None:
        """Another file in its place."""
        attachment = self.espocrm.attach("Klage.pdf", "application/pdf", content)
        self.espocrm.save("CDokumente", document, {"dokumentId": attachment})

    def record(self, document: str) -> dict[str, Any]:
        """As EspoCRM has it."""
        found = self.espocrm.get("CDokumente", document)
        assert found is not None
        return dict(found)

    def statuses(self) -> Counter[str]:
        """How many documents are in which `xaiSyncStatus`."""
        return Counter(str(self.record(row)["xaiSyncStatus"]) for row in self.espocrm.list_ids("CDokumente"))

    # Vendors

    def lose_answers(self, chance: float) -> None:
        """xAI does its work and now and then says nothing of it."""
        self.xai.faults.add(Fault(kind="lost", chance=chance, times=None))

    def requests(self) -> int:
        """How many requests both vendors have had."""
        rows = (self.espocrm.log.rows(), self.xai.log.rows())
        return sum(log[-1].number for log in rows if log)

    def writes(self) -> list[str]:
        """What could have changed something at a vendor since `forget_requests`."""
        rows = self.espocrm.log.writes() + self.xai.log.writes()
        return [f"{row.method} {row.path}" for row in rows]

    def forget_requests(self) -> None:
        """Counts from here on."""
        self.espocrm.log.clear()
        self.xai.log.clear()

    # The bus

    async def say(self, subject: str, entity_id: str) -> None:
        """`nats pub <subject> '{"entity_id": …}'`, and stored."""
        await self.nc.jetstream().publish(subject, json.dumps({"entity_id": entity_id}).encode())

    async def stored_all(self) -> None:
        """All that was published on this connection without waiting is in the stream: one more is acknowledged."""
        await self.nc.jetstream().publish("vmh.test.marker", b"{}")

    async def consumer(self) -> dict[str, Any]:
        """The worker's consumer as the broker sees it."""
        return await self._api("CONSUMER.INFO.VMH.document_worker")

    async def stream(self, name: str) -> dict[str, Any]:
        """A stream's state."""
        state: dict[str, Any] = (await self._api(f"STREAM.INFO.{name}"))["state"]
        return state

    async def stored(self, name: str) -> list[dict[str, Any]]:
        """All messages of a stream: subject, headers, body."""
        state = await self.stream(name)
        js = self.nc.jetstream()

        async def one(sequence: int) -> dict[str, Any] | None:
            try:
                message = await js.get_msg(name, sequence, direct=True)
            except NotFoundError:
                return None
            return {"subject": message.subject, "headers": dict(message.headers or {}), "body": message.data or b""}

        found: list[dict[str, Any]] = []
        last = state["last_seq"]
        for start in range(max(1, state["first_seq"]), last + 1, _TOGETHER):
            some = await asyncio.gather(*(one(number) for number in range(start, min(start + _TOGETHER, last + 1))))
            found.extend(row for row in some if row is not None)
        return found

    async def history(self, entity_id: str | None = None) -> list[dict[str, Any]]:
        """What became of deliveries, oldest first; each with its `entity`."""
        return [
            {**json.loads(row["body"]), "entity": entity}
            for row in await self.stored("HISTORY")
            if (entity := row["subject"].rpartition(".")[2]) == entity_id or entity_id is None
        ]

    async def runs(self, entity_id: str, *, of_events: int, seconds: float = 10.0) -> list[dict[str, Any]]:
        """A record's history once it tells of so many events: a delivery does not wait for its own record."""
        deadline = time.monotonic() + seconds
        while True:
            found = await self.history(entity_id)
            if sum(1 + run.get("coalesced", 0) for run in found) >= of_events or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.03)

    async def events(self) -> Counter[str]:
        """How many webhooks' events lie in VMH, by entity."""
        bodies = [json.loads(row["body"] or b"{}") for row in await self.stored("VMH")]
        return Counter(str(body["entity_id"]) for body in bodies if body.get("source") == "webhook")

    async def dead(self) -> list[str]:
        """Subject and reason of each dead letter."""
        return [f"{row['subject']}: {row['headers'].get('Hub-Reason')}" for row in await self.stored("DEAD")]

    async def _api(self, subject: str) -> dict[str, Any]:
        answer = await self.nc.request(f"$JS.API.{subject}", b"", timeout=2)
        reply: dict[str, Any] = json.loads(answer.data)
        assert "error" not in reply, reply
        return reply

    # Waiting

    async def until(self, true: Callable[[], bool], *, seconds: float = 30.0, what: str = "it") -> float:
        """Polls; the seconds it took."""
        began = time.monotonic()
        while not true():
            assert time.monotonic() - began < seconds, f"{what} did not happen within {seconds:g} s"
            await asyncio.sleep(0.005)
        return time.monotonic() - began

    async def settled(self, *, seconds: float = 60.0) -> float:
        """Until the consumer has nothing left, delivered or not; the seconds it took."""
        began = time.monotonic()
        info: dict[str, Any] = {}
        while True:
            with contextlib.suppress(NatsError, OSError, AssertionError):
                info = await self.consumer()
                if info["num_pending"] + info["num_ack_pending"] == 0:
                    return time.monotonic() - began
            assert time.monotonic() - began < seconds, f"not settled: {info}, {self.statuses()}"
            await asyncio.sleep(0.03)

    async def sweep(self, *, seconds: float = 60.0) -> str:
        """Asks for a sweep and waits for all that follows from it; how the sweep ended."""
        before = len(await self.history("document"))
        await self.nc.jetstream().publish("vmh.document.sweep", b"{}")
        began = time.monotonic()
        while not (after := (await self.history("document"))[before:]):
            assert time.monotonic() - began < seconds, "the sweep did not end"
            await asyncio.sleep(0.03)
        await self.settled(seconds=seconds)
        return str(after[-1]["outcome"])

    async def quiet(self, *, seconds: float = 60.0) -> int:
        """Until nothing is pending and a sweep finds nothing; how many sweeps that took."""
        deadline = time.monotonic() + seconds
        sweeps = 1
        await self.settled(seconds=seconds)
        while await self.sweep(seconds=seconds) != "skip":
            assert time.monotonic() < deadline, f"sweeps always find something: {self.statuses()}"
            sweeps += 1
        return sweeps

    async def one_more_sweep_writes_nothing(self) -> None:
        """P5, by the vendors' own logs."""
        self.forget_requests()
        assert await self.sweep() == "skip"
        assert self.writes() == []

    def out_of_step(self) -> list[str]:
        """What is wrong at the vendors; see `judge`."""
        return out_of_step(self.espocrm, self.xai)


def note(text: str) -> None:
    """A figure of this run: shown by `pytest -s`, and with a failure."""
    sys.stdout.write(f"{text}\n")


def webhook(event: str) -> Webhook:
    """The demo's subscription to an event."""
    return next(row for row in WEBHOOKS if row.event == event)


@contextlib.asynccontextmanager
async def staged(directory: Path, *, espocrm: Espocrm | None = None, xai: Xai | None = None) -> AsyncIterator[Stage]:
    """Starts broker and vendors; no process outlives the body.

    The broker knows the hub's users as in production; the test itself comes without credentials, as an operator.
    """
    espocrm = espocrm or Espocrm(tick_s=None)
    xai = xai or Xai()
    async with contextlib.AsyncExitStack() as stack:
        broker = stack.enter_context(guarded(directory, is_open=True))
        await broker.make_topology()
        children = stack.enter_context(processes(directory / "processes"))
        urls = (await stack.enter_async_context(serve(espocrm)), await stack.enter_async_context(serve(xai)))
        nc = await nats.connect(
            broker.url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=_ignore, allow_reconnect=True
        )
        stack.push_async_callback(nc.close)
        yield Stage(broker.server, nc, children, espocrm, xai, urls, broker=broker)
        children.kill()  # before the vendors go, so that nobody is left to ask them
        assert broker.violations() == []


async def _ignore(_error: Exception) -> None:
    """The broker is killed on purpose."""
