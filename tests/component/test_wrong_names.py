"""Names in the settings that the vendor does not know, and answers that are not the vendor's: nothing is undone."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from document_worker.fields import DocumentNames
from document_worker.handlers import on_document, on_owner, on_sweep
from shared.contracts.events import EntityEvent, SweepEvent
from shared.contracts.topology import LOCKS, SNAPSHOTS
from shared.outcomes.errors import Misconfigured, Rejected, Unavailable
from shared.runtime.service import Service
from shared.state.kv import Bucket
from simulators.faults import Fault
from tests.support.office import Office, open_office

_WRONG = {
    "link back": DocumentNames(collection_owners="Raeumungsklage:dokumentes:keinSolcherLink:xaiCollectionId"),
    "link to documents": DocumentNames(
        collection_owners="Raeumungsklage:keinSolcherLink:raeumungsklages:xaiCollectionId"
    ),
    "entity type of documents": DocumentNames(document_entity="CDokument"),
}


@pytest.fixture
async def office(service: Service) -> AsyncIterator[Office]:
    """Both vendors, empty."""
    async with open_office(service) as opened:
        yield opened


async def in_step(office: Office) -> tuple[EntityEvent, EntityEvent, str]:
    """A document in its owner's collection: both events, and the collection."""
    owner = office.owner()
    document = office.document(owner=owner)
    of_owner = EntityEvent(entity_id=owner, entity_type="Raeumungsklage")
    of_document = EntityEvent(entity_id=document, entity_type="CDokumente")
    await on_owner(of_owner, office.deps)
    await on_document(of_document, office.deps)
    return of_document, of_owner, office.collection_of(owner)


@pytest.mark.parametrize("wrong", _WRONG)
async def test_a_wrong_name_halts_and_undoes_nothing(office: Office, wrong: str) -> None:
    """P9: EspoCRM's 404 for an unknown name must not be read as "that record was deleted"."""
    of_document, of_owner, collection = await in_step(office)
    before = office.attached(collection)
    deps = msgspec.structs.replace(office.deps, names=_WRONG[wrong])
    office.forget_writes()
    ended: list[Exception] = []
    for run in (on_document(of_document, deps), on_owner(of_owner, deps), on_sweep(SweepEvent(), deps)):
        try:
            await run
        except (Misconfigured, Rejected) as failed:
            ended.append(failed)
    # A list with an unknown link in its filter is a 400, so a sweep may end as Rejected.
    assert any(isinstance(failed, Misconfigured) and "settings" in failed.reason for failed in ended)
    assert office.writes() == []
    assert office.attached(collection) == before


async def test_somebody_elses_404_is_not_espocrms(office: Office) -> None:
    """P9: a proxy that answers 404 for everything has not deleted a single record."""
    of_document, of_owner, collection = await in_step(office)
    before = office.attached(collection)
    office.espocrm.faults.add(Fault(kind="error", status=404, times=None))
    office.xai.log.clear()
    for run in (on_document(of_document, office.deps), on_owner(of_owner, office.deps)):
        with pytest.raises(Unavailable):
            await run
    assert office.xai.log.writes() == []
    assert office.attached(collection) == before


async def test_a_key_removed_by_hand_can_be_made_again(service: Service) -> None:
    """`nats kv del` leaves a marker; a lock, an intent or a snapshot must still find its place."""
    for name in (LOCKS.name, SNAPSHOTS.name):
        bucket = Bucket(service.bus.requests, name)
        assert await bucket.create("some.key", b"1") is not None
        await (await service.bus.nc.jetstream().key_value(name)).delete("some.key")
        assert await bucket.get("some.key") is None
        revision = await bucket.create("some.key", b"2")
        assert revision is not None
        assert await bucket.create("some.key", b"3") is None
        assert await bucket.update("some.key", b"3", revision) is not None
