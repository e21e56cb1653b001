"""Collections on the management host: create, list, look, change, delete."""

from aiohttp import web

from simulators.xai import definitions, messages
from simulators.xai.answers import Refused, answer
from simulators.xai.clock import rfc3339
from simulators.xai.filters import Filter, Value
from simulators.xai.pages import Listing
from simulators.xai.records import Collection
from simulators.xai.state import State

ORDERS = {"ORDERING_UNKNOWN": True, "ORDERING_ASCENDING": False, "ORDERING_DESCENDING": True}
# A name matches in part even with `=`.
_PARTIAL = frozenset({"collection_name"})
_LISTING: Listing[Collection] = Listing(
    "collections",
    token=lambda collection: collection.id,
    sorts={
        "COLLECTIONS_SORT_BY_NAME": lambda collection: (collection.name, collection.number),
        "COLLECTIONS_SORT_BY_AGE": lambda collection: (collection.number,),
    },
    default_sort="COLLECTIONS_SORT_BY_NAME",
    orders=ORDERS,
    default_order="ORDERING_DESCENDING",
)
_CREATE = (
    "collection_name",
    "team_id",
    "index_configuration",
    "chunk_configuration",
    "metric_space",
    "field_definitions",
    "collection_description",
    "version",
)
_UPDATE = (
    "team_id",
    "collection_name",
    "chunk_configuration",
    "collection_description",
    "field_definition_updates",
)


class CollectionsApi:
    """Handlers of `/v1/collections`. Shapes as in docs.x.ai, "Collections" in the REST reference."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def create(self, request: web.Request) -> web.Response:
        data = await messages.message(request, _CREATE)
        name = messages.text(data, "collection_name")
        if not name:
            raise Refused(400, "collection_name is required")
        metric = messages.text(data, "metric_space") or "HNSW_METRIC_UNKNOWN"
        collection = self._state.add_collection(
            name,
            description=messages.text(data, "collection_description"),
            index_configuration=definitions.indexing(data),
            chunk_configuration=definitions.chunking(data),
            metric_space=messages.one_of(metric, definitions.METRICS, "metric_space"),
            field_definitions=[definitions.definition(row) for row in messages.parts(data, "field_definitions")],
        )
        return answer(shown(collection))

    async def page(self, request: web.Request) -> web.Response:
        rows = list(self._state.collections.values())
        if text := request.query.get("filter", ""):
            wanted = Filter(text, partial=_PARTIAL)
            rows = [row for row in rows if wanted.matches(_values(row).__getitem__)]
        page, token = _LISTING.page(
            rows, request.query, self._state.marks, token_on_last_page=self._state.switches.token_on_last_page
        )
        body: dict[str, object] = {"collections": [shown(row) for row in page]}
        if token is not None:
            body["pagination_token"] = token
        return answer(body)

    async def get(self, request: web.Request) -> web.Response:
        return answer(shown(find(self._state, request)))

    async def update(self, request: web.Request) -> web.Response:
        """Changes what was sent and leaves the rest."""
        data = await messages.message(request, _UPDATE)
        collection = find(self._state, request)
        before = shown(collection)
        kept, gone = definitions.updated(collection, messages.parts(data, "field_definition_updates"))
        name = messages.text(data, "collection_name") or collection.name
        description = messages.text(data, "collection_description") or collection.description
        if "chunk_configuration" in data:
            collection.chunk_configuration = definitions.chunking(data)
        collection.name, collection.description, collection.field_definitions = name, description, kept
        for document in collection.documents:
            for key in gone:
                document.fields.pop(key, None)
        return answer(before if self._state.switches.put_answers == "old" else shown(collection))

    async def delete(self, request: web.Request) -> web.Response:
        self._state.delete_collection(find(self._state, request))
        return answer({})


def find(state: State, request: web.Request) -> Collection:
    """The collection of the request's path. Raises Refused(404)."""
    collection = state.collections.get(request.match_info["collection_id"])
    if collection is None:
        raise Refused(404, "Collection not found")
    return collection


def shown(collection: Collection) -> dict[str, object]:
    """`CollectionMetadata` as proto-JSON: the int64 is a string, the time RFC 3339."""
    return {
        "collection_id": collection.id,
        "collection_name": collection.name,
        "created_at": rfc3339(collection.created_at),
        "index_configuration": collection.index_configuration,
        "chunk_configuration": collection.chunk_configuration,
        "documents_count": len(collection.documents),
        "field_definitions": collection.field_definitions,
        "collection_description": collection.description,
        "total_file_size": str(sum(document.file.bytes for document in collection.documents)),
    }


def _values(collection: Collection) -> dict[str, Value]:
    """What a filter can ask for."""
    return {
        "collection_id": collection.id,
        "collection_name": collection.name,
        "collection_description": collection.description,
        "created_at": collection.created_at,
        "documents_count": len(collection.documents),
    }
