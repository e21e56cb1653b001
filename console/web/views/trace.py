"""One trace as a tree."""

import re
from urllib.parse import urlsplit, urlunsplit

import msgspec
from aiohttp import web

from console.desk.traces import Missing, Span, trace
from console.web.page import show
from console.web.room import Room
from shared.outcomes.errors import Unavailable

_TRACE = re.compile(r"[0-9a-f]{32}")
_SPANS_MAX = 500


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A span and how deep it lies."""

    span: Span
    depth: int


class Traces:
    """From Tempo where TEMPO_URL says where it is, else what the history knows of it."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/trace/{trace_id}", self._look)]

    async def _look(self, request: web.Request) -> web.Response:
        trace_id = request.match_info["trace_id"]
        if not _TRACE.fullmatch(trace_id):
            raise web.HTTPNotFound
        url = self._room.tempo_url
        rows: list[Row] = []
        missing = source = ""
        try:
            found = await trace(self._room.bus, url, trace_id)
            rows, source = flat(found.roots), found.source
        except (Missing, Unavailable) as failed:
            missing = str(failed)
        link = f"{_without_user(url)}/api/traces/{trace_id}" if url else ""
        status = 404 if missing else 200
        return show(
            request, "trace", status=status, trace_id=trace_id, rows=rows, source=source, missing=missing, tempo=link
        )


def flat(roots: list[Span]) -> list[Row]:
    """Spans in the order in which a reader meets them."""
    found: list[Row] = []
    waiting = [(root, 0) for root in reversed(roots)]
    while waiting and len(found) < _SPANS_MAX:
        span, depth = waiting.pop()
        found.append(Row(span=span, depth=depth))
        waiting += [(child, depth + 1) for child in reversed(span.children)]
    return found


def _without_user(url: str) -> str:
    """A link is no place for a password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")
