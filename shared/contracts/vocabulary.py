"""The vendors' own words, as EspoCRM's fields hold them."""

from enum import StrEnum


class XaiSyncStatus(StrEnum):
    """`CDokumente.xaiSyncStatus`. The hub never writes `unclean`: that is staff or EspoCRM's hook asking for a sync."""

    NO_SYNC = "no_sync"
    PENDING_SYNC = "pending_sync"
    CLEAN = "clean"
    UNCLEAN = "unclean"
    FAILED = "failed"


class FileStatus(StrEnum):
    """`CDokumente.fileStatus`. The hub writes `synced` only."""

    NEW = "new"
    CHANGED = "changed"
    SYNCED = "synced"


class PartySyncStatus(StrEnum):
    """`CBeteiligte.syncStatus`. The first two ask for a sync: EspoCRM sets them, and the hub where a party
    was changed while it was synced. The others are the hub's.
    """

    PENDING_SYNC = "pending_sync"
    DIRTY = "dirty"
    SYNCING = "syncing"
    CLEAN = "clean"
    FAILED = "failed"
    PERMANENTLY_FAILED = "permanently_failed"
    CONFLICT = "conflict"
    DELETED_IN_ADVOWARE = "deleted_in_advoware"
