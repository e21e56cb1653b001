"""Asking for somebody else's sync: events that this worker publishes."""

from document_worker.effects.deps import Deps
from document_worker.model import Owner
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import DOCUMENT_DELETE, DOCUMENT_UPDATE, OWNER_UPDATES, RAEUMUNGSKLAGE_UPDATE


async def ask_owner(owner: Owner, source: str, deps: Deps) -> None:
    """Publishes an owner's event. An entity type that came in by setting shares the Räumungsklage's subject."""
    subject = OWNER_UPDATES.get(owner.entity_type, RAEUMUNGSKLAGE_UPDATE)
    await deps.publisher.publish(
        subject, EntityEvent(entity_id=owner.id, entity_type=owner.entity_type, action="update", source=_chain(source))
    )


async def ask_document(document_id: str, source: str, deps: Deps) -> None:
    """Publishes a document's event."""
    await deps.publisher.publish(
        DOCUMENT_UPDATE,
        EntityEvent(
            entity_id=document_id,
            entity_type=DOCUMENT_UPDATE.defaults["entity_type"],
            action="update",
            source=_chain(source),
        ),
    )


async def tell_vanished(document_id: str, deps: Deps) -> None:
    """Publishes the delete event that EspoCRM's webhook did not bring."""
    await deps.publisher.publish(
        DOCUMENT_DELETE,
        EntityEvent(
            entity_id=document_id,
            entity_type=DOCUMENT_DELETE.defaults["entity_type"],
            action="delete",
            source="sweep",
        ),
    )


def _chain(source: str) -> str:
    """An event that follows from a sweep is a sweep's; any other is this worker's."""
    return "sweep" if source == "sweep" else "document_worker"
