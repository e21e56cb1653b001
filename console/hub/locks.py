"""`hub locks`: who works on what, and breaking a lock."""

from typing import Annotated

import typer

from console.hub.options import DryRun, Json, Yes
from console.hub.run import Line, Nothing, run
from console.hub.say import Column

app = typer.Typer(no_args_is_help=True, help="Locks: who works on which record.")


@app.command("ls", epilog="Example: hub locks ls --json")
def ls(as_json: Json = False) -> None:
    """The locks that are held now."""

    async def work(line: Line) -> None:
        from console.desk.locks import locks

        found = await locks(line.bus)
        if as_json:
            line.voice.data(found)
            return
        columns = [
            Column("lock", lambda one: one.key),
            Column("holder", lambda one: one.holder),
            Column("since", lambda one: line.voice.when(one.since)),
            Column("run", lambda one: one.run),
        ]
        line.voice.table(found, columns, empty="nobody holds a lock")

    run(work, as_json=as_json)


@app.command("break", epilog="Example: hub locks break document_sync.CDokumente.doc456")
def break_(
    key: Annotated[str, typer.Argument(help="The lock, as `hub locks ls` shows it.")],
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take a lock from its run.

    The run is cancelled at its next renewal. Asks first, and is recorded. There should be no need: a dead worker's
    locks run out by themselves. Exit code 1 where nobody holds it.
    """

    async def work(line: Line) -> None:
        from console.desk.locks import break_lock, lock

        held = await lock(line.bus, key)
        if held is None:
            raise Nothing(f"nobody holds {key}")
        if dry_run:
            line.voice.dry(f"take {key} from {held.holder}")
            return
        await line.confirm(f"Take {key} from {held.holder}, since {line.voice.when(held.since)}?", yes=yes)
        async with line.operator() as operator:
            if not await break_lock(operator, held):
                raise Nothing(f"{held.holder} has given {key} back meanwhile")
        if as_json:
            line.voice.data(held)
        else:
            line.voice.text(f"taken from {held.holder}")

    run(work, as_json=as_json)
