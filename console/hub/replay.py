"""`hub replay`: stored events published again."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from console.hub.options import DryRun, Json, Rate, Yes
from console.hub.run import Line, Nothing, Wrong, run
from console.hub.say import Column, number

if TYPE_CHECKING:
    from console.desk.stored import Wanted


def replay(
    *,
    subject: Annotated[str, typer.Option("--subject", help="Their subject; * is one part of it, > the rest.")],
    since: Annotated[str, typer.Option("--since", help="From 30m, 2h, 3d ago on, or from a date.")],
    until: Annotated[str | None, typer.Option("--until", help="Up to then.")] = None,
    rate: Rate = 50.0,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Publish stored events again.

    Oldest first, with new message ids. Asks first, and is recorded. Each event once, though it may have been tried
    several times since. Definitions of schedules and events put off are left alone. Exit code 1 where nothing
    matches.
    """

    async def work(line: Line) -> None:
        from console.desk.reading import ends
        from console.desk.stored import Wanted, stream_of

        stream = stream_of(subject)
        if stream is None:
            raise Wrong(f"no stream keeps {subject}: it must begin with vmh. or calendar.")
        from_ = line.moment(since)
        assert from_ is not None
        wanted = Wanted(subject=subject, since=from_, until=line.moment(until))
        _, up_to = await ends(line.bus, stream)
        counts = await _counted(line, wanted, up_to)
        total = sum(counts.values())
        if not total:
            raise Nothing("no stored event matches")
        if dry_run:
            _say(line, counts, published=0)
            return
        await line.confirm(f"Publish {number(total)} event(s) again, {rate:g} a second?", yes=yes)
        published = await _publish(line, wanted, up_to, total, rate)
        _say(line, counts, published=published)

    run(work, as_json=as_json)


async def _counted(line: Line, wanted: "Wanted", up_to: int) -> Counter[str]:
    from console.desk.stored import found

    counts: Counter[str] = Counter()
    async for one in found(line.bus, wanted, up_to=up_to):
        counts[one.message.subject] += 1
    return counts


async def _publish(line: Line, wanted: "Wanted", up_to: int, total: int, rate: float) -> int:
    from console.desk.events import new_run
    from console.desk.pace import Pace
    from console.desk.stored import found, publish_again

    published = 0
    name = new_run()
    pace = Pace(rate, line.clock)
    async with line.operator() as operator:
        about = f"{wanted.subject} since={wanted.since.isoformat(timespec='seconds')}"
        await operator.record("replay", about, count=total)
        with line.voice.progress("publishing", total) as step:
            async for one in found(line.bus, wanted, up_to=up_to):
                await pace.turn()
                await publish_again(operator, one, run=name)
                published += 1
                step()
    return published


def _say(line: Line, counts: Counter[str], *, published: int) -> None:
    if line.voice.as_json:
        line.voice.data({"dry_run": not published, "published": published, "subjects": dict(counts)})
        return
    rows = sorted(counts.items())
    columns = [Column("subject", lambda one: one[0]), Column("events", lambda one: number(one[1]), right=True)]
    line.voice.table(rows, columns)
    line.voice.note(f"published again: {number(published)}" if published else "nothing was published: a dry run")
