"""Which documents an audit compares."""

from document_worker.effects.deps import Deps
from shared.clients.espocrm import PAGE_MAX
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.runtime.audit import Page


async def documents_page(after: str, deps: Deps) -> Page:
    """Some of all. Paged by number: one that is deleted meanwhile may hide its neighbour until the next night."""
    offset = int(after or 0)
    found = await deps.espocrm.search(deps.names.document_entity, select=["id"], offset=offset, max_size=PAGE_MAX)
    entity_type = DOCUMENT_UPDATE.defaults["entity_type"]
    return Page(
        entities=[(entity_type, str(record["id"])) for record in found.list],
        after=str(offset + PAGE_MAX) if len(found.list) == PAGE_MAX else "",
    )
