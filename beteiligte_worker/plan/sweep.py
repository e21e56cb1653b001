"""A sweep: which parties are worth an event, and when a human must look first."""

from datetime import UTC, datetime

from beteiligte_worker.model.sweep import SweepPlan, SweepSeen, SweptParty
from beteiligte_worker.plan.states import reset, rests
from shared.contracts.vocabulary import PartySyncStatus

_UNFINISHED = (
    PartySyncStatus.PENDING_SYNC,
    PartySyncStatus.DIRTY,
    PartySyncStatus.SYNCING,
    PartySyncStatus.CONFLICT,
)
"""No run leaves these behind when it ends: one that is still there has died, or its event was lost."""
_OUTAGE_S = 6 * 3600.0
"""How long a failure that was not the party's own is left to its event, which goes on trying by itself."""


def plan_sweep(seen: SweepSeen, *, max_changes: int, max_share: float, force: bool) -> SweepPlan:
    """Decides. When suspiciously many parties have vanished, these wait for a human and the rest goes on."""
    share = len(seen.vanished) / seen.checked if seen.checked else 0.0
    refused = None
    if len(seen.vanished) > max_changes and share > max_share and not force:
        refused = (
            f"{len(seen.vanished)} of {seen.checked} parties are gone in EspoCRM; "
            'if that is right, publish {"force": true}'
        )
    given_up = {row.id for row in seen.parties if reset(row.keeping, seen.now)}
    asked = {row.id for row in seen.parties if _worth_an_event(row, seen.now)}
    changed = {row.id for row in seen.listed if row.base is None or row.base.row_id != row.row_id}
    # A vanished party has an event of its own or waits for a human: its accounts and its turn are no way round that.
    wanted = asked | changed | {*seen.parents, *seen.due, *seen.returned}
    return SweepPlan(
        parties=tuple(sorted(wanted - {*seen.vanished})),
        vanished=() if refused else seen.vanished,
        reset=tuple(sorted(given_up)),
        progress=seen.progress,
        refused=refused,
    )


def _worth_an_event(row: SweptParty, now: float) -> bool:
    keeping = row.keeping
    if keeping.status in _UNFINISHED:
        return True
    if rests(keeping, now) is not None:
        return False
    if keeping.status == PartySyncStatus.FAILED:
        return keeping.retries > 0 or now - _instant(keeping.modified_at) > _OUTAGE_S
    if keeping.status == PartySyncStatus.PERMANENTLY_FAILED:
        return True
    return row.base is None or row.base.modified_at != keeping.modified_at


def _instant(told: str) -> float:
    """EspoCRM's instants are UTC without saying so."""
    try:
        return datetime.fromisoformat(told).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
