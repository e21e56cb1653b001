"""xAI Files and Collections.

Source: https://docs.x.ai/developers/rest-api-reference (files, collections) and the descriptors in xai-sdk-python 1.21.
"""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from urllib.parse import quote

import aiohttp
import msgspec

from shared.clients.http import HttpClient, Tools
from shared.clients.reading import Answer, text_of
from shared.clients.spool import Content
from shared.outcomes.errors import HubError, NotFound, Rejected, Unauthorized
from shared.settings import Secret

_PAGE = 100
_PAGES_MAX = 1_000
_UPLOAD_S = 1500.0
_TIMEOUT_S = 60.0
_NAME_MAX_BYTES = 200


class XaiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach xAI."""

    xai_api_key: Annotated[Secret, msgspec.Meta(description="Key for files.")]
    xai_management_key: Annotated[Secret, msgspec.Meta(description="Management key, for collections.")]
    xai_files_url: Annotated[str, msgspec.Meta(description="Host of the Files API.")] = "https://api.x.ai"
    xai_management_url: Annotated[str, msgspec.Meta(description="Host of the Collections API.")] = (
        "https://management-api.x.ai"
    )
    xai_max_file_size_mb: Annotated[int, msgspec.Meta(ge=1, description="Larger documents fail, visibly.")] = 512


class File(msgspec.Struct, frozen=True):
    """A stored file. `purpose` is ours to use: xAI does not interpret it."""

    id: str
    filename: str = ""
    bytes: int = 0
    created_at: int = 0
    purpose: str = ""


class Collection(msgspec.Struct, frozen=True):
    """A collection."""

    collection_id: str
    collection_name: str = ""
    collection_description: str = ""


class _Files(msgspec.Struct, frozen=True):
    data: list[File] = []
    pagination_token: str | None = None


class _Collections(msgspec.Struct, frozen=True):
    collections: list[Collection] = []
    pagination_token: str | None = None


Indexing = Literal["under_way", "done", "failed"]


class _FileMetadata(msgspec.Struct, frozen=True):
    file_id: str = ""


class Document(msgspec.Struct, frozen=True):
    """A file in a collection, and how far xAI has come with indexing it."""

    file_metadata: _FileMetadata = msgspec.field(default_factory=_FileMetadata)
    status: str = ""
    error_message: str = ""

    @property
    def indexing(self) -> Indexing:
        """Words that are not known yet mean that xAI is still at it: the list has grown before."""
        if self.error_message or self.status == "DOCUMENT_STATUS_FAILED":
            return "failed"
        return "done" if self.status == "DOCUMENT_STATUS_PROCESSED" else "under_way"


class _Documents(msgspec.Struct, frozen=True):
    documents: list[Document] = []
    pagination_token: str | None = None


class Xai:
    """xAI as the hub uses it: files on one host, collections on the other."""

    def __init__(self, settings: XaiSettings, tools: Tools) -> None:
        self.max_file_bytes = settings.xai_max_file_size_mb * 1024 * 1024
        self._files = _connection(settings.xai_files_url, settings.xai_api_key, tools)
        self._management = _connection(settings.xai_management_url, settings.xai_management_key, tools)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Xai"]:
        """Holds the connections open."""
        async with self._files.open(), self._management.open():
            yield self

    async def upload_file(self, name: str, content: Content, *, purpose: str) -> str:
        """Stores a file; its id. Not repeatable: a second call makes a second file."""
        answer = await self._files.call(
            "POST",
            "/v1/files",
            operation="upload_file",
            form=lambda: _upload_form(name, content, purpose),
            timeout_s=_UPLOAD_S,
        )
        return msgspec.json.decode(answer.body, type=File).id

    async def files_since(self, created_at: int) -> list[File]:
        """All files stored at or after a unix second, newest first.

        xAI gives a page token on every page, the last one too, so a short page is the end.
        """
        found: list[File] = []
        params = {"limit": str(_PAGE), "sort_by": "created_at", "order": "desc"}
        for _ in range(_PAGES_MAX):
            answer = await self._files.call("GET", "/v1/files", operation="list_files", params=params)
            page = msgspec.json.decode(answer.body, type=_Files)
            found.extend(file for file in page.data if file.created_at >= created_at)
            if len(page.data) < _PAGE or page.data[-1].created_at < created_at or not page.pagination_token:
                break
            params["pagination_token"] = page.pagination_token
        return found

    async def file_exists(self, file_id: str) -> bool:
        """Whether the file is still there."""
        try:
            await self._files.call("GET", f"/v1/files/{quote(file_id, safe='')}", operation="get_file")
        except NotFound:
            return False
        return True

    async def sha256_of(self, file_id: str) -> str | None:
        """The hash of a stored file's bytes, read in constant memory; None when the file is gone."""
        digest = hashlib.sha256()
        path = f"/v1/files/{quote(file_id, safe='')}/content"
        try:
            async with self._files.stream(path, operation="get_content", timeout_s=_UPLOAD_S) as response:
                async for piece in response.content.iter_chunked(256 * 1024):
                    digest.update(piece)
        except NotFound:
            return None
        return digest.hexdigest()

    async def create_collection(self, name: str, description: str) -> str:
        """Makes a collection; its id. Not repeatable: names need not be unique."""
        body = {"collection_name": name, "collection_description": description}
        answer = await self._management.call("POST", "/v1/collections", operation="create_collection", json=body)
        return msgspec.json.decode(answer.body, type=Collection).collection_id

    async def collections_described(self, description: str) -> list[Collection]:
        """The collections of exactly this description, which xAI cannot filter by; names need not be unique."""
        found: list[Collection] = []
        params = {"limit": str(_PAGE), "sort_by": "COLLECTIONS_SORT_BY_AGE", "order": "ORDERING_DESCENDING"}
        for _ in range(_PAGES_MAX):
            answer = await self._management.call("GET", "/v1/collections", operation="list_collections", params=params)
            page = msgspec.json.decode(answer.body, type=_Collections)
            found.extend(row for row in page.collections if row.collection_description == description)
            if len(page.collections) < _PAGE or not page.pagination_token:
                break
            params["pagination_token"] = page.pagination_token
        return found

    async def collection_exists(self, collection_id: str) -> bool:
        """Whether the collection is still there."""
        try:
            await self._management.call("GET", _collection(collection_id), operation="get_collection")
        except NotFound:
            return False
        return True

    async def delete_collection(self, collection_id: str) -> None:
        """Removes a collection; one that is gone is fine."""
        with contextlib.suppress(NotFound):
            await self._management.call("DELETE", _collection(collection_id), operation="delete_collection")

    async def document(self, collection_id: str, file_id: str) -> Document | None:
        """A file as the collection holds it; None when it does not."""
        path = _document(collection_id, file_id)
        try:
            answer = await self._management.call("GET", path, operation="get_document")
        except NotFound:
            return None
        return msgspec.json.decode(answer.body, type=Document)

    async def reindex(self, collection_id: str, file_id: str) -> None:
        """Asks xAI to index a document again; asking twice does no harm."""
        await self._management.call("PATCH", _document(collection_id, file_id), operation="reindex_document")

    async def attach(self, collection_id: str, file_id: str) -> None:
        """Adds a file to a collection. Raises NotFound when either is gone, or the file is too new to be seen."""
        try:
            await self._management.call("POST", _document(collection_id, file_id), operation="add_document", json={})
        except Rejected as refused:
            if refused.status != 409:  # it is there already, which is what we want
                raise

    async def detach(self, collection_id: str, file_id: str) -> None:
        """Takes a file out of a collection; one that is not in it is fine. The file itself stays."""
        with contextlib.suppress(NotFound):
            await self._management.call("DELETE", _document(collection_id, file_id), operation="remove_document")

    async def attached(self, collection_id: str) -> list[str]:
        """The ids of all files in a collection."""
        found: list[str] = []
        params: dict[str, Any] = {
            "limit": str(_PAGE),
            "sort_by": "DOCUMENTS_SORT_BY_AGE",
            "order": "ORDERING_ASCENDING",
        }
        for _ in range(_PAGES_MAX):
            answer = await self._management.call(
                "GET", f"{_collection(collection_id)}/documents", operation="list_documents", params=params
            )
            page = msgspec.json.decode(answer.body, type=_Documents)
            found.extend(row.file_metadata.file_id for row in page.documents)
            if len(page.documents) < _PAGE or not page.pagination_token:
                break
            params["pagination_token"] = page.pagination_token
        return found


def _connection(url: str, key: Secret, tools: Tools) -> HttpClient:
    return HttpClient(
        "xai",
        url,
        secret=key,
        secret_header=("Authorization", "Bearer "),
        timeout_s=_TIMEOUT_S,
        tools=tools,
        read_status=_read_status,
    )


def _collection(collection_id: str) -> str:
    return f"/v1/collections/{quote(collection_id, safe='')}"


def _document(collection_id: str, file_id: str) -> str:
    return f"{_collection(collection_id)}/documents/{quote(file_id, safe='')}"


def _upload_form(name: str, content: Content, purpose: str) -> aiohttp.FormData:
    content.body.seek(0)
    # Names go as UTF-8, as browsers send them; percent-encoding would end up in the stored name.
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("purpose", purpose)
    form.add_field("file", content.body, filename=safe_name(name), content_type="application/octet-stream")
    return form


def safe_name(name: str) -> str:
    """A file name that survives a header: no control characters, slashes or quotes, at most 200 bytes, never empty."""
    plain = "".join("_" if character in '/\\"' or not character.isprintable() else character for character in name)
    return plain.strip().encode()[:_NAME_MAX_BYTES].decode(errors="ignore") or "document"


def _read_status(answer: Answer, reason: str) -> HubError | None:
    """xAI's own: a wrong key is 400 on the files host, with a text that quotes part of it."""
    if answer.status == 400 and "api key" in text_of(answer.body).lower():
        return Unauthorized(reason)
    return None
