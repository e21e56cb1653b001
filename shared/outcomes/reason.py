"""Why a delivery ended as it did: the one list. Counted in metrics, kept in history, shown to operators."""

from enum import StrEnum


class Reason(StrEnum):
    """A new ending gets a line here, with what it means to somebody who reads it in a history."""

    # The bus
    COALESCED = "coalesced"  # another run stands for this one: of an equal event, or one that began later
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
    # Parties
    NO_NUMBER_YET = "no_number_yet"  # not in Advoware, and nothing to make one of: it has no name
    PARTY_CREATED = "party_created"  # made in Advoware; its own event for the rest was published
    PARTY_SYNCED = "party_synced"  # at least one side was brought up to date
    PARTY_GONE = "party_gone"  # Advoware has it no longer; EspoCRM says so
    DELETE_TOLD = "delete_told"  # deleted in EspoCRM; staff were asked to delete it in Advoware
    NOBODY_TO_TELL = "nobody_to_tell"  # staff should be asked to do something, and no user is named for it
    TOLD = "told"  # only a person can do the rest, and was told
    RETRY_NOT_DUE = "retry_not_due"  # failed, and its next try is later
    GIVEN_UP = "given_up"  # five tries failed; it rests for a day or until somebody changes it
    PARTY_ASKED = "party_asked"  # an account changed; its party's own sync was asked for
    NO_PARTY = "no_party"  # an account that belongs to nobody
    # Calendars
    CALENDAR_SYNCED = "calendar_synced"  # at least one side was brought up to date
    EMPLOYEES_ASKED = "employees_asked"  # the sync of each employee's calendar was asked for
    NOT_AN_EMPLOYEE = "not_an_employee"  # Advoware knows no active employee of that Kürzel
    # Audits
    AUDITED = "audited"  # some of a family were compared on their sides; the report says what differs
    AUDIT_OVERTAKEN = "audit_overtaken"  # a piece of an audit that is not going on any more, or was done already
    # Sweeps
    SWEPT = "swept"  # found what webhooks had missed, and enqueued it
