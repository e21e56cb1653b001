"""`python -m benchmarks.page` writes the newest run of history.jsonl into docs/performance.md."""

import re
import sys

from benchmarks.history import Run, read
from benchmarks.machine import ROOT
from benchmarks.table import markdown

PAGE = ROOT / "docs" / "performance.md"
_MARKED = re.compile(r"(<!-- run -->\n).*?(<!-- /run -->)", re.DOTALL)


def shown(run: Run) -> str:
    """Where and when, the table, and what each row has to say beside it."""
    machine = run.machine
    where = (
        f"Commit `{machine.commit}`, {run.at[:10]}: {machine.cores} × {machine.cpu}, {machine.memory_gb:g} GB, "
        f"{machine.system}, Python {machine.python}; {machine.busy:.0%} of it was in use by others when the run began. "
        f"{run.seconds:.0f} s."
    )
    notes = [f"- {figure.target.what}: {figure.note}" for figure in run.figures if figure.note]
    return "\n".join([where, "", markdown(run.figures), *notes, ""])


def current(text: str, run: Run) -> str:
    """The page with this run."""
    return _MARKED.sub(lambda found: f"{found[1]}{shown(run)}{found[2]}", text)


if __name__ == "__main__":
    runs = read()
    if not runs:
        sys.exit("history.jsonl is empty: make bench first")
    PAGE.write_text(current(PAGE.read_text(encoding="utf-8"), runs[-1]), encoding="utf-8")
