"""The `filter` parameter: the part of AIP-160 that xAI's pages show."""

import operator
import re
from collections.abc import Callable
from typing import NamedTuple

from simulators.xai.answers import Refused
from simulators.xai.clock import from_rfc3339

Value = str | int | float | None
Lookup = Callable[[str], Value]
"""Gives a field's value; raises KeyError when there is no such field. Times are unix seconds as float."""

_TOKEN = re.compile(
    r"\s*(?:(?P<word>AND|OR)(?=[\s(])|(?P<open>\()|(?P<close>\))"
    r"|(?P<not>NOT\s+|-)?(?P<field>[A-Za-z_][\w.-]*)\s*"
    r'(?P<op>:?!=|:?>=|:?<=|:!|:?>|:?<|:?=|:)\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s()"]+)))',
    re.DOTALL,
)
_COMPARE = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}


class _Term(NamedTuple):
    field: str
    op: str
    value: str
    negated: bool


_Node = _Term | tuple[str, list["_Node"]]


class Filter:
    """A parsed filter. OR binds tighter than AND, as AIP-160 has it. Raises Refused(400) for anything else."""

    def __init__(self, text: str, *, partial: frozenset[str] = frozenset()) -> None:
        self._partial = partial
        self._tokens = _tokens(text)
        self._at = 0
        self._tree = self._all_of() if self._tokens else ("AND", [])
        if self._at != len(self._tokens):
            raise Refused(400, "Invalid filter: unbalanced parenthesis")

    def matches(self, lookup: Lookup) -> bool:
        """Whether it holds. Raises Refused(400) for an unknown field or a value of the wrong kind."""
        return self._holds(self._tree, lookup)

    def _all_of(self) -> _Node:
        parts = [self._any_of()]
        while self._peek() not in (None, "close"):
            if self._peek() == "AND":
                self._at += 1
            parts.append(self._any_of())
        return ("AND", parts)

    def _any_of(self) -> _Node:
        parts = [self._one()]
        while self._peek() == "OR":
            self._at += 1
            parts.append(self._one())
        return ("OR", parts)

    def _one(self) -> _Node:
        here = self._tokens[self._at] if self._at < len(self._tokens) else None
        self._at += 1
        if isinstance(here, _Term):
            return here
        if here != "open":
            raise Refused(400, "Invalid filter: expected a restriction")
        inside = self._all_of()
        if self._peek() != "close":
            raise Refused(400, "Invalid filter: unbalanced parenthesis")
        self._at += 1
        return inside

    def _peek(self) -> str | None:
        if self._at >= len(self._tokens):
            return None
        token = self._tokens[self._at]
        return token if isinstance(token, str) else "term"

    def _holds(self, node: _Node, lookup: Lookup) -> bool:
        if isinstance(node, _Term):
            return self._term_holds(node, lookup) is not node.negated
        word, parts = node
        return (all if word == "AND" else any)(self._holds(part, lookup) for part in parts)

    def _term_holds(self, term: _Term, lookup: Lookup) -> bool:
        try:
            actual = lookup(term.field)
        except KeyError:
            raise Refused(400, f"Invalid filter: unknown field {term.field!r}") from None
        if actual is None:
            return False
        if isinstance(actual, str):
            return _text_holds(actual, term, partial=term.op == ":" or term.field in self._partial)
        return _number_holds(float(actual), term)


def _tokens(text: str) -> list[_Term | str]:
    found: list[_Term | str] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Refused(400, f"Invalid filter near position {at}")
        at = match.end()
        if match["field"]:
            quoted = match["quoted"]
            value = match["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
            found.append(_Term(match["field"], _plain(match["op"]), value, bool(match["not"])))
        else:
            found.append(match["word"] or ("open" if match["open"] else "close"))
    return found


def _plain(op: str) -> str:
    """`:>` and `>` mean the same; `:!` is `!=`."""
    op = op if op == ":" else op.removeprefix(":")
    return "!=" if op == "!" else op


def _text_holds(actual: str, term: _Term, *, partial: bool) -> bool:
    if term.op in _COMPARE:
        return _text_compares(actual, term)
    if (
        ".." in term.value
        and term.op == "="
        and (bounds := _range(term.value))
        and (number := _number(actual)) is not None
    ):
        return bounds[0] <= number <= bounds[1]
    same = term.value.casefold() in actual.casefold() if partial else term.value == actual
    return same is not (term.op == "!=")


def _text_compares(actual: str, term: _Term) -> bool:
    left, right = _number(actual), _number(term.value)
    if left is not None and right is not None:
        return bool(_COMPARE[term.op](left, right))
    return bool(_COMPARE[term.op](actual, term.value))


def _number_holds(actual: float, term: _Term) -> bool:
    if bounds := _range(term.value):
        return (bounds[0] <= actual <= bounds[1]) is not (term.op == "!=")
    wanted = _number(term.value)
    if wanted is None:
        raise Refused(400, f"Invalid filter: {term.field} cannot be compared with {term.value!r}")
    if term.op in _COMPARE:
        return bool(_COMPARE[term.op](actual, wanted))
    return (actual == wanted) is not (term.op == "!=")


def _range(text: str) -> tuple[float, float] | None:
    low, dots, high = text.partition("..")
    left, right = _number(low), _number(high)
    return (left, right) if dots and left is not None and right is not None else None


def _number(text: str) -> float | None:
    for read in (float, from_rfc3339):
        try:
            return read(text)
        except ValueError:
            continue
    return None
