"""What flows where: doors and schedules, the subject, who hears it, how much waits, what came of it last."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from console.desk.crons import Schedule, schedules
from console.desk.history import Run, recent
from console.desk.streams import ConsumerInfo, consumers
from console.desk.workers import Replica, replicas
from shared.clock import Clock
from shared.contracts.subjects import SUBJECTS
from shared.contracts.topology import STREAMS
from shared.runtime.bus import Bus

AMONG = 500
"""Among how many of the newest runs the last outcomes are looked for."""


class Hearer(msgspec.Struct, frozen=True, kw_only=True):
    """A service that runs a subject. Lag is its consumer's, over all its subjects."""

    service: str
    handler: str
    replicas: int
    stream: str
    lag: int | None
    """None: it has no consumer."""
    last_outcome: str
    last_reason: str
    last_at: str


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A subject and everything around it."""

    subject: str
    doors: list[str]
    """HTTP doors that publish it."""
    schedules: list[str]
    published_by: str
    """As the hub's list of subjects says it."""
    hearers: list[Hearer]


async def flows(bus: Bus, clock: Clock) -> list[Flow]:
    """One per subject of the hub's list."""
    found, takers, timers, runs = await asyncio.gather(
        replicas(bus), consumers(bus), schedules(bus, now=clock.now()), recent(bus, wanted=AMONG)
    )
    return join(found, takers, timers, runs)


def join(
    found: Sequence[Replica], takers: Sequence[ConsumerInfo], timers: Sequence[Schedule], runs: Sequence[Run]
) -> list[Flow]:
    """Puts together what was read. Pure."""
    last = _last(runs)
    return [
        Flow(
            subject=subject.name,
            doors=sorted({door for one in found for door in _doors(one, subject.name)}),
            schedules=[_timer(timer) for timer in timers if timer.target == subject.name],
            published_by=subject.published_by,
            hearers=_hearers(subject.name, subject.owner, found, takers, last),
        )
        for subject in SUBJECTS
    ]


def _last(runs: Sequence[Run]) -> dict[tuple[str, str], Run]:
    """The newest run of each subject and service."""
    newest: dict[tuple[str, str], Run] = {}
    for run in runs:
        newest.setdefault((run.record.subject, run.record.worker.partition("@")[0]), run)
    return newest


def _doors(one: Replica, subject: str) -> list[str]:
    doors = one.facts.doors if one.facts is not None else ()
    return [f"{door.method} {door.path}" for door in doors if subject in door.publishes]


def _timer(timer: Schedule) -> str:
    return f"{timer.name} {'paused' if timer.is_paused else timer.expression}"


def _hearers(
    subject: str,
    owner: str,
    found: Sequence[Replica],
    takers: Sequence[ConsumerInfo],
    last: Mapping[tuple[str, str], Run],
) -> list[Hearer]:
    by_consumer = {one.name: one for one in takers if subject in one.subjects}
    handlers = {
        one.service: heard.handler
        for one in found
        if one.facts is not None
        for heard in one.facts.hears
        if heard.subject == subject
    }
    # Who is known to take it; where nobody is, who ought to.
    services = sorted({*by_consumer, *handlers}) or [owner]
    return [_hearer(subject, name, handlers.get(name, ""), found, by_consumer.get(name), last) for name in services]


def _hearer(
    subject: str,
    service: str,
    handler: str,
    found: Sequence[Replica],
    consumer: ConsumerInfo | None,
    last: Mapping[tuple[str, str], Run],
) -> Hearer:
    run = last.get((subject, service))
    stream = consumer.stream if consumer is not None else _stream_of(subject)
    return Hearer(
        service=service,
        handler=handler,
        replicas=sum(one.service == service for one in found),
        stream=stream,
        lag=consumer.lag if consumer is not None else None,
        last_outcome=run.record.outcome if run is not None else "",
        last_reason=run.record.reason if run is not None else "",
        last_at=run.record.at if run is not None else "",
    )


def _stream_of(subject: str) -> str:
    family = f"{subject.partition('.')[0]}.>"
    return next((stream.name for stream in STREAMS if family in stream.subjects), "")
