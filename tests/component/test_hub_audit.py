"""`hub audit`: a comparison asked for, followed through all its pieces, and told."""

import asyncio
import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from console.desk.audit import is_there
from document_worker.handlers import on_document, on_owner
from shared.contracts.audit import Report, report_key
from shared.contracts.events import EntityEvent
from shared.runtime.service import Service
from simulators.faults import Fault
from tests.support.hub import ROOT, environment_of, hub, interrupted, started_hub, until
from tests.support.office import Office, open_office, settled, stored, working

_LIST = r".*/CDokumente"


@pytest.fixture
async def office(service: Service) -> AsyncIterator[Office]:
    """Both vendors, empty."""
    async with open_office(service) as opened:
        yield opened


@contextlib.asynccontextmanager
async def answering(service: Service, office: Office) -> AsyncIterator[None]:
    """The document worker, once it can be asked: for the command one that does not answer yet is not there."""
    async with working(service, office):
        await until(lambda: is_there(service.bus, "document_worker"))
        yield


async def in_step(office: Office, count: int) -> list[str]:
    """So many documents in step."""
    owner = office.owner()
    documents = [office.document(b"Klage %d" % number, owner=owner) for number in range(count)]
    await on_owner(EntityEvent(entity_id=owner, entity_type="Raeumungsklage"), office.deps)
    for document in documents:
        await on_document(EntityEvent(entity_id=document, entity_type="CDokumente"), office.deps)
    return documents


def after_the_first_page_is_away(office: Office) -> None:
    """EspoCRM answers one list, and from then on none."""
    office.espocrm.faults.add(Fault(kind="late", delay_s=0.01, method="GET", path=_LIST))
    office.espocrm.faults.add(Fault(kind="error", status=503, method="GET", path=_LIST, times=None))


async def has_report(office: Office) -> bool:
    """Whether any audit has come to the end of a piece."""
    return await office.deps.snapshots.read(report_key("documents"), Report) is not None


async def deeds(service: Service) -> list[tuple[str, str]]:
    """What operators did, and about what."""
    told = [msgspec.json.decode(row["body"]) for row in await stored(service, "AUDIT")]
    return [(one["deed"], one["about"]) for one in told]


async def test_drift_is_told_and_then_healed(service: Service, office: Office) -> None:
    """P16: exit code 1 and what drifts; with --heal 0, and the next audit finds nothing; `--last` tells it again."""
    url = service.bus.settings.nats_url
    documents = await in_step(office, 3)
    async with answering(service, office):
        never = await hub(url, "audit", "documents", "--last")
        assert (never.code, never.out) == (1, "")
        assert never.err == "hub: documents was never compared; `hub audit documents` does it\n"
        await settled(service)
        office.replace_file(documents[1], b"Replik")
        office.forget_writes()
        found = await hub(url, "audit", "documents", "--json")
        assert (found.code, found.json["problem"]) == (1, "")
        report = found.json["report"]
        assert (report["checked"], report["drifting"], report["unknown"], bool(report["ended_at"])) == (3, 1, 0, True)
        assert [one["entity_id"] for one in report["drifts"]] == [documents[1]]
        assert office.writes() == []

        healed = await hub(url, "audit", "documents", "--heal")
        assert healed.code == 0, healed
        assert documents[1] in healed.out
        assert f"`hub history CDokumente {documents[1]}`" in healed.err
        await settled(service)
        assert office.record(documents[1])["xaiSyncStatus"] == "clean"

        clean = await hub(url, "audit", "documents")
        assert (clean.code, "the sides agree" in clean.err) == (0, True)
        last = await hub(url, "audit", "documents", "--last")
        assert (last.code, last.out) == (0, clean.out)
    assert await deeds(service) == [("audit", "documents"), ("audit", "documents heal"), ("audit", "documents")]


async def test_an_audit_of_several_pieces_is_followed_to_its_last(service: Service, office: Office) -> None:
    """An older report is nobody's answer, and the report that is told has every piece in it."""
    url = service.bus.settings.nats_url
    for number in range(201):
        alone = office.document(b"", name=f"leer {number}.pdf")
        await on_document(EntityEvent(entity_id=alone, entity_type="CDokumente"), office.deps)
    old = Report(family="documents", begun_at="2026-01-01T02:00:00.000+00:00", ended_at="x", checked=7)
    await office.deps.snapshots.write(report_key("documents"), old)
    async with answering(service, office):
        done = await hub(url, "audit", "documents", "--json", "--timeout", "60")
    assert (done.code, done.json["report"]["checked"]) == (0, 201)
    assert done.json["report"]["begun_at"] > old.begun_at


async def test_not_in_time_tells_how_far_it_came(service: Service, office: Office) -> None:
    """P7: exit code 1 while a vendor is away; the retry is told, and so are the pieces before."""
    url = service.bus.settings.nats_url
    for number in range(201):
        alone = office.document(b"", name=f"leer {number}.pdf")
        await on_document(EntityEvent(entity_id=alone, entity_type="CDokumente"), office.deps)
    async with answering(service, office):
        after_the_first_page_is_away(office)
        late = await hub(url, "audit", "documents", "--timeout", "4")
        office.espocrm.faults.clear()
    assert late.code == 1, late
    assert "retry: " in late.err
    assert "no end within 4 s; it goes on, and `hub audit documents --last` will tell" in late.err
    assert "200" in late.out
    assert "not yet" in late.out


async def test_what_cannot_be_compared_is_found_too(service: Service, office: Office) -> None:
    """Exit code 1 although nothing drifts: nobody has looked at it."""
    documents = await in_step(office, 2)
    async with answering(service, office):
        await settled(service)
        office.espocrm.faults.add(
            Fault(kind="error", status=400, method="GET", path=f".*/CDokumente/{documents[0]}", times=None)
        )
        done = await hub(service.bus.settings.nats_url, "audit", "documents", "--heal", "--json")
        office.espocrm.faults.clear()
    assert (done.code, done.json["report"]["unknown"], done.json["report"]["drifting"]) == (1, 1, 0)


async def test_nobody_compares(service: Service) -> None:
    """One sentence, exit code 1, and nothing is published or recorded; a family that is none is usage."""
    url = service.bus.settings.nats_url
    alone = await hub(url, "audit", "calendar")
    assert (alone.code, alone.out) == (1, "")
    assert alone.err == "hub: calendar_worker is not there, so nobody would compare; `hub workers` shows who is\n"
    for args, says in (
        (("audit", "parties"), "parties has no audit; those that have: beteiligte, calendar, documents"),
        (("audit", "documents", "--last", "--heal"), "--last only shows what was"),
    ):
        wrong = await hub(url, *args)
        assert (wrong.code, wrong.out) == (2, "")
        assert says in wrong.err
    assert (await deeds(service), await stored(service, "VMH")) == ([], [])


async def test_an_audit_whose_place_is_taken(service: Service, office: Office) -> None:
    """Another one that begins meanwhile ends it: a sentence, and exit code 1, rather than waiting for ever."""
    url = service.bus.settings.nats_url
    for number in range(201):
        alone = office.document(b"", name=f"leer {number}.pdf")
        await on_document(EntityEvent(entity_id=alone, entity_type="CDokumente"), office.deps)
    async with answering(service, office):
        after_the_first_page_is_away(office)
        waiting = asyncio.create_task(hub(url, "audit", "documents", "--timeout", "30", "--json"))

        async def has_begun() -> bool:
            assert not waiting.done(), waiting.result()
            return await has_report(office)

        await until(has_begun)
        # By then the command has seen its own: what it looks at it looks at four times a second.
        await asyncio.sleep(1)
        other = Report(family="documents", begun_at="2030-01-01T02:00:00.000+00:00")
        row: Any = msgspec.json.encode({"fence": 2**60, "state": other})
        await service.bus.nc.request(f"$KV.snapshots.{report_key('documents')}", row)
        done = await waiting
        office.espocrm.faults.clear()
    assert (done.code, "has taken its place" in done.json["problem"]) == (1, True)


async def test_ctrl_c_leaves_it_going(service: Service, office: Office) -> None:
    """Exit code 130; the hub ends the audit by itself."""
    await in_step(office, 1)
    async with answering(service, office):
        office.espocrm.faults.add(Fault(kind="late", delay_s=2.0, method="GET", path=_LIST))
        async with started_hub(service.bus.settings.nats_url, "audit", "documents") as process, asyncio.timeout(20):
            assert process.stderr is not None
            await process.stderr.readuntil(b"vmh.document.audit\n")
            assert (await interrupted(process))[0] == 130
        await until(lambda: has_report(office))


async def test_a_terminal_counts_along(service: Service, office: Office) -> None:
    """How many are checked, on one line while it goes on; the tables after it."""
    documents = await in_step(office, 2)
    async with answering(service, office):
        await settled(service)
        office.replace_file(documents[0], b"Replik")
        shown = await asyncio.to_thread(_on_a_terminal, service.bus.settings.nats_url)
    assert "documents: 2 checked, 1 drifting" in shown
    assert documents[0] in shown
    assert "hub audit documents --heal" in shown


def _on_a_terminal(url: str) -> str:
    """What a terminal shows of an audit that has found something."""
    main, end = pty.openpty()
    environ = environment_of(url, TERM="xterm-256color", COLUMNS="160")
    command = [sys.executable, "-m", "console.hub", "audit", "documents"]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdin=end, stdout=end, stderr=end)
    os.close(end)
    shown = b""
    try:
        with contextlib.suppress(OSError):
            while some := os.read(main, 65_536):
                shown += some
        assert process.wait(20) == 1
    finally:
        process.kill()
        process.wait()
        os.close(main)
    return shown.decode()
