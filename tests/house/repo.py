"""The repository as its rules see it: packages, modules, pages, and the tables on them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("gateway", "document_worker", "beteiligte_worker", "calendar_worker", "advoware_proxy", "console")
PACKAGES = (*SERVICES, "shared", "simulators", "local_stack", "benchmarks")

_FENCE = re.compile(r"^(```|~~~)")
_CODE = re.compile(r"`([^`\n]+)`")


def read(path: str) -> str:
    """A file of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def modules(*packages: str) -> list[Path]:
    """All Python files of some packages; of all packages where none is named.

    But not what the benchmarks compare us with: that is written as its frameworks' own pages show it.
    """
    found = sorted(path for package in packages or PACKAGES for path in (ROOT / package).rglob("*.py"))
    return [path for path in found if path.parent != ROOT / "benchmarks" / "peers"]


def modules_of_tests() -> list[Path]:
    """All Python files with tests."""
    return sorted((ROOT / "tests").rglob("test_*.py"))


def pages() -> list[Path]:
    """All Markdown files."""
    folders = [ROOT / name for name in ("docs", "tests", *PACKAGES)]
    return [*sorted(ROOT.glob("*.md")), *sorted(path for folder in folders for path in folder.rglob("*.md"))]


def name_of(path: Path) -> str:
    """A path as people write it."""
    return path.relative_to(ROOT).as_posix()


def parse(path: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def summary(path: Path) -> str:
    """The first line of a module's docstring."""
    return (ast.get_docstring(parse(path)) or "").partition("\n")[0]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions, wherever they stand."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next of the same or a higher level."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*)", text, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {heading!r}"
    return re.split(rf"^#{{1,{len(found[1])}}} ", found[2], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of all table rows, without heads and rules."""
    found: list[list[str]] = []
    lines = text.splitlines()
    for at, line in enumerate(lines):
        is_head = at + 1 < len(lines) and set(lines[at + 1]) <= set("|-: ") and "-" in lines[at + 1]
        is_rule = set(line) <= set("|-: ")
        if line.startswith("|") and not is_head and not is_rule:
            found.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return found


def codes(text: str) -> list[str]:
    """What stands between backticks, outside of fences."""
    return _CODE.findall(prose(text))


def bare(cell: str) -> str:
    """A cell without its backticks."""
    return cell.strip("`")


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    kept: list[str] = []
    inside = False
    for line in text.splitlines():
        if _FENCE.match(line.lstrip()):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def fenced(text: str) -> str:
    """The lines of a page's fenced blocks."""
    kept: list[str] = []
    inside = False
    for line in text.splitlines():
        if _FENCE.match(line.lstrip()):
            inside = not inside
        elif inside:
            kept.append(line)
    return "\n".join(kept)


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings make."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
