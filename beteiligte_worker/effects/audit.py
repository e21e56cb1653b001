"""Which parties an audit compares."""

from beteiligte_worker.effects.deps import Deps
from shared.clients.espocrm import PAGE_MAX
from shared.contracts.subjects import BETEILIGTE_SYNC_CHECK
from shared.runtime.audit import Page


async def parties_page(after: str, deps: Deps) -> Page:
    """Some of all. Paged by number: one that is deleted meanwhile may hide its neighbour until the next night."""
    offset = int(after or 0)
    found = await deps.espocrm.search(deps.names.beteiligte_entity, select=["id"], offset=offset, max_size=PAGE_MAX)
    entity_type = BETEILIGTE_SYNC_CHECK.defaults["entity_type"]
    return Page(
        entities=[(entity_type, str(record["id"])) for record in found.list],
        after=str(offset + PAGE_MAX) if len(found.list) == PAGE_MAX else "",
    )
