"""The simulated Advoware with a few paths more, whose answers are as odd as an answer can be."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import msgspec
from aiohttp import web

from simulators.advoware import Advoware, Credentials

MB = 1024 * 1024
_BLOCK = b"0123456789abcdef" * 4096


class OddAdvoware(Advoware):
    """`/api/v1/advonet/Odd/<what>` answers `<what>`, and `/Odd/<what>/<size_bytes>` as much of it."""

    def __init__(self, *, credentials: Credentials = Credentials()) -> None:  # noqa: B008
        super().__init__(credentials=credentials)
        self.arrived: asyncio.Queue[str] = asyncio.Queue()
        """Methods of the requests that wait at `Odd/wait`, as they come in."""
        self.gate = asyncio.Event()
        """Open, it lets them go on."""
        self.seen_bodies: list[bytes] = []
        self.seen_queries: list[str] = []
        self.seen_tokens: set[str] = set()
        self.quoted = ""
        """What `Odd/quote/<status>` says in its error, and every token along with it."""
        self.refusing_tokens = 0
        """The status with which tokens are refused, quoting the whole request; 0 hands them out."""

    def routes(self) -> list[web.RouteDef]:
        """The odd ones first."""
        return [
            web.route("*", "/api/v1/advonet/Odd/{what}", self._odd),
            web.route("*", "/api/v1/advonet/Odd/{what}/{number}", self._numbered),
            web.post("/api/v1/Token", self._token),
            *super().routes(),
        ]

    async def until_arrived(self, count: int) -> None:
        """Returns when that many more requests wait."""
        async with asyncio.timeout(10):
            for _ in range(count):
                await self.arrived.get()

    async def _token(self, request: web.Request) -> web.StreamResponse:
        if not self.refusing_tokens:
            return await self._answer(request)
        return web.json_response({"message": (await request.read()).decode()}, status=self.refusing_tokens)

    async def _odd(self, request: web.Request) -> web.StreamResponse:
        answer = {
            "empty": web.Response(status=204),
            "nothing": web.Response(content_type="application/json"),
            "problem": web.Response(body=b'{"a":1}', content_type="application/problem+json"),
            "page": web.Response(body=b"<script>alert(1)</script>", content_type="text/html"),
            "untyped": web.Response(body=b"abc", headers={"Content-Type": ""}),
            "cut": web.Response(body=b'{"a":[1,', content_type="application/json"),
            "twice": web.Response(body=b'{"a":1}{"b":2}', content_type="application/json"),
            "latin": web.Response(body='["ü"]'.encode("latin-1"), content_type="application/json"),
            "deep": web.Response(body=b"[" * 100_000 + b"]" * 100_000, content_type="application/json"),
            "bomb": web.Response(
                body=gzip.compress(bytes(48 * MB), 6) if request.match_info["what"] == "bomb" else b"",
                headers={"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"},
            ),
            "moved": web.Response(status=302, headers={"Location": "http://127.0.0.1:9/elsewhere"}),
        }.get(request.match_info["what"])
        if answer is not None:
            return answer
        self.seen_queries.append(request.rel_url.raw_query_string)
        self.seen_bodies.append(await request.read())
        if request.match_info["what"] == "wait":
            self.arrived.put_nowait(request.method)
            await self.gate.wait()
        query = [[name, value] for name, value in request.query.items()]
        return web.json_response({"method": request.method, "query": query})

    async def _numbered(self, request: web.Request) -> web.StreamResponse:
        what, number = request.match_info["what"], int(request.match_info["number"])
        if what == "quote":
            self.seen_tokens.add(request.headers["Authorization"].partition(" ")[2])
            return web.json_response({"message": " ".join([self.quoted, *self.seen_tokens])}, status=number)
        if what == "list":
            return web.Response(body=large_json(number), content_type="application/json")
        headers = {"Content-Length": str(number)} if what == "announced" else {}
        paced = what == "paced"
        if paced:
            self.arrived.put_nowait(request.method)
        return web.Response(body=self._stream(number, paced=paced), headers=headers, content_type="application/pdf")

    async def _stream(self, size_bytes: int, *, paced: bool) -> AsyncIterator[bytes]:
        """Paced, it sends one half and the other when the gate is open."""
        sent = 0
        while sent < size_bytes:
            if paced and sent >= size_bytes // 2:
                await self.gate.wait()
            yield _BLOCK[: size_bytes - sent]
            sent += len(_BLOCK)


def odd_bytes(size_bytes: int) -> bytes:
    """What `Odd/announced/<size_bytes>` and `Odd/chunked/<size_bytes>` answer."""
    return (_BLOCK * (size_bytes // len(_BLOCK) + 1))[:size_bytes]


def large_json(size_bytes: int) -> bytes:
    """A list of at least that size, with letters of more than one byte."""
    row = {"kurzRubrum": "Müßig ./. Örtlich", "text": "x" * 900}
    return msgspec.json.encode([{"id": number, **row} for number in range(size_bytes // 900 + 1)])
