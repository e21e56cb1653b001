"""The document worker against both simulators over HTTP, with a real NATS under it."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from document_worker.handlers import on_document, on_owner, on_sweep, preview
from shared.contracts.events import EntityEvent, SweepEvent
from shared.contracts.subjects import DOCUMENT_UPDATE, RAEUMUNGSKLAGE_UPDATE
from shared.outcomes.errors import Rejected, Unavailable
from shared.outcomes.outcome import Done, Skip
from shared.outcomes.reason import Reason
from shared.runtime.service import Service
from simulators.faults import Fault
from simulators.xai import Switches
from tests.support.office import Office, history, open_office, settled, stored, working


@pytest.fixture
async def office(service: Service) -> AsyncIterator[Office]:
    """Both vendors, empty."""
    async with open_office(service) as opened:
        yield opened


def event(entity_id: str, entity_type: str = "CDokumente") -> EntityEvent:
    return EntityEvent(entity_id=entity_id, entity_type=entity_type)


async def synced_document(office: Office, content: bytes = b"Klageschrift") -> tuple[str, str, str]:
    """Document, owner and collection, in step."""
    owner = office.owner()
    document = office.document(content, owner=owner)
    await on_owner(event(owner, "Raeumungsklage"), office.deps)
    await on_document(event(document), office.deps)
    return document, owner, office.collection_of(owner)


async def test_a_new_document_of_a_new_owner_ends_in_its_collection(service: Service, office: Office) -> None:
    """The main job: owner gets a collection, document is uploaded, attached, and clean in EspoCRM."""
    owner = office.owner()
    document = office.document(owner=owner)
    async with working(service, office):
        await service.publisher.publish(DOCUMENT_UPDATE, event(document))
        await settled(service)
    record = office.record(document)
    assert record["xaiSyncStatus"] == "clean"
    assert record["fileStatus"] == "synced"
    assert record["xaiCollections"] == [office.collection_of(owner)]
    assert office.attached(office.collection_of(owner)) == [record["xaiId"]]
    assert record["xaiSyncedHash"] == record["md5sum"]
    assert len(office.xai.live_files()) == 1
    outcomes = [(row["subject"], row["outcome"], row["reason"]) for row in await history(service)]
    assert ("vmh.raeumungsklage.update", "done", "collection_created") in outcomes
    assert ("vmh.document.update", "done", "uploaded") in outcomes


async def test_a_second_run_writes_nothing(office: Office) -> None:
    """P5: everything is in step, so no vendor sees a write."""
    document, owner, _ = await synced_document(office)
    office.forget_writes()
    assert await on_document(event(document), office.deps) == Skip(Reason.LEARNED)  # xAI has indexed it
    assert await on_document(event(document), office.deps) == Skip(Reason.IN_STEP)
    assert await on_owner(event(owner, "Raeumungsklage"), office.deps) == Skip(Reason.IN_STEP)
    assert office.writes() == []


async def test_a_changed_file_is_attached_before_the_old_one_is_detached(office: Office) -> None:
    """Search never sees zero versions of a document."""
    document, _, collection = await synced_document(office)
    old = office.record(document)["xaiId"]
    office.replace_file(document, b"Klageschrift, ge\xc3\xa4ndert")
    office.forget_writes()
    assert await on_document(event(document), office.deps) == Done(
        Reason.UPLOADED, {"mark_pending": 1, "upload": 1, "attach": 1, "detach": 1, "write_back": 4}
    )
    new = office.record(document)["xaiId"]
    assert office.attached(collection) == [new]
    assert new != old
    order = [row for row in office.writes() if "/documents/" in row]
    assert order == [
        f"POST /v1/collections/{collection}/documents/{new}",
        f"DELETE /v1/collections/{collection}/documents/{old}",
    ]


async def test_the_same_bytes_again_are_not_uploaded_again(office: Office) -> None:
    """A replaced file with equal content keeps its file at xAI."""
    document, _, collection = await synced_document(office, b"gleich")
    file = office.record(document)["xaiId"]
    office.replace_file(document, b"gleich")
    await on_document(event(document), office.deps)
    assert office.record(document)["xaiId"] == file
    assert office.attached(collection) == [file]
    assert len(office.xai.live_files()) == 1
    assert office.record(document)["xaiSyncStatus"] == "clean"


async def test_an_unlinked_document_leaves_that_collection_only(office: Office) -> None:
    """Unlink removes from one collection, and the last unlink makes it no_sync."""
    document, first, first_collection = await synced_document(office)
    second = office.owner("Account", "Hausverwaltung Süd GmbH")
    office.espocrm.relate("CDokumente", document, "accounts", second)
    await on_owner(event(second, "Account"), office.deps)
    await on_document(event(document), office.deps)
    second_collection = office.collection_of(second, "Account")
    file = office.record(document)["xaiId"]
    assert office.attached(first_collection) == office.attached(second_collection) == [file]
    office.espocrm.unrelate("CDokumente", document, "raeumungsklages", first)
    await on_document(event(document), office.deps)
    assert office.attached(first_collection) == []
    assert office.attached(second_collection) == [file]
    office.espocrm.unrelate("CDokumente", document, "accounts", second)
    await on_document(event(document), office.deps)
    assert office.attached(second_collection) == []
    assert office.record(document)["xaiSyncStatus"] == "no_sync"
    assert office.record(document)["xaiCollections"] == []


async def test_a_deleted_document_leaves_all_collections(office: Office) -> None:
    """Undone from the snapshot, since EspoCRM can no longer tell where it was."""
    document, _, collection = await synced_document(office)
    office.espocrm.remove("CDokumente", document)
    assert await on_document(event(document), office.deps) == Done(Reason.DETACHED, {"detach": 1})
    assert office.attached(collection) == []
    assert await on_document(event(document), office.deps) == Skip(Reason.IN_STEP)


async def test_a_restored_document_comes_back_without_an_upload(office: Office) -> None:
    """restoreDeleted fires no webhook; the next event finds the file still at xAI."""
    document, _, collection = await synced_document(office)
    office.espocrm.remove("CDokumente", document)
    await on_document(event(document), office.deps)
    office.espocrm.restore("CDokumente", document)
    await on_document(event(document), office.deps)
    assert office.attached(collection) == [office.record(document)["xaiId"]]
    assert len(office.xai.live_files()) == 1


async def test_a_deleted_owner_takes_its_collection_along(service: Service, office: Office) -> None:
    """The collection goes, its documents hear of it and become no_sync."""
    document, owner, collection = await synced_document(office)
    office.espocrm.remove("Raeumungsklage", owner)
    async with working(service, office):
        await service.publisher.publish(RAEUMUNGSKLAGE_UPDATE, event(owner, "Raeumungsklage"))
        await settled(service)
    assert collection not in office.xai.attachments()
    assert office.record(document)["xaiSyncStatus"] == "no_sync"
    assert len(office.xai.live_files()) == 1


@pytest.mark.parametrize("kind", ["lost", "cut_answer"])
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/files"), ("POST", "/v1/collections")])
async def test_a_lost_answer_makes_no_second_object(office: Office, kind: str, method: str, path: str) -> None:
    """P2: the work was done and the answer lost; the next run finds the object and adopts it."""
    owner = office.owner()
    document = office.document(owner=owner)
    office.xai.faults.add(Fault(kind=kind, method=method, path=path))  # type: ignore[arg-type]
    for _ in range(4):
        try:
            await on_owner(event(owner, "Raeumungsklage"), office.deps)
            await on_document(event(document), office.deps)
        except Unavailable:
            continue
    assert len(office.xai.live_files()) == 1
    assert len(office.xai.attachments()) == 1
    assert office.record(document)["xaiSyncStatus"] == "clean"


async def test_a_file_that_xai_has_lost_is_uploaded_again_when_it_is_needed(office: Office) -> None:
    """A 404 on the remembered file starts the effect's next generation."""
    document, _, _ = await synced_document(office)
    office.xai.remove_file(office.record(document)["xaiId"])
    second = office.owner("Account", "Zweite")
    office.espocrm.relate("CDokumente", document, "accounts", second)
    await on_owner(event(second, "Account"), office.deps)
    await on_document(event(document), office.deps)
    file = office.record(document)["xaiId"]
    assert [stored_file.id for stored_file in office.xai.live_files()] == [file]
    assert office.attached(office.collection_of(second, "Account")) == [file]


async def test_a_collection_that_xai_has_lost_is_made_again(service: Service, office: Office) -> None:
    """A removed collection is noticed by its owner's next event and filled again."""
    document, owner, collection = await synced_document(office)
    office.xai.remove_collection(collection)
    async with working(service, office):
        await service.publisher.publish(RAEUMUNGSKLAGE_UPDATE, event(owner, "Raeumungsklage"))
        await settled(service)
    again = office.collection_of(owner)
    assert again != collection
    assert office.attached(again) == [office.record(document)["xaiId"]]
    assert office.record(document)["xaiCollections"] == [again]


async def test_a_file_that_is_too_large_fails_visibly_and_rests(service: Service, office: Office) -> None:
    """P6: status and text in EspoCRM, a dead letter, and sweeps let it rest until the file changes."""
    office.deps.xai.max_file_bytes = 10
    owner = office.owner()
    document = office.document(b"mehr als zehn Bytes", owner=owner)
    async with working(service, office):
        await service.publisher.publish(DOCUMENT_UPDATE, event(document))
        await settled(service)
        record = office.record(document)
        assert record["xaiSyncStatus"] == "failed"
        assert "zu groß" in record["xaiSyncError"]
        [letter] = await stored(service, "DEAD")
        assert letter["headers"]["Hub-Error"] == "Rejected"
        assert "too large" in letter["headers"]["Hub-Reason"]
        office.forget_writes()
        await on_sweep(SweepEvent(), office.deps)
        from_a_webhook = msgspec.structs.replace(event(document), source="webhook")
        await service.publisher.publish(DOCUMENT_UPDATE, from_a_webhook)
        await settled(service)
        assert office.writes() == []
        assert len(await stored(service, "DEAD")) == 1
        office.replace_file(document, b"kurz")
        await service.publisher.publish(DOCUMENT_UPDATE, event(document))
        await settled(service)
    assert office.record(document)["xaiSyncStatus"] == "clean"
    assert office.record(document)["xaiSyncError"] is None


async def test_the_sweep_finds_what_no_webhook_told(service: Service, office: Office) -> None:
    """P8: new, changed, linked, unlinked and deleted records, all without a single webhook; then it finds nothing."""
    changed, owner, collection = await synced_document(office, b"eins")
    deleted = office.document(b"zwei", owner=owner)
    unlinked = office.document(b"drei", owner=owner)
    await on_document(event(deleted), office.deps)
    await on_document(event(unlinked), office.deps)
    await on_sweep(SweepEvent(), office.deps)
    office.replace_file(changed, b"eins, neu")
    office.espocrm.remove("CDokumente", deleted)
    office.espocrm.unrelate("CDokumente", unlinked, "raeumungsklages", owner)
    new = office.document(b"vier", owner=owner)
    other = office.owner("CBeteiligte", "Beteiligter")
    office.espocrm.relate("CDokumente", changed, "beteiligtes", other)
    async with working(service, office):
        for _ in range(2):
            await on_sweep(SweepEvent(), office.deps)
            await settled(service)
        office.forget_writes()
        await on_sweep(SweepEvent(), office.deps)
        await settled(service)
    assert office.writes() == []
    records = {entity_id: office.record(entity_id) for entity_id in (changed, unlinked, new)}
    assert records[changed]["xaiSyncStatus"] == records[new]["xaiSyncStatus"] == "clean"
    assert records[unlinked]["xaiSyncStatus"] == "no_sync"
    assert sorted(office.attached(collection)) == sorted([records[changed]["xaiId"], records[new]["xaiId"]])
    assert office.attached(office.collection_of(other, "CBeteiligte")) == [records[changed]["xaiId"]]


async def test_two_replicas_make_one_upload(service: Service, office: Office) -> None:
    """Two runs of one document side by side, as if the lock had failed: the journal lets one of them through."""
    owner = office.owner()
    document = office.document(owner=owner)
    await on_owner(event(owner, "Raeumungsklage"), office.deps)
    deps = msgspec.structs.replace(office.deps, visible_after_s=5.0)
    results = await asyncio.gather(*(on_document(event(document), deps) for _ in range(5)), return_exceptions=True)
    assert any(isinstance(result, Done) for result in results)
    assert len(office.xai.live_files()) == 1


async def test_a_rejected_upload_leaves_no_open_intent(service: Service, office: Office) -> None:
    """A clear no from xAI is not an unknown outcome."""
    office.xai.faults.add(Fault(kind="error", method="POST", path="/v1/files", status=413))
    owner = office.owner()
    document = office.document(owner=owner)
    await on_owner(event(owner, "Raeumungsklage"), office.deps)
    with pytest.raises(Rejected):
        await on_document(event(document), office.deps)
    assert await on_document(event(document), office.deps) != Skip(Reason.IN_STEP)
    assert len(office.xai.live_files()) == 1


async def test_a_document_that_xai_cannot_index_is_shown(service: Service) -> None:
    """Two more tries, then status and xAI's words in EspoCRM; a sweep lets it rest, another file starts over."""
    switches = Switches(processing_result={"kaputt.*": "unsupported encryption"})
    async with open_office(service, switches=switches) as office:
        owner = office.owner()
        document = office.document(name="kaputt.pdf", owner=owner)
        await on_owner(event(owner, "Raeumungsklage"), office.deps)
        results = [await on_document(event(document), office.deps) for _ in range(5)]
        assert [result.reason for result in results] == [
            Reason.UPLOADED,
            Reason.REINDEXED,
            Reason.REINDEXED,
            Reason.NOT_INDEXED,
            Reason.IN_STEP,
        ]
        assert office.record(document)["xaiSyncStatus"] == "failed"
        assert "unsupported encryption" in office.record(document)["xaiSyncError"]
        async with working(service, office):
            await settled(service)
            office.forget_writes()
            await on_sweep(SweepEvent(), office.deps)
            await settled(service)
            assert office.writes() == []
            office.replace_file(document, b"heil", name="heil.pdf")
            await service.publisher.publish(DOCUMENT_UPDATE, event(document))
            await settled(service)
        assert office.record(document)["xaiSyncStatus"] == "clean"
        assert office.record(document)["xaiSyncError"] is None


async def test_staff_can_ask_for_another_try_at_indexing(service: Service) -> None:
    """Setting the status to `unclean` starts a failed indexing over."""
    switches = Switches(processing_result={"kaputt.*": "try later"})
    async with open_office(service, switches=switches) as office:
        owner = office.owner()
        document = office.document(name="kaputt.pdf", owner=owner)
        await on_owner(event(owner, "Raeumungsklage"), office.deps)
        for _ in range(5):
            await on_document(event(document), office.deps)
        office.xai.switches = msgspec.structs.replace(office.xai.switches, processing_result={})
        office.espocrm.save("CDokumente", document, {"xaiSyncStatus": "unclean"})
        assert await on_document(event(document), office.deps) == Done(
            Reason.REINDEXED, {"reindex": 1, "write_back": 2}
        )
        await on_document(event(document), office.deps)
        assert office.record(document)["xaiSyncStatus"] == "clean"
        assert await on_document(event(document), office.deps) == Skip(Reason.IN_STEP)


async def test_a_document_taken_out_by_hand_is_put_back_while_it_is_watched(service: Service, office: Office) -> None:
    """Until xAI has indexed it, each run looks whether it is where it should be."""
    document, _, collection = await synced_document(office)
    file = office.record(document)["xaiId"]
    await office.deps.xai.detach(collection, file)
    await on_document(event(document), office.deps)
    assert office.attached(collection) == [file]


async def test_a_dry_run_prints_exactly_the_writes_of_the_real_run(office: Office) -> None:
    """`plan` writes nothing, and what it lists is what the vendors then see, in that order."""
    document, owner, _ = await synced_document(office)
    second = office.owner("Account", "Zweite")
    office.replace_file(document, b"neu")
    office.espocrm.unrelate("CDokumente", document, "raeumungsklages", owner)
    office.espocrm.relate("CDokumente", document, "accounts", second)
    office.forget_writes()
    planned_for_owner = (await preview(event(second, "Account"), office.deps))[1]
    assert office.writes() == []
    await on_owner(event(second, "Account"), office.deps)
    assert planned_for_owner == [
        "xai POST /v1/collections",
        f"espocrm PUT Account/{second} (xaiCollectionId)",
        f"nats publish CDokumente {document} update",
    ]
    assert sorted(office.writes()) == ["POST /v1/collections", f"PUT /api/v1/Account/{second}"]
    office.forget_writes()
    reason, planned = await preview(event(document), office.deps)
    assert office.writes() == []
    await on_document(event(document), office.deps)
    assert reason == Reason.UPLOADED
    new = office.record(document)["xaiId"]
    told = [line.split(" (")[0].replace("<new file>", new).split(" ", 1)[1] for line in planned]
    assert sorted(line.replace("PUT CDok", "PUT /api/v1/CDok") for line in told) == sorted(office.writes())
