"""`hub cron`: schedules."""

from typing import TYPE_CHECKING, Annotated

import typer

from console.hub.options import DryRun, Json, Yes
from console.hub.run import Line, Nothing, Wrong, run
from console.hub.say import Column

if TYPE_CHECKING:
    from console.desk.crons import Schedule

app = typer.Typer(no_args_is_help=True, help="Schedules: what the broker publishes by the clock.")

Name = Annotated[str, typer.Argument(help="The schedule, as `hub cron ls` shows it, or the last part of its name.")]


@app.command("ls", epilog="Example: hub cron ls")
def ls(as_json: Json = False) -> None:
    """All schedules, and their next run.

    And when each last fired, and what came of it.
    """

    async def work(line: Line) -> None:
        from console.desk.crons import schedules
        from console.desk.moments import ago

        now = line.clock.now()
        found = await schedules(line.bus, now=now)
        if as_json:
            line.voice.data(found)
            return

        def next_(one: "Schedule") -> str:
            if one.is_paused:
                return "paused"
            return f"{line.voice.when(one.next_at)} ({ago(one.next_at, now=now)})" if one.next_at else "unknown"

        columns = [
            Column("schedule", lambda one: one.name),
            Column("when", lambda one: f"{one.expression} {one.timezone}".strip()),
            Column("publishes", lambda one: one.target),
            Column("next", next_),
            Column("last", lambda one: line.voice.when(one.last_at)),
            Column("outcome", lambda one: one.last_outcome),
            Column("reason", lambda one: one.last_reason),
        ]
        line.voice.table(found, columns, empty="no schedules: no worker has ever been started here")

    run(work, as_json=as_json)


@app.command("trigger", epilog="Example: hub cron trigger document_sweep")
def trigger(name: Name, as_json: Json = False) -> None:
    """Publish a schedule's target now.

    Its next run stays where it is. Recorded.
    """

    async def work(line: Line) -> None:
        from console.desk.crons import trigger as triggered

        one = await _known(line, name)
        async with line.operator() as operator:
            try:
                ticket = await triggered(operator, one)
            except ValueError as wrong:
                raise Nothing(str(wrong)) from None
        if as_json:
            line.voice.data(ticket)
        else:
            line.voice.text(f"published {ticket.subject}, event {ticket.event_id}")

    run(work, as_json=as_json)


@app.command("pause", epilog="Example: hub cron pause beteiligte_sweep")
def pause(name: Name, dry_run: DryRun = False, yes: Yes = False, as_json: Json = False) -> None:
    """Let a schedule rest.

    Until it is resumed. Asks first, and is recorded. Exit code 1 where it rests already.
    """
    _switch(name, dry_run=dry_run, yes=yes, as_json=as_json, is_on=False)


@app.command("resume", epilog="Example: hub cron resume beteiligte_sweep")
def resume(name: Name, dry_run: DryRun = False, yes: Yes = False, as_json: Json = False) -> None:
    """Let a paused schedule fire again.

    Asks first, and is recorded. Exit code 1 where it is not paused.
    """
    _switch(name, dry_run=dry_run, yes=yes, as_json=as_json, is_on=True)


def _switch(name: str, *, dry_run: bool, yes: bool, as_json: bool, is_on: bool) -> None:
    word = "resume" if is_on else "pause"

    async def work(line: Line) -> None:
        from console.desk.crons import pause as paused
        from console.desk.crons import resume as resumed

        one = await _known(line, name)
        if one.is_paused is not is_on:
            raise Nothing(f"{one.name} is {'paused' if one.is_paused else 'not paused'}")
        if dry_run:
            line.voice.dry(f"{word} {one.name} ({one.expression})")
            return
        await line.confirm(f"{word.capitalize()} {one.name} ({one.expression})?", yes=yes)
        async with line.operator() as operator:
            await (resumed if is_on else paused)(operator, one)
        if as_json:
            line.voice.data(await _known(line, name))
        else:
            line.voice.text(f"{one.name} {'fires again' if is_on else 'rests'}")

    run(work, as_json=as_json)


async def _known(line: Line, name: str) -> "Schedule":
    from console.desk.crons import schedules

    found = await schedules(line.bus, now=line.clock.now())
    meant = [one for one in found if name in (one.name, one.job)]
    if len(meant) == 1:
        return meant[0]
    raise Wrong(f"{name} is no schedule, or several; there are: {', '.join(one.name for one in found) or 'none'}")
