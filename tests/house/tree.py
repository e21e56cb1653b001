"""The tree in docs/architecture.md, from module docstrings. `python -m tests.house.tree` writes it anew."""

import re
from pathlib import Path

from tests.house.repo import PACKAGES, ROOT, read, summary

PAGE = "docs/architecture.md"
_PLACE = re.compile(r"(<!-- tree -->\n```text\n).*?(```\n<!-- /tree -->)", re.DOTALL)
_AT = 26


def tree() -> str:
    """One line per module: its name, and the first line of its docstring."""
    return "".join(line for package in PACKAGES for line in _lines(ROOT / package, depth=0))


def shown() -> str:
    """The tree as the page has it."""
    found = _PLACE.search(read(PAGE))
    assert found, f"{PAGE} has no place for the tree"
    return found[0].removeprefix(found[1]).removesuffix(found[2])


def _lines(path: Path, *, depth: int) -> list[str]:
    indent = "  " * depth
    if path.is_file():
        return [f"{indent}{path.stem}".ljust(_AT) + f"{summary(path)}\n"]
    lines = [f"{indent}{path.name}/".ljust(_AT) + f"{summary(path / '__init__.py')}\n"]
    files = sorted(path.glob("*.py"), key=lambda file: (file.stem != "__main__", file.stem))
    folders = sorted(folder.parent for folder in path.glob("*/__init__.py"))
    inner = [file for file in files if file.stem != "__init__"] + folders
    return lines + [line for one in inner for line in _lines(one, depth=depth + 1)]


def main() -> None:
    """Writes the page."""
    page = ROOT / PAGE
    text = page.read_text(encoding="utf-8")
    page.write_text(_PLACE.sub(lambda found: found[1] + tree() + found[2], text), encoding="utf-8")


if __name__ == "__main__":
    main()
