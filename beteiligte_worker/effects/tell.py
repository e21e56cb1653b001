"""Telling people: a task in EspoCRM, made once. EspoCRM itself shows its assignee a notification for it.

The hub cannot make notifications: EspoCRM lets no API user create them (`Resources/metadata/app/acl.json`, mandatory).
"""

import hashlib
from collections.abc import Sequence

from beteiligte_worker.effects.deps import Deps
from beteiligte_worker.effects.keys import STEP
from beteiligte_worker.model.notice import Notice
from beteiligte_worker.plan.notices import description, headline
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import BETEILIGTE_DELETE, BETEILIGTE_SYNC_CHECK
from shared.outcomes.errors import Rejected
from shared.state.idempotency import Effect, Row

_TASK = "Task"


async def tell(
    notices: Sequence[Notice], event: EntityEvent, deps: Deps, *, user_id: str, first: int, alive: bool
) -> None:
    """Makes a task for each. `first` numbers the first of them among all of this party's, so that the same news may
    come again one day and a repeated run does not repeat it. `alive`: the party is there to be the task's parent.
    """
    for number, notice in enumerate(notices, first):
        await _task(notice, event, deps, user_id=user_id, number=number, alive=alive)


async def ask_party(party_id: str, source: str, deps: Deps) -> None:
    """Publishes a party's event."""
    defaults = BETEILIGTE_SYNC_CHECK.defaults
    await deps.publisher.publish(
        BETEILIGTE_SYNC_CHECK,
        EntityEvent(entity_id=party_id, entity_type=defaults["entity_type"], action=defaults["action"], source=source),
    )


async def tell_vanished(party_id: str, deps: Deps) -> None:
    """Publishes the delete event that EspoCRM's webhook did not bring."""
    defaults = BETEILIGTE_DELETE.defaults
    await deps.publisher.publish(
        BETEILIGTE_DELETE,
        EntityEvent(entity_id=party_id, entity_type=defaults["entity_type"], action=defaults["action"], source="sweep"),
    )


async def _task(notice: Notice, event: EntityEvent, deps: Deps, *, user_id: str, number: int, alive: bool) -> None:
    marker = f"[hub:{event.entity_id}:{number}:{notice.key}]"
    attributes = {
        "name": headline(notice),
        "description": f"{description(notice)}\n\n{marker}",
        "status": "Not Started",
        "priority": "High",
        "assignedUserId": user_id,
    }
    if alive:
        attributes |= {"parentType": deps.names.beteiligte_entity, "parentId": event.entity_id}

    async def send() -> str:
        try:
            return await deps.espocrm.create(_TASK, attributes)
        except Rejected:
            # A user who has left the firm is refused. Its parties shall not stop being synced for that.
            if deps.notify_user_id in (None, user_id):
                raise
            return await deps.espocrm.create(_TASK, {**attributes, "assignedUserId": deps.notify_user_id})

    async def look(_row: Row) -> list[str]:
        found = await deps.espocrm.search(
            _TASK,
            select=["id", "description"],
            where=[{"type": "contains", "attribute": "description", "value": marker}],
        )
        return [str(record["id"]) for record in found.list]

    effect = Effect(
        step=STEP,
        entity_type=event.entity_type,
        entity_id=event.entity_id,
        name="task",
        content=hashlib.sha256(marker.encode()).hexdigest()[:32],
        marker=marker,
    )
    await deps.journal.perform(effect, send=send, look=look, visible_after_s=deps.visible_after_s)
