"""The two opaque tokens of lists: where a page ended, and up to where a list is known."""

import base64
import random
from typing import Any

import msgspec

Key = tuple[Any, ...]
Asked = tuple[tuple[str, str], ...]


class PageMark(msgspec.Struct, frozen=True, kw_only=True):
    """A page's end. `since` is the sync token the list began with, `base` the latest change when it began."""

    scope: str
    asked: Asked
    since: str | None
    base: int
    after: Key | None
    blank: int = 0


class SyncMark(msgspec.Struct, frozen=True, kw_only=True):
    """A list known up to a change. `scope` names the list and whose it is."""

    scope: str
    asked: Asked
    change: int
    rules_changed: int
    issued_at: float


class Marks:
    """Tokens by text. A sync token that has ended is remembered as one that once was."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._pages: dict[str, PageMark] = {}
        self._syncs: dict[str, SyncMark | None] = {}

    def put_page(self, mark: PageMark) -> str:
        text = self._text()
        self._pages[text] = mark
        return text

    def page(self, token: str) -> PageMark | None:
        return self._pages.get(token)

    def put_sync(self, mark: SyncMark) -> str:
        text = self._text()
        self._syncs[text] = mark
        return text

    def sync(self, token: str) -> SyncMark | None:
        """None for one that has ended. Raises KeyError for one that never was."""
        return self._syncs[token]

    def expire_sync(self) -> int:
        """Ends every sync token; says how many were alive."""
        alive = sum(mark is not None for mark in self._syncs.values())
        self._syncs = dict.fromkeys(self._syncs)
        return alive

    def _text(self) -> str:
        return base64.urlsafe_b64encode(self._dice.randbytes(20)).decode()
