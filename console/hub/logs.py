"""`hub logs`, `hub trace`: live log lines, and one trace as a tree."""

import re
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from console.hub.options import Json
from console.hub.run import Line, Nothing, Wrong, run

if TYPE_CHECKING:
    from console.desk.logs import Line as LogLine
    from console.desk.traces import Span

_TRACE_ID = re.compile(r"[0-9a-fA-F]{32}")
_LEFT_OUT = ("event_id", "trace_id", "traceback")


def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show lines as they come, until Ctrl-C.")] = False,
    level: Annotated[Literal["info", "warning", "error"], typer.Option("--level", help="The least level.")] = "info",
    service: Annotated[list[str] | None, typer.Option("--service", help="Only of this one; may be repeated.")] = None,
    trace_id: Annotated[str, typer.Option("--trace", help="Only of this trace, or of those that begin so.")] = "",
    entity_id: Annotated[str, typer.Option("--id", help="Only of this record.")] = "",
    as_json: Json = False,
) -> None:
    """Live log lines of all replicas.

    NATS does not keep them, so -f is needed. Ctrl-C ends it, with exit code 130.
    """

    async def work(line: Line) -> None:
        from console.desk.logs import Wanted, following

        if not follow:
            raise Wrong("log lines are not kept: -f shows them as they come; `hub history` has what happened before")
        wanted = Wanted(level=level, services=service or (), trace_id=trace_id.lower(), entity_id=entity_id)
        async with following(line.bus, wanted) as coming:
            line.voice.note("listening")
            async for one in coming:
                _say(line, one)

    run(work, as_json=as_json)


def _say(line: Line, one: "LogLine") -> None:
    if line.voice.as_json:
        line.voice.line(one)
        return
    fields = " ".join(f"{name}={value}" for name, value in one.fields.items() if name not in _LEFT_OUT)
    head = f"{line.voice.clock(one.time)} {one.level:7} {one.service:17} {one.message}"
    line.voice.text(f"{head}  {fields}".rstrip(), word=one.level)
    for frame in one.fields.get("traceback") or []:
        line.voice.text(f"    {frame}")


def trace(
    trace_id: Annotated[str, typer.Argument(help="32 hexadecimal digits, as history and logs have them.")],
    as_json: Json = False,
) -> None:
    """One trace as a tree.

    From Tempo where TEMPO_URL is set, else from the newest 5,000 runs of the history. Exit code 1 where it is not
    known.
    """

    async def work(line: Line) -> None:
        from console.desk.traces import Missing
        from console.desk.traces import trace as traced

        if not _TRACE_ID.fullmatch(trace_id):
            raise Wrong("a trace id is 32 hexadecimal digits")
        try:
            found = await traced(line.bus, line.settings.view.tempo_url, trace_id.lower())
        except Missing as missing:
            raise Nothing(str(missing)) from None
        if as_json:
            line.voice.data(found)
            return
        for root in found.roots:
            _say_span(line, root, "", "")

    run(work, as_json=as_json)


def _say_span(line: Line, span: "Span", stem: str, branch: str) -> None:
    told = " ".join(f"{name.removeprefix('hub.')}={value}" for name, value in span.attributes.items())
    at = line.voice.when(span.started_at, millis=True) if not branch else ""
    text = f"{stem}{branch}{span.service}: {span.name}  {span.ms:g} ms  {told}  {at}"
    line.voice.text(text.rstrip(), word="error" if span.is_error else "")
    below = stem + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
    for number, child in enumerate(span.children, 1):
        _say_span(line, child, below, "└─ " if number == len(span.children) else "├─ ")
