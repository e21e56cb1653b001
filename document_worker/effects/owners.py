"""One owner: reading it with its documents, and carrying out its plan."""

from collections.abc import Sequence

import msgspec

from document_worker.effects.deps import Deps
from document_worker.effects.tell import ask_document
from document_worker.fields import OwnerKind
from document_worker.model import Dokument, OwnerBase, OwnerPlan, OwnerSeen
from shared.contracts.events import EntityEvent
from shared.contracts.keys import key, segments_of
from shared.contracts.vocabulary import XaiSyncStatus
from shared.outcomes.errors import Busy, NotFound, Refused
from shared.state.idempotency import Effect, Row

_STEP = "collection_sync"
_DOCUMENTS_MAX = 20_000


def owner_key(event: EntityEvent) -> str:
    """Where the owner's base lies; also its lock."""
    return key(_STEP, event.entity_type, event.entity_id)


def kind_of(event: EntityEvent, deps: Deps) -> OwnerKind:
    """The owner's row in the table of names. Raises Refused for an entity type that owns no collections."""
    kind = deps.names.owner_kind(event.entity_type)
    if kind is None:
        raise Refused(f"{event.entity_type} owns no collections; see COLLECTION_OWNERS")
    return kind


async def members_of(collection_id: str, deps: Deps) -> tuple[str, ...]:
    """The documents that may be in a collection, by our own notes."""
    keys = await deps.snapshots.keys(key("collection_member", collection_id) + ".*")
    return tuple(sorted(segments_of(found)[-1] for found in keys))


async def load_owner(event: EntityEvent, deps: Deps) -> OwnerSeen:
    """Reads the present: record, linked documents, what we remember, and which collections xAI still has."""
    kind = kind_of(event, deps)
    base = await deps.snapshots.read(owner_key(event), OwnerBase)
    try:
        record = await deps.espocrm.get(kind.entity_type, event.entity_id)
    except NotFound:
        return OwnerSeen(
            entity_type=event.entity_type,
            entity_id=event.entity_id,
            exists=False,
            base=base,
            members=await _members(base.collection_id if base else None, None, deps),
        )
    try:
        documents = await linked_documents(kind, event.entity_id, deps)
    except NotFound:
        # Only the record itself can say that it is gone.
        raise Busy("the owner was deleted while it was read") from None
    collection_id = deps.names.owner(kind, record).collection_id
    known = {cid for cid in (collection_id, base.collection_id if base else None) if cid}
    alive = {cid for cid in sorted(known) if await deps.xai.collection_exists(cid)}
    return OwnerSeen(
        entity_type=event.entity_type,
        entity_id=event.entity_id,
        exists=True,
        name=str(record.get("name") or event.entity_id),
        collection_id=collection_id,
        has_documents=bool(documents),
        document_ids=eligible(documents),
        members=await _members(collection_id, base.collection_id if base else None, deps),
        base=base,
        alive=frozenset(alive),
    )


async def _members(first: str | None, second: str | None, deps: Deps) -> dict[str, tuple[str, ...]]:
    return {cid: await members_of(cid, deps) for cid in (first, second) if cid is not None}


async def linked_documents(kind: OwnerKind, owner_id: str, deps: Deps) -> list[Dokument]:
    """An owner's documents. Links have no webhook and no timestamp, so they must be listed."""
    select = ["id", f"{deps.names.document_file_field}Id", deps.names.document_status_field]
    records = await deps.espocrm.linked(kind.entity_type, owner_id, kind.link, select=select, most=_DOCUMENTS_MAX)
    return [deps.names.dokument(record) for record in records]


def eligible(documents: Sequence[Dokument]) -> tuple[str, ...]:
    """Ids of those that can be in a collection: with a file, and not failed (those are the sweep's own business)."""
    return tuple(
        sorted(row.id for row in documents if row.attachment_id is not None and row.status != XaiSyncStatus.FAILED)
    )


async def apply_owner(todo: OwnerPlan, seen: OwnerSeen, event: EntityEvent, deps: Deps) -> None:
    """Carries out a plan, part by part, in one fixed order; decides nothing."""
    kind = kind_of(event, deps)
    remember = todo.remember
    store_id = todo.store_id
    if todo.create:
        store_id = await _create(todo, seen, deps)
        if remember is not None:
            remember = msgspec.structs.replace(remember, collection_id=store_id)
    if store_id is not None:
        try:
            await deps.espocrm.update(kind.entity_type, event.entity_id, {kind.collection_field: store_id})
        except NotFound:
            raise Busy("the owner was deleted while it was synced") from None
    if todo.delete is not None:
        await _empty_and_delete(todo.delete, deps)
    for document_id in todo.tell:
        await ask_document(document_id, event.source, deps)
    if remember is not None:
        await deps.snapshots.write(owner_key(event), remember)


async def _create(todo: OwnerPlan, seen: OwnerSeen, deps: Deps) -> str:
    """Makes the owner's collection once. xAI's names need not be unique, so our id stands in the description."""
    name = f"{seen.entity_type} - {seen.name}"
    ours = f"EspoCRM {seen.entity_type}/{seen.entity_id}"
    effect = Effect(
        step=_STEP,
        entity_type=seen.entity_type,
        entity_id=seen.entity_id,
        name="collection",
        content="1",
        marker=ours,
    )

    async def send() -> str:
        return await deps.xai.create_collection(name, ours)

    async def look(row: Row) -> Sequence[str]:
        return [found.collection_id for found in await deps.xai.collections_described(row.marker)]

    return await deps.journal.perform(
        effect, send=send, look=look, visible_after_s=deps.visible_after_s, gone=todo.gone_collections
    )


async def _empty_and_delete(collection_id: str, deps: Deps) -> None:
    """Takes the files out first: whether xAI deletes the files of a deleted collection is not documented."""
    if await deps.xai.collection_exists(collection_id):
        for file_id in await deps.xai.attached(collection_id):
            await deps.xai.detach(collection_id, file_id)
        await deps.xai.delete_collection(collection_id)
