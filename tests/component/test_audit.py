"""P16: the sides of a whole family are compared: a report and a number, healed by the ordinary sync alone."""

from collections.abc import AsyncIterator

import pytest

from document_worker.handlers import on_audit, on_document, on_owner
from shared.clients.redis_cache import RedisSettings
from shared.contracts.audit import Drift, Report, report_key
from shared.contracts.events import AuditEvent, EntityEvent
from shared.contracts.subjects import BETEILIGTE_AUDIT, DOCUMENT_AUDIT
from shared.outcomes.errors import Unavailable
from shared.outcomes.outcome import Skip
from shared.outcomes.reason import Reason
from shared.runtime.service import Service
from shared.settings import Secret
from simulators.faults import Fault
from tests.support.office import Office, open_office, settled, stored, working
from tests.support.parties import open_parties, syncing
from tests.support.party_staff import full_person, in_step, one_of_each
from tests.support.redis import RedisPlace


@pytest.fixture
async def office(service: Service) -> AsyncIterator[Office]:
    """Both vendors, empty."""
    async with open_office(service) as opened:
        yield opened


async def report(office: Office) -> Report:
    """The latest one of documents."""
    found = await office.deps.snapshots.read(report_key("documents"), Report)
    assert found is not None
    return found


async def asked(service: Service) -> list[str]:
    """Subjects of all that was published but audits."""
    subjects = [row["subject"] for row in await stored(service, "VMH")]
    return [subject for subject in subjects if subject != DOCUMENT_AUDIT.name]


async def synced(office: Office, count: int) -> list[str]:
    """So many documents in step."""
    owner = office.owner()
    documents = [office.document(b"Klage %d" % number, owner=owner) for number in range(count)]
    await on_owner(EntityEvent(entity_id=owner, entity_type="Raeumungsklage"), office.deps)
    for document in documents:
        await on_document(EntityEvent(entity_id=document, entity_type="CDokumente"), office.deps)
    return documents


async def test_an_audit_finds_exactly_what_differs_and_writes_nothing(service: Service, office: Office) -> None:
    """P16: in pieces of 200, each drifting document by its id and with the reason that its sync would give."""
    documents = await synced(office, 3)
    for number in range(201):
        alone = office.document(b"", name=f"leer {number}.pdf")
        await on_document(EntityEvent(entity_id=alone, entity_type="CDokumente"), office.deps)
    async with working(service, office):
        await settled(service)
        office.replace_file(documents[1], b"Replik")
        office.forget_writes()
        await service.publisher.publish(DOCUMENT_AUDIT, AuditEvent(source="schedule"))
        await settled(service)
    found = await report(office)
    assert (found.checked, found.unknown, found.drifting) == (204, 0, 1)
    [drift] = found.drifts
    assert (drift.entity_type, drift.entity_id, drift.reason) == ("CDokumente", documents[1], "uploaded")
    assert drift.writes > 0
    assert found.ended_at
    assert not found.heal
    assert office.writes() == []


async def test_healing_is_the_ordinary_sync(service: Service, office: Office) -> None:
    """P16: what drifts is asked for, once, and the next audit finds nothing."""
    documents = await synced(office, 3)
    office.replace_file(documents[0], b"Replik")
    before = await asked(service)
    async with working(service, office):
        await service.publisher.publish(DOCUMENT_AUDIT, AuditEvent(heal=True))
        await settled(service)
        assert (await report(office)).drifting == 1
        assert (await asked(service))[len(before) :] == ["vmh.document.update"]
        await service.publisher.publish(DOCUMENT_AUDIT, AuditEvent())
        await settled(service)
    assert (await report(office)).drifting == 0
    assert office.record(documents[0])["xaiSyncStatus"] == "clean"


async def test_a_piece_that_was_done_already_counts_once(service: Service, office: Office) -> None:
    """A redelivered piece, and one of an audit that another one has overtaken, change nothing."""
    await synced(office, 1)
    for number in range(200):
        office.document(b"", name=f"leer {number}.pdf")
    await on_audit(AuditEvent(), office.deps)
    first = await report(office)
    assert (first.checked, first.ended_at, first.after) == (200, "", "200")
    piece = AuditEvent(after=first.after, begun_at=first.begun_at)
    await on_audit(piece, office.deps)
    whole = await report(office)
    assert (whole.checked, bool(whole.ended_at)) == (201, True)
    assert await on_audit(piece, office.deps) == Skip(Reason.AUDIT_OVERTAKEN)
    await on_audit(AuditEvent(), office.deps)
    assert await on_audit(piece, office.deps) == Skip(Reason.AUDIT_OVERTAKEN)
    assert (await report(office)).checked == 200


async def test_a_vendor_that_is_away_is_no_drift(office: Office) -> None:
    """P7: the piece comes back later; nothing is reported of it."""
    await synced(office, 2)
    office.espocrm.faults.add(Fault(kind="error", status=503, method="GET", path=r".*/CDokumente/.*", times=99))
    with pytest.raises(Unavailable):
        await on_audit(AuditEvent(), office.deps)
    assert await office.deps.snapshots.read(report_key("documents"), Report) is None


async def test_parties_are_compared_too(service: Service, redis_server: RedisPlace) -> None:
    """P16: an edit in Advoware, of which nobody tells, is found and healed."""
    redis = RedisSettings(redis_url=Secret(redis_server.url))
    async with open_parties(service, redis) as parties:
        made = [full_person(parties, name=f"Müßig {number}") for number in range(3)]
        for ids in made:
            await in_step(parties, ids.party)
        betnr = parties.espocrm.get("CBeteiligte", made[2].party)
        assert betnr is not None
        parties.advoware.staff.change_beteiligter(betnr["betnr"], titel="Dr.")
        async with syncing(service, parties):
            await service.publisher.publish(BETEILIGTE_AUDIT, AuditEvent(heal=True))
            await settled(service)
        found = await parties.deps.snapshots.read(report_key("beteiligte"), Report)
        assert found is not None
        assert (found.checked, found.drifts) == (
            3,
            (
                Drift(
                    entity_type="CBeteiligte",
                    entity_id=made[2].party,
                    reason="party_synced",
                    writes=found.drifts[0].writes,
                ),
            ),
        )
        record = parties.espocrm.get("CBeteiligte", made[2].party)
        assert record is not None
        assert record["titel"] == "Dr."
        one_of_each(parties, made[0], name="Müßig 0")
