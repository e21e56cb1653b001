"""`hub dead`: dead letters listed, shown, published again, dropped."""

from typing import TYPE_CHECKING, Annotated

import typer

from console.hub.options import DryRun, Json, Rate, Subject, Yes
from console.hub.run import EXIT_FOUND, Line, Nothing, Wrong, record_of, run
from console.hub.say import Column, Voice, number

if TYPE_CHECKING:
    from console.desk.dead import Filters, Letter
    from console.desk.deeds import Operator

app = typer.Typer(no_args_is_help=True, help="Dead letters: events given up on.")

Sequences = Annotated[list[int] | None, typer.Argument(help="Sequence numbers, as `hub dead ls` shows them.")]
Kind = Annotated[str, typer.Option("--kind", help="Only this kind, such as Rejected.")]
Reason = Annotated[str, typer.Option("--reason", help="Only those with this in the reason.")]
Newer = Annotated[str | None, typer.Option("--newer", help="Only younger than 30m, 2h, 3d, or than a date.")]
Older = Annotated[str | None, typer.Option("--older", help="Only older than that.")]
All = Annotated[bool, typer.Option("--all", help="All that the filters leave.")]


@app.command("ls", epilog="Example: hub dead ls --subject 'vmh.document.*' --kind Rejected --newer 1d")
def ls(
    *,
    subject: Subject = "",
    kind: Kind = "",
    reason: Reason = "",
    newer: Newer = None,
    older: Older = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many.")] = 50,
    before: Annotated[int | None, typer.Option("--before", help="The next page: only below this sequence.")] = None,
    as_json: Json = False,
) -> None:
    """Dead letters, newest first."""

    async def work(line: Line) -> None:
        from console.desk.dead import page

        filters = _filters(line, subject, kind, reason, newer, older)
        found = await page(line.bus, filters, wanted=limit, before=before)
        if as_json:
            line.voice.data(found)
            return
        line.voice.table(found.letters, _columns(line.voice), empty="no dead letters")
        if len(found.letters) == limit:
            last = found.letters[-1].sequence
            line.voice.note(f"{limit} of {number(found.total)} that lie there; the next page: --before {last}")

    run(work, as_json=as_json)


@app.command("show", epilog="Example: hub dead show 4711")
def show(sequence: Annotated[int, typer.Argument(help="Its sequence number.")], as_json: Json = False) -> None:
    """One dead letter.

    What it was about, and why it was given up on; not its body. Exit code 1 where it is gone.
    """

    async def work(line: Line) -> None:
        from console.desk.dead import show as shown

        letter = await shown(line.bus, sequence)
        if letter is None:
            raise Nothing(f"there is no dead letter {sequence}")
        if as_json:
            line.voice.data(letter)
            return
        told = record_of(letter) | {"at": line.voice.when(letter.at)}
        names = ", ".join(letter.other_headers)
        line.voice.facts([(name.replace("_", " "), names if name == "other_headers" else told[name]) for name in told])

    run(work, as_json=as_json)


@app.command("replay", epilog="Example: hub dead replay 4711 4712 · hub dead replay --all --kind Rejected --dry-run")
def replay(
    sequences: Sequences = None,
    *,
    every: All = False,
    subject: Subject = "",
    kind: Kind = "",
    reason: Reason = "",
    newer: Newer = None,
    older: Older = None,
    rate: Rate = 100.0,
    drop: Annotated[bool, typer.Option("--drop", help="Drop each letter once its event is stored again.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Publish dead letters' events again.

    Oldest first. The letters stay, unless --drop. Asks first, and is recorded. Exit code 1 where there are none, or
    some are gone.
    """

    async def work(line: Line) -> int:
        filters = _filters(line, subject, kind, reason, newer, older)
        chosen = await _chosen(line, sequences, filters, every=every)
        if dry_run:
            return _say_dry(line, "replay", chosen)
        await line.confirm(f"Publish {number(len(chosen))} event(s) again?", yes=yes)
        async with line.operator() as operator:
            await operator.record("replay", _about(sequences, filters), count=len(chosen))
            return await _replay(line, operator, chosen, rate, drop=drop)

    run(work, as_json=as_json)


@app.command("drop", epilog="Example: hub dead drop 4711 · hub dead drop --all --older 30d --yes")
def drop(
    sequences: Sequences = None,
    *,
    every: All = False,
    subject: Subject = "",
    kind: Kind = "",
    reason: Reason = "",
    newer: Newer = None,
    older: Older = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Remove dead letters for good.

    Exactly those named. Asks first, and is recorded. Exit code 1 where there are none, or some are gone.
    """

    async def work(line: Line) -> int:
        from console.desk.dead import drop as dropped

        filters = _filters(line, subject, kind, reason, newer, older)
        chosen = await _chosen(line, sequences, filters, every=every)
        if dry_run:
            return _say_dry(line, "drop", chosen)
        await line.confirm(f"Remove {number(len(chosen))} dead letter(s) for good?", yes=yes)
        async with line.operator() as operator:
            await operator.record("drop", _about(sequences, filters), count=len(chosen))
            done: list[int] = []
            with line.voice.progress("dropping", len(chosen)) as step:
                for sequence in chosen:
                    if await dropped(operator, sequence):
                        done.append(sequence)
                    step()
        return _say_done(line, "dropped", chosen, done)

    run(work, as_json=as_json)


async def _replay(line: Line, operator: "Operator", chosen: list[int], rate: float, *, drop: bool) -> int:
    from console.desk.dead import drop as dropped
    from console.desk.dead import replay as replayed
    from console.desk.events import new_run
    from console.desk.pace import Pace

    if drop:
        await operator.record("drop", "after replay", count=len(chosen))
    pace = Pace(rate, line.clock)
    name = new_run()
    done: list[int] = []
    with line.voice.progress("publishing", len(chosen)) as step:
        for sequence in chosen:
            await pace.turn()
            if await replayed(operator, sequence, run=name):
                done.append(sequence)
                if drop:
                    await dropped(operator, sequence)
            step()
    return _say_done(line, "published again", chosen, done)


def _filters(line: Line, subject: str, kind: str, reason: str, newer: str | None, older: str | None) -> "Filters":
    from console.desk.dead import Filters

    return Filters(subject=subject, kind=kind, reason=reason, newer=line.moment(newer), older=line.moment(older))


async def _chosen(line: Line, sequences: list[int] | None, filters: "Filters", *, every: bool) -> list[int]:
    """Those named, or with --all those that the filters leave; never everything by an oversight."""
    from console.desk.dead import sequences as all_of

    if sequences:
        if every or filters.words() != "all":
            raise Wrong("give either sequence numbers or --all with filters")
        return list(dict.fromkeys(sequences))
    if not every:
        raise Wrong("which ones? Give sequence numbers, or --all with or without filters")
    chosen = await all_of(line.bus, filters)
    if not chosen:
        raise Nothing("no dead letters")
    return chosen


def _about(sequences: list[int] | None, filters: "Filters") -> str:
    if not sequences:
        return f"dead {filters.words()}"
    more = f" … {len(sequences) - 10} more" if len(sequences) > 10 else ""
    return f"dead {' '.join(str(one) for one in sequences[:10])}{more}"


def _say_dry(line: Line, deed: str, chosen: list[int]) -> int:
    if line.voice.as_json:
        line.voice.data({"dry_run": True, "deed": deed, "sequences": chosen})
    else:
        ends = f", {chosen[0]} to {chosen[-1]}" if len(chosen) > 1 else f", {chosen[0]}"
        line.voice.text(f"would {deed} {number(len(chosen))} dead letter(s){ends}")
    return 0


def _say_done(line: Line, done_word: str, chosen: list[int], done: list[int]) -> int:
    gone = sorted(set(chosen) - set(done))
    if line.voice.as_json:
        line.voice.data({"done": done, "gone": gone})
    else:
        line.voice.text(f"{done_word}: {number(len(done))}" + (f"; gone already: {len(gone)}" if gone else ""))
    return EXIT_FOUND if gone else 0


def _columns(voice: Voice) -> list[Column]:
    def about(one: "Letter") -> str:
        return f"{one.entity_type} {one.entity_id}".strip() or "cannot be read"

    return [
        Column("sequence", lambda one: one.sequence, right=True),
        Column("at", lambda one: voice.when(one.at)),
        Column("subject", lambda one: one.subject),
        Column("record", about),
        Column("kind", lambda one: one.kind),
        Column("reason", lambda one: one.reason),
        Column("tries", lambda one: one.attempts, right=True),
    ]
