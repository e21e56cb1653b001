"""The Files API of api.x.ai: upload, list, look, delete, download."""

from aiohttp import web

from simulators.xai.answers import Refused, answer
from simulators.xai.filters import Filter, Value
from simulators.xai.pages import Listing
from simulators.xai.records import File
from simulators.xai.state import State
from simulators.xai.uploads import Upload

_LISTING: Listing[File] = Listing(
    "files",
    token=lambda file: file.id,
    sorts={
        "created_at": lambda file: (file.number,),
        "filename": lambda file: (file.name, file.number),
        "size": lambda file: (file.bytes, file.number),
    },
    default_sort="created_at",
    orders={"asc": False, "desc": True},
    default_order="desc",
)


class FilesApi:
    """Handlers of `/v1/files`. Shapes as in docs.x.ai, "Files" in the REST reference."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def upload(self, request: web.Request) -> web.Response:
        upload = Upload(self._state)
        try:
            await upload.read(request)
            return answer(shown(upload.commit()))
        finally:
            upload.drop()

    async def page(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        if not query.get("pagination_token"):
            query["pagination_token"] = query.get("after", "")
        rows = list(self._state.files.values())
        if text := query.get("filter", ""):
            wanted = Filter(text)
            rows = [file for file in rows if wanted.matches(_values(file).__getitem__)]
        page, token = _LISTING.page(
            rows, query, self._state.marks, token_on_last_page=self._state.switches.token_on_last_page
        )
        body: dict[str, object] = {"data": [shown(file) for file in page]}
        if token is not None:
            body["pagination_token"] = token
        return answer(body)

    async def get(self, request: web.Request) -> web.Response:
        return answer(shown(self._find(request)))

    async def delete(self, request: web.Request) -> web.Response:
        file = self._find(request)
        self._state.delete_file(file)
        return answer({"id": file.id, "object": "file", "deleted": True})

    async def content(self, request: web.Request) -> web.Response:
        """Small contents in one piece, larger ones from disk chunk by chunk; `format=text` only for UTF-8."""
        content = self._find(request).content
        wanted = request.query.get("format", "original")
        if wanted not in ("original", "text"):
            raise Refused(400, f"Invalid format: {wanted!r}")
        if not content.is_kept:
            raise Refused(501, "The simulator kept only the size and the hash of this file")
        if wanted == "text" and not _is_text(content.read()):
            raise Refused(400, "The file has no text")
        headers = {"Content-Length": str(content.size_bytes)}
        body = content.read() if content.is_in_memory else content.stream()
        return web.Response(body=body, headers=headers, content_type="application/octet-stream")

    def _find(self, request: web.Request) -> File:
        file = self._state.files.get(request.match_info["file_id"])
        if file is None:
            raise Refused(404, "File not found")
        return file


def shown(file: File) -> dict[str, object]:
    """The REST `File`: sizes and times are numbers here, unlike on the management host."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": int(file.created_at),
        "expires_at": None if file.expires_at is None else int(file.expires_at),
        "filename": file.name,
        "purpose": file.purpose,
        "public_url": None,
        "public_url_expires_at": None,
    }


def _values(file: File) -> dict[str, Value]:
    """What a filter can ask for."""
    return {
        "file_id": file.id,
        "name": file.name,
        "file_name": file.name,
        "size_bytes": file.bytes,
        "content_type": file.content_type,
        "created_at": file.created_at,
        "expires_at": file.expires_at,
        "upload_status": "complete",
        "user_defined_id": None,
        "public_url": None,
    }


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
