"""An account's events: all they do is to ask for the sync of the party that it belongs to, or belonged to."""

import msgspec

from beteiligte_worker.effects.deps import Deps
from beteiligte_worker.effects.keys import event_key
from beteiligte_worker.effects.tell import ask_party
from shared.contracts.events import EntityEvent
from shared.outcomes.errors import NotFound


class Owned(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of an account: EspoCRM can no longer tell once it is deleted."""

    party_id: str


class Owners(msgspec.Struct, frozen=True, kw_only=True):
    """The parties concerned: the present owner, and the one we knew."""

    now: str | None
    before: str | None

    @property
    def to_ask(self) -> list[str]:
        """Each once."""
        return [party for party in dict.fromkeys((self.now, self.before)) if party]


async def load_account(event: EntityEvent, deps: Deps) -> Owners:
    """Whose account it is."""
    known = await deps.snapshots.read(event_key(event), Owned)
    try:
        record = deps.names.own(await deps.espocrm.get(deps.names.beteiligte_bank_entity, event.entity_id))
    except NotFound:
        record = {}
    return Owners(now=record.get(deps.names.parent_id) or None, before=known.party_id if known else None)


async def ask_owner_of(owners: Owners, event: EntityEvent, deps: Deps) -> None:
    """Publishes an event per party."""
    source = "sweep" if event.source == "sweep" else "beteiligte_worker"
    for party_id in owners.to_ask:
        await ask_party(party_id, source, deps)


async def remember_account(owners: Owners, event: EntityEvent, deps: Deps) -> None:
    """Notes the owner, for the day on which the account is deleted."""
    if owners.now is None:
        await deps.snapshots.forget(event_key(event))
    elif owners.now != owners.before:
        await deps.snapshots.write(event_key(event), Owned(party_id=owners.now))
