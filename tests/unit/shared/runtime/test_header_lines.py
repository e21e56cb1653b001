"""Headers in one piece: what nats-py writes is the same, byte for byte, and nobody smuggles a line in."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from shared.runtime.header_lines import in_one_piece

NAMES = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=30)
VALUES = st.text(st.characters(exclude_characters="\r\n", codec="utf-8")).map(str.strip)
HEADERS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=9)


class Wire(Client):
    """A connection that keeps what it would send."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""

    async def _send_command(self, cmd: bytes, _priority: bool = False) -> None:
        self.sent += cmd


async def written(headers: dict[str, str]) -> bytes:
    wire = Wire()
    await wire._send_publish("vmh.document.update", "_INBOX.1", b"{}", 2, headers)
    return wire.sent


@given(HEADERS)
async def test_nats_py_writes_the_same(headers: dict[str, str]) -> None:
    """One header or nine, plain or not: the command is what nats-py makes of the single headers."""
    assert await written(in_one_piece(headers)) == await written(headers)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("where", ["{}x", "x{}", "x{}Nats-Rollup: all"])
def test_a_value_stays_one_line(end: str, where: str) -> None:
    """nats-py would blank the end of a line out; here it is refused."""
    with pytest.raises(ValueError, match="more than one line"):
        in_one_piece({"Nats-Msg-Id": "1", "ce-source": where.format(end), "ce-id": "1"})
