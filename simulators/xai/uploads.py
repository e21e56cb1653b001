"""`POST /v1/files`: a multipart body, read piece by piece."""

import mimetypes

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from simulators.xai.answers import Refused
from simulators.xai.contents import Intake
from simulators.xai.names import disposition, is_odd
from simulators.xai.records import File
from simulators.xai.state import State

# Larger than what aiohttp buffers, so that it never has to push bytes back.
_READ_BYTES = 1024 * 1024
_TEXT_PART_BYTES = 64 * 1024
_EXPIRES = ("expires_after", "expires_after[anchor]", "expires_after[seconds]")
_SHORTEST_S, _LONGEST_S = 3600, 2_592_000


class Upload:
    """One upload on its way in. Nothing of it exists until `commit`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._texts: dict[str, str] = {}
        self._intake: Intake | None = None
        self._name = ""
        self._content_type = ""

    async def read(self, request: web.Request) -> None:
        """Reads the body to its closing boundary. Raises Refused(400); a cut connection raises aiohttp's error."""
        if request.content_type != "multipart/form-data":
            raise Refused(400, "Expected a multipart/form-data body")
        try:
            reader = await request.multipart()
            while (part := await reader.next()) is not None:
                await self._take(part)
        except (ValueError, AssertionError, HttpProcessingError):
            raise Refused(400, "Malformed multipart body") from None

    def commit(self) -> File:
        """Checks what came and makes the file. Raises Refused(400) or, for a body above the limit, Refused(413)."""
        if self._intake is None:
            raise Refused(400, "No file part in the request")
        switches = self._state.switches
        if not self._name:
            raise Refused(400, "The file part has no file name")
        if switches.odd_names == "refused" and is_odd(self._name):
            raise Refused(400, "Invalid filename")
        expires_after_s = self._expires_after_s()
        if self._intake.size_bytes > switches.max_file_bytes:
            raise Refused(413, f"File exceeds the maximum size of {switches.max_file_bytes} bytes")
        if self._intake.size_bytes == 0 and switches.empty_file == "refused":
            raise Refused(400, "The file is empty")
        intake, self._intake = self._intake, None
        return self._state.add_file(
            intake.done(),
            name=self._name,
            purpose=self._texts.get("purpose", ""),
            content_type=self._content_type,
            expires_after_s=expires_after_s,
        )

    def drop(self) -> None:
        """Forgets a body that did not become a file."""
        if self._intake is not None:
            self._intake.drop()

    async def _take(self, part: BodyPartReader | MultipartReader) -> None:
        if isinstance(part, MultipartReader):
            raise Refused(400, "Malformed multipart body")
        about = disposition(part.headers.get("Content-Disposition", ""))
        if about.get("name") == "file":
            await self._take_file(part, about.get("filename", ""))
            return
        name = about.get("name", "")
        if name in _EXPIRES and self._intake is not None:
            raise Refused(400, "expires_after must come before file")
        self._texts[name] = await _text(part)

    async def _take_file(self, part: BodyPartReader, name: str) -> None:
        if self._intake is not None:
            raise Refused(400, "More than one file part in the request")
        self._name = name
        sent = part.headers.get("Content-Type", "")
        self._content_type = sent or mimetypes.guess_type(name)[0] or "application/octet-stream"
        self._intake = self._state.intake()
        while not part.at_eof():
            self._intake.add(await part.read_chunk(_READ_BYTES))

    def _expires_after_s(self) -> int | None:
        given = {name: self._texts[name] for name in _EXPIRES if name in self._texts}
        if not given:
            return None
        seconds = given.get("expires_after", given.get("expires_after[seconds]", ""))
        if given.get("expires_after[anchor]", "created_at") != "created_at":
            raise Refused(400, "expires_after[anchor] must be created_at")
        if not seconds.isascii() or not seconds.isdigit() or not _SHORTEST_S <= int(seconds) <= _LONGEST_S:
            raise Refused(400, f"expires_after must be between {_SHORTEST_S} and {_LONGEST_S} seconds")
        return int(seconds)


async def _text(part: BodyPartReader) -> str:
    text = bytearray()
    while not part.at_eof():
        text += await part.read_chunk(_READ_BYTES)
        if len(text) > _TEXT_PART_BYTES:
            raise Refused(400, "A text part is too long")
    return text.decode("utf-8", "replace")
