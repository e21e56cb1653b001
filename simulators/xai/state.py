"""The state behind both hosts, and what one change does to the rest: detach, delete, expire."""

import heapq
import random
import re
import uuid

from simulators.clock import Clock
from simulators.xai.answers import Refused
from simulators.xai.contents import Content, Intake, Shelf
from simulators.xai.pages import Marks
from simulators.xai.records import Collection, Document, File, JsonObject
from simulators.xai.switches import Switches

_GONE = "The file of this document no longer exists"


class State:
    """Files and collections under one clock and one set of switches. Every change happens at once or not at all."""

    def __init__(self, switches: Switches, seed: int) -> None:
        self.switches = switches
        self.clock = Clock()
        self.files: dict[str, File] = {}
        self.collections: dict[str, Collection] = {}
        self.marks = Marks()
        self._attached_to: dict[str, set[str]] = {}
        self._expiries: list[tuple[float, str]] = []
        self._shelf = Shelf()
        self._dice = random.Random(seed)
        self._count = 0

    def forget(self) -> None:
        """Drops all files and collections. Ids go on, so nothing old can be mistaken for something new."""
        for file in self.files.values():
            file.content.drop()
        self.files.clear()
        self.collections.clear()
        self.marks = Marks()
        self._attached_to.clear()
        self._expiries.clear()

    def intake(self) -> Intake:
        """A fresh intake. Contents above the size limit are not kept, whatever the switches say of keeping."""
        keep = min(self.switches.keep_content_up_to_bytes, self.switches.max_file_bytes)
        return Intake(self._shelf, algorithm=self.switches.hash_algorithm, keep_up_to_bytes=keep)

    def add_file(
        self, content: Content, *, name: str, purpose: str, content_type: str, expires_after_s: int | None
    ) -> File:
        now = self.clock.now()
        file = File(
            id=self._id("file"),
            name=name,
            purpose=purpose,
            content_type=content_type,
            content=content,
            created_at=now,
            expires_at=None if expires_after_s is None else now + expires_after_s,
            number=self._next(),
            visible_to_management_at=now + self.switches.visibility_lag_ms / 1000,
        )
        self.files[file.id] = file
        if file.expires_at is not None:
            heapq.heappush(self._expiries, (file.expires_at, file.id))
        return file

    def add_collection(
        self,
        name: str,
        *,
        description: str,
        index_configuration: JsonObject,
        chunk_configuration: JsonObject,
        metric_space: str,
        field_definitions: list[JsonObject],
    ) -> Collection:
        """Always a new one: names are not unique."""
        collection = Collection(
            id=self._id("collection"),
            name=name,
            description=description,
            created_at=self.clock.now(),
            number=self._next(),
            index_configuration=index_configuration,
            chunk_configuration=chunk_configuration,
            metric_space=metric_space,
            field_definitions=field_definitions,
        )
        self.collections[collection.id] = collection
        return collection

    def attach(self, collection: Collection, file: File, fields: dict[str, str]) -> Document:
        """One more document, whatever is there already."""
        document = Document(
            file=file, fields=fields, number=self._next(), index_from=0, index_until=0, failure="", first_indexed_at=0
        )
        self.index(document)
        document.first_indexed_at = document.index_until
        collection.documents.append(document)
        self._attached_to.setdefault(file.id, set()).add(collection.id)
        return document

    def index(self, document: Document) -> None:
        """Starts the indexing anew. How it will end is settled here."""
        document.index_from = self.clock.now()
        document.index_until = document.index_from + self.switches.processing_ms / 1000
        document.failure = _GONE if document.file.id not in self.files else self._failure_of(document.file.name)

    def detach(self, collection: Collection, file_id: str) -> bool:
        """Takes every document of the file out of the collection; False when there was none."""
        left = [document for document in collection.documents if document.file.id != file_id]
        if len(left) == len(collection.documents):
            return False
        collection.documents = left
        self._let_go(collection, file_id, delete_file=self.switches.detach_deletes_file)
        return True

    def delete_file(self, file: File) -> None:
        """As `DELETE /v1/files/{id}`. Raises Refused(400) when it is attached and the switch says so."""
        if self.switches.delete_attached == "refused" and self._attached_to.get(file.id):
            raise Refused(400, "The file is still attached to a collection")
        self.drop_file(file, fails=self.switches.delete_attached == "document_fails")

    def drop_file(self, file: File, *, fails: bool) -> None:
        """The file goes; its documents go too, or stay as failed ones."""
        del self.files[file.id]
        file.content.drop()
        for collection_id in sorted(self._attached_to.get(file.id, ())):
            collection = self.collections[collection_id]
            if fails:
                self._fail(collection, file.id)
            else:
                collection.documents = [row for row in collection.documents if row.file.id != file.id]
        if not fails:
            self._attached_to.pop(file.id, None)

    def delete_collection(self, collection: Collection) -> None:
        del self.collections[collection.id]
        for file_id in {document.file.id: None for document in collection.documents}:
            self._let_go(collection, file_id, delete_file=self.switches.delete_collection_deletes_files)

    def expire(self) -> None:
        """Lets every file go whose time is up."""
        now = self.clock.now()
        while self._expiries and self._expiries[0][0] <= now:
            file = self.files.get(heapq.heappop(self._expiries)[1])
            if file is None:
                continue
            if self.switches.expired_while_attached == "stays" and self._attached_to.get(file.id):
                del self.files[file.id]
            else:
                self.drop_file(file, fails=self.switches.expired_while_attached == "document_fails")

    def _let_go(self, collection: Collection, file_id: str, *, delete_file: bool) -> None:
        """A file deleted with its attachment goes with the last one: elsewhere it is still in use."""
        elsewhere = self._attached_to[file_id]
        elsewhere.discard(collection.id)
        if elsewhere:
            return
        del self._attached_to[file_id]
        file = self.files.get(file_id)
        if delete_file and file is not None:
            self.drop_file(file, fails=False)

    def _fail(self, collection: Collection, file_id: str) -> None:
        now = self.clock.now()
        for document in collection.documents:
            if document.file.id == file_id:
                document.failure, document.index_until = _GONE, now

    def _failure_of(self, name: str) -> str:
        for pattern, failure in self.switches.processing_result.items():
            if re.fullmatch(pattern, name, re.DOTALL):
                return failure
        return ""

    def _id(self, kind: str) -> str:
        return f"{kind}_{uuid.UUID(int=self._dice.getrandbits(128), version=4)}"

    def _next(self) -> int:
        self._count += 1
        return self._count
