"""Showing a failed run where staff look: status, text and next try at the party itself, and a task when it rests."""

from beteiligte_worker.effects.creating import PARTY_EFFECT
from beteiligte_worker.effects.deps import Deps
from beteiligte_worker.effects.keys import party_key
from beteiligte_worker.effects.tell import tell
from beteiligte_worker.fields.names import STATUS, bookkeeping
from beteiligte_worker.model.notice import Notice, NoticeKind
from beteiligte_worker.model.party import Base
from beteiligte_worker.plan.notices import failure_text
from beteiligte_worker.plan.states import after_failure
from shared.contracts.events import EntityEvent
from shared.contracts.vocabulary import PartySyncStatus
from shared.outcomes.errors import HubError, NotFound, Parked, Retry

_TEXT_MAX = 1_000


async def show_failure(event: EntityEvent, deps: Deps, failed: HubError) -> None:
    """Writes the failure down. A vendor's outage is shown, but counts for nothing."""
    try:
        record = deps.names.own(await deps.espocrm.get(deps.names.beteiligte_entity, event.entity_id))
    except NotFound:
        return
    keeping = bookkeeping(record)
    text = failure_text(failed)[:_TEXT_MAX]
    changes = after_failure(keeping, text, deps.clock.now().timestamp(), final=not isinstance(failed, Retry))
    if any(record.get(name) != value for name, value in changes.items()):
        await deps.espocrm.update(deps.names.beteiligte_entity, event.entity_id, deps.names.theirs(changes))
    user_id = keeping.assigned_user_id or deps.notify_user_id
    notice = _notice(event, failed, given_up=changes[STATUS] == PartySyncStatus.PERMANENTLY_FAILED)
    if notice is not None and user_id:
        base = await deps.snapshots.read(party_key(event.entity_id), Base) or Base()
        if notice.key not in base.told:
            await tell([notice], event, deps, user_id=user_id, first=base.tellings, alive=True)
            await deps.snapshots.write(party_key(event.entity_id), base.with_told(notice))


def _notice(event: EntityEvent, failed: HubError, *, given_up: bool) -> Notice | None:
    about = f"CBeteiligte.{event.entity_id}"
    if isinstance(failed, Parked) and PARTY_EFFECT in failed.reason.split(":")[0].split():
        return Notice(kind=NoticeKind.CREATE_UNKNOWN, about=about)
    return Notice(kind=NoticeKind.GIVEN_UP, about=about) if given_up else None
