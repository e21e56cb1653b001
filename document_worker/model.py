"""What the document sync talks about: documents, their owners, what we remember, and the plans. All frozen."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from shared.outcomes.reason import Reason


class Dokument(msgspec.Struct, frozen=True, kw_only=True):
    """A `CDokumente` record as far as the sync cares."""

    id: str
    attachment_id: str | None
    file_name: str
    xai_id: str | None
    collections: tuple[str, ...]
    synced_hash: str | None
    status: str | None
    error: str | None
    file_status: str | None
    md5: str | None
    """EspoCRM's own hash of the present file, where its hook writes one."""


class Owner(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A record whose documents belong into a collection of its own."""

    entity_type: str
    id: str
    collection_id: str | None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file's bytes."""

    size_bytes: int
    md5: str
    sha256: str


class Attachment(msgspec.Struct, frozen=True, order=True):
    """A file in a collection."""

    collection_id: str
    file_id: str


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """What we remember of a document: the last agreed state, and what may have been begun since."""

    looked_at: str | None = None
    """The attachment that the last run found, whatever it did about it: a sweep need not ask again."""
    attachment_id: str | None = None
    """The attachment that `facts` and `file_id` are about."""
    file_id: str | None = None
    facts: Facts | None = None
    attached: tuple[Attachment, ...] = ()
    """Known to be in their collections."""
    begun: tuple[Attachment, ...] = ()
    """Written down before they were added, so that a crash leaves none unknown."""
    indexed: bool = False
    """xAI has finished with it, well or not; until then it is asked."""
    reindexed: int = 0
    index_error: str | None = None
    """xAI could not index the file, in its own words."""
    synced_at: float = 0.0
    """When it was added to its collections, unix seconds."""
    gone: bool = False
    """The record was deleted in EspoCRM and everything is undone."""
    failed: str | None = None
    """The attachment that failed for good; only a person, or another file, makes it worth another try."""


class Indexed(msgspec.Struct, frozen=True, kw_only=True):
    """How xAI stands with a file in a collection."""

    collection_id: str
    state: Literal["under_way", "done", "failed", "lost"]
    """`lost`: somebody took it out."""
    error: str = ""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The world as one run found it."""

    entity_id: str
    now: float = 0.0
    """Unix seconds."""
    asked: bool = False
    """Somebody wants another try of what failed for good: an operator, a replay, or `unclean` set by staff."""
    dokument: Dokument | None
    """None: EspoCRM has no such record (any more)."""
    owners: tuple[Owner, ...] = ()
    base: Base | None = None
    content: Facts | None = None
    """Of the present file, when it had to be fetched to decide."""
    stored_id: str | None = None
    """The file that the journal knows for `content`: uploaded, but perhaps not yet in its collections."""
    file_gone: bool = False
    """xAI no longer has the file that we would use again."""
    collections_gone: frozenset[str] = frozenset()
    indexing: tuple[Indexed, ...] = ()
    """Asked only as long as xAI has not finished."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, in the order in which `apply` does it. Empty parts are not done."""

    reason: Reason
    ask_owners: tuple[Owner, ...] = ()
    """Owners without a (living) collection: their own sync is asked for."""
    mark_pending: bool = False
    upload: bool = False
    gone_file: str | None = None
    """The id that xAI has lost, when that is why we upload."""
    file_id: str | None = None
    """The file to use; None until an upload has made it."""
    attach: tuple[str, ...] = ()
    """Collections to add the file to."""
    reindex: tuple[str, ...] = ()
    """Collections that shall try again to index the file."""
    detach: tuple[Attachment, ...] = ()
    write_back: Mapping[str, Any] = {}
    """Changed fields by our own names; `xai_id` is filled in after an upload."""
    remember: Base | None = None
    """The state to remember afterwards; its file id is filled in after an upload."""
    collections: tuple[str, ...] = ()
    """Where the file is in the end."""

    @property
    def writes(self) -> dict[str, int]:
        """How much is done, by part. Empty: nothing."""
        parts = {
            "ask_owners": len(self.ask_owners),
            "mark_pending": int(self.mark_pending),
            "upload": int(self.upload),
            "attach": len(self.attach),
            "reindex": len(self.reindex),
            "detach": len(self.detach),
            "write_back": len(self.write_back),
        }
        return {name: count for name, count in parts.items() if count}


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A note beside a collection: this document may be in it. Written before it is added, removed after it is out."""

    document_id: str


class OwnerBase(msgspec.Struct, frozen=True, kw_only=True):
    """What we remember of an owner."""

    collection_id: str | None = None
    gone: bool = False


class OwnerSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An owner as one run found it."""

    entity_type: str
    entity_id: str
    exists: bool
    name: str = ""
    collection_id: str | None = None
    """As EspoCRM has it."""
    has_documents: bool = False
    document_ids: tuple[str, ...] = ()
    """Linked documents that can be in a collection: with a file, and not failed for good."""
    members: Mapping[str, tuple[str, ...]] = {}
    """Documents that may be in a collection, for each collection id known of this owner."""
    base: OwnerBase | None = None
    alive: frozenset[str] = frozenset()
    """Of the collection ids known, those that xAI still has."""


class OwnerPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do for an owner, in the order in which `apply_owner` does it."""

    reason: Reason
    create: bool = False
    gone_collections: tuple[str, ...] = ()
    """The ids that xAI has lost, when that is why we create."""
    store_id: str | None = None
    """A collection that EspoCRM does not know of yet; a created one is stored without saying so here."""
    delete: str | None = None
    tell: tuple[str, ...] = ()
    """Documents whose own sync is asked for."""
    remember: OwnerBase | None = None

    @property
    def writes(self) -> dict[str, int]:
        """How much is done, by part. Empty: nothing."""
        parts = {
            "create": int(self.create),
            "store_id": int(self.store_id is not None),
            "delete": int(self.delete is not None),
            "tell": len(self.tell),
        }
        return {name: count for name, count in parts.items() if count}


class SweptDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document as a sweep lists it, beside what we remember of it."""

    id: str
    attachment_id: str | None
    status: str | None
    base: Base | None
    linked_unsynced: bool = False
    """Listed because it has an owner though its status says that it needs none."""


class SweptOwner(msgspec.Struct, frozen=True, kw_only=True):
    """An owner with documents as a sweep lists it, beside what we remember of it."""

    owner: Owner
    document_ids: tuple[str, ...]
    members: tuple[str, ...]


class SweepBase(msgspec.Struct, frozen=True, kw_only=True):
    """How far sweeps have come."""

    modified_since: str = ""
    """EspoCRM's own `modifiedAt` of the last document seen."""
    owners_at: dict[str, int] = {}
    """Per entity type, how many owners were visited in this round."""
    documents_after: str = ""
    """The last remembered document whose existence was checked in this round."""


class SweepSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep found."""

    documents: tuple[SweptDocument, ...]
    owners: tuple[SweptOwner, ...]
    checked: int
    """Remembered documents whose existence was checked."""
    vanished: tuple[str, ...]
    """Remembered, and no longer in EspoCRM."""
    returned: tuple[str, ...]
    """Undone because deleted, and there again."""
    unindexed: tuple[str, ...]
    """In their collections, and xAI has not said yet that it has indexed them."""
    progress: SweepBase


class SweepPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Whose sync to ask for."""

    documents: tuple[str, ...]
    vanished: tuple[str, ...]
    owners: tuple[Owner, ...]
    progress: SweepBase
    refused: str | None = None
    """Why the vanished ones are left out: so many that a side is rather broken than emptied."""

    @property
    def writes(self) -> dict[str, int]:
        """How much is asked for, by part."""
        parts = {"documents": len(self.documents), "vanished": len(self.vanished), "owners": len(self.owners)}
        return {name: count for name, count in parts.items() if count}
