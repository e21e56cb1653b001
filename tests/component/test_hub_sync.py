"""`hub sync`, `hub sweep`, `hub plan`, `hub history`: a run asked for, followed to its end, and told."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import msgspec
import pytest

from console.desk.deeds import acting
from console.desk.events import Ticket, Told, publish_and_follow
from console.desk.identity import sync_event
from shared.contracts.events import EntityEvent, SweepEvent
from shared.contracts.keys import key
from shared.contracts.operator import Facts
from shared.contracts.subjects import BETEILIGTE_UPDATE, DOCUMENT_SWEEP, DOCUMENT_UPDATE
from shared.outcomes.errors import Refused, Rejected, Unavailable
from shared.outcomes.outcome import Done, Outcome, Skip
from shared.outcomes.reason import Reason
from shared.runtime.route import Route
from shared.runtime.service import Service
from shared.runtime.worker import WorkerSettings
from tests.support.hub import answering, hub, interrupted, record, remember, started_hub
from tests.support.office import consuming, stored


class Desk:
    """What the handlers below know."""

    def __init__(self) -> None:
        self.failures = 1
        self.gate = asyncio.Event()


async def _on_document(event: EntityEvent, desk: Desk) -> Outcome:
    match event.entity_id:
        case "bad":
            raise Rejected("xai upload_file: 413", status=413)
        case "late" if desk.failures:
            desk.failures -= 1
            raise Unavailable("xai does not answer")
        case "slow":
            await desk.gate.wait()
    return Done(Reason.UPLOADED, {"uploads": 1}) if event.force else Skip(Reason.IN_STEP)


async def _on_sweep(event: SweepEvent, _desk: Desk) -> Outcome:
    if not event.force:
        raise Refused("21 of 60 documents are gone")
    return Done(Reason.SWEPT)


@contextlib.asynccontextmanager
async def worker(service: Service) -> AsyncIterator[Desk]:
    """A worker whose documents end in every way."""
    desk = Desk()
    routes = (
        Route(
            subject=DOCUMENT_UPDATE,
            handler=_on_document,
            lock=lambda event: f"document_sync.CDokumente.{event.entity_id}",
        ),
        Route(subject=DOCUMENT_SWEEP, handler=_on_sweep, lock=lambda _: "document_sync.Sweep.document"),
    )
    async with consuming(service, routes, desk, WorkerSettings()):
        async with asyncio.timeout(5):
            while True:
                with contextlib.suppress(Exception):
                    await service.bus.api("CONSUMER.INFO.VMH.document_worker")
                    break
                await asyncio.sleep(0.02)
        yield desk


async def test_a_sync_is_followed_to_its_end(service: Service) -> None:
    """P6: the outcome, and each try before it; a dead letter is exit code 1; recorded by name."""
    url = service.bus.settings.nats_url
    async with worker(service):
        plain = await hub(url, "sync", "CDokumente", "d1")
        assert (plain.code, "skip   in_step" in plain.out) == (0, True)
        assert "on vmh.document.update, for document_worker" in plain.err
        forced = await hub(url, "sync", "CDokumente", "d1", "--force", "--json")
        assert [one["record"]["outcome"] for one in forced.json["runs"]] == ["done"]
        assert forced.json["runs"][0]["record"]["event_id"] == forced.json["event"]["event_id"]
        late = await hub(url, "sync", "CDokumente", "late")
        assert [line.split()[2] for line in late.out.splitlines()] == ["retry", "skip"]
        bad = await hub(url, "sync", "CDokumente", "bad")
        assert (bad.code, "dead   Rejected: xai upload_file: 413" in bad.out) == (1, True)
    told = [msgspec.json.decode(row["body"]) for row in await stored(service, "AUDIT")]
    assert [(one["deed"], one["who"], one["about"]) for one in told] == [
        ("sync", "anna", "CDokumente d1"),
        ("sync", "anna", "CDokumente d1 force"),
        ("sync", "anna", "CDokumente late"),
        ("sync", "anna", "CDokumente bad"),
    ]


async def test_a_sweep_is_an_event_too(service: Service) -> None:
    """P9: a refusal of the guard is exit code 1, and --force passes it."""
    url = service.bus.settings.nats_url
    async with worker(service):
        refused = await hub(url, "sweep", "document")
        assert (refused.code, "Refused: 21 of 60 documents are gone" in refused.out) == (1, True)
        forced = await hub(url, "sweep", "document", "--force")
        assert (forced.code, "done   swept" in forced.out) == (0, True)
    unknown = await hub(url, "sweep", "invoices")
    assert (unknown.code, "beteiligte, calendar, document" in unknown.err) == (2, True)


async def test_nobody_there_and_too_late(service: Service) -> None:
    """The event is stored and waits; exit code 1 when the time is over, with a word that it goes on."""
    url = service.bus.settings.nats_url
    late = await hub(url, "sync", "CDokumente", "d1", "--timeout", "0.3")
    assert (late.code, late.out) == (1, "")
    assert "no service listens there yet" in late.err
    assert "no end within 0.3 s; it goes on" in late.err
    asked = await hub(url, "sync", "CBeteiligte", "b1", "--no-wait", "--json")
    assert (asked.code, asked.json["subject"]) == (0, "vmh.beteiligte.update")
    first, second = await stored(service, "VMH")
    assert msgspec.json.decode(first["body"])["source"] == "nats"
    assert second["headers"]["ce-source"] == "/bitbylaw-hub/hub"
    for args in (("sync", "CDokumente", "no id"), ("sync", "Invoice", "i1")):
        wrong = await hub(url, *args)
        assert (wrong.code, wrong.out) == (2, "")
    assert len(await stored(service, "VMH")) == 2


async def test_every_service_that_hears_it_is_waited_for(service: Service) -> None:
    """A party's event has two hearers, and both must have ended it; an equal event may have done the work."""
    for name in ("beteiligte_worker", "document_worker"):
        config = {"durable_name": name, "ack_policy": "explicit", "filter_subjects": ["vmh.beteiligte.*"]}
        await service.bus.api(f"CONSUMER.CREATE.VMH.{name}", {"stream_name": "VMH", "config": config})
    event = sync_event(BETEILIGTE_UPDATE, "CBeteiligte", "b1", force=False)
    told: list[Told] = []
    async with acting(service.bus, {}, clock=service.clock, name="anna", source="hub") as operator:
        async for news in publish_and_follow(operator, BETEILIGTE_UPDATE, event, timeout_s=10):
            if isinstance(news, Ticket):
                assert news.hearers == ["beteiligte_worker", "document_worker"]
                ours = news.event_id
                subject = "vmh.beteiligte.update"
                other = record("other", subject=subject, worker="document_worker@a.1")
                retry = record(ours, outcome="retry", subject=subject, worker="beteiligte_worker@a.1")
                equal = record("e7", subject=subject, worker="beteiligte_worker@a.1", coalesced=1, coalesced_ids=[ours])
                end = record(ours, outcome="skip", subject=subject, worker="document_worker@a.1")
                await remember(service, "CBeteiligte.b1", other, retry, equal, end)
            else:
                told.append(news)
    assert [(one.run.record.outcome, one.is_end, one.waits_for) for one in told] == [
        ("retry", False, ["beteiligte_worker", "document_worker"]),
        ("done", True, ["document_worker"]),
        ("skip", True, []),
    ]


async def test_an_end_that_was_not_heard(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """P1: what ended while NATS was away is found among what is stored."""
    monkeypatch.setattr("console.desk.events._LOOK_AFTER_S", 0.3)
    event = sync_event(DOCUMENT_UPDATE, "CDokumente", "d1", force=False)
    outcomes = []
    async with acting(service.bus, {}, clock=service.clock, name="anna", source="hub") as operator:
        async for news in publish_and_follow(operator, DOCUMENT_UPDATE, event, timeout_s=10):
            if isinstance(news, Told):
                outcomes.append(news.run.record.outcome)
                continue
            for subscription in list(service.bus.nc._subs.values()):
                if subscription.subject.startswith("history."):
                    await subscription.unsubscribe()
            await service.bus.nc.flush()
            for outcome in ("retry", "done"):
                await remember(service, "CDokumente.d1", record(news.event_id, outcome=outcome))
    assert outcomes == ["retry", "done"]


async def test_ctrl_c_while_following(service: Service) -> None:
    """Exit code 130 and no traceback; the event is stored, and goes on."""
    url = service.bus.settings.nats_url
    async with worker(service) as desk:
        async with started_hub(url, "sync", "CDokumente", "slow") as process, asyncio.timeout(20):
            assert process.stderr is not None
            assert b"on vmh.document.update" in await process.stderr.readline()
            assert await interrupted(process) == (130, "")
        desk.gate.set()
    assert len(await stored(service, "VMH")) == 1


async def test_a_plan_is_what_the_services_say(service: Service) -> None:
    """Each write on a line; who cannot say is exit code 1, and so is nobody."""
    url = service.bus.settings.nats_url
    nobody = await hub(url, "plan", "CDokumente", "d1")
    assert (nobody.code, "no service that is there plans CDokumente" in nobody.err) == (1, True)
    async with answering(service):
        told = await hub(url, "plan", "CDokumente", "d1")
        assert told.code == 0
        assert told.out.splitlines() == [
            "document_worker: uploaded",
            "  xai: upload the file of d1",
            "  espocrm: set xaiId",
        ]
        away = await hub(url, "plan", "CDokumente", "away", "--json")
        assert away.code == 1
        assert away.json[0]["problem"] == "502: Unavailable: espocrm does not answer"
        other = await hub(url, "plan", "Account", "d1")
        assert other.code == 1
    async with answering(service, facts=Facts(plans=("CDokumente",)), plans=False):
        silent = await hub(url, "plan", "CDokumente", "d1")
        assert (silent.code, "nobody answers there" in silent.out) == (1, True)


async def test_a_history_in_order(service: Service) -> None:
    """Event, outcome, reason, vendor calls, trace; the newest so many; exit code 1 where nothing is kept."""
    url = service.bus.settings.nats_url
    await remember(
        service,
        "CDokumente.d1",
        record("e1", outcome="retry", reason="Unavailable: xai does not answer", calls=[]),
        record("e1", attempt=2, at="2026-11-22T08:31:00.000+00:00", coalesced=4, coalesced_ids=["e2"]),
    )
    told = await hub(url, "history", "CDokumente", "d1")
    head, first, second = told.out.splitlines()
    assert head.split()[:5] == ["ENDED", "SUBJECT", "TRY", "OUTCOME", "REASON"]
    assert first.startswith("2026-11-22 09:30:01.250  vmh.document.update    1  retry    Unavailable: xai does not")
    assert second.split("  ", 5)[-1].split() == [
        *(["uploaded", "·", "uploads", "1", "·", "+4", "equal"]),
        *(["xai", "upload_file", "200", "250", "e1"]),
        "a" * 31 + "b",
    ]
    calls = await hub(url, "history", "CDokumente", "d1", "--calls", "--limit", "1")
    assert calls.out.splitlines()[1] == "    xai upload_file: 200, 12 ms"
    as_json = await hub(url, "history", "CDokumente", "d1", "--json")
    assert [one["record"]["outcome"] for one in as_json.json] == ["retry", "done"]
    nothing = await hub(url, "history", "CDokumente", "d2")
    assert (nothing.code, nothing.out, nothing.err) == (1, "", "nothing is kept of CDokumente d2\n")


async def test_a_history_goes_on(service: Service) -> None:
    """With -f what was, then what comes, as JSON lines; Ctrl-C is 130."""
    url = service.bus.settings.nats_url
    entity = key("Employee", "ÄB")
    await remember(service, entity, record("e1", subject="calendar.sync.employee"))
    async with started_hub(url, "history", "Employee", "äb", "-f", "--json") as process, asyncio.timeout(20):
        assert process.stdout is not None
        assert json.loads(await process.stdout.readline())["entity_id"] == "ÄB"
        await remember(service, entity, record("e2", subject="calendar.sync.employee"))
        assert json.loads(await process.stdout.readline())["record"]["event_id"] == "e2"
        assert await interrupted(process) == (130, "")
