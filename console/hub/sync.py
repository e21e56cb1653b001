"""`hub plan`, `hub sync`, `hub sweep`: what a run would do, and a run now."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.hub.history import say_run
from console.hub.options import EntityId, EntityType, Force, Json, NoWait, Timeout, complete_families
from console.hub.run import EXIT_FOUND, Line, Nothing, Wrong, run

if TYPE_CHECKING:
    from console.desk.deeds import Deed
    from console.desk.events import Ticket, Told
    from shared.contracts.subjects import Subject


def plan(
    entity_type: EntityType,
    entity_id: EntityId,
    service: Annotated[str | None, typer.Option("--service", help="Ask this one only.")] = None,
    as_json: Json = False,
) -> None:
    """What a run would write now.

    Exactly the writes of a real run, in its order; writes nothing. Every service that plans such records is asked.
    Exit code 1 where none does, or one could not say.
    """

    async def work(line: Line) -> int:
        from console.desk.asks import planners, plans

        services = [service] if service else await planners(line.bus, entity_type)
        if not services:
            raise Nothing(f"no service that is there plans {entity_type}; `hub workers` shows who is")
        told = await plans(line.bus, services, entity_type, entity_id)
        if as_json:
            line.voice.data(told)
        for one in () if as_json else told:
            if one.answer is None:
                line.voice.text(f"{one.service}: {one.problem}", word="problem")
                continue
            line.voice.text(f"{one.service}: {one.answer.reason}")
            for write in one.answer.writes:
                line.voice.text(f"  {write}")
            if not one.answer.writes:
                line.voice.text("  writes nothing", word="skip")
        return EXIT_FOUND if any(one.answer is None for one in told) else 0

    run(work, as_json=as_json)


def sync(
    entity_type: EntityType,
    entity_id: EntityId,
    force: Force = False,
    no_wait: NoWait = False,
    timeout_s: Timeout = 300.0,
    as_json: Json = False,
) -> None:
    """Sync one record now.

    Publishes the event, follows it to its end, and says how it ended. Recorded. Exit code 1 where it ended as a
    dead letter, or not in time.
    """

    async def work(line: Line) -> int:
        from console.desk.identity import sync_event, sync_subjects

        known = sync_subjects()
        if entity_type not in known:
            raise Wrong(f"{entity_type} has no sync; those that have: {', '.join(sorted(known))}")
        subject = known[entity_type]
        try:
            event = sync_event(subject, entity_type, entity_id, force=force)
        except ValueError as wrong:
            raise Wrong(str(wrong)) from None
        return await _ask_for(line, "sync", subject, event, no_wait=no_wait, timeout_s=timeout_s)

    run(work, as_json=as_json)


def sweep(
    family: Annotated[str, typer.Argument(help="document, beteiligte or calendar.", autocompletion=complete_families)],
    force: Force = False,
    no_wait: NoWait = False,
    timeout_s: Timeout = 900.0,
    as_json: Json = False,
) -> None:
    """Sweep a family now.

    Looks for what webhooks have missed, and is followed to its end. Recorded. Exit code 1 where it ended as a dead
    letter (such as a refusal of the guard), or not in time.
    """

    async def work(line: Line) -> int:
        from console.desk.identity import sweep_event, sweep_subjects

        known = sweep_subjects()
        if family not in known:
            raise Wrong(f"{family} has no sweep; those that have: {', '.join(sorted(known))}")
        event = sweep_event(known[family], force=force)
        return await _ask_for(line, "sweep", known[family], event, no_wait=no_wait, timeout_s=timeout_s)

    run(work, as_json=as_json)


async def _ask_for(
    line: Line, deed: "Deed", subject: "Subject[Any]", event: Any, *, no_wait: bool, timeout_s: float
) -> int:
    from console.desk.events import publish

    async with line.operator() as operator:
        about = f"{event.entity_type} {event.entity_id}{' force' if event.force else ''}"
        await operator.record(deed, about)
        if not no_wait:
            return await follow(line, operator, subject, event, timeout_s=timeout_s)
        ticket = await publish(operator, subject, event)
        _say_ticket(line, ticket)
        if line.voice.as_json:
            line.voice.data(ticket)
    return 0


async def follow(line: Line, operator: Any, subject: "Subject[Any]", event: Any, *, timeout_s: float) -> int:
    """Publishes, tells each run as it ends, and returns the exit code."""
    from console.desk.events import Ticket, publish_and_follow

    ticket: Ticket | None = None
    told: list[Told] = []
    is_late = False
    try:
        async for news in publish_and_follow(operator, subject, event, timeout_s=timeout_s):
            if isinstance(news, Ticket):
                ticket = news
                _say_ticket(line, ticket)
            else:
                told.append(news)
                _say_told(line, news)
    except TimeoutError:
        is_late = True
        line.voice.note(f"hub: no end within {timeout_s:g} s; it goes on, and `hub history` will tell")
    if line.voice.as_json:
        runs = [one.run for one in told]
        line.voice.data({"event": ticket, "runs": runs, "in_time": not is_late})
    is_dead = any(one.is_end and one.run.record.outcome == "dead" for one in told)
    return EXIT_FOUND if is_late or is_dead else 0


def _say_ticket(line: Line, ticket: "Ticket") -> None:
    if line.voice.as_json:
        return
    line.voice.note(f"event {ticket.event_id} on {ticket.subject}, for {', '.join(ticket.hearers) or 'nobody yet'}")
    if not ticket.hearers:
        line.voice.note("no service listens there yet: it waits until one does")


def _say_told(line: Line, told: "Told") -> None:
    if line.voice.as_json:
        return
    say_run(line.voice, told.run, calls=told.is_end)
    if told.is_end and told.waits_for:
        line.voice.note(f"waiting for {', '.join(told.waits_for)}")
