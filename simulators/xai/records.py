"""What the simulated xAI remembers: files, collections and the documents in them."""

from dataclasses import dataclass, field

from simulators.xai.contents import Content

JsonObject = dict[str, object]


@dataclass(kw_only=True, eq=False)
class File:
    """One file of the Files API."""

    id: str
    name: str
    purpose: str
    content_type: str
    content: Content
    created_at: float
    expires_at: float | None
    number: int
    visible_to_management_at: float

    @property
    def bytes(self) -> int:
        return self.content.size_bytes

    @property
    def sha256(self) -> str:
        return self.content.sha256


@dataclass(kw_only=True, eq=False)
class Document:
    """A file in a collection. `failure` is the error text its indexing ends with, "" for none."""

    file: File
    fields: dict[str, str]
    number: int
    index_from: float
    index_until: float
    failure: str
    first_indexed_at: float

    def is_searchable(self, now: float) -> bool:
        """A re-indexing leaves the old index in place until it is done."""
        return not self.failure and now >= self.first_indexed_at


@dataclass(kw_only=True, eq=False)
class Collection:
    """One collection and its documents, oldest first. A file can stand in it twice when re-adding duplicates."""

    id: str
    name: str
    description: str
    created_at: float
    number: int
    index_configuration: JsonObject
    chunk_configuration: JsonObject
    metric_space: str
    field_definitions: list[JsonObject]
    documents: list[Document] = field(default_factory=list)

    def find(self, file_id: str) -> Document | None:
        return next((document for document in self.documents if document.file.id == file_id), None)

    def has_value(self, key: str, value: str) -> bool:
        return any(document.fields.get(key) == value for document in self.documents)
