"""One document: whether its file must be fetched, where it must be, and what EspoCRM must be told."""

from typing import Any

import msgspec

from document_worker.model import Attachment, Base, Dokument, Facts, Owner, Plan, Seen
from document_worker.plan.failures import waiting_text
from document_worker.plan.indexing import Indexing, final_status, final_text, plan_index
from shared.contracts.vocabulary import FileStatus, XaiSyncStatus
from shared.outcomes.reason import Reason


def known(seen: Seen) -> Base:
    """What we remember; where we remember nothing, what EspoCRM's own fields tell of an earlier sync."""
    if seen.base is not None:
        return seen.base
    dokument = seen.dokument
    if dokument is None or dokument.xai_id is None:
        return Base()
    same = dokument.md5 is not None and dokument.md5 == dokument.synced_hash
    return Base(
        attachment_id=dokument.attachment_id if same else None,
        file_id=dokument.xai_id,
        facts=Facts(size_bytes=0, md5=dokument.synced_hash, sha256="") if dokument.synced_hash else None,
        attached=tuple(Attachment(cid, dokument.xai_id) for cid in dokument.collections),
    )


def wanted(seen: Seen) -> tuple[str, ...]:
    """The collections that the document belongs into: those of its owners that xAI still has."""
    ids = {owner.collection_id for owner in seen.owners if owner.collection_id}
    return tuple(sorted(ids - seen.collections_gone))


def needs_content(seen: Seen) -> bool:
    """Whether the file must be fetched and hashed before anything can be decided.

    An attachment in EspoCRM never changes; a new file is a new attachment id.
    """
    if seen.dokument is None or seen.dokument.attachment_id is None or not wanted(seen):
        return False
    base = known(seen)
    return not rests(seen) and (base.facts is None or base.attachment_id != seen.dokument.attachment_id)


def rests(seen: Seen) -> bool:
    """Whether this very file has failed for good and nobody has asked for another try.

    Any status but `failed` asks: `unclean` is staff's word, `pending_sync` that of a try that did not come to its end.
    """
    dokument = seen.dokument
    if dokument is None or dokument.attachment_id is None or seen.asked or dokument.status != XaiSyncStatus.FAILED:
        return False
    return known(seen).failed == dokument.attachment_id


def candidate(seen: Seen) -> str | None:
    """The file at xAI that holds the present content, as far as we know; None: it must be uploaded."""
    base = known(seen)
    if seen.content is None or _same(seen.content, base.facts):
        return base.file_id
    return seen.stored_id


def needs_file_check(seen: Seen) -> bool:
    """Whether xAI must be asked if it still has the candidate: before it is added anywhere."""
    file_id = candidate(seen)
    return file_id is not None and any(Attachment(cid, file_id) not in known(seen).attached for cid in wanted(seen))


def new_collections(seen: Seen) -> tuple[str, ...]:
    """Collections that the document is not in yet, so that their existence must be checked."""
    there = {pair.collection_id for pair in known(seen).attached}
    return tuple(cid for cid in wanted(seen) if cid not in there)


def plan_document(seen: Seen) -> Plan:
    """Decides. `plan(apply(plan(x)))` has no writes."""
    if seen.dokument is None:
        return _plan_gone(seen)
    if seen.dokument.attachment_id is None:
        return _plan_nowhere(seen, seen.dokument, lacking=(), reason=Reason.NO_FILE)
    if not wanted(seen):
        lacking = _lacking(seen)
        reason = Reason.COLLECTION_NOT_READY if lacking else Reason.NO_COLLECTION_WANTED
        return _plan_nowhere(seen, seen.dokument, lacking=lacking, reason=reason)
    return _plan_rest(seen) if rests(seen) else _plan_somewhere(seen, seen.dokument)


def _plan_gone(seen: Seen) -> Plan:
    """Deleted in EspoCRM: out of all collections. The file itself stays at xAI, as the firm's flow has it."""
    base = seen.base
    if base is None or base.gone:
        return Plan(reason=Reason.NEVER_SYNCED if base is None else Reason.IN_STEP)
    undone = msgspec.structs.replace(base, attached=(), begun=(), indexed=False, gone=True, failed=None)
    reason = Reason.DETACHED if _all(base) else Reason.LEARNED
    return Plan(reason=reason, detach=_all(base), remember=undone)


def _plan_nowhere(seen: Seen, dokument: Dokument, *, lacking: tuple[Owner, ...], reason: Reason) -> Plan:
    """In no collection, or in none yet."""
    base = known(seen)
    detach = _all(base)
    final: dict[str, Any] = {
        "collections": [],
        "status": XaiSyncStatus.PENDING_SYNC if lacking else XaiSyncStatus.NO_SYNC,
        "error": waiting_text(lacking) if lacking else None,
    }
    write_back = _differing(dokument, final)
    remember = msgspec.structs.replace(
        base, looked_at=dokument.attachment_id, attached=(), begun=(), indexed=False, gone=False, failed=None
    )
    return Plan(
        reason=Reason.DETACHED if detach else reason,
        ask_owners=lacking,
        mark_pending=bool(detach) and dokument.status != XaiSyncStatus.PENDING_SYNC,
        detach=detach,
        write_back=_after_pending(write_back, final) if detach else write_back,
        remember=remember if remember != seen.base else None,
    )


def _plan_rest(seen: Seen) -> Plan:
    """Failed for good: its file is left alone, but an earlier version still leaves where it no longer belongs."""
    base = known(seen)
    detach = tuple(pair for pair in _all(base) if pair.collection_id not in wanted(seen))
    remember = msgspec.structs.replace(
        base,
        attached=tuple(pair for pair in base.attached if pair not in detach),
        begun=tuple(pair for pair in base.begun if pair not in detach),
    )
    return Plan(
        reason=Reason.DETACHED if detach else Reason.KNOWN_FAILURE,
        detach=detach,
        remember=remember if remember != seen.base else None,
    )


def needs_indexing_check(seen: Seen) -> bool:
    """Whether xAI must be asked how it stands with what it holds: until it has finished."""
    base = known(seen)
    return bool(base.attached) and not base.indexed and not needs_content(seen) and not rests(seen)


def _plan_somewhere(seen: Seen, dokument: Dokument) -> Plan:
    base = known(seen)
    facts = seen.content or base.facts
    assert facts is not None, "needs_content() said that the file is known"
    targets = wanted(seen)
    held = candidate(seen)
    upload = held is None or seen.file_gone
    file_id = None if upload else held
    lost = {row.collection_id for row in seen.indexing if row.state == "lost"}
    there = {pair.collection_id for pair in base.attached if pair.file_id == file_id} - lost
    attach = tuple(cid for cid in targets if cid not in there)
    staying = {Attachment(cid, file_id) for cid in targets} if file_id else set()
    detach = tuple(pair for pair in _all(base) if pair not in staying)
    index = plan_index(seen, base, dokument, targets) if not (upload or attach) else Indexing()
    lacking = _lacking(seen)
    final: dict[str, Any] = {
        "xai_id": file_id,
        "collections": list(targets),
        "synced_hash": facts.md5,
        "status": final_status(index, lacking),
        "file_status": FileStatus.SYNCED,
        "error": final_text(index, lacking),
    }
    write_back = _differing(dokument, final)
    moves = bool(upload or attach or detach)
    remember = Base(
        looked_at=dokument.attachment_id,
        attachment_id=dokument.attachment_id,
        file_id=file_id,
        facts=facts,
        attached=tuple(Attachment(cid, file_id or "") for cid in targets),
        indexed=index.finished,
        reindexed=index.tries,
        index_error=index.error,
        synced_at=seen.now if upload or attach else base.synced_at,
    )
    return Plan(
        reason=_reason(upload=upload, moves=moves, writes=bool(write_back), index=index, learns=remember != seen.base),
        ask_owners=lacking,
        mark_pending=moves and dokument.status != XaiSyncStatus.PENDING_SYNC,
        upload=upload,
        gone_file=held if seen.file_gone else None,
        file_id=file_id,
        attach=attach,
        reindex=index.again,
        detach=detach,
        write_back=_after_pending(write_back, final) if moves else write_back,
        remember=remember if remember != seen.base else None,
        collections=targets,
    )


def with_file(todo: Plan, file_id: str) -> Plan:
    """The plan once its upload is done and the file has an id."""
    remember = todo.remember
    if remember is not None:
        attached = tuple(Attachment(cid, file_id) for cid in todo.collections)
        remember = msgspec.structs.replace(remember, file_id=file_id, attached=attached)
    write_back = {**todo.write_back, "xai_id": file_id}
    # The upload may have been an earlier run's, which had begun to add it: that is no longer something to take out.
    staying = {Attachment(cid, file_id) for cid in todo.collections}
    detach = tuple(pair for pair in todo.detach if pair not in staying)
    return msgspec.structs.replace(todo, file_id=file_id, detach=detach, write_back=write_back, remember=remember)


def begun(seen: Seen, todo: Plan) -> Base:
    """What to write down before the first collection is touched: all places where a file of ours may be from now on."""
    base = known(seen)
    assert todo.file_id is not None
    new = tuple(Attachment(cid, todo.file_id) for cid in todo.attach)
    return msgspec.structs.replace(base, begun=tuple(dict.fromkeys(base.begun + new)), gone=False)


def places(base: Base) -> frozenset[str]:
    """The collections where a file of the document may be, by what is remembered."""
    return frozenset(pair.collection_id for pair in _all(base))


def _reason(*, upload: bool, moves: bool, writes: bool, index: Indexing, learns: bool) -> Reason:
    if upload:
        return Reason.UPLOADED
    if moves:
        return Reason.COLLECTIONS_CHANGED
    if index.again:
        return Reason.REINDEXED
    if writes:
        return Reason.NOT_INDEXED if index.error else Reason.FIELDS_CORRECTED
    return Reason.LEARNED if learns else Reason.IN_STEP


def _same(content: Facts, remembered: Facts | None) -> bool:
    """Equal bytes. A sync before ours has left an MD5 only."""
    if remembered is None:
        return False
    return content.sha256 == remembered.sha256 if remembered.sha256 else content.md5 == remembered.md5


def _lacking(seen: Seen) -> tuple[Owner, ...]:
    """Owners whose collection is not there (yet, or any more)."""
    return tuple(
        sorted(
            owner
            for owner in seen.owners
            if owner.collection_id is None or owner.collection_id in seen.collections_gone
        )
    )


def _all(base: Base) -> tuple[Attachment, ...]:
    return tuple(sorted(set(base.attached) | set(base.begun)))


def _differing(dokument: Dokument, final: dict[str, Any]) -> dict[str, Any]:
    """The fields of EspoCRM that are not as they should be."""
    present: dict[str, Any] = {
        "xai_id": dokument.xai_id,
        "collections": sorted(dokument.collections),
        "synced_hash": dokument.synced_hash,
        "status": dokument.status,
        "file_status": dokument.file_status,
        "error": dokument.error,
    }
    return {name: value for name, value in final.items() if value != present[name]}


def _after_pending(write_back: dict[str, Any], final: dict[str, Any]) -> dict[str, Any]:
    """`pending_sync` was written at the start, so the status must be written at the end in any case."""
    return {**write_back, "status": final["status"]}
