"""What the terminal shows: a live table on a real one, plain lines elsewhere, and the final table on both."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from local_stack.expect import Row

_COLOURS = {"clean": "green", "no_sync": "dim", "pending_sync": "yellow", "failed": "red", "deleted": "dim"}
_PLAIN_WIDTH = 132


class Screen:
    """The terminal, or the file that stands in for it."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=_PLAIN_WIDTH, color_system=None)
        self._live: Live | None = None
        self._shown = ""

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        """While open, `show` redraws one table on a terminal."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, refresh_per_second=8, transient=True) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def say(self, line: str) -> None:
        """A line that stays."""
        self._console.print(Text(line), soft_wrap=True)

    def trouble(self, line: str) -> None:
        """A line that stays, in red."""
        self._console.print(Text(line, style="red"), soft_wrap=True)

    def show(self, found: list[Row], runs: dict[str, int]) -> None:
        """Where the documents stand."""
        if self._live is not None:
            # The empty line is for the ^C that a terminal echoes: on a full line it would wrap and spoil the redraw.
            self._live.update(Group(table(found, runs), Text()))
            return
        right = sum(row.is_right for row in found)
        counts = Counter(row.status for row in found)
        line = (
            f"  {right} of {len(found)} as they should be ({', '.join(f'{n} {s}' for s, n in sorted(counts.items()))})"
        )
        if line != self._shown:
            self._shown = line
            self.say(line)

    def conclude(self, found: list[Row], runs: dict[str, int]) -> None:
        """The final table."""
        self._console.print(table(found, runs))
        for row in found:
            if row.error:
                self.say(f"  {row.name}: {row.error}")


def table(found: list[Row], runs: dict[str, int]) -> Table:
    """Document, status, file, collections, runs."""
    made = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    made.add_column("Document")
    made.add_column("EspoCRM", no_wrap=True, min_width=12)
    made.add_column("xAI file", no_wrap=True, min_width=8)
    made.add_column("Collections")
    made.add_column("Runs", justify="right", no_wrap=True)
    for row in found:
        status = Text(row.status, style=_COLOURS.get(row.status, ""))
        short = row.file_id.removeprefix("file_")[:8]
        places = ", ".join(name.partition(" - ")[2] or name for name in row.collections)
        made.add_row(_cut(row.name), status, short, _cut(places), str(runs.get(row.document_id, 0)))
    return made


def _cut(text: str) -> Text:
    """Gives way on a narrow screen, but stays on one line."""
    return Text(text, no_wrap=True, overflow="ellipsis")


def summary(found: list[Row], took_s: float) -> str:
    """The story in one sentence."""
    counts = Counter(row.status for row in found)
    parts = [
        f"{counts['clean']} documents in step",
        f"{counts['failed']} failed as it should",
        f"{counts['no_sync']} that need no sync",
        f"{counts['deleted']} deleted and taken out",
    ]
    return f"{', '.join(parts)}; a sweep afterwards wrote nothing; it took {took_s:.1f} s."
