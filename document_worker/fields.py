"""Names in EspoCRM: the one table, each overridable by setting; and records read and written by it."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from document_worker.model import Dokument, Owner


class OwnerKind(msgspec.Struct, frozen=True, kw_only=True):
    """An entity type that owns collections."""

    entity_type: str
    link: str
    """From the owner to its documents."""
    back_link: str
    """From a document to its owners."""
    collection_field: str


_DEFAULT_OWNERS = (
    "Raeumungsklage:dokumentes:raeumungsklages:xaiCollectionId,"
    "Account:dokumentes:accounts:xaiCollectionId,"
    "CBeteiligte:dokumentes:beteiligtes:xaiCollectionId"
)


class DocumentNames(msgspec.Struct, frozen=True, kw_only=True):
    """What EspoCRM calls things. The defaults are the firm's."""

    document_entity: Annotated[str, msgspec.Meta(description="Entity type of documents.")] = "CDokumente"
    document_file_field: Annotated[str, msgspec.Meta(description="File field; its id is `<field>Id`.")] = "dokument"
    document_xai_id_field: Annotated[str, msgspec.Meta(description="xAI file id.")] = "xaiId"
    document_collections_field: Annotated[str, msgspec.Meta(description="xAI collection ids.")] = "xaiCollections"
    document_synced_hash_field: Annotated[str, msgspec.Meta(description="MD5 at the last sync.")] = "xaiSyncedHash"
    document_status_field: Annotated[str, msgspec.Meta(description="Sync status.")] = "xaiSyncStatus"
    document_error_field: Annotated[str, msgspec.Meta(description="Error text for staff.")] = "xaiSyncError"
    document_file_status_field: Annotated[str, msgspec.Meta(description="File status.")] = "fileStatus"
    document_md5_field: Annotated[str, msgspec.Meta(description="EspoCRM's own MD5 of the file.")] = "md5sum"
    collection_owners: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^\w+:\w+:\w+:\w+(,\w+:\w+:\w+:\w+)*$",
            description="Entity:link to documents:link back:collection field, …",
        ),
    ] = _DEFAULT_OWNERS

    def owner_kinds(self) -> tuple[OwnerKind, ...]:
        """The owners' table."""
        rows = (row.split(":") for row in self.collection_owners.split(","))
        return tuple(
            OwnerKind(entity_type=entity, link=link, back_link=back, collection_field=field)
            for entity, link, back, field in rows
        )

    def owner_kind(self, entity_type: str) -> OwnerKind | None:
        """The row of an entity type, if it owns collections."""
        return next((kind for kind in self.owner_kinds() if kind.entity_type == entity_type), None)

    def dokument(self, record: Mapping[str, Any]) -> Dokument:
        """A record as the sync sees it. Empty and absent are the same in EspoCRM."""
        return Dokument(
            id=str(record["id"]),
            attachment_id=_text(record.get(f"{self.document_file_field}Id")),
            file_name=_text(record.get(f"{self.document_file_field}Name")) or "",
            xai_id=_text(record.get(self.document_xai_id_field)),
            collections=tuple(str(cid) for cid in record.get(self.document_collections_field) or ()),
            synced_hash=_text(record.get(self.document_synced_hash_field)),
            status=_text(record.get(self.document_status_field)),
            error=_text(record.get(self.document_error_field)),
            file_status=_text(record.get(self.document_file_status_field)),
            md5=_text(record.get(self.document_md5_field)),
        )

    def owner(self, kind: OwnerKind, record: Mapping[str, Any]) -> Owner:
        """An owner's record as a document sees it."""
        return Owner(
            entity_type=kind.entity_type, id=str(record["id"]), collection_id=_text(record.get(kind.collection_field))
        )

    def changes(self, write_back: Mapping[str, Any]) -> dict[str, Any]:
        """A plan's `write_back` by EspoCRM's names."""
        names = {
            "xai_id": self.document_xai_id_field,
            "collections": self.document_collections_field,
            "synced_hash": self.document_synced_hash_field,
            "status": self.document_status_field,
            "error": self.document_error_field,
            "file_status": self.document_file_status_field,
        }
        return {names[name]: value for name, value in write_back.items()}


def _text(value: object) -> str | None:
    return str(value) if value else None
