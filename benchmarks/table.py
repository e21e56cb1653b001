"""The one table: ours, the peer's from the same run, ratio, CPU of both, target."""

from rich import box
from rich.table import Table
from rich.text import Text

from benchmarks.figure import Figure

_HEAD = ("work", "ours", "peer", "ratio", "CPU µs/op", "peer's", "target", "")


def rows(figures: list[Figure]) -> list[tuple[str, ...]]:
    """Cells as text; the last one is `yes`, `NO`, or nothing where nothing is asked."""
    return [
        (
            figure.target.what,
            _number(figure.ours, figure.target.unit),
            _number(figure.peer, figure.target.unit),
            "–" if figure.ratio is None else f"{figure.ratio:.2f}×",
            _number(figure.cpu_us),
            _number(figure.peer_cpu_us),
            figure.target.told(),
            {True: "yes", False: "NO", None: ""}[figure.is_met],
        )
        for figure in figures
    ]


def table(figures: list[Figure]) -> Table:
    """For a terminal."""
    made = Table(*_HEAD, box=box.SIMPLE_HEAD)
    for column in made.columns[1:7]:
        column.justify = "right"
    for figure, cells in zip(figures, rows(figures), strict=True):
        work = Text(cells[0])
        if figure.note:
            work.append(f"\n{figure.note}", style="dim")
        colour = {"NO": "bold red", "yes": "green"}.get(cells[-1], "")
        made.add_row(work, *cells[1:-1], Text(cells[-1], style=colour))
    return made


def markdown(figures: list[Figure]) -> str:
    """For a page."""
    head = [f"| {' | '.join(_HEAD)} |", "|---|--:|--:|--:|--:|--:|--:|---|"]
    return "\n".join([*head, *(f"| {' | '.join(cells)} |" for cells in rows(figures))]) + "\n"


def _number(value: float | None, unit: str = "") -> str:
    if value is None:
        return "–"
    text = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"
    return f"{text} {unit}".strip()
