"""The rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.repo import (
    PACKAGES,
    ROOT,
    SERVICES,
    functions,
    modules,
    modules_of_tests,
    name_of,
    parse,
    read,
    summary,
)

_FILE_MAX_LINES = 300
_FUNCTION_MAX_LINES = 50
_LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")


def _text_files() -> list[Path]:
    """Everything that people write: code, docs, and the files at the root."""
    kinds = ("*.py", "*.md", "*.toml", "*.yaml", "*.yml", "*.json", "*.sh")
    folders = [ROOT / name for name in (*PACKAGES, "tests", "docs")]
    inner = [path for folder in folders for kind in kinds for path in folder.rglob(kind)]
    at_root = [path for path in ROOT.iterdir() if path.is_file()]
    return sorted({*inner, *at_root, *(ROOT / ".ci").iterdir()})


def _hits(pattern: str, files: list[Path]) -> list[str]:
    wanted = re.compile(pattern)
    return [
        f"{name_of(path)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if wanted.search(line)
    ]


# Shape


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_says_in_a_sentence_what_it_is(path: Path) -> None:
    """The first line of its docstring, which is also its line in the tree."""
    assert len(summary(path)) > 5


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_files_and_functions_fit_on_a_few_screens(path: Path) -> None:
    """A file has at most 300 lines and a function at most 50."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= _FILE_MAX_LINES
    long = [one.name for one in functions(parse(path)) if (one.end_lineno or 0) - one.lineno >= _FUNCTION_MAX_LINES]
    assert long == []


@pytest.mark.parametrize("path", modules(*SERVICES, "shared"), ids=name_of)
def test_what_is_public_says_what_it_promises(path: Path) -> None:
    """Public classes and functions have a docstring; a constructor's promise is its class's."""
    tree = parse(path)
    owners: list[ast.Module | ast.ClassDef] = [
        tree,
        *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)),
    ]
    bare = [
        node.name
        for owner in owners
        if not getattr(owner, "name", "").startswith("_")
        for node in owner.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]
    assert [name for name in bare if name not in _NAMED_BY_OTHERS] == []


_NAMED_BY_OTHERS = {"emit", "format", "reveal", "items", "now", "monotonic", "scope", "lost", "expired"}
"""What the standard library asks for, and what its name says already."""


@pytest.mark.parametrize("path", modules_of_tests(), ids=name_of)
def test_every_test_says_in_a_sentence_what_holds(path: Path) -> None:
    """Each test function has a docstring."""
    tests = [one for one in functions(parse(path)) if one.name.startswith("test_")]
    assert [one.name for one in tests if not ast.get_docstring(one)] == []


@pytest.mark.parametrize("path", modules_of_tests(), ids=name_of)
def test_no_test_is_skipped_without_a_reason(path: Path) -> None:
    """skip, skipif and xfail say why."""
    silent: list[int] = []
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Attribute) and node.attr in ("skip", "skipif", "xfail"):
            text = ast.get_source_segment(path.read_text(encoding="utf-8"), node) or ""
            if text.startswith("pytest."):
                silent.append(node.lineno)
    for call in ast.walk(parse(path)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.lineno in silent:
            told = any(word.arg == "reason" for word in call.keywords)
            told = told or (call.func.attr in ("skip", "xfail") and bool(call.args))
            if told:
                silent.remove(call.func.lineno)
    assert silent == []


# Rules


def test_one_place_answers_the_broker() -> None:
    """Only shared/runtime/acknowledge.py knows the verbs, and nobody uses nats-py's own."""
    verbs = r"\+ACK|-NAK|\+WPI|\+TERM|\.(?:ack|nak|term|ack_sync|in_progress)\("
    files = [path for path in modules() if name_of(path) != "shared/runtime/acknowledge.py"]
    assert _hits(verbs, files) == []


@pytest.mark.parametrize("worker", ["document_worker", "beteiligte_worker", "calendar_worker"])
def test_a_handler_is_load_plan_apply(worker: str) -> None:
    """Handlers catch nothing, log nothing, lock nothing, and are short."""
    tree = parse(ROOT / f"{worker}/handlers.py")
    handlers = [one for one in functions(tree) if one.name.startswith("on_")]
    assert handlers
    for one in handlers:
        assert not any(isinstance(node, ast.Try | ast.Raise | ast.With | ast.AsyncWith) for node in ast.walk(one))
        assert (one.end_lineno or 0) - one.lineno < 15, one.name


def test_nothing_about_one_sync_lives_in_shared_runtime() -> None:
    """The runtime serves the next worker as it serves these."""
    assert _hits(r"(?i)dokument|beteiligt|advoware|collection(?!s)|xai|espocrm", modules("shared/runtime")) == []


def test_importing_does_no_work() -> None:
    """Every module can be imported in an empty environment; none connects, starts a process or writes a file."""
    names = [
        name_of(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        for path in modules()
        if path.name != "leash.py"
    ]
    program = (
        "import importlib, sys\n"
        "busy = {'socket.connect', 'socket.bind', 'subprocess.Popen', 'os.mkdir', 'os.remove'}\n"
        "def hook(event, args):\n"
        "    if event in busy: raise RuntimeError(event)\n"
        "sys.addaudithook(hook)\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", program], cwd=ROOT, env={}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_nothing_is_left_to_be_done() -> None:
    """What is not finished stands in an issue, not in a comment."""
    assert _hits(r"\b(?:TO" + r"DO|FIX" + r"ME)\b", _text_files()) == []


def test_no_path_of_one_machine() -> None:
    """Nothing names a folder that only one machine has."""
    assert _hits(r"(?<![\w.~:}/])/(?:wor" + r"k|roo" + r"t|home)(?:/|\b(?!\w))|/tm" + r"p/v\b", _text_files()) == []


# Locks


@pytest.mark.parametrize("lock", _LOCKS)
def test_a_lock_names_no_registry(lock: str) -> None:
    """Where packages come from is the machine's own setting."""
    assert "://" not in read(lock)
    assert _hits(r"^\s*--(?!hash=)", [ROOT / lock]) == []


@pytest.mark.parametrize("lock", _LOCKS)
def test_a_lock_pins_everything_with_hashes(lock: str) -> None:
    """One version each, and at least one hash."""
    blocks = re.split(r"\n(?=\S)", read(lock).strip())
    for block in blocks:
        assert re.match(r"[a-z0-9][a-z0-9._-]*==\S+ (?:;[^\\]+)?\\\n", block), block.partition("\n")[0]
        assert "--hash=sha256:" in block


def test_a_lock_holds_what_is_asked_for() -> None:
    """Every requirement of pyproject.toml is pinned: the services' in both, the rest in the one for development."""
    project = tomllib.loads(read("pyproject.toml"))
    services = project["project"]["dependencies"]
    local = project["project"]["optional-dependencies"]["local"]
    dev = project["dependency-groups"]["dev"]
    for lock, wanted in ((_LOCKS[0], services), (_LOCKS[1], [*services, *local, *dev])):
        pinned = set(re.findall(r"^([a-z0-9._-]+)==", read(lock), re.MULTILINE))
        assert {re.split(r"[><=!\[; ]", one)[0] for one in wanted} <= pinned
