"""One document: reading it with its owners and its past, fetching its file, and carrying out its plan."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from document_worker.effects.deps import Deps
from document_worker.effects.tell import ask_owner
from document_worker.fields import OwnerKind
from document_worker.model import Base, Dokument, Facts, Indexed, Member, Owner, Plan, Seen
from document_worker.plan.documents import (
    begun,
    candidate,
    known,
    needs_content,
    needs_file_check,
    needs_indexing_check,
    new_collections,
    places,
    with_file,
)
from document_worker.plan.failures import failure_text
from shared.clients.spool import Content
from shared.clients.xai import File
from shared.contracts.events import EntityEvent
from shared.contracts.keys import key
from shared.contracts.vocabulary import XaiSyncStatus
from shared.outcomes.errors import Busy, HubError, NotFound, Rejected, Terminal, Unavailable
from shared.state.idempotency import Effect, Row

_STEP = "document_sync"
_OWNERS_MAX = 1_000
_CLOCK_SKEW_S = 300


class World(msgspec.Struct, frozen=True):
    """What was seen, and the file itself when it was fetched."""

    seen: Seen
    content: Content | None = None


def snapshot_key(event: EntityEvent) -> str:
    """Where the document's base lies; also its lock."""
    return key(_STEP, event.entity_type, event.entity_id)


async def load(event: EntityEvent, deps: Deps) -> World:
    """Reads the present: record, owners, what we remember; and as much of xAI and of the file as the decision needs."""
    base = await deps.snapshots.read(snapshot_key(event), Base)
    try:
        record = await deps.espocrm.get(deps.names.document_entity, event.entity_id)
    except NotFound:
        return World(Seen(entity_id=event.entity_id, dokument=None, base=base))
    try:
        owners = await _owners(event.entity_id, deps)
    except NotFound:
        # Only the record itself can say that it is gone.
        raise Busy("the document was deleted while it was read") from None
    seen = Seen(
        entity_id=event.entity_id,
        now=deps.clock.now().timestamp(),
        asked=event.force or event.source in ("nats", "replay"),
        dokument=deps.names.dokument(record),
        owners=owners,
        base=base,
    )
    gone = [cid for cid in new_collections(seen) if not await deps.xai.collection_exists(cid)]
    seen = msgspec.structs.replace(seen, collections_gone=frozenset(gone))
    if needs_indexing_check(seen):
        seen = msgspec.structs.replace(seen, indexing=await _indexing(known(seen), deps))
    content = await _content(seen, deps) if needs_content(seen) else None
    if content is not None:
        facts = _facts(content)
        stored_id = await deps.journal.receipt(_upload_effect(event, facts.sha256))
        seen = msgspec.structs.replace(seen, content=facts, stored_id=stored_id)
    held = candidate(seen)
    if held is not None and needs_file_check(seen):
        seen = msgspec.structs.replace(seen, file_gone=not await deps.xai.file_exists(held))
        if seen.file_gone and content is None:
            content = await _content(seen, deps)
            facts = _facts(content)
            seen = msgspec.structs.replace(seen, content=facts)
    return World(seen, content)


def _facts(content: Content) -> Facts:
    return Facts(size_bytes=content.size_bytes, md5=content.md5, sha256=content.sha256)


async def _owners(document_id: str, deps: Deps) -> tuple[Owner, ...]:
    async def of(kind: OwnerKind) -> list[Owner]:
        records = await deps.espocrm.linked(
            deps.names.document_entity,
            document_id,
            kind.back_link,
            select=["id", kind.collection_field],
            most=_OWNERS_MAX,
        )
        return [deps.names.owner(kind, record) for record in records]

    found = await asyncio.gather(*(of(kind) for kind in deps.names.owner_kinds()))
    return tuple(sorted(owner for owners in found for owner in owners))


async def _indexing(base: Base, deps: Deps) -> tuple[Indexed, ...]:
    rows = []
    for pair in base.attached:
        found = await deps.xai.document(pair.collection_id, pair.file_id)
        rows.append(
            Indexed(
                collection_id=pair.collection_id,
                state=found.indexing if found else "lost",
                error=found.error_message if found else "",
            )
        )
    return tuple(rows)


async def _content(seen: Seen, deps: Deps) -> Content:
    assert seen.dokument is not None
    assert seen.dokument.attachment_id is not None
    try:
        return await deps.espocrm.download(seen.dokument.attachment_id, max_bytes=deps.xai.max_file_bytes)
    except NotFound:
        record = await deps.espocrm.get(deps.names.document_entity, seen.entity_id)
        if deps.names.dokument(record).attachment_id != seen.dokument.attachment_id:
            raise Busy("the file was replaced while it was fetched") from None
        raise Rejected("espocrm has lost the document's file", status=404) from None


async def apply(todo: Plan, world: World, event: EntityEvent, deps: Deps) -> None:
    """Carries out a plan, part by part, in one fixed order; decides nothing.

    The new file is added before the old one is taken out, so that search never sees none. Ids are written to EspoCRM
    and to the snapshot only when they are facts.
    """
    for owner in todo.ask_owners:
        await ask_owner(owner, event.source, deps)
    if todo.mark_pending:
        await _write(event.entity_id, {"status": XaiSyncStatus.PENDING_SYNC}, deps)
    if todo.upload:
        todo = with_file(todo, await _upload(todo, world, event, deps))
    await _note_what_begins(todo, world.seen, event, deps)
    for collection_id in todo.attach:
        await _attach(collection_id, todo.file_id or "", deps)
    for collection_id in todo.reindex:
        await deps.xai.reindex(collection_id, todo.file_id or "")
    for pair in todo.detach:
        await deps.xai.detach(pair.collection_id, pair.file_id)
        if pair.collection_id not in todo.collections:
            await deps.snapshots.forget(_member_key(pair.collection_id, event))
    after = await _write(event.entity_id, todo.write_back, deps) if todo.write_back else None
    if todo.remember is not None:
        await deps.snapshots.write(snapshot_key(event), todo.remember)
    _same_file_still(world.seen.dokument, after)


async def _note_what_begins(todo: Plan, seen: Seen, event: EntityEvent, deps: Deps) -> None:
    """Writes down where the document is about to be, so that a crash leaves no place unknown."""
    if todo.attach:
        await deps.snapshots.write(snapshot_key(event), begun(seen, todo))
    if todo.remember is not None:
        noted = places(known(seen))
        for collection_id in todo.collections:
            member = Member(document_id=event.entity_id)
            is_new = collection_id not in noted
            await deps.snapshots.write(_member_key(collection_id, event), member, is_new=is_new)


async def _write(document_id: str, changes: Mapping[str, Any], deps: Deps) -> Dokument:
    try:
        record = await deps.espocrm.update(deps.names.document_entity, document_id, deps.names.changes(changes))
    except NotFound:
        raise Busy("the document was deleted while it was synced") from None
    return deps.names.dokument(record)


def _member_key(collection_id: str, event: EntityEvent) -> str:
    return key("collection_member", collection_id, event.entity_id)


def _same_file_still(before: Dokument | None, after: Dokument | None) -> None:
    """EspoCRM's answer to our write tells whether somebody replaced the file meanwhile; then the run is repeated."""
    if before is not None and after is not None and before.attachment_id != after.attachment_id:
        raise Busy("the file was replaced while it was synced")


def _upload_effect(event: EntityEvent, sha256: str) -> Effect:
    return Effect(
        step=_STEP,
        entity_type=event.entity_type,
        entity_id=event.entity_id,
        name="upload",
        content=sha256[:32],
        marker=f"hub:{event.entity_type}:{event.entity_id}:{sha256[:32]}",
    )


async def _upload(todo: Plan, world: World, event: EntityEvent, deps: Deps) -> str:
    """Uploads the content once, whatever happens in between."""
    content, dokument = world.content, world.seen.dokument
    assert content is not None
    assert dokument is not None
    effect = _upload_effect(event, content.sha256)

    async def send() -> str:
        return await deps.xai.upload_file(dokument.file_name, content, purpose=effect.marker)

    async def look(row: Row) -> Sequence[str]:
        stored = await deps.xai.files_since(int(row.since.timestamp()) - _CLOCK_SKEW_S)
        return [file.id for file in stored if await _is_ours(file, row, content, deps)]

    return await deps.journal.perform(
        effect,
        send=send,
        look=look,
        visible_after_s=deps.visible_after_s,
        gone=(todo.gone_file,) if todo.gone_file else (),
    )


async def _is_ours(file: File, row: Row, content: Content, deps: Deps) -> bool:
    """Whether a stored file is the one an open intent speaks of.

    `purpose` is kept by xAI and not interpreted, so it carries our marker. Should it ever be dropped, size and then
    the bytes themselves decide: another document's file must never be taken for ours.
    """
    if file.purpose == row.marker:
        return True
    if file.purpose.startswith("hub:") or file.bytes != content.size_bytes:
        return False
    return await deps.xai.sha256_of(file.id) == content.sha256


async def _attach(collection_id: str, file_id: str, deps: Deps) -> None:
    """Adds a file to a collection, once: xAI might keep two rows for two calls, so it is asked first."""
    if await deps.xai.document(collection_id, file_id) is not None:
        return
    try:
        await deps.xai.attach(collection_id, file_id)
    except NotFound:
        # File or collection has gone since we looked, or the file is too new to be seen over there.
        raise Unavailable("xai add_document: file or collection is not there (yet)") from None


async def show_failure(event: EntityEvent, deps: Deps, error: HubError) -> None:
    """Status and a text for staff in EspoCRM; a failure for good is remembered, so that sweeps let it rest."""
    try:
        record = await deps.espocrm.get(deps.names.document_entity, event.entity_id)
    except NotFound:
        return
    dokument = deps.names.dokument(record)
    text = failure_text(error)
    if (dokument.status, dokument.error) != (XaiSyncStatus.FAILED, text):
        await _write(event.entity_id, {"status": XaiSyncStatus.FAILED, "error": text}, deps)
    if isinstance(error, Terminal):
        remembered = await deps.snapshots.read(snapshot_key(event), Base)
        # Also what an earlier sync has left in EspoCRM's fields must stay known.
        base = known(Seen(entity_id=event.entity_id, dokument=dokument, base=remembered))
        if base.failed != dokument.attachment_id:
            failed = msgspec.structs.replace(base, failed=dokument.attachment_id)
            await deps.snapshots.write(snapshot_key(event), failed)
