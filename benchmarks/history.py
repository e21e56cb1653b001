"""`history.jsonl`: a line per run, so that one can see since when something is slower."""

from pathlib import Path

import msgspec

from benchmarks.figure import Figure
from benchmarks.machine import Machine

PATH = Path(__file__).with_name("history.jsonl")


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    at: str
    seconds: float
    machine: Machine
    figures: list[Figure]


def append(run: Run, path: Path = PATH) -> None:
    """Adds a line."""
    with path.open("ab") as file:
        file.write(msgspec.json.encode(run) + b"\n")


def read(path: Path = PATH) -> list[Run]:
    """All runs, oldest first."""
    lines = path.read_bytes().splitlines() if path.is_file() else []
    return [msgspec.json.decode(line, type=Run) for line in lines]
