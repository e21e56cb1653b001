"""`hub flows`, `hub workers`, `hub intents`, `hub doctor`: the hub as a whole."""

from typing import TYPE_CHECKING, Annotated

import typer

from console.hub.options import Json
from console.hub.run import EXIT_FOUND, Line, Wrong, run
from console.hub.say import Column, number
from console.hub.webhooks import examined

if TYPE_CHECKING:
    from console.desk.flows import Flow, Hearer
    from console.desk.workers import Replica


def flows(as_json: Json = False) -> None:
    """What flows where.

    Every subject: who publishes it, who runs it, how much waits there, and what came of it last, among the newest 500
    runs.
    """

    async def work(line: Line) -> None:
        from console.desk.flows import flows as found_flows

        found = await found_flows(line.bus, line.clock)
        if as_json:
            line.voice.data(found)
            return
        rows: list[tuple[Flow, Hearer]] = [(flow, hearer) for flow in found for hearer in flow.hearers]
        columns = [
            Column("subject", lambda row: row[0].subject),
            Column("published by", lambda row: _publishers(row[0])),
            Column("service", lambda row: f"{row[1].service} ×{row[1].replicas}"),
            Column("handler", lambda row: row[1].handler),
            Column("stream", lambda row: row[1].stream),
            Column("lag", lambda row: "–" if row[1].lag is None else number(row[1].lag), right=True),
            Column("last", lambda row: f"{row[1].last_outcome} {row[1].last_reason}".strip()),
            Column("at", lambda row: line.voice.when(row[1].last_at)),
        ]
        line.voice.table(rows, columns)

    run(work, as_json=as_json)


def _publishers(flow: "Flow") -> str:
    return ", ".join([*flow.doors, *flow.schedules]) or flow.published_by


def workers(as_json: Json = False) -> None:
    """Every replica of every service.

    Its version, since when it runs, how many requests it has had and how many of them failed.
    """

    async def work(line: Line) -> None:
        from console.desk.workers import replicas

        found = await replicas(line.bus)
        if as_json:
            line.voice.data(found)
            return

        def total(one: "Replica", member: str) -> str:
            return number(sum(getattr(endpoint, member) for endpoint in one.endpoints))

        columns = [
            Column("service", lambda one: one.service),
            Column("replica", lambda one: one.holder or one.id),
            Column("version", lambda one: one.version),
            Column("since", lambda one: line.voice.when(one.started)),
            Column("subjects", lambda one: len(one.facts.hears) if one.facts is not None else "–", right=True),
            Column("requests", lambda one: total(one, "requests"), right=True),
            Column("errors", lambda one: total(one, "errors"), right=True),
        ]
        line.voice.table(found, columns, empty="nobody answers")

    run(work, as_json=as_json)


def intents(
    entity_type: Annotated[str | None, typer.Argument(help="Only of this type.")] = None,
    entity_id: Annotated[str | None, typer.Argument(help="Only of this record.")] = None,
    older: Annotated[str | None, typer.Option("--older", help="Only older than 30m, 2h, 3d, or than a date.")] = None,
    as_json: Json = False,
) -> None:
    """Writes with an unknown outcome.

    Open intents of the journal: writes at a vendor that were begun, and of which nobody knows yet whether they were
    done. Mostly the next run finds out by itself.
    """

    async def work(line: Line) -> None:
        from console.desk.intents import intents as found_intents

        if entity_id and not entity_type:
            raise Wrong("an id needs its type")
        before = line.moment(older)
        every = await found_intents(line.bus, entity_type=entity_type, entity_id=entity_id)
        found = [one for one in every if before is None or one.sent_at < before]
        if as_json:
            line.voice.data(found)
            return
        columns = [
            Column("record", lambda one: f"{one.entity_type} {one.entity_id}"),
            Column("step", lambda one: one.step),
            Column("effect", lambda one: one.effect),
            Column("since", lambda one: line.voice.when(one.since)),
            Column("last try", lambda one: line.voice.when(one.sent_at)),
            Column("key", lambda one: one.key),
        ]
        line.voice.table(found, columns, empty="no open intents")

    run(work, as_json=as_json)


def doctor(as_json: Json = False) -> None:
    """Is all well?

    Asks NATS and every service: topology, consumers, schedules, versions, vendors' log-ins, Redis. With
    ESPOCRM_API_BASE_URL and ESPOCRM_API_KEY as the services have them also the webhooks in EspoCRM, and whether the
    gateway has their secrets. Exit code 1 where anything is not well.
    """

    async def work(line: Line) -> int:
        from console.desk.asks import doctor as asked

        told = [*await asked(line.bus, line.clock), await examined(line)]
        if as_json:
            line.voice.data(told)
        else:
            rows = [(one.service, check) for one in told for check in one.checks]
            columns = [
                Column("service", lambda row: row[0]),
                Column("check", lambda row: row[1].name),
                Column("is", lambda row: "ok" if row[1].ok else "problem"),
                Column("says", lambda row: row[1].said),
            ]
            line.voice.table(rows, columns)
        return 0 if all(check.ok for one in told for check in one.checks) else EXIT_FOUND

    run(work, as_json=as_json)
