"""A sweep: a bounded look at what webhooks may have missed, a little further with each run."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from document_worker.effects.deps import Deps
from document_worker.effects.owners import eligible, linked_documents, members_of
from document_worker.effects.tell import ask_document, ask_owner, tell_vanished
from document_worker.fields import OwnerKind
from document_worker.model import Base, SweepBase, SweepPlan, SweepSeen, SweptDocument, SweptOwner
from shared.clients.espocrm import PAGE_MAX, Record
from shared.clients.espocrm_paging import all_of, changed_since
from shared.contracts.keys import key, segments_of
from shared.contracts.vocabulary import XaiSyncStatus
from shared.outcomes.errors import Refused

_STEP = "document_sync"
_SWEEP_KEY = key(_STEP, "Sweep", "document")
_PAGES_MAX = 10
_OWNERS_PER_RUN = 200
_CHECKS_PER_RUN = 2_000
_TOGETHER = 8


async def load_sweep(deps: Deps) -> SweepSeen:
    """Lists unfinished and changed documents, linked but unsynced ones, some owners, and some remembered documents."""
    before = await deps.snapshots.read(_SWEEP_KEY, SweepBase) or SweepBase()
    documents = {row.id: row for row in await _unfinished(deps)}
    changed, modified_since = await _changed(before.modified_since, deps)
    documents.update({row.id: row for row in changed if row.id not in documents})
    owners: list[SweptOwner] = []
    owners_at: dict[str, int] = {}
    for kind in deps.names.owner_kinds():
        documents.update({row.id: row for row in await _linked_unsynced(kind, deps) if row.id not in documents})
        found, owners_at[kind.entity_type] = await _owners(kind, before.owners_at.get(kind.entity_type, 0), deps)
        owners.extend(found)
    walked = await _walk(before.documents_after, deps)
    return SweepSeen(
        documents=tuple(documents.values()),
        owners=tuple(owners),
        checked=walked.checked,
        vanished=tuple(walked.vanished),
        returned=tuple(walked.returned),
        unindexed=tuple(walked.unindexed),
        progress=SweepBase(modified_since=modified_since, owners_at=owners_at, documents_after=walked.ended_at),
    )


async def apply_sweep(todo: SweepPlan, deps: Deps) -> None:
    """Publishes ordinary events and notes how far this sweep has come. Raises Refused for what the guard held back."""
    for owner in todo.owners:
        await ask_owner(owner, "sweep", deps)
    for document_id in todo.documents:
        await ask_document(document_id, "sweep", deps)
    for document_id in todo.vanished:
        await tell_vanished(document_id, deps)
    await deps.snapshots.write(_SWEEP_KEY, todo.progress)
    if todo.refused is not None:
        raise Refused(todo.refused)


async def _unfinished(deps: Deps) -> list[SweptDocument]:
    wanted = [XaiSyncStatus.PENDING_SYNC, XaiSyncStatus.UNCLEAN, XaiSyncStatus.FAILED]
    where = [{"type": "in", "attribute": deps.names.document_status_field, "value": wanted}]
    return await _swept(await _pages(where, deps), deps)


async def _linked_unsynced(kind: OwnerKind, deps: Deps) -> list[SweptDocument]:
    """Linked to an owner, and yet marked as belonging nowhere: a link that no webhook told of."""
    status = deps.names.document_status_field
    where: list[dict[str, Any]] = [
        {"type": "isLinked", "attribute": kind.back_link},
        {
            "type": "or",
            "value": [
                {"type": "isNull", "attribute": status},
                {"type": "equals", "attribute": status, "value": XaiSyncStatus.NO_SYNC},
            ],
        },
        {"type": "isNotNull", "attribute": f"{deps.names.document_file_field}Id"},
    ]
    rows = await _swept(await _pages(where, deps), deps)
    return [msgspec.structs.replace(row, linked_unsynced=True) for row in rows]


async def _changed(since: str, deps: Deps) -> tuple[list[SweptDocument], str]:
    select = [*_select(deps), "modifiedAt"]
    found, last = await changed_since(deps.espocrm, deps.names.document_entity, since, select=select)
    return await _swept(found, deps), last


async def _owners(kind: OwnerKind, at: int, deps: Deps) -> tuple[list[SweptOwner], int]:
    """The next owners of this round with their documents; a round begins again when the end is reached."""
    page = await deps.espocrm.search(
        kind.entity_type,
        select=["id", kind.collection_field],
        where=[{"type": "isLinked", "attribute": kind.link}],
        offset=at,
        max_size=_OWNERS_PER_RUN,
    )
    gate = asyncio.Semaphore(_TOGETHER)

    async def look(record: Record) -> SweptOwner:
        async with gate:
            owner = deps.names.owner(kind, record)
            documents = eligible(await linked_documents(kind, owner.id, deps))
            members = await members_of(owner.collection_id, deps) if owner.collection_id else ()
            return SweptOwner(owner=owner, document_ids=documents, members=members)

    found = await asyncio.gather(*(look(record) for record in page.list))
    return list(found), at + len(page.list) if len(page.list) == _OWNERS_PER_RUN else 0


class Walked(msgspec.Struct, kw_only=True):
    """What came of visiting the next remembered documents."""

    checked: int
    ended_at: str
    vanished: list[str] = []
    returned: list[str] = []
    unindexed: list[str] = []


async def _walk(after: str, deps: Deps) -> Walked:
    """Visits the next remembered documents: which are gone, which are back, and which xAI has not finished."""
    keys = await deps.snapshots.keys(key(_STEP, "CDokumente") + ".*")
    ids = sorted(segments_of(found)[-1] for found in keys)
    batch = [entity_id for entity_id in ids if entity_id > after][:_CHECKS_PER_RUN]
    walked = Walked(checked=len(batch), ended_at=batch[-1] if len(batch) == _CHECKS_PER_RUN else "")
    for start in range(0, len(batch), PAGE_MAX):
        chunk = batch[start : start + PAGE_MAX]
        where = [{"type": "in", "attribute": "id", "value": chunk}]
        page = await deps.espocrm.search(deps.names.document_entity, select=["id"], where=where)
        there = {str(record["id"]) for record in page.list}
        for entity_id, base in (await _bases(chunk, deps)).items():
            if entity_id not in there:
                walked.vanished += [] if _gone(base) else [entity_id]
            elif _gone(base):
                walked.returned.append(entity_id)
            elif base is not None and base.attached and not base.indexed:
                walked.unindexed.append(entity_id)
    return walked


def _gone(base: Base | None) -> bool:
    return base is None or base.gone


async def _pages(where: Sequence[Mapping[str, Any]], deps: Deps) -> list[Record]:
    return await all_of(deps.espocrm, deps.names.document_entity, select=_select(deps), where=where)


def _select(deps: Deps) -> list[str]:
    return ["id", f"{deps.names.document_file_field}Id", deps.names.document_status_field]


async def _swept(records: Sequence[Record], deps: Deps) -> list[SweptDocument]:
    rows = [deps.names.dokument(record) for record in records]
    bases = await _bases([row.id for row in rows], deps)
    return [
        SweptDocument(id=row.id, attachment_id=row.attachment_id, status=row.status, base=bases[row.id]) for row in rows
    ]


async def _bases(ids: Sequence[str], deps: Deps) -> dict[str, Base | None]:
    gate = asyncio.Semaphore(_TOGETHER)

    async def read(entity_id: str) -> tuple[str, Base | None]:
        async with gate:
            return entity_id, await deps.snapshots.read(key(_STEP, "CDokumente", entity_id), Base)

    return dict(await asyncio.gather(*(read(entity_id) for entity_id in ids)))
