"""What the document worker remembers, where forgetting would leave something behind at xAI."""

from collections.abc import AsyncIterator

import pytest

from document_worker.handlers import on_document, on_owner, on_sweep
from shared.contracts.events import EntityEvent, SweepEvent
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.runtime.service import Service
from tests.support.office import Office, open_office, settled, stored, working


@pytest.fixture
async def office(service: Service) -> AsyncIterator[Office]:
    """Both vendors, empty."""
    async with open_office(service) as opened:
        yield opened


def event(entity_id: str, entity_type: str = "CDokumente") -> EntityEvent:
    return EntityEvent(entity_id=entity_id, entity_type=entity_type, source="webhook")


async def test_a_synced_document_whose_new_file_fails_for_good_rests(service: Service, office: Office) -> None:
    """P6: one dead letter; sweeps and the owner's events leave it alone although its old version is in a collection."""
    owner = office.owner()
    document = office.document(b"kurz", owner=owner)
    await on_owner(event(owner, "Raeumungsklage"), office.deps)
    await on_document(event(document), office.deps)
    office.deps.xai.max_file_bytes = 10
    office.replace_file(document, b"mehr als zehn Bytes")
    async with working(service, office):
        await service.publisher.publish(DOCUMENT_UPDATE, event(document))
        await settled(service)
        assert len(await stored(service, "DEAD")) == 1
        for _ in range(2):
            await on_sweep(SweepEvent(), office.deps)
            await on_owner(event(owner, "Raeumungsklage"), office.deps)
            await settled(service)
    assert len(await stored(service, "DEAD")) == 1
    assert office.record(document)["xaiSyncStatus"] == "failed"


async def test_a_failure_does_not_make_us_forget_what_the_earlier_engine_synced(
    service: Service, office: Office
) -> None:
    """P2: EspoCRM's fields say where the old version is; after a failed and then a good file it must be out."""
    owner = office.owner()
    collection = await office.deps.xai.create_collection("alt", "alt")
    office.espocrm.save("Raeumungsklage", owner, {"xaiCollectionId": collection})
    document = office.document(b"alt", owner=owner)
    [old] = await _legacy_file(office, collection)
    fields = {"xaiId": old, "xaiCollections": [collection], "xaiSyncedHash": office.record(document)["md5sum"]}
    office.espocrm.save("CDokumente", document, {**fields, "xaiSyncStatus": "clean"})
    office.deps.xai.max_file_bytes = 10
    office.replace_file(document, b"mehr als zehn Bytes")
    async with working(service, office):
        await service.publisher.publish(DOCUMENT_UPDATE, event(document))
        await settled(service)
        assert office.record(document)["xaiSyncStatus"] == "failed"
        office.replace_file(document, b"kurz")
        await service.publisher.publish(DOCUMENT_UPDATE, event(document))
        await settled(service)
    assert office.record(document)["xaiSyncStatus"] == "clean"
    assert office.attached(collection) == [office.record(document)["xaiId"]]


async def _legacy_file(office: Office, collection: str) -> list[str]:
    """A file that was put into the collection before our time."""
    office.xai.seed({"files": [{"name": "alt.pdf", "text": "alt"}]})
    [file] = office.xai.live_files()
    await office.deps.xai.attach(collection, file.id)
    return office.attached(collection)
