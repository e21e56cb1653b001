"""Lists in pages: limit, order and the token that also stands on the last page."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from simulators.xai.answers import Refused

Row = TypeVar("Row")
Key = tuple[Any, ...]

MOST_ROWS = 100


class Marks:
    """Where each token stands. Kept by sort key, so that a page goes on even when its last row was deleted."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], Key] = {}

    def put(self, scope: str, token: str, key: Key) -> None:
        self._keys[scope, token] = key

    def get(self, scope: str, token: str) -> Key:
        try:
            return self._keys[scope, token]
        except KeyError:
            raise Refused(400, "Invalid pagination_token") from None


class Listing(Generic[Row]):
    """How one kind of row is listed: its name, what identifies a row, and what it can be sorted by."""

    def __init__(
        self,
        name: str,
        *,
        token: Callable[[Row], str],
        sorts: Mapping[str, Callable[[Row], Key]],
        default_sort: str,
        orders: Mapping[str, bool],
        default_order: str,
    ) -> None:
        self._name = name
        self._token = token
        self._sorts = sorts
        self._default_sort = default_sort
        self._orders = orders
        self._default_order = default_order

    def page(
        self,
        rows: Iterable[Row],
        query: Mapping[str, str],
        marks: Marks,
        *,
        token_on_last_page: bool,
        within: str = "",
    ) -> tuple[list[Row], str | None]:
        """One page and its token; `within` keeps the tokens of two parents apart.

        Raises Refused(400) for a limit outside 1..100 or an unknown sort, order or token. An empty page hands back
        the token it was asked with, so a client that loops while there is a token never ends.
        """
        limit = _limit(query.get("limit", ""))
        sort = _one_of(self._sorts, query.get("sort_by") or self._default_sort, "sort_by")
        descending = _one_of(self._orders, query.get("order") or self._default_order, "order")
        scope = f"{self._name} {within} {query.get('sort_by') or self._default_sort} {descending}"
        token = query.get("pagination_token", "")
        ordered = sorted(rows, key=sort, reverse=descending)
        if token:
            mark = marks.get(scope, token)
            ordered = [row for row in ordered if (sort(row) < mark if descending else sort(row) > mark)]
        page = ordered[:limit]
        is_last = len(ordered) <= limit
        if is_last and not token_on_last_page:
            return page, None
        if not page:
            return page, token or None
        marks.put(scope, self._token(page[-1]), sort(page[-1]))
        return page, self._token(page[-1])


def _limit(text: str) -> int:
    if not text:
        return MOST_ROWS
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_ROWS:
        raise Refused(400, f"limit must be between 1 and {MOST_ROWS}")
    return int(text)


Choice = TypeVar("Choice")


def _one_of(choices: Mapping[str, Choice], name: str, parameter: str) -> Choice:
    if name not in choices:
        raise Refused(400, f"Invalid {parameter}: {name!r}")
    return choices[name]
