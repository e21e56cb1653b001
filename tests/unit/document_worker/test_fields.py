"""EspoCRM's names: records in, changes out, with the firm's names and with others."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from document_worker.fields import DocumentNames, OwnerKind
from document_worker.model import Dokument, Owner
from shared.settings import SettingsError, load

OTHERS = DocumentNames(
    document_entity="Document",
    document_file_field="file",
    document_xai_id_field="cXai",
    document_collections_field="cCollections",
    document_synced_hash_field="cHash",
    document_status_field="cStatus",
    document_error_field="cError",
    document_file_status_field="cFileStatus",
    document_md5_field="cMd5",
    collection_owners="Case:documents:cases:cXaiCollection",
)

text = st.text(min_size=1)
dokumente = st.builds(
    Dokument,
    id=text,
    attachment_id=st.none() | text,
    file_name=st.text(),
    xai_id=st.none() | text,
    collections=st.lists(text).map(tuple),
    synced_hash=st.none() | text,
    status=st.none() | text,
    error=st.none() | text,
    file_status=st.none() | text,
    md5=st.none() | text,
)


def record(dokument: Dokument, names: DocumentNames) -> dict[str, Any]:
    """The record that EspoCRM would have."""
    return {
        "id": dokument.id,
        f"{names.document_file_field}Id": dokument.attachment_id,
        f"{names.document_file_field}Name": dokument.file_name,
        names.document_md5_field: dokument.md5,
        **names.changes(
            {
                "xai_id": dokument.xai_id,
                "collections": list(dokument.collections),
                "synced_hash": dokument.synced_hash,
                "status": dokument.status,
                "error": dokument.error,
                "file_status": dokument.file_status,
            }
        ),
    }


@pytest.mark.parametrize("names", [DocumentNames(), OTHERS])
@given(dokument=dokumente)
def test_round_trip(names: DocumentNames, dokument: Dokument) -> None:
    """What a plan writes is what the next run reads, by any names."""
    assert names.dokument(record(dokument, names)) == dokument


@pytest.mark.parametrize("empty", [None, "", []])
def test_empty_and_absent_are_the_same(empty: object) -> None:
    """EspoCRM answers null, an empty string or nothing, as it likes."""
    names = DocumentNames()
    bare = names.dokument({"id": "d"})
    assert bare == names.dokument({"id": "d", "xaiId": empty, "xaiCollections": empty, "xaiSyncStatus": empty})
    assert (bare.attachment_id, bare.collections, bare.file_name) == (None, (), "")


def test_the_firms_names() -> None:
    """Design 12's table."""
    names = DocumentNames()
    assert names.owner_kinds() == tuple(
        OwnerKind(entity_type=entity, link="dokumentes", back_link=back, collection_field="xaiCollectionId")
        for entity, back in (
            ("Raeumungsklage", "raeumungsklages"),
            ("Account", "accounts"),
            ("CBeteiligte", "beteiligtes"),
        )
    )
    assert names.changes({"status": "clean", "file_status": "synced", "xai_id": "f", "error": None}) == {
        "xaiSyncStatus": "clean",
        "fileStatus": "synced",
        "xaiId": "f",
        "xaiSyncError": None,
    }
    assert names.owner_kind("Contact") is None


def test_owners_by_other_names() -> None:
    """A row of the setting is an owner kind; its record is read by its own field."""
    [kind] = OTHERS.owner_kinds()
    assert OTHERS.owner_kind("Case") == kind
    assert OTHERS.owner(kind, {"id": "o1", "cXaiCollection": "c1"}) == Owner(
        entity_type="Case", id="o1", collection_id="c1"
    )
    assert OTHERS.owner(kind, {"id": "o1", "cXaiCollection": ""}).collection_id is None


def test_names_from_the_environment() -> None:
    """Each name is a variable; a malformed owners' table is refused."""
    loaded = load(DocumentNames, {"DOCUMENT_STATUS_FIELD": "cStatus", "COLLECTION_OWNERS": "A:b:c:d,E:f:g:h"})
    assert loaded.document_status_field == "cStatus"
    assert [kind.entity_type for kind in loaded.owner_kinds()] == ["A", "E"]
    for wrong in ("A:b:c", "A:b:c:d,", "A:b:c:d E:f:g:h", "A:b:c:d:e"):
        with pytest.raises(SettingsError):
            load(DocumentNames, {"COLLECTION_OWNERS": wrong})
