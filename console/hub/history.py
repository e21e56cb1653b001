"""`hub history`: what happened to a record, in order."""

from typing import TYPE_CHECKING, Annotated

import typer

from console.hub.options import EntityId, EntityType, Follow, Json
from console.hub.run import EXIT_FOUND, Line, run
from console.hub.say import Column, Voice

if TYPE_CHECKING:
    from console.desk.history import Run
    from shared.runtime.history import Record


def history(
    entity_type: EntityType,
    entity_id: EntityId,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="The newest so many.")] = 20,
    calls: Annotated[bool, typer.Option("--calls", help="Each call to a vendor on a line of its own.")] = False,
    follow: Follow = False,
    as_json: Json = False,
) -> None:
    """What happened to a record.

    Oldest first: event, outcome, reason, vendor calls, trace. At most a hundred runs are kept of each record. Exit
    code 1 where nothing is kept.
    """

    async def work(line: Line) -> int:
        if follow:
            return await _follow(line, entity_type, entity_id, limit, calls=calls)
        from console.desk.history import runs

        found = (await runs(line.bus, entity_type, entity_id))[-limit:]
        if as_json:
            line.voice.data(found)
        elif calls:
            for one in found:
                say_run(line.voice, one, calls=True)
        else:
            line.voice.table(found, columns(line.voice), empty=f"nothing is kept of {entity_type} {entity_id}")
        return 0 if found else EXIT_FOUND

    run(work, as_json=as_json)


async def _follow(line: Line, entity_type: str, entity_id: str, limit: int, *, calls: bool) -> int:
    from console.desk.history import following, runs

    def say(one: "Run") -> None:
        if line.voice.as_json:
            line.voice.line(one)
        else:
            say_run(line.voice, one, calls=calls)

    async with following(line.bus, entity_type, entity_id) as coming:
        stored = await runs(line.bus, entity_type, entity_id)
        for one in stored[-limit:]:
            say(one)
        known = {(one.record.event_id, one.record.at) for one in stored}
        async for one in coming:
            if (one.record.event_id, one.record.at) not in known:
                say(one)
    return 0


def columns(voice: Voice) -> list[Column]:
    """Of a table of runs."""
    return [
        Column("ended", lambda one: voice.when(one.record.at, millis=True)),
        Column("subject", lambda one: one.record.subject),
        Column("try", lambda one: one.record.attempt, right=True),
        Column("outcome", lambda one: one.record.outcome),
        Column("reason", lambda one: _reason(one.record)),
        Column("vendor calls", lambda one: _calls(one.record)),
        Column("ms", lambda one: f"{one.record.duration_ms:.0f}", right=True),
        Column("event", lambda one: one.record.event_id),
        Column("trace", lambda one: one.record.trace_id),
    ]


def say_run(voice: Voice, one: "Run", *, calls: bool = False) -> None:
    """A run as one line, and its vendor calls below it."""
    record = one.record
    what = f"{voice.when(record.at, millis=True)}  {record.outcome:5}  {_reason(record)}"
    where = f"{record.subject}, try {record.attempt}, {record.duration_ms:.0f} ms, event {record.event_id}"
    voice.text(f"{what}  ({where})", word=record.outcome)
    for call in record.calls if calls else ():
        voice.text(f"    {call.vendor} {call.operation}: {call.status or 'no answer'}, {call.ms:.0f} ms")


def _reason(record: "Record") -> str:
    plan = ", ".join(f"{name} {count}" for name, count in record.plan.items() if count)
    coalesced = f"+{record.coalesced} equal" if record.coalesced else ""
    replayed = "replay" if record.replay_of else ""
    return " · ".join(part for part in (record.reason, plan, coalesced, replayed) if part)


def _calls(record: "Record") -> str:
    """The first few; `--calls` and `--json` have them all."""
    told = [f"{call.vendor} {call.operation} {call.status or '–'}" for call in record.calls[:3]]
    more = len(record.calls) - len(told)
    return ", ".join([*told, *([f"… {more} more"] if more else [])])
