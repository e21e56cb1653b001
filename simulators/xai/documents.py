"""Documents in a collection: attach, list, look, index anew, detach."""

from aiohttp import web

from simulators.xai import collections, definitions, messages
from simulators.xai.answers import Refused, answer
from simulators.xai.clock import rfc3339
from simulators.xai.filters import Filter, Lookup, Value
from simulators.xai.pages import Listing
from simulators.xai.records import Collection, Document, File
from simulators.xai.state import State

CHUNK_BYTES = 4096
# In the order a document goes through them; the last three are missing in the REST page's list.
_IN_PROGRESS = ("PROCESSING", "CHUNKED", "EMBEDDING", "WRITING")
_LISTING: Listing[Document] = Listing(
    "documents",
    token=lambda document: f"{document.file.id}.{document.number}",
    sorts={
        "DOCUMENTS_SORT_BY_NAME": lambda document: (document.file.name, document.number),
        "DOCUMENTS_SORT_BY_SIZE": lambda document: (document.file.bytes, document.number),
        "DOCUMENTS_SORT_BY_AGE": lambda document: (document.number,),
    },
    default_sort="DOCUMENTS_SORT_BY_NAME",
    orders=collections.ORDERS,
    default_order="ORDERING_DESCENDING",
)


class DocumentsApi:
    """Handlers of `/v1/collections/{id}/documents`. Shapes as in docs.x.ai, "Collections" in the REST reference."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, request: web.Request) -> web.Response:
        """Answers before the indexing is done. A file uploaded a moment ago may not be visible here yet."""
        data = await messages.message(request, ("team_id", "fields"))
        fields = messages.text_map(data, "fields")
        collection = collections.find(self._state, request)
        file = self._visible_file(request.match_info["file_id"])
        if collection.find(file.id) is not None:
            if self._state.switches.re_add == "noop":
                return answer({})
            if self._state.switches.re_add == "conflict":
                raise Refused(409, "Document already exists in the collection")
        definitions.check_fields(collection, fields)
        self._state.attach(collection, file, fields)
        return answer({})

    async def page(self, request: web.Request) -> web.Response:
        collection = collections.find(self._state, request)
        rows = collection.documents
        if text := request.query.get("filter", ""):
            wanted = Filter(text)
            rows = [row for row in rows if wanted.matches(self._lookup(row))]
        if name := request.query.get("name", ""):
            rows = [row for row in rows if name in row.file.name]
        page, token = _LISTING.page(
            rows,
            request.query,
            self._state.marks,
            token_on_last_page=self._state.switches.token_on_last_page,
            within=collection.id,
        )
        body: dict[str, object] = {"documents": self._shown_all(page)}
        if token is not None:
            body["pagination_token"] = token
        return answer(body)

    async def get(self, request: web.Request) -> web.Response:
        return answer(shown(self._find(request), self._state.clock.now()))

    async def batch_get(self, request: web.Request) -> web.Response:
        """The documents there are; ids without one are left out."""
        collection = collections.find(self._state, request)
        file_ids = request.query.getall("file_ids", [])
        if not file_ids:
            raise Refused(400, "file_ids is required")
        found = [row for file_id in dict.fromkeys(file_ids) if (row := collection.find(file_id)) is not None]
        return answer({"documents": self._shown_all(found)})

    async def index(self, request: web.Request) -> web.Response:
        self._state.index(self._find(request))
        return answer({})

    async def remove(self, request: web.Request) -> web.Response:
        collection = collections.find(self._state, request)
        was_there = self._state.detach(collection, request.match_info["file_id"])
        if not was_there and self._state.switches.detach_missing == "not_found":
            raise Refused(404, "Document not found")
        return answer({})

    def _visible_file(self, file_id: str) -> File:
        file = self._state.files.get(file_id)
        if file is None or self._state.clock.now() < file.visible_to_management_at:
            raise Refused(404, "File not found")
        return file

    def _find(self, request: web.Request) -> Document:
        document = collections.find(self._state, request).find(request.match_info["file_id"])
        if document is None:
            raise Refused(404, "Document not found")
        return document

    def _shown_all(self, rows: list[Document]) -> list[dict[str, object]]:
        now = self._state.clock.now()
        return [shown(row, now) for row in rows]

    def _lookup(self, document: Document) -> Lookup:
        now = self._state.clock.now()
        return lambda name: _value(document, name, now)


def dumped(collection: Collection, now: float) -> dict[str, object]:
    """A collection with its documents, for the control routes."""
    return {**collections.shown(collection), "documents": [shown(row, now) for row in collection.documents]}


def shown(document: Document, now: float) -> dict[str, object]:
    """`DocumentMetadata` as proto-JSON."""
    file = document.file
    status = _status(document, now)
    is_failed, is_done = status.endswith("_FAILED"), status.endswith("_PROCESSED")
    chunks = -(-file.bytes // CHUNK_BYTES)
    error_message = document.failure if is_failed else ""
    return {
        "file_metadata": {
            "file_id": file.id,
            "name": file.name,
            "size_bytes": str(file.bytes),
            "content_type": file.content_type,
            "created_at": rfc3339(file.created_at),
            "expires_at": None if file.expires_at is None else rfc3339(file.expires_at),
            "hash": file.content.digest,
            "upload_status": "complete",
            "upload_error_message": "",
            "processing_status": "Complete" if is_done else "failed" if is_failed else "processing",
            "file_path": "",
        },
        "fields": document.fields,
        "status": status,
        "error_message": error_message,
        "last_indexed_at": rfc3339(document.index_until) if is_done else None,
        "chunk_count": chunks,
        "chunks_processed_count": str(chunks if is_done else 0),
    }


def _status(document: Document, now: float) -> str:
    if now >= document.index_until:
        return f"DOCUMENT_STATUS_{'FAILED' if document.failure else 'PROCESSED'}"
    done = (now - document.index_from) / (document.index_until - document.index_from)
    return f"DOCUMENT_STATUS_{_IN_PROGRESS[int(done * len(_IN_PROGRESS))]}"


def _value(document: Document, name: str, now: float) -> Value:
    if name.startswith("fields."):
        return document.fields.get(name.removeprefix("fields."))
    values: dict[str, Value] = {
        "file_id": document.file.id,
        "name": document.file.name,
        "size_bytes": document.file.bytes,
        "content_type": document.file.content_type,
        "created_at": document.file.created_at,
        "hash": document.file.content.digest,
        "status": _status(document, now),
    }
    return values[name]
