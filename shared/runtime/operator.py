"""A service as an operator meets it: what it is, what it would write, and whether all is in order with it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import msgspec

from shared.contracts.operator import (
    DOCTOR_S,
    Check,
    DoctorAnswer,
    Facts,
    PlanAnswer,
    PlanQuestion,
    doctor_subject,
    plan_subject,
)
from shared.outcomes.errors import HubError
from shared.runtime.microservice import Endpoint, Microservice, Reply, Request
from shared.runtime.service import Service

_IN_WORK_MAX = 16
_GRACE_S = 5.0
_PROBE_S = DOCTOR_S - 5.0

Probe = Callable[[], Awaitable[object]]
"""Touches a vendor without changing anything. Raises a word of `outcomes/errors`."""

Planner = Callable[[PlanQuestion], Awaitable[PlanAnswer]]
"""The dry run. Raises a word of `outcomes/errors`, and ValidationError for an id that none can have."""


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker can be asked."""

    plans: tuple[str, ...]
    """Entity types that `plan` knows."""
    plan: Planner
    probes: Mapping[str, Probe]
    """By vendor."""


@contextlib.asynccontextmanager
async def attended(
    service: Service,
    tasks: asyncio.TaskGroup,
    *,
    facts: Facts,
    probes: Mapping[str, Probe],
    planner: Planner | None = None,
) -> AsyncIterator[None]:
    """Answers operators for as long as this is entered."""
    ends = [doctor_endpoint(service, probes)]
    if planner is not None:
        ends.append(Endpoint(name="plan", subject=plan_subject(service.name), handler=_plan(planner)))
    made = Microservice(
        service,
        description=f"The hub's {service.name}",
        endpoints=ends,
        tasks=tasks,
        in_work_max=_IN_WORK_MAX,
        facts=facts,
    )
    await made.start()
    try:
        yield
    finally:
        await made.stop(_GRACE_S)


def doctor_endpoint(service: Service, probes: Mapping[str, Probe]) -> Endpoint:
    """For a service that has endpoints of its own beside it."""
    return Endpoint(name="doctor", subject=doctor_subject(service.name), handler=_doctor(service, probes))


def _doctor(service: Service, probes: Mapping[str, Probe]) -> Callable[[Request], Awaitable[Reply]]:
    async def look(_request: Request) -> Reply:
        problems = await service.health.problems()
        ready = Check(
            name="ready", ok=not problems, said="; ".join(f"{name}: {told}" for name, told in problems.items())
        )
        found = await asyncio.gather(*(_probed(name, probe) for name, probe in sorted(probes.items())))
        return Reply(msgspec.json.encode(DoctorAnswer(service=service.name, checks=(ready, *found))))

    return look


async def _probed(name: str, probe: Probe) -> Check:
    try:
        async with asyncio.timeout(_PROBE_S):
            await probe()
    except HubError as failed:
        return Check(name=name, ok=False, said=f"{type(failed).__name__}: {failed.reason}")
    except TimeoutError:
        return Check(name=name, ok=False, said=f"no answer within {_PROBE_S:.0f} s")
    return Check(name=name, ok=True)


def _plan(planner: Planner) -> Callable[[Request], Awaitable[Reply]]:
    async def plan(request: Request) -> Reply:
        try:
            answer = await planner(msgspec.json.decode(request.body, type=PlanQuestion))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return Reply(code=400, error="entity_type and entity_id must be what an event may carry")
        except HubError as failed:
            return Reply(code=502, error=f"{type(failed).__name__}: {failed.reason}")
        return Reply(msgspec.json.encode(answer))

    return plan
