"""Attachments: upload in one or in chunks, download whole or in part."""

import base64
import binascii
import re
from collections.abc import AsyncIterator, Iterator

from aiohttp import web

from simulators.espocrm.answers import HTML, Refused, good_headers
from simulators.espocrm.fields import Values
from simulators.espocrm.files import Content, Files, Held
from simulators.espocrm.records import Records, Row
from simulators.espocrm.service import Actor

_ALLOWED_FIELD_TYPES = ("file", "image", "attachmentMultiple")
_GIVEN = ("name", "type", "field", "role", "relatedType", "parentType")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Attachments:
    """Tools/Attachment and the input filter of the Attachment record."""

    def __init__(self, records: Records, files: Files) -> None:
        self._records = records
        self._files = files

    def add(self, values: Values, content: Content, actor_id: str) -> Row:
        """A new attachment row with its content, past all checks. `id` in the values is kept."""
        now = self._records.now_text()
        row: Row = {
            "id": str(values.get("id") or self._records.ids.next()),
            "deleted": False,
            "size": content.size_bytes,
            "isBeingUploaded": False,
            "createdAt": now,
            "modifiedAt": now,
            "role": "Attachment",
            "storage": "EspoUploadDir",
            "storageFilePath": None,
            "global": False,
            "createdById": actor_id,
        }
        row.update({name: values[name] for name in _GIVEN if values.get(name) is not None})
        self._records.rows["Attachment"][str(row["id"])] = row
        self._files.put(str(row["id"]), content)
        return row

    def upload(self, body: Values, actor: Actor) -> Row:
        """`POST Attachment`. With isBeingUploaded the content follows in chunks."""
        in_chunks = bool(body.get("isBeingUploaded"))
        content = Held(b"") if in_chunks else Held(_content(body.get("file")))
        self._check_field(body)
        row = self.add({**body, "id": None}, content, actor.id)
        if in_chunks:
            row["isBeingUploaded"] = True
            row["size"] = body.get("size")
        return row

    def _check_field(self, body: Values) -> None:
        entity_type = body.get("relatedType") or body.get("parentType")
        name = body.get("field")
        if not name or not entity_type:
            raise Refused(400, "No `field` and `parentType`.")
        shape = self._records.shapes.get(str(entity_type))
        field = shape.fields.get(str(name)) if shape else None
        if field is None:
            raise Refused(403, f"Field '{name}' does not exist.")
        if field.type not in _ALLOWED_FIELD_TYPES:
            raise Refused(403, f"Field type '{field.type}' is not allowed for Attachment.")

    def add_chunk(self, attachment_id: str, body: bytes) -> None:
        """`POST Attachment/chunk/{id}`: a data URI as raw text. A part sent twice is not recognised: 500."""
        row = self._records.find("Attachment", attachment_id)
        if row is None:
            raise Refused(404, "", content_type=HTML)
        if not row["isBeingUploaded"]:
            raise Refused(403, "Attachment is not being-uploaded.", content_type=HTML)
        part = _content(body.decode("ascii", "replace"))
        content = self._files.get(attachment_id)
        grown = content.with_more(part) if isinstance(content, Held) else Held(part)
        size = int(str(row.get("size") or 0))
        if grown.size_bytes > size:
            raise Refused(500, content_type=HTML)
        self._files.put(attachment_id, grown)
        if grown.size_bytes == size:
            row["isBeingUploaded"] = False

    def download(self, request: web.Request, attachment_id: str) -> web.Response:
        """`GET Attachment/file/{id}`: bytes under the stored type, the name as raw UTF-8; one range at a time."""
        row = self._records.find("Attachment", attachment_id)
        content = self._files.get(attachment_id)
        if row is None or content is None:
            raise Refused(404, "", content_type=HTML)
        name = re.sub(r"[\r\n\0]", " ", str(row.get("name") or ""))
        headers = {
            **good_headers(),
            "Content-Type": str(row.get("type") or "application/json"),
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        start, stop, status = _asked(request.headers.get("Range"), content.size_bytes)
        if status == 416:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{content.size_bytes}"})
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{content.size_bytes}"
        headers["Content-Length"] = str(stop - start)
        if stop == start:
            return web.Response(status=status, headers=headers, body=b"")
        return web.Response(status=status, headers=headers, body=_stream(content.blocks(start, stop)))


async def _stream(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


def _asked(header: str | None, size: int) -> tuple[int, int, int]:
    """Start, stop and status for a Range header; anything but one byte range is answered whole."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.group() == "bytes=-":
        return 0, size, 200
    first, last = match.groups()
    if not first:
        return max(size - int(last), 0), size, 206
    start = int(first)
    stop = min(int(last) + 1, size) if last else size
    return (start, stop, 206) if start < stop else (0, 0, 416)


def _content(file: object) -> bytes:
    """What follows the comma of a data URI."""
    if not file:
        raise Refused(400, "No file contents.")
    _, comma, encoded = str(file).partition(",")
    if not comma:
        raise Refused(400, "Bad file contents.")
    try:
        return base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        raise Refused(400, "Bad file contents.") from None
