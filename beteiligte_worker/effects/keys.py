"""Where things of a party, or of a sweep, lie: the lock, which is also the snapshot's key."""

from shared.contracts.events import EntityEvent, SweepEvent
from shared.contracts.keys import key

STEP = "beteiligte_sync"
SWEEP_KEY = key(STEP, "Sweep", "beteiligte")


def party_key(party_id: str) -> str:
    """The party's."""
    return key(STEP, "CBeteiligte", party_id)


def event_key(event: EntityEvent) -> str:
    """The entity's that the event is about."""
    return key(STEP, event.entity_type, event.entity_id)


def sweep_key(_event: SweepEvent) -> str:
    """One sweep at a time."""
    return SWEEP_KEY
