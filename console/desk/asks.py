"""Questions to the services themselves: what would a run write, and are you well."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from console.desk.crons import schedules
from console.desk.names import BadName, name
from console.desk.reading import newest
from console.desk.streams import consumers
from console.desk.workers import Replica, replicas
from shared.clock import Clock
from shared.contracts.operator import (
    DOCTOR_S,
    Check,
    DoctorAnswer,
    PlanAnswer,
    PlanQuestion,
    doctor_subject,
    plan_subject,
)
from shared.contracts.topology import ADVISORIES
from shared.outcomes.errors import Unavailable
from shared.runtime.ask import Nobody, TooLarge, ask
from shared.runtime.bus import ApiError, Bus
from shared.runtime.microservice import Reply

_PLAN_S = 60.0
"""A plan reads at both vendors."""
_MANY_HAND_BACKS = 1_000


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What one service said; `problem` where it could not."""

    service: str
    answer: PlanAnswer | None = None
    problem: str = ""


async def planners(bus: Bus, entity_type: str) -> list[str]:
    """The services that offer plans of an entity type."""
    found = await replicas(bus)
    return sorted({one.service for one in found if one.facts is not None and entity_type in one.facts.plans})


async def plans(bus: Bus, services: Sequence[str], entity_type: str, entity_id: str) -> list[Planned]:
    """Of each service exactly the writes that a run would make now. Writes nothing."""
    body = msgspec.json.encode(PlanQuestion(entity_type=entity_type, entity_id=entity_id))

    async def of(service: str) -> Planned:
        try:
            reply = await _asked(bus, plan_subject(name(service)), body, timeout_s=_PLAN_S)
            return Planned(service=service, answer=msgspec.json.decode(reply, type=PlanAnswer))
        except (Unavailable, msgspec.MsgspecError) as failed:
            return Planned(service=service, problem=_said(failed))

    return list(await asyncio.gather(*(of(service) for service in services)))


async def doctor(bus: Bus, clock: Clock) -> list[DoctorAnswer]:
    """NATS and what lies there, then every service that answers, asked side by side."""
    found = await replicas(bus)
    services = sorted({one.service for one in found})

    async def of(service: str) -> DoctorAnswer:
        try:
            reply = await _asked(bus, doctor_subject(name(service)), b"", timeout_s=DOCTOR_S)
            return msgspec.json.decode(reply, type=DoctorAnswer)
        except (Unavailable, BadName, msgspec.MsgspecError) as failed:
            check = Check(name="answers", ok=False, said=_said(failed))
            return DoctorAnswer(service=service, checks=(check,))

    told = await asyncio.gather(_own(bus, found, clock), *(of(service) for service in services))
    return list(told)


async def _asked(bus: Bus, subject: str, body: bytes, *, timeout_s: float) -> bytes:
    """The reply's body. Raises Unavailable with what is to be said."""
    try:
        reply: Reply = await ask(bus, subject, body, headers={}, timeout_s=timeout_s)
    except TooLarge:
        raise Unavailable("the question does not fit into a message") from None
    if reply.code:
        raise Unavailable(f"{reply.code}: {reply.error}")
    return reply.body


def _said(failed: Exception) -> str:
    if isinstance(failed, Nobody):
        return "does not offer this: nobody answers there"
    return failed.reason if isinstance(failed, Unavailable) else "its answer cannot be read"


async def _own(bus: Bus, found: Sequence[Replica], clock: Clock) -> DoctorAnswer:
    """What can be seen without asking a service."""
    version = bus.nc.connected_server_version
    checks = [Check(name="nats-server", ok=True, said=f"{version.major}.{version.minor}.{version.patch}")]
    problem = await bus.check_topology()
    checks.append(Check(name="topology", ok=problem is None, said=problem or ""))
    if problem is None:
        checks += await _consumers(bus, {one.service for one in found})
        checks += await _schedules(bus, found, clock)
        checks.append(await _given_up(bus, clock))
    services = {one.service for one in found}
    said = f"{len(found)} replicas of {len(services)} services" if found else "nobody answers"
    checks.append(Check(name="services", ok=bool(found), said=said))
    versions = sorted({one.version for one in found})
    checks.append(Check(name="versions", ok=len(versions) < 2, said=" beside ".join(versions)))
    return DoctorAnswer(service="nats", checks=tuple(checks))


async def _consumers(bus: Bus, services: set[str]) -> list[Check]:
    try:
        found = await consumers(bus)
    except ApiError as refused:
        return [Check(name="consumers", ok=False, said=refused.description)]
    checks: list[Check] = []
    for one in found:
        is_alone = one.name not in services and not one.pulls_waiting
        said = f"nobody takes its events, {one.lag} wait" if is_alone else ""
        if one.is_paused:
            said = f"is paused at the broker, {one.lag} wait"
        if not said and one.redelivered > _MANY_HAND_BACKS:
            said = f"{one.redelivered} events were handed back and wait for their next try"
        checks.append(Check(name=f"consumer {one.stream} {one.name}", ok=not said, said=said))
    return checks


async def _given_up(bus: Bus, clock: Clock) -> Check:
    """The second net: what the broker delivered so often that it delivers it no more."""
    since = clock.now() - timedelta(days=1)
    found = await newest(bus, ADVISORIES.name, wanted=100, subject=ADVISORIES.subjects[0], since=since)
    said = f"the broker has given up on {len(found)} events since yesterday, see its stream" if found else ""
    return Check(name=f"stream {ADVISORIES.name}", ok=not found, said=said)


async def _schedules(bus: Bus, replicas: Sequence[Replica], clock: Clock) -> list[Check]:
    found = {one.name: one for one in await schedules(bus, now=clock.now())}
    wanted = {timer.name for one in replicas if one.facts is not None for timer in one.facts.timers}
    checks: list[Check] = []
    for known in sorted({*found, *wanted}):
        said = "is paused" if known in found and found[known].is_paused else ""
        if known not in found:
            said = "is not at the broker, so nothing fires; a restart of its service defines it"
        checks.append(Check(name=f"schedule {known}", ok=not said, said=said))
    return checks
