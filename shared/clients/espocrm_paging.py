"""Reading more of EspoCRM than one page, up to a bound; what is beyond it is for the next time."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.clients.espocrm import PAGE_MAX, Espocrm, Record

PAGES_MAX = 25


async def all_of(
    espocrm: Espocrm, entity_type: str, *, select: Sequence[str], where: Sequence[Mapping[str, Any]]
) -> list[Record]:
    """All records that match, at most PAGES_MAX pages of them."""
    found: list[Record] = []
    for _ in range(PAGES_MAX):
        page = await espocrm.search(entity_type, select=select, where=where, offset=len(found))
        found.extend(page.list)
        if len(page.list) < PAGE_MAX:
            break
    return found


async def changed_since(
    espocrm: Espocrm, entity_type: str, since: str, *, select: Sequence[str]
) -> tuple[list[Record], str]:
    """Records modified at or after the watermark, oldest first, and the new watermark; `modifiedAt` is selected.

    `modifiedAt` has whole seconds, so the last second is read again each time. Paging goes by the watermark, not by
    offset: rows that change meanwhile move to the end and would push others past an offset.
    """
    found: dict[str, Record] = {}
    offset = 0
    for _ in range(PAGES_MAX):
        where = [{"type": "greaterThanOrEquals", "attribute": "modifiedAt", "value": since}] if since else []
        page = await espocrm.search(entity_type, select=select, where=where, order_by="modifiedAt", offset=offset)
        found.update({str(record["id"]): record for record in page.list})
        last = str(page.list[-1]["modifiedAt"]) if page.list else since
        if len(page.list) < PAGE_MAX:
            return list(found.values()), last
        offset = offset + PAGE_MAX if last == since else 0
        since = last
    return list(found.values()), since
