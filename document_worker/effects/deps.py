"""Everything this service can touch."""

import msgspec

from document_worker.fields import DocumentNames
from shared.clients.espocrm import Espocrm
from shared.clients.xai import Xai
from shared.clock import Clock
from shared.runtime.publisher import Publisher
from shared.state.idempotency import Journal
from shared.state.snapshots import Snapshots


class Deps(msgspec.Struct, frozen=True, kw_only=True):
    """Built once, in `app.py`."""

    espocrm: Espocrm
    xai: Xai
    journal: Journal
    snapshots: Snapshots
    publisher: Publisher
    clock: Clock
    names: DocumentNames
    guard_max_changes: int
    guard_max_share: float
    visible_after_s: float = 5.0
    """How long xAI may take until a stored object shows up in its lists."""
