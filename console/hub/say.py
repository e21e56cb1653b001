"""What the terminal shows: tables for people, aligned columns for pipes, JSON for programs."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

import msgspec

_STYLES = {
    "done": "green",
    "ok": "green",
    "skip": "dim",
    "retry": "yellow",
    "paused": "yellow",
    "warning": "yellow",
    "dead": "red",
    "halt": "red",
    "error": "red",
    "critical": "red",
    "problem": "red",
}
"""Colours of words; every other word has none."""


class Column(NamedTuple):
    """A column of a table: its title, and what stands there for a row."""

    title: str
    cell: Callable[[Any], object]
    right: bool = False


class Voice:
    """Says things on standard output; notes, questions and progress go to standard error."""

    def __init__(self, *, as_json: bool, zone: tzinfo) -> None:
        self.as_json = as_json
        self._zone = zone
        self._is_terminal = sys.stdout.isatty()

    def data(self, value: object) -> None:
        """One JSON document."""
        text = msgspec.json.encode(value)
        _write((msgspec.json.format(text, indent=2) if self._is_terminal else text).decode())

    def line(self, value: object) -> None:
        """One line of JSON Lines."""
        _write(msgspec.json.encode(value).decode())

    def table(self, rows: Sequence[Any], columns: Sequence[Column], *, empty: str = "nothing") -> None:
        """Rows for a person; where there are none a word on standard error."""
        if not rows:
            self.note(empty)
            return
        cells = [[_clean(str(column.cell(row))) for column in columns] for row in rows]
        if self._is_terminal:
            _rich_table(columns, cells)
        else:
            _plain_table(columns, cells)

    def facts(self, pairs: Sequence[tuple[str, object]]) -> None:
        """Names and what they are, one below the other; what is empty is left out."""
        told = [(name, _clean(str(value))) for name, value in pairs if value not in ("", None, [])]
        width = max((len(name) for name, _ in told), default=0)
        for name, value in told:
            _write(f"{name.ljust(width)}  {value}")

    def dry(self, would: str) -> None:
        """What would be done, were it no dry run."""
        if self.as_json:
            self.data({"dry_run": True, "would": would})
        else:
            self.text(f"would {would}")

    def text(self, text: str, *, word: str = "") -> None:
        """One line, coloured as `word` is."""
        style = _STYLES.get(word, "")
        if self._is_terminal and style:
            from rich.console import Console
            from rich.text import Text

            Console(highlight=False, soft_wrap=True).print(Text(_clean(text), style=style))
        else:
            _write(_clean(text))

    def note(self, text: str) -> None:
        """A line on standard error: for the person, not for the pipe."""
        complain(text)

    def when(self, at: datetime | str | None, *, millis: bool = False) -> str:
        """A moment on the operator's clock."""
        if isinstance(at, str):
            try:
                at = datetime.fromisoformat(at) if at else None
            except ValueError:
                return at if isinstance(at, str) else ""
        if at is None:
            return ""
        local = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(self._zone)
        text = local.strftime("%Y-%m-%d %H:%M:%S")
        return f"{text}.{local.microsecond // 1000:03}" if millis else text

    def clock(self, at: str) -> str:
        """Only the time of day, of an ISO moment."""
        return self.when(at, millis=True).partition(" ")[2]

    @contextlib.contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        """A bar on a terminal. Call what it yields for each one done; how far it came is said when it ends early."""
        done = 0

        def counting(step: Callable[[], object]) -> Callable[[], None]:
            def count() -> None:
                nonlocal done
                done += 1
                step()

            return count

        try:
            with self._bar(what, total) as step:
                yield counting(step)
        except BaseException:
            complain(f"hub: {what} ended after {done} of {total}")
            raise

    @contextlib.contextmanager
    def _bar(self, what: str, total: int) -> Iterator[Callable[[], object]]:
        if self.as_json or not sys.stderr.isatty():
            yield lambda: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(what, total=total)
            yield lambda: bar.advance(task)


def complain(text: str) -> None:
    """A sentence on standard error."""
    sys.stderr.write(f"{_clean(text)}\n")
    sys.stderr.flush()


def size(size_bytes: int) -> str:
    """Bytes for a person."""
    value = float(size_bytes)
    units = ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    unit = units[0]
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def number(value: int) -> str:
    """A count for a person."""
    return f"{value:,}"


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _clean(text: str) -> str:
    """What a publisher wrote must not move the cursor."""
    return "".join(char if char.isprintable() else "�" for char in text)


def _plain_table(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> None:
    titles = [column.title.upper() for column in columns]
    widths = [max(len(row[at]) for row in [titles, *cells]) for at in range(len(columns))]
    for row in [titles, *cells]:
        parts = [
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ]
        _write("  ".join(parts).rstrip())


def _rich_table(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.title, justify="right" if column.right else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell, style=_STYLES.get(cell.partition(" ")[0], "")) for cell in row))
    Console(highlight=False).print(table)
