"""The lists of tests in docs/guarantees.md, from docstrings that begin with a promise's number, as in `P1, P7: …`.

`python -m tests.house.guarantees` writes them anew.
"""

import ast
import re
from collections.abc import Iterator

from tests.house.repo import ROOT, functions, modules_of_tests, name_of, parse, read

PAGE = "docs/guarantees.md"
_MARKED = re.compile(r"^((?:P\d+, )*P\d+): (.+)", re.DOTALL)
_LIST = re.compile(r"(<!-- tests (P\d+) -->\n).*?(<!-- /tests -->)", re.DOTALL)


def current() -> str:
    """The page with all its lists as they should be."""
    lists: dict[str, list[str]] = {}
    for name, docstring in _tests():
        marked = _MARKED.match(docstring)
        for number in marked[1].split(", ") if marked else ():
            assert marked
            lists.setdefault(number, []).append(f"- `{name}`: {' '.join(marked[2].split())}\n")
    return _LIST.sub(lambda found: found[1] + "".join(lists.get(found[2], [])) + found[3], read(PAGE))


def names() -> set[str]:
    """Every test, as people write it."""
    return {name for name, _ in _tests()}


def _tests() -> Iterator[tuple[str, str]]:
    for path in modules_of_tests():
        for one in functions(parse(path)):
            if one.name.startswith("test_"):
                yield f"{name_of(path)}::{one.name}", ast.get_docstring(one) or ""


if __name__ == "__main__":
    (ROOT / PAGE).write_text(current(), encoding="utf-8")
