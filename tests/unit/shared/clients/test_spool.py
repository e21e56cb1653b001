"""A document on its way through: same bytes out, right hashes, disk above the limit."""

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clients import spool as module
from shared.clients.spool import Spool


@given(st.lists(st.binary(max_size=60)), st.integers(0, 80))
def test_bytes_and_hashes(pieces: list[bytes], in_memory: int) -> None:
    """Whatever the pieces, and wherever the limit falls among them, nothing is lost and hashes are hashlib's."""
    whole = b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_IN_MEMORY_BYTES", in_memory)
        spool = Spool()
        for piece in pieces:
            spool.write(piece)
        assert spool.size_bytes == len(whole)
        content = spool.close()
    with content.body as body:
        assert isinstance(body, io.BytesIO) == (len(whole) <= in_memory)
        assert body.read() == whole
        body.seek(0)
        assert body.read() == whole
    assert content.size_bytes == len(whole)
    assert content.md5 == hashlib.md5(whole).hexdigest()
    assert content.sha256 == hashlib.sha256(whole).hexdigest()


def test_a_small_file_stays_in_memory() -> None:
    """Four megabytes and not a byte more."""
    spool = Spool()
    spool.write(b"x" * (4 * 1024 * 1024))
    content = spool.close()
    assert isinstance(content.body, io.BytesIO)


def test_a_large_file_goes_to_disk() -> None:
    """P12: beyond that it takes no memory of ours."""
    spool = Spool()
    for _ in range(5):
        spool.write(b"y" * 1024 * 1024)
    content = spool.close()
    with content.body as body:
        assert not isinstance(body, io.BytesIO)
        assert len(body.read()) == 5 * 1024 * 1024


def test_an_empty_file_is_a_file() -> None:
    """Nothing was written, and yet there is content."""
    content = Spool().close()
    assert (content.size_bytes, content.body.read()) == (0, b"")
    assert content.md5 == "d41d8cd98f00b204e9800998ecf8427e"
