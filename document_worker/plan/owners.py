"""One owner: whether it needs a collection, and which documents must hear of a change."""

from document_worker.model import OwnerBase, OwnerPlan, OwnerSeen
from shared.outcomes.reason import Reason


def plan_owner(seen: OwnerSeen) -> OwnerPlan:
    """Decides. An owner with documents has a collection; one without gets none, and keeps one that it has."""
    base = seen.base or OwnerBase()
    if not seen.exists:
        return _plan_gone(seen, base)
    collection_id = _living(seen, base)
    if collection_id is None and not seen.has_documents:
        return OwnerPlan(reason=Reason.NO_DOCUMENTS)
    if collection_id is None:
        return OwnerPlan(
            reason=Reason.COLLECTION_CREATED,
            create=True,
            gone_collections=tuple(cid for cid in (seen.collection_id, base.collection_id) if cid),
            tell=tuple(sorted({*seen.document_ids, *_all_members(seen)})),
            remember=OwnerBase(),
        )
    # Linked and not in the collection, or in it and no longer linked: those hear of it, and no others.
    here = set(seen.members.get(collection_id, ()))
    drifted = tuple(sorted((set(seen.document_ids) ^ here) | (_all_members(seen) - here)))
    remember = OwnerBase(collection_id=collection_id)
    store_id = collection_id if collection_id != seen.collection_id else None
    in_step = Reason.FIELDS_CORRECTED if store_id else Reason.IN_STEP
    return OwnerPlan(
        reason=Reason.DOCUMENTS_TOLD if drifted else in_step,
        store_id=store_id,
        tell=drifted,
        remember=remember if remember != seen.base else None,
    )


def _plan_gone(seen: OwnerSeen, base: OwnerBase) -> OwnerPlan:
    """Deleted in EspoCRM: its collection goes, and its documents look where else they belong."""
    if seen.base is None or base.gone:
        return OwnerPlan(reason=Reason.NEVER_SYNCED if seen.base is None else Reason.IN_STEP)
    return OwnerPlan(
        reason=Reason.COLLECTION_DELETED,
        delete=base.collection_id,
        tell=tuple(sorted(_all_members(seen))),
        remember=OwnerBase(gone=True),
    )


def _all_members(seen: OwnerSeen) -> set[str]:
    return {document_id for members in seen.members.values() for document_id in members}


def _living(seen: OwnerSeen, base: OwnerBase) -> str | None:
    """The owner's collection: EspoCRM's word first, then ours, as far as xAI still has it."""
    return next((cid for cid in (seen.collection_id, base.collection_id) if cid and cid in seen.alive), None)
