"""Documents of any size, made up while they are sent."""

from collections.abc import AsyncIterator, Iterator

from aiohttp import web

from simulators.advoware.records import Dokument
from simulators.advoware.routing import Call
from simulators.advoware.state import State, find

_BLOCK_BYTES = 64 * 1024


class DokumenteApi:
    """Handler of `/api/v1/advonet/Dokumente/{id}`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def get(self, call: Call) -> web.Response:
        """Streamed with its length; nobody ever holds it as a whole."""
        dokument = find(self._state.dokumente, call.place("id"))
        headers = {"Content-Length": str(dokument.size_bytes)}
        return web.Response(body=_stream(dokument), headers=headers, content_type="application/pdf")


def blocks(dokument: Dokument) -> Iterator[bytes]:
    """The made-up bytes: each block begins with the document's number and its own, so that a mix-up shows."""
    for at in range(0, dokument.size_bytes, _BLOCK_BYTES):
        head = f"%PDF-1.7\n% Dokument {dokument.id} Block {at // _BLOCK_BYTES}\n".encode()
        yield head.ljust(_BLOCK_BYTES, b".")[: dokument.size_bytes - at]


async def _stream(dokument: Dokument) -> AsyncIterator[bytes]:
    for block in blocks(dokument):
        yield block
