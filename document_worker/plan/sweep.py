"""A sweep: which of the listed documents and owners are worth an event, and when a human must look first."""

from document_worker.model import Base, SweepPlan, SweepSeen, SweptDocument, SweptOwner
from shared.contracts.vocabulary import XaiSyncStatus

_UNFINISHED = (XaiSyncStatus.PENDING_SYNC, XaiSyncStatus.UNCLEAN)


def plan_sweep(seen: SweepSeen, *, max_changes: int, max_share: float, force: bool) -> SweepPlan:
    """Decides. When suspiciously many documents have vanished, these wait for a human and the rest goes on."""
    share = len(seen.vanished) / seen.checked if seen.checked else 0.0
    refused = None
    if len(seen.vanished) > max_changes and share > max_share and not force:
        refused = (
            f"{len(seen.vanished)} of {seen.checked} documents are gone in EspoCRM; "
            'if that is right, publish {"force": true}'
        )
    documents = {row.id for row in seen.documents if _worth_an_event(row)} | {*seen.returned, *seen.unindexed}
    return SweepPlan(
        documents=tuple(sorted(documents)),
        vanished=() if refused else seen.vanished,
        owners=tuple(sorted({row.owner for row in seen.owners if _has_drifted(row)})),
        progress=seen.progress,
        refused=refused,
    )


def _worth_an_event(row: SweptDocument) -> bool:
    if row.status == XaiSyncStatus.FAILED:
        # One that failed for good would fail again: only a person, or a new file, makes it worth a try.
        return row.base is None or row.attachment_id not in (row.base.failed, _unsearchable(row.base))
    if row.status in _UNFINISHED or row.linked_unsynced:
        return True
    return row.base is None or row.base.gone or row.base.looked_at != row.attachment_id


def _unsearchable(base: Base) -> str | None:
    return base.attachment_id if base.index_error else None


def _has_drifted(row: SweptOwner) -> bool:
    return row.owner.collection_id is None or set(row.members) != set(row.document_ids)
