"""A document on its way through: hashed as it comes, in memory while small, on disk when not."""

import hashlib
import io
import tempfile
from typing import BinaryIO

import msgspec

_IN_MEMORY_BYTES = 4 * 1024 * 1024


class Content(msgspec.Struct, frozen=True):
    """A whole file, ready to be read once more. `body` removes itself when nobody holds it."""

    size_bytes: int
    md5: str
    sha256: str
    body: BinaryIO


class Spool:
    """Takes a file piece by piece, in constant memory."""

    def __init__(self) -> None:
        self._body: BinaryIO = io.BytesIO()
        self._on_disk = False
        self._size_bytes = 0
        # MD5 because EspoCRM's own field holds it; it identifies, it protects nothing.
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    @property
    def size_bytes(self) -> int:
        """What has come so far."""
        return self._size_bytes

    def write(self, piece: bytes) -> None:
        """Adds a piece."""
        self._size_bytes += len(piece)
        self._md5.update(piece)
        self._sha256.update(piece)
        if not self._on_disk and self._size_bytes > _IN_MEMORY_BYTES:
            disk = tempfile.TemporaryFile(prefix="hub-")  # noqa: SIM115 - lives as long as the content
            disk.write(self._body.read() if self._body.seek(0) == 0 else b"")
            self._body.close()
            self._body = disk
            self._on_disk = True
        self._body.write(piece)

    def close(self) -> Content:
        """The whole file."""
        self._body.seek(0)
        return Content(self._size_bytes, self._md5.hexdigest(), self._sha256.hexdigest(), self._body)
