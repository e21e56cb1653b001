"""`hub audit`: do the sides of a family agree, and if not, where?"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.hub.options import Json, Timeout
from console.hub.run import EXIT_FOUND, Line, Nothing, Wrong, run
from console.hub.say import Column, number

if TYPE_CHECKING:
    from console.desk.events import Ticket
    from shared.contracts.audit import Report
    from shared.contracts.subjects import Subject


def _complete(incomplete: str) -> list[str]:
    from console.desk.audit import audit_subjects

    return sorted(family for family in audit_subjects() if family.startswith(incomplete))


def audit(
    family: Annotated[str, typer.Argument(help="documents, beteiligte or calendar.", autocompletion=_complete)],
    heal: Annotated[bool, typer.Option("--heal", help="Ask for the ordinary sync of each that drifts.")] = False,
    last: Annotated[bool, typer.Option("--last", help="Only show the latest report.")] = False,
    timeout_s: Timeout = 1800.0,
    as_json: Json = False,
) -> None:
    """Compare the sides of a whole family.

    Says what each record's sync would write now, and writes nothing itself; healing is asking for those syncs.
    Recorded. Exit code 1 where anything drifts that was not asked for, or could not be compared, and when it did not
    end in time.
    """

    async def work(line: Line) -> int:
        from console.desk.audit import audit_subjects, is_there, last_report

        known = audit_subjects()
        if family not in known:
            raise Wrong(f"{family} has no audit; those that have: {', '.join(sorted(known))}")
        if last and heal:
            raise Wrong("--last only shows what was; --heal asks for a new audit")
        if last:
            report = await last_report(line.bus, family)
            if as_json:
                line.voice.data({"report": report})
            if report is None:
                raise Nothing(f"{family} was never compared; `hub audit {family}` does it")
            if not as_json:
                _say(line, report)
            return _code(report)
        subject = known[family]
        if not await is_there(line.bus, subject.owner):
            raise Nothing(f"{subject.owner} is not there, so nobody would compare; `hub workers` shows who is")
        return await _follow(line, subject, heal=heal, timeout_s=timeout_s)

    run(work, as_json=as_json)


async def _follow(line: Line, subject: "Subject[Any]", *, heal: bool, timeout_s: float) -> int:
    from console.desk.audit import Stopped, audited
    from console.desk.events import Ticket
    from console.desk.history import Run

    family = subject.defaults["entity_id"]
    ticket: Ticket | None = None
    report: Report | None = None
    problem = ""
    async with line.operator() as operator:
        await operator.record("audit", f"{family}{' heal' if heal else ''}")
        try:
            with _counting(line, family) as show:
                async for news in audited(operator, subject, heal=heal, timeout_s=timeout_s):
                    if isinstance(news, Ticket):
                        ticket = news
                        _say_ticket(line, ticket)
                    elif isinstance(news, Run):
                        line.voice.note(f"{news.record.outcome}: {news.record.reason}; it is tried again")
                    else:
                        report = news
                        show(report)
        except TimeoutError:
            problem = f"no end within {timeout_s:g} s; it goes on, and `hub audit {family} --last` will tell"
        except Stopped as stopped:
            problem = str(stopped)
    if line.voice.as_json:
        line.voice.data({"event": ticket, "report": report, "problem": problem})
    elif report is not None:
        _say(line, report)
    if problem:
        line.voice.note(f"hub: {problem}")
    return EXIT_FOUND if problem or report is None else _code(report)


def _code(report: "Report") -> int:
    """Healing has asked for all that drifts; what could not be compared nobody has asked for."""
    return EXIT_FOUND if report.unknown or (report.drifting and not report.heal) else 0


@contextlib.contextmanager
def _counting(line: Line, family: str) -> Iterator[Callable[["Report"], None]]:
    """A line on a terminal that counts: how many there are, nobody knows beforehand."""
    if line.voice.as_json or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task(f"{family}: 0 checked", total=None)

        def show(report: "Report") -> None:
            told = f"{family}: {number(report.checked)} checked, {number(report.drifting)} drifting"
            shown.update(task, description=told)

        yield show


def _say_ticket(line: Line, ticket: "Ticket") -> None:
    if not line.voice.as_json:
        line.voice.note(f"event {ticket.event_id} on {ticket.subject}")


def _say(line: Line, report: "Report") -> None:
    columns = [
        Column("family", lambda one: one.family),
        Column("begun", lambda one: line.voice.when(one.begun_at)),
        Column("ended", lambda one: line.voice.when(one.ended_at) or "not yet"),
        Column("checked", lambda one: number(one.checked), right=True),
        Column("drifting", lambda one: number(one.drifting), right=True),
        Column("could not compare", lambda one: number(one.unknown), right=True),
        Column("healing", lambda one: "asked for" if one.heal else "no"),
    ]
    line.voice.table([report], columns)
    if report.drifts:
        line.voice.table(
            report.drifts,
            [
                Column("type", lambda one: one.entity_type),
                Column("id", lambda one: one.entity_id),
                Column("its sync would say", lambda one: one.reason),
                Column("writes", lambda one: number(one.writes), right=True),
            ],
        )
    for advice in _advice(report):
        line.voice.note(advice)


def _advice(report: "Report") -> Iterator[str]:
    if report.drifting > len(report.drifts):
        yield f"the first {len(report.drifts)} of {number(report.drifting)}"
    if report.drifts:
        one = f"{report.drifts[0].entity_type} {report.drifts[0].entity_id}"
        if report.heal:
            yield f"the sync of each is asked for: `hub history {one}` tells how it ended, the next audit what is left"
        else:
            yield f"`hub plan {one}` shows the writes, `hub sync {one}` makes them"
            yield f"`hub audit {report.family} --heal` asks for the sync of all"
    if report.unknown:
        yield f"{number(report.unknown)} could not be compared: `hub logs -f` and each one's history say why"
    if not report.drifts and not report.unknown and report.ended_at:
        yield "the sides agree"
