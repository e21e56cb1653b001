"""What xAI makes of a file it holds: wait for it, ask again, or tell staff."""

import msgspec

from document_worker.model import Base, Dokument, Owner, Seen
from document_worker.plan.failures import index_failure_text, waiting_text
from shared.contracts.vocabulary import XaiSyncStatus

_REINDEX_MAX = 2
_INDEXING_MAX_S = 24 * 3600.0


class Indexing(msgspec.Struct, frozen=True):
    """What is decided about indexing: where to try again, or what to tell staff."""

    again: tuple[str, ...] = ()
    tries: int = 0
    error: str | None = None
    finished: bool = False


def plan_index(seen: Seen, base: Base, dokument: Dokument, targets: tuple[str, ...]) -> Indexing:
    """A file that xAI cannot index is tried again twice, then shown. Staff that sets `unclean` starts it over."""
    if base.index_error and dokument.status == XaiSyncStatus.UNCLEAN:
        return Indexing(again=targets)
    if base.indexed or not seen.indexing:
        return Indexing(tries=base.reindexed, error=base.index_error, finished=base.indexed)
    overdue = seen.now - base.synced_at > _INDEXING_MAX_S
    failed = [row for row in seen.indexing if row.state == "failed" or (overdue and row.state == "under_way")]
    if not failed:
        return Indexing(tries=base.reindexed, finished=all(row.state == "done" for row in seen.indexing))
    if base.reindexed < _REINDEX_MAX and not overdue:
        return Indexing(again=tuple(row.collection_id for row in failed), tries=base.reindexed + 1)
    return Indexing(tries=base.reindexed, error=failed[0].error or "no answer within a day", finished=True)


def final_status(index: Indexing, lacking: tuple[Owner, ...]) -> XaiSyncStatus:
    """What EspoCRM shows of a document that is where it belongs."""
    if index.error:
        return XaiSyncStatus.FAILED
    return XaiSyncStatus.PENDING_SYNC if lacking else XaiSyncStatus.CLEAN


def final_text(index: Indexing, lacking: tuple[Owner, ...]) -> str | None:
    """The text beside it; None when there is nothing to say."""
    if index.error:
        return index_failure_text(index.error)
    return waiting_text(lacking) if lacking else None
