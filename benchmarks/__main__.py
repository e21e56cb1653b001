"""`python -m benchmarks`: runs all of it, or some of it, and prints one table."""

import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from benchmarks.children import opened
from benchmarks.figure import Figure
from benchmarks.history import Run, append
from benchmarks.machine import look
from benchmarks.table import markdown, table
from benchmarks.targets import TARGETS, WORKS
from benchmarks.works import burst, consumer, document, gateway, latency, memory, path, start, storm

MEASURE = {
    "gateway": gateway.measure,
    "latency": latency.measure,
    "path": path.measure,
    "consumer": consumer.measure,
    "burst": burst.measure,
    "storm": storm.measure,
    "document": document.measure,
    "memory": memory.measure,
    "start": start.measure,
}
SILENCE = "silence"
"""Runs beside the others, and ends last."""


async def _run(works: list[str], directory: Path, console: Console) -> list[Figure]:
    figures: list[Figure] = []
    async with contextlib.AsyncExitStack() as stack:
        silence = None
        if SILENCE in works:
            silence = latency.Silence(await stack.enter_async_context(opened(directory / SILENCE)))
            await silence.begin()
        for work in [work for work in works if work != SILENCE]:
            began = time.perf_counter()
            async with opened(directory / work) as room:
                figures += await MEASURE[work](room)
            console.print(f"{work}: {time.perf_counter() - began:.0f} s", style="dim")
        if silence is not None:
            figures += await silence.end()
    order = [target.name for target in TARGETS]
    return sorted(figures, key=lambda figure: order.index(figure.name))


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    only: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(WORKS)}; may be given several times.")] = None,
    json: Annotated[bool, typer.Option("--json", help="The run as JSON, as history.jsonl has it.")] = False,
    markdown_: Annotated[bool, typer.Option("--markdown", help="The table as Markdown.")] = False,
    keep: Annotated[bool, typer.Option(help="Whether a whole run becomes a line of history.jsonl.")] = True,
) -> None:
    """Measures the hub beside the bare libraries, on this machine, in under five minutes. 1 when a target is missed."""
    unknown = sorted(set(only or ()) - set(WORKS))
    if unknown:
        raise typer.BadParameter(f"there is no {', '.join(unknown)}; there are {', '.join(WORKS)}")
    console = Console(stderr=True, highlight=False)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))  # not without ending what was started
    machine = look()
    if machine.busy > 0.1:
        console.print(f"Others use {machine.busy:.0%} of this machine: rates are not ours alone.", style="yellow")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as directory:
        figures = asyncio.run(_run(list(only or WORKS), Path(directory), console))
    run = Run(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - began, 1),
        machine=machine,
        figures=figures,
    )
    if not only and keep:
        append(run)
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(run)).decode() + "\n")
    elif markdown_:
        sys.stdout.write(markdown(figures))
    else:
        Console(width=None if sys.stdout.isatty() else 160).print(table(figures))
        console.print(f"{machine.commit} on {machine.cores} × {machine.cpu}, {run.seconds:.0f} s", style="dim")
    raise typer.Exit(any(figure.is_met is False for figure in figures))


if __name__ == "__main__":
    app()
