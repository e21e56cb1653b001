"""Contents of files: hashed and counted while they arrive, small ones in memory, larger ones on disk."""

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Protocol

IN_MEMORY_UP_TO_BYTES = 1024 * 1024
_CHUNK_BYTES = 256 * 1024


class _Hash(Protocol):
    def update(self, data: bytes, /) -> object: ...

    def hexdigest(self) -> str: ...


def _hasher(algorithm: str) -> _Hash:
    """A hash of 64 hex digits, which is all that is known of xAI's `hash`."""
    return hashlib.blake2b(digest_size=32) if algorithm == "blake2b" else hashlib.new(algorithm)


class Content:
    """What was uploaded. `sha256` is always SHA-256; `digest` is what xAI would call `hash`."""

    def __init__(self, *, size_bytes: int, sha256: str, digest: str, kept: bytes | Path | None) -> None:
        self.size_bytes = size_bytes
        self.sha256 = sha256
        self.digest = digest
        self._kept = kept

    @property
    def is_kept(self) -> bool:
        return self._kept is not None

    @property
    def is_in_memory(self) -> bool:
        return isinstance(self._kept, bytes)

    def chunks(self, up_to_bytes: int | None = None) -> Iterator[bytes]:
        """The bytes in pieces. Raises LookupError when only size and hash were kept."""
        if self._kept is None:
            raise LookupError("only the size and the hash of this content were kept")
        if isinstance(self._kept, bytes):
            yield self._kept[:up_to_bytes]
            return
        left = self.size_bytes if up_to_bytes is None else up_to_bytes
        with self._kept.open("rb") as source:
            while left > 0 and (chunk := source.read(min(_CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk

    def read(self, up_to_bytes: int | None = None) -> bytes:
        return b"".join(self.chunks(up_to_bytes))

    async def stream(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks():
            yield chunk

    def drop(self) -> None:
        """Frees what it holds. Its size and hashes stay known."""
        if isinstance(self._kept, Path):
            self._kept.unlink(missing_ok=True)
        self._kept = None


class Intake:
    """One content on its way in. End with `done` or `drop`."""

    def __init__(self, shelf: "Shelf", *, algorithm: str, keep_up_to_bytes: int) -> None:
        self._shelf = shelf
        self._keep_up_to_bytes = keep_up_to_bytes
        self._sha256 = hashlib.sha256()
        self._digest = self._sha256 if algorithm == "sha256" else _hasher(algorithm)
        self._small = bytearray()
        self._spool: IO[bytes] | None = None
        self._path: Path | None = None
        self.size_bytes = 0

    def add(self, chunk: bytes) -> None:
        self._sha256.update(chunk)
        if self._digest is not self._sha256:
            self._digest.update(chunk)
        self.size_bytes += len(chunk)
        if self.size_bytes > self._keep_up_to_bytes:
            self.drop()
        elif self._spool is not None:
            self._spool.write(chunk)
        else:
            self._small += chunk
            if len(self._small) > IN_MEMORY_UP_TO_BYTES:
                self._move_to_disk()

    def done(self) -> Content:
        kept: bytes | Path | None = self._path
        if self._spool is not None:
            self._spool.close()
        elif self.size_bytes <= self._keep_up_to_bytes:
            kept = bytes(self._small)
        return Content(
            size_bytes=self.size_bytes,
            sha256=self._sha256.hexdigest(),
            digest=self._digest.hexdigest(),
            kept=kept,
        )

    def drop(self) -> None:
        self._small.clear()
        if self._spool is not None and self._path is not None:
            self._spool.close()
            self._path.unlink(missing_ok=True)
        self._spool = self._path = None

    def _move_to_disk(self) -> None:
        self._path = self._shelf.new_path()
        self._spool = self._path.open("wb")
        self._spool.write(self._small)
        self._small.clear()


class Shelf:
    """The directory of the larger contents. It goes when the shelf does."""

    def __init__(self) -> None:
        self._directory: Path | None = None
        self._count = 0

    def new_path(self) -> Path:
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="xai-simulator-"))
            # Not TemporaryDirectory: that one warns when it is collected rather than closed.
            weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
        self._count += 1
        return self._directory / str(self._count)
