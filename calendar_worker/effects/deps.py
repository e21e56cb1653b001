"""Everything this service can touch."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import msgspec

from calendar_worker.model.plan import Policy
from shared.clients.advoware import Advoware
from shared.clients.google_calendar import GoogleCalendar
from shared.clock import Clock
from shared.runtime.publisher import Publisher
from shared.state.idempotency import Journal
from shared.state.snapshots import Snapshots


class Deps(msgspec.Struct, frozen=True, kw_only=True):
    """Built once, in `app.py`."""

    advoware: Advoware
    google: GoogleCalendar
    journal: Journal
    snapshots: Snapshots
    publisher: Publisher
    clock: Clock
    timezone: ZoneInfo
    """The firm's."""
    past_days: int
    future_days: int
    policy: Policy = "source_system_wins"
    advoware_write: bool = True
    full_content: bool = True
    """What an event means that does not say."""
    share_with: Mapping[str, str] = {}
    only: frozenset[str] = frozenset()
    """Employees of a round; empty: all."""
    guard_max_changes: int = 20
    guard_max_share: float = 0.3
    visible_after_s: float = 5.0
    """How long a vendor may take until a new object shows up where we look for it."""
