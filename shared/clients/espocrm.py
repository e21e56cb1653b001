"""EspoCRM's REST API: records, lists, links, attachments.

Source: https://docs.espocrm.com/development/api/ and the source of EspoCRM 9.2.7.
"""

import contextlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from shared.clients.http import HttpClient, Tools
from shared.clients.reading import Answer
from shared.clients.spool import Content, Spool
from shared.outcomes.errors import HubError, Misconfigured, RateLimited, Rejected, Unavailable
from shared.settings import Secret

PAGE_MAX = 200
"""EspoCRM's `recordListMaxSizeLimit`; more is 403."""
_PIECE_BYTES = 256 * 1024
_DOWNLOAD_S = 1500.0
_LOCKED_OUT_S = 65.0
_UNKNOWN_NAME = re.compile(r"^Controller '\w+' does not exist|^Link does not exist|does not have link \w+")
_VALIDATION = re.compile(r"Field validation failure; entityType: (\w+), field: (\w+), type: (\w+)")

Record = dict[str, Any]


class EspocrmSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach EspoCRM."""

    espocrm_api_base_url: Annotated[
        str, msgspec.Meta(pattern=r"^https?://.+/api/v1/?$", description="Ends in /api/v1.")
    ]
    espocrm_api_key: Annotated[Secret, msgspec.Meta(description="Key of the hub's API user.")]
    espocrm_api_timeout_seconds: Annotated[float, msgspec.Meta(gt=0, description="Per call.")] = 30


class Page(msgspec.Struct, frozen=True):
    """One page of a list. `total` is EspoCRM's count, or negative when it did not count."""

    list: list[Record]
    total: int = -1


class Espocrm:
    """EspoCRM as the hub uses it."""

    def __init__(self, settings: EspocrmSettings, tools: Tools) -> None:
        self._http = HttpClient(
            "espocrm",
            settings.espocrm_api_base_url,
            secret=settings.espocrm_api_key,
            secret_header=("X-Api-Key", ""),
            timeout_s=settings.espocrm_api_timeout_seconds,
            tools=tools,
            read_status=_read_status,
        )

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Espocrm"]:
        """Holds the connections open."""
        async with self._http.open():
            yield self

    async def ids(self, entity_type: str, offset: int) -> list[str]:
        """The ids of all records from a number on, PAGE_MAX of them unless these are the last."""
        page = await self.search(entity_type, select=["id"], offset=offset, max_size=PAGE_MAX)
        return [str(record["id"]) for record in page.list]

    async def get(self, entity_type: str, entity_id: str) -> Record:
        """The whole record. Raises NotFound, also for one that was deleted."""
        answer = await self._http.call("GET", f"/{entity_type}/{entity_id}", operation=f"get {entity_type}")
        return _record(answer)

    async def create(self, entity_type: str, attributes: Mapping[str, Any]) -> str:
        """A new record; its id. Not repeatable: a second call makes a second record."""
        answer = await self._http.call("POST", f"/{entity_type}", operation=f"create {entity_type}", json=attributes)
        return str(_record(answer)["id"])

    async def update(self, entity_type: str, entity_id: str, changes: Mapping[str, Any]) -> Record:
        """Writes the given attributes and no others; the record as it is afterwards.

        Repeating is safe: the same values again change nothing but `modifiedAt`.
        """
        answer = await self._http.call(
            "PUT", f"/{entity_type}/{entity_id}", operation=f"update {entity_type}", json=changes
        )
        return _record(answer)

    async def search(
        self,
        entity_type: str,
        *,
        select: Sequence[str],
        where: Sequence[Mapping[str, Any]] = (),
        order_by: str = "createdAt",
        order: Literal["asc", "desc"] = "asc",
        offset: int = 0,
        max_size: int = PAGE_MAX,
    ) -> Page:
        """One page. Deleted records are never in it. `where` items have `type`, `attribute`, `value` only."""
        return await self._page(
            f"/{entity_type}", f"list {entity_type}", select, where, order_by, order, offset, max_size
        )

    async def linked(
        self, entity_type: str, entity_id: str, link: str, *, select: Sequence[str], most: int
    ) -> list[Record]:
        """All records at the other end of a link, page by page. Raises Rejected when there are more than `most`."""
        found: list[Record] = []
        while True:
            page = await self._page(
                f"/{entity_type}/{entity_id}/{link}",
                f"linked {entity_type}",
                select,
                (),
                "createdAt",
                "asc",
                len(found),
                PAGE_MAX,
            )
            found.extend(page.list)
            if len(page.list) < PAGE_MAX:
                return found
            if len(found) > most:
                raise Rejected(f"espocrm: {entity_type} has more than {most} linked records", status=0)

    async def download(self, attachment_id: str, *, max_bytes: int) -> Content:
        """An attachment's bytes, hashed, in constant memory. Raises Rejected (413) when larger than `max_bytes`."""
        spool = Spool()
        path = f"/Attachment/file/{attachment_id}"
        async with self._http.stream(path, operation="download", timeout_s=_DOWNLOAD_S) as response:
            announced = response.content_length or 0
            if announced > max_bytes:
                raise _too_large(announced, max_bytes)
            async for piece in response.content.iter_chunked(_PIECE_BYTES):
                spool.write(piece)
                if spool.size_bytes > max_bytes:
                    raise _too_large(spool.size_bytes, max_bytes)
        return spool.close()

    async def _page(  # noqa: PLR0917 - private, and all of it is one query
        self,
        path: str,
        operation: str,
        select: Sequence[str],
        where: Sequence[Mapping[str, Any]],
        order_by: str,
        order: str,
        offset: int,
        max_size: int,
    ) -> Page:
        # `searchParams` keeps types, which PHP-style query strings do not.
        query = {
            "select": list(select),
            "where": list(where),
            "orderBy": order_by,
            "order": order,
            "offset": offset,
            "maxSize": min(max_size, PAGE_MAX),
        }
        params = {"searchParams": msgspec.json.encode(query).decode()}
        answer = await self._http.call("GET", path, operation=operation, params=params)
        return msgspec.json.decode(answer.body, type=Page)


def _record(answer: Answer) -> Record:
    return msgspec.json.decode(answer.body, type=Record)


def _too_large(size_bytes: int, max_bytes: int) -> Rejected:
    mb = 1024 * 1024
    text = f"{size_bytes / mb:.0f} MB, allowed are {max_bytes / mb:.0f} MB"
    return Rejected(f"the file is too large: {text}", status=413)


def _read_status(answer: Answer, reason: str) -> HubError | None:
    """EspoCRM's own: the reason is in a header and the body mostly empty; an empty 403 is its lock-out by IP."""
    told = answer.headers.get("X-Status-Reason")
    if answer.status == 404 and told is None:
        return Unavailable(f"{reason} without EspoCRM's reason: somebody else answers at ESPOCRM_API_BASE_URL")
    if answer.status == 404 and _UNKNOWN_NAME.search(told or ""):
        # Not a missing record: taken for one, a wrong name in the settings would undo everything there is.
        return Misconfigured(f"{reason} (EspoCRM knows no such entity type or link; see the names in the settings)")
    if answer.status == 403 and told is None:
        return RateLimited(f"{reason} (locked out after failed log-ins)", after_s=_LOCKED_OUT_S)
    if answer.status == 400 and (found := _VALIDATION.search(told or "")):
        return Rejected(f"{reason} (field {found[2]} of {found[1]}: {found[3]})", status=400)
    if answer.status in (400, 403, 409) and told:
        return Rejected(reason, status=answer.status, detail=told)
    return None
