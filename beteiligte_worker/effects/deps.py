"""Everything this service can touch."""

from zoneinfo import ZoneInfo

import msgspec

from beteiligte_worker.fields.names import PartyNames
from shared.clients.advoware import Advoware
from shared.clients.espocrm import Espocrm
from shared.clock import Clock
from shared.runtime.publisher import Publisher
from shared.state.idempotency import Journal
from shared.state.snapshots import Snapshots


class Deps(msgspec.Struct, frozen=True, kw_only=True):
    """Built once, in `app.py`."""

    espocrm: Espocrm
    advoware: Advoware
    journal: Journal
    snapshots: Snapshots
    publisher: Publisher
    clock: Clock
    names: PartyNames
    timezone: ZoneInfo
    """The firm's: whether an address is still valid is a question of its calendar."""
    guard_max_changes: int
    guard_max_share: float
    notify_user_id: str | None = None
    """Who is given the tasks of parties that are nobody's."""
    advoware_lists: bool = False
    """Whether Advoware can list parties."""
    visible_after_s: float = 5.0
    """How long a vendor may take until a new object shows up where we look for it."""
