"""Why a delivery ended as it did: the one list. Counted in metrics, kept in history, shown to operators."""

from enum import StrEnum


class Reason(StrEnum):
    """A new ending gets a line here, with what it means to somebody who reads it in a history."""

    # The bus
    COALESCED = "coalesced"  # an equal event was already waiting; its run stands for this one
    # Documents
    IN_STEP = "in_step"  # everything is already as it should be; nothing was written
    NEVER_SYNCED = "never_synced"  # gone in EspoCRM, and nothing of it was ever at xAI
    NO_COLLECTION_WANTED = "no_collection_wanted"  # no owner is linked, so it belongs nowhere
    NO_FILE = "no_file"  # the record has no file
    COLLECTION_NOT_READY = "collection_not_ready"  # an owner has no collection yet; its own sync was asked for
    KNOWN_FAILURE = "known_failure"  # this very file failed for good before; a person or another file starts it over
    LEARNED = "learned"  # nothing to write anywhere; what we remember was brought up to date
    UPLOADED = "uploaded"  # new content went to xAI
    COLLECTIONS_CHANGED = "collections_changed"  # same content, other collections
    FIELDS_CORRECTED = "fields_corrected"  # only EspoCRM's own fields were out of date
    REINDEXED = "reindexed"  # xAI was asked to index a file again that it could not
    NOT_INDEXED = "not_indexed"  # xAI cannot index the file; status and text in EspoCRM say so
    DETACHED = "detached"  # taken out of all collections
    # Collection owners
    NO_DOCUMENTS = "no_documents"  # an owner without documents gets no collection
    COLLECTION_CREATED = "collection_created"  # and its documents were told
    COLLECTION_DELETED = "collection_deleted"  # the owner is gone in EspoCRM
    DOCUMENTS_TOLD = "documents_told"  # links have changed since the last look; the documents concerned were told
    # Sweeps
    SWEPT = "swept"  # found what webhooks had missed, and enqueued it
