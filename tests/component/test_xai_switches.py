"""What xAI's documentation leaves open, both ways: the sync ends the same."""

from typing import Any

import msgspec
import pytest

from document_worker.handlers import on_document, on_owner
from shared.contracts.events import EntityEvent
from shared.outcomes.errors import HubError
from shared.runtime.service import Service
from simulators.faults import Fault
from simulators.xai import Switches
from tests.support.office import Office, open_office

_BOTH_WAYS: list[dict[str, Any]] = [
    {"re_add": "noop"},
    {"re_add": "conflict"},
    {"re_add": "duplicate"},
    {"detach_missing": "ok"},
    {"detach_missing": "not_found"},
    {"detach_deletes_file": True},
    {"detach_deletes_file": False},
    {"delete_attached": "document_vanishes"},
    {"delete_attached": "document_fails"},
    {"delete_attached": "refused"},
    {"delete_collection_deletes_files": True},
    {"delete_collection_deletes_files": False},
    {"visibility_lag_ms": 40},
    {"hash_algorithm": "blake2b"},
    {"hash_algorithm": "sha256"},
    {"retry_after": True},
    {"token_on_last_page": True},
    {"token_on_last_page": False},
    {"expired_while_attached": "document_vanishes"},
    {"expired_while_attached": "document_fails"},
    {"expired_while_attached": "stays"},
    {"processing_ms": 50},
    {"management_errors": "text"},
]


async def until_done(office: Office, entity_type: str, entity_id: str) -> None:
    """Runs an entity's handler as the bus does: again after each retry."""
    handler = on_document if entity_type == "CDokumente" else on_owner
    for _ in range(40):
        try:
            await handler(EntityEvent(entity_id=entity_id, entity_type=entity_type), office.deps)
        except HubError:
            continue
        return
    raise AssertionError("it never came to an end")


@pytest.mark.parametrize("switch", _BOTH_WAYS, ids=lambda switch: "-".join(f"{k}={v}" for k, v in switch.items()))
async def test_a_documents_life_ends_the_same(service: Service, switch: dict[str, Any]) -> None:
    """Upload, lost answers, new file, unlink, delete, restore: one file, the right places, no row twice."""
    switches = msgspec.convert(switch, Switches)
    async with open_office(service, switches=switches) as office:
        first, second = office.owner(), office.owner("Account", "Hausverwaltung Süd")
        document = office.document(owner=first)
        office.espocrm.relate("CDokumente", document, "accounts", second)
        await until_done(office, "Raeumungsklage", first)
        await until_done(office, "Account", second)
        places = [office.collection_of(first), office.collection_of(second, "Account")]
        office.xai.faults.add(Fault(kind="lost", method="POST", path=".*/documents/.*", times=2))
        await until_done(office, "CDokumente", document)
        in_place(office, document, places)
        office.replace_file(document, b"neu")
        office.xai.faults.add(Fault(kind="lost", method="DELETE", path=".*/documents/.*", times=2))
        await until_done(office, "CDokumente", document)
        in_place(office, document, places)
        office.espocrm.unrelate("CDokumente", document, "raeumungsklages", first)
        await until_done(office, "CDokumente", document)
        in_place(office, document, places[1:])
        office.espocrm.remove("CDokumente", document)
        await until_done(office, "CDokumente", document)
        assert [office.attached(place) for place in places] == [[], []]
        office.espocrm.restore("CDokumente", document)
        await until_done(office, "CDokumente", document)
        in_place(office, document, places[1:])


def in_place(office: Office, document: str, places: list[str]) -> None:
    """The document's present file is in these collections, once each, and in no others."""
    record = office.record(document)
    assert record["xaiSyncStatus"] == "clean"
    found = {cid: files for cid, files in office.xai.attachments().items() if files}
    assert found == {place: [record["xaiId"]] for place in places}
    assert office.xai.content(record["xaiId"]) == office.espocrm.content(record["dokumentId"])
