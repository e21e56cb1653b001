"""`python -m benchmarks.sizes`: three curves as a table, and as a picture in docs/."""

import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.children import opened
from benchmarks.machine import ROOT
from benchmarks.sizes import documents, entities, sweep
from benchmarks.sizes.curve import Curve
from benchmarks.sizes.plot import draw

_MEASURE = {"entities": entities.measure, "documents": documents.measure, "sweep": sweep.measure}
_PICTURE = ROOT / "docs" / "performance-sizes.png"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


async def _run(names: list[str], directory: Path, console: Console) -> list[Curve]:
    curves = []
    for name in names:
        began = time.perf_counter()
        async with opened(directory / name) as room:
            curves.append(await _MEASURE[name](room))
        console.print(f"{name}: {time.perf_counter() - began:.0f} s", style="dim")
    return curves


@app.command()
def main(
    only: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(_MEASURE)}; then nothing is drawn.")] = None,
) -> None:
    """Measures what more of something costs; some minutes. 1 when a cost grows faster than the work."""
    console = Console(stderr=True, highlight=False)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))  # not without ending what was started
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as directory:
        curves = asyncio.run(_run(list(only or _MEASURE), Path(directory), console))
    for curve in curves:
        table = Table(curve.size, curve.cost, box=box.SIMPLE_HEAD, title=curve.title, caption=curve.note)
        for size, cost in curve.at:
            table.add_row(f"{size:,.0f}", f"{cost:,.2f}")
        Console().print(table)
        console.print(f"{curve.name}: {'grows faster than the work' if curve.grows_too_fast else 'in step'}")
    if not only:
        draw(curves, _PICTURE)
        console.print(str(_PICTURE), style="dim")
    raise typer.Exit(any(curve.grows_too_fast for curve in curves))


if __name__ == "__main__":
    app()
