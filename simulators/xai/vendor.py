"""The simulated vendor: both hosts' routes, the control routes, and what tests may look at and do."""

import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec
from aiohttp import web

from simulators.faults import Faults
from simulators.harness import RequestLog
from simulators.xai import access, answers, documents
from simulators.xai.collections import CollectionsApi
from simulators.xai.documents import DocumentsApi
from simulators.xai.files import FilesApi
from simulators.xai.records import Collection, File
from simulators.xai.search import SearchApi
from simulators.xai.seeding import plant
from simulators.xai.state import State
from simulators.xai.switches import Switches, changed

Handler = Callable[[web.Request], Awaitable[web.Response]]


class LiveFile(NamedTuple):
    """A file as a test wants to see it."""

    id: str
    name: str
    bytes: int
    sha256: str
    purpose: str
    created_at: int


class Xai:
    """xAI's Files API, document search and Collections on one port, each path under its own key."""

    name = "xai"

    def __init__(
        self,
        *,
        api_key: str = "demo",
        management_key: str = "demo",
        switches: Switches = Switches(),  # noqa: B008  frozen, so one for all is safe
        seed: int = 0,
    ) -> None:
        self.faults = Faults(seed)
        self.log = RequestLog()
        self._api_key = api_key
        self._management_key = management_key
        self._state = State(switches, seed)

    @property
    def switches(self) -> Switches:
        """May be set at any time; what is already attached or being indexed keeps its course."""
        return self._state.switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        for pattern in switches.processing_result:
            re.compile(pattern)
        self._state.switches = switches

    @property
    def files(self) -> dict[str, File]:
        """The files that exist now, by id."""
        self._state.expire()
        return self._state.files

    @property
    def collections(self) -> dict[str, Collection]:
        """The collections that exist now, by id."""
        self._state.expire()
        return self._state.collections

    def live_files(self) -> list[LiveFile]:
        """Oldest first."""
        return [
            LiveFile(file.id, file.name, file.bytes, file.sha256, file.purpose, int(file.created_at))
            for file in self.files.values()
        ]

    def attachments(self) -> dict[str, list[str]]:
        """File ids by collection id, oldest attachment first; a duplicate row shows twice."""
        return {key: [row.file.id for row in value.documents] for key, value in self.collections.items()}

    def collection(self, collection_id: str) -> Collection:
        """Raises KeyError."""
        return self.collections[collection_id]

    def content(self, file_id: str) -> bytes:
        """Raises KeyError for an unknown file and LookupError when only size and hash were kept."""
        return self.files[file_id].content.read()

    def remove_file(self, file_id: str) -> None:
        """As if somebody did it in the vendor's console: no refusal. Raises KeyError."""
        self._state.drop_file(self.files[file_id], fails=self.switches.delete_attached == "document_fails")

    def remove_collection(self, collection_id: str) -> None:
        """As if somebody did it in the vendor's console. Raises KeyError."""
        self._state.delete_collection(self.collections[collection_id])

    def advance(self, seconds: float) -> None:
        """Puts the simulator's clock forward: expiries, indexing and the visibility lag go with it."""
        self._state.clock.advance(seconds)

    def routes(self) -> list[web.RouteDef]:
        files, search = FilesApi(self._state), SearchApi(self._state)
        rows, docs = CollectionsApi(self._state), DocumentsApi(self._state)
        one_file, collection = "/v1/files/{file_id}", "/v1/collections/{collection_id}"
        document = f"{collection}/documents/{{file_id}}"
        return [
            web.post("/v1/files", self._api(files.upload)),
            web.get("/v1/files", self._api(files.page)),
            web.get(one_file, self._api(files.get)),
            web.delete(one_file, self._api(files.delete)),
            web.get(f"{one_file}/content", self._api(files.content)),
            web.post("/v1/documents/search", self._api(search.search)),
            web.post("/v1/collections", self._management(rows.create)),
            web.get("/v1/collections", self._management(rows.page)),
            web.get(collection, self._management(rows.get)),
            web.put(collection, self._management(rows.update)),
            web.delete(collection, self._management(rows.delete)),
            web.get(f"{collection}/documents", self._management(docs.page)),
            web.get(f"{collection}/documents:batchGet", self._management(docs.batch_get)),
            web.post(document, self._management(docs.add)),
            web.get(document, self._management(docs.get)),
            web.patch(document, self._management(docs.index)),
            web.delete(document, self._management(docs.remove)),
        ]

    def control_routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_sim/switches", self._show_switches),
            web.put("/_sim/switches", self._change_switches),
            web.post("/_sim/clock", self._advance),
            web.delete("/_sim/files/{file_id}", self._remove_file),
            web.delete("/_sim/collections/{collection_id}", self._remove_collection),
        ]

    def error(self, status: int) -> web.Response:
        """An api.x.ai error; a 429 says when to come back only if the switch is on."""
        refused = answers.error(status)
        if status == 429 and self.switches.retry_after:
            refused.headers["Retry-After"] = "1"
        return refused

    def dump(self) -> object:
        now = self._state.clock.now()
        return {
            "switches": self.switches,
            "files": [file._asdict() for file in self.live_files()],
            "collections": [documents.dumped(row, now) for row in self.collections.values()],
        }

    def seed(self, data: dict[str, object]) -> object:
        """`files` and `collections` as in simulators.xai.seeding; answers their ids. Raises msgspec.ValidationError."""
        return plant(self._state, data)

    def reset(self) -> None:
        self._state.forget()

    async def run(self) -> None:
        """Nothing to do: indexing, expiry and lag follow from the clock."""

    def _api(self, handler: Handler) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            try:
                access.check_api_key(request, self._api_key)
                self._state.expire()
                return await handler(request)
            except answers.Refused as refused:
                return answers.error(refused.status, refused.message)

        return handle

    def _management(self, handler: Handler) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            try:
                access.check_management_key(request, self._management_key)
                self._state.expire()
                return await handler(request)
            except answers.Refused as refused:
                return answers.error(refused.status, refused.message, self.switches.management_errors)

        return handle

    async def _show_switches(self, _request: web.Request) -> web.Response:
        return answers.answer(self.switches)

    async def _change_switches(self, request: web.Request) -> web.Response:
        """Takes some or all switches; the others stay."""
        try:
            changes = msgspec.json.decode(await request.read(), type=dict[str, object])
            self.switches = changed(self.switches, changes)
        except (msgspec.MsgspecError, re.error) as wrong:
            return answers.answer({"error": str(wrong)}, 400)
        return answers.answer(self.switches)

    async def _advance(self, request: web.Request) -> web.Response:
        try:
            wanted = msgspec.json.decode(await request.read(), type=dict[str, float])
        except msgspec.MsgspecError as wrong:
            return answers.answer({"error": str(wrong)}, 400)
        self.advance(wanted.get("advance_s", 0.0))
        return answers.answer({"now": self._state.clock.now()})

    async def _remove_file(self, request: web.Request) -> web.Response:
        return _removed(self.remove_file, request.match_info["file_id"])

    async def _remove_collection(self, request: web.Request) -> web.Response:
        return _removed(self.remove_collection, request.match_info["collection_id"])


def _removed(remove: Callable[[str], None], identifier: str) -> web.Response:
    try:
        remove(identifier)
    except KeyError:
        return answers.answer({"removed": False}, 404)
    return answers.answer({"removed": True})
