"""`POST /v1/documents/search`: words looked up in the texts of indexed documents."""

import re
import uuid
from collections.abc import Iterator

from aiohttp import web

from simulators.xai.answers import Refused, answer, json_object
from simulators.xai.filters import Filter, Lookup
from simulators.xai.records import Collection, Document
from simulators.xai.state import State

_SEARCHED_BYTES = 1024 * 1024
_CHUNK_CHARS = 1000
_MOST_MATCHES = 100
_WORD = re.compile(r"\w+")
_IDS = uuid.UUID("6f1d1f0e-3a0b-4b0e-9d52-0f6f2f7a6f10")


class SearchApi:
    """The handler. A chunk's score is the share of the query's words it has: no meaning, no ranking beyond that."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def search(self, request: web.Request) -> web.Response:
        data = await json_object(request)
        words = _words(_query(data))
        wanted = Filter(str(data.get("filter") or ""))
        matches: dict[str, dict[str, object]] = {}
        for collection, document in self._documents(data):
            if not wanted.matches(_lookup(document)):
                continue
            for chunk_id, chunk, score in _scored(document, words):
                match = matches.setdefault(chunk_id, _match(document, chunk_id, chunk, score))
                ids = match["collection_ids"]
                if isinstance(ids, list) and collection.id not in ids:
                    ids.append(collection.id)
        best = sorted(matches.values(), key=lambda match: -float(str(match["score"])))
        return answer({"matches": best[: _limit(data)]})

    def _documents(self, data: dict[str, object]) -> Iterator[tuple[Collection, Document]]:
        source = data.get("source")
        ids = source.get("collection_ids") if isinstance(source, dict) else None
        if not isinstance(ids, list) or not ids:
            raise Refused(400, "source.collection_ids is required")
        now = self._state.clock.now()
        for collection_id in ids:
            collection = self._state.collections.get(str(collection_id))
            if collection is None:
                raise Refused(404, "Collection not found")
            for document in collection.documents:
                if document.is_searchable(now) and document.file.content.is_kept:
                    yield collection, document


def _query(data: dict[str, object]) -> str:
    query = data.get("query")
    if not isinstance(query, str) or not query.strip():
        raise Refused(400, "query is required")
    return query


def _limit(data: dict[str, object]) -> int:
    limit = data.get("limit", 10)
    if not isinstance(limit, int) or not 1 <= limit <= _MOST_MATCHES:
        raise Refused(400, "limit is out of range")
    return limit


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


def _scored(document: Document, words: set[str]) -> Iterator[tuple[str, str, float]]:
    text = document.file.content.read(_SEARCHED_BYTES).decode("utf-8", "replace")
    for start in range(0, len(text), _CHUNK_CHARS):
        chunk = text[start : start + _CHUNK_CHARS]
        hits = len(words & _words(chunk))
        if hits:
            yield str(uuid.uuid5(_IDS, f"{document.file.id} {start}")), chunk, hits / len(words)


def _match(document: Document, chunk_id: str, chunk: str, score: float) -> dict[str, object]:
    return {
        "file_id": document.file.id,
        "chunk_id": chunk_id,
        "chunk_content": chunk,
        "score": score,
        "collection_ids": [],
        "fields": document.fields,
    }


def _lookup(document: Document) -> Lookup:
    """An unknown field matches nothing, which is what the search guide promises."""
    return lambda name: document.fields.get(name.removeprefix("fields."))
