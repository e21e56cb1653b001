"""Contents of attachments: in memory, or made on the fly so that a large file takes no memory."""

import hashlib
import random
from collections.abc import Iterator
from typing import Protocol

BLOCK_BYTES = 256 * 1024


class Content(Protocol):
    """Bytes of an attachment."""

    size_bytes: int

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from start to before stop, in pieces of at most BLOCK_BYTES."""


class Held:
    """Bytes kept in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size_bytes = len(data)

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        end = self.size_bytes if stop is None else stop
        for at in range(start, end, BLOCK_BYTES):
            yield self._data[at : min(at + BLOCK_BYTES, end)]

    def with_more(self, data: bytes) -> "Held":
        return Held(self._data + data)


class Generated:
    """Bytes that follow from a seed: one block of dice, each copy of it marked with its number."""

    def __init__(self, size_bytes: int, seed: int) -> None:
        self.size_bytes = size_bytes
        self._seed = seed

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        end = self.size_bytes if stop is None else stop
        pattern = random.Random(self._seed).randbytes(BLOCK_BYTES)
        for number in range(start // BLOCK_BYTES, -(-end // BLOCK_BYTES)):
            block = number.to_bytes(8, "big") + pattern[8:]
            first = number * BLOCK_BYTES
            piece = block[max(start - first, 0) : min(end - first, BLOCK_BYTES)]
            if piece:
                yield piece


class Hashes:
    """MD5 and SHA-256 in lower-case hex, as the firm's hash hook writes them."""

    def __init__(self, content: Content) -> None:
        md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
        for block in content.blocks():
            md5.update(block)
            sha256.update(block)
        self.md5 = md5.hexdigest()
        self.sha256 = sha256.hexdigest()


class Files:
    """Contents by attachment id."""

    def __init__(self) -> None:
        self._contents: dict[str, Content] = {}
        self._hashes: dict[str, Hashes] = {}

    def clear(self) -> None:
        self._contents.clear()
        self._hashes.clear()

    def put(self, attachment_id: str, content: Content) -> None:
        self._contents[attachment_id] = content
        self._hashes.pop(attachment_id, None)

    def get(self, attachment_id: str) -> Content | None:
        return self._contents.get(attachment_id)

    def drop(self, attachment_id: str) -> None:
        self._contents.pop(attachment_id, None)
        self._hashes.pop(attachment_id, None)

    def hashes(self, attachment_id: str) -> Hashes | None:
        """Computed once per content; None when there is none."""
        content = self._contents.get(attachment_id)
        if content is not None and attachment_id not in self._hashes:
            self._hashes[attachment_id] = Hashes(content)
        return self._hashes.get(attachment_id)
