"""What a service tells an operator: what it is, what it would write, and whether all is in order."""

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
from nats.aio.client import Client

from shared.contracts.operator import (
    Check,
    DoctorAnswer,
    Facts,
    Heard,
    PlanAnswer,
    PlanQuestion,
    doctor_subject,
    plan_subject,
)
from shared.outcomes.errors import Unauthorized
from shared.runtime.ask import ask
from shared.runtime.microservice import Reply
from shared.runtime.operator import attended
from shared.runtime.service import Service

FACTS = Facts(hears=(Heard(subject="vmh.document.update", handler="on_document"),), plans=("CDokumente",), stream="VMH")


async def planner(question: PlanQuestion) -> PlanAnswer:
    """One that knows a single document."""
    if question.entity_id == "refused":
        raise Unauthorized("espocrm: 401")
    if "/" in question.entity_id:
        raise msgspec.ValidationError("entity_id")
    return PlanAnswer(service="document_worker", reason="synced", writes=("xai POST files",))


async def well() -> None:
    """A vendor that is there."""


async def ill() -> None:
    """A vendor that refuses the key."""
    raise Unauthorized("xai: 401")


@pytest.fixture
async def asked(service: Service) -> AsyncIterator[Callable[[str, object], "asyncio.Future[Reply]"]]:
    """Asks an attended service."""
    async with (
        asyncio.TaskGroup() as tasks,
        attended(service, tasks, facts=FACTS, probes={"espocrm": well, "xai": ill}, planner=planner),
    ):

        def send(subject: str, body: object) -> "asyncio.Future[Reply]":
            asking = ask(service.bus, subject, msgspec.json.encode(body), headers={}, timeout_s=5)
            return asyncio.ensure_future(asking)

        yield send


async def test_a_service_describes_itself(service: Service, asked: object) -> None:
    """`nats micro info` and `hub flows` read what it hears and can be asked from there."""
    nc: Client = service.bus.nc
    answer = await nc.request("$SRV.INFO.document_worker", b"", timeout=5)
    metadata = msgspec.json.decode(answer.data)["metadata"]
    assert msgspec.json.decode(metadata["facts"], type=Facts) == FACTS
    assert metadata["holder"] == service.holder


async def test_the_doctor_says_what_is_wrong(service: Service, asked: Callable[..., "asyncio.Future[Reply]"]) -> None:
    """P6: each vendor by name, with the reason and no value."""
    reply = await asked(doctor_subject(service.name), {})
    checks = {one.name: one for one in msgspec.json.decode(reply.body, type=DoctorAnswer).checks}
    assert checks["espocrm"] == Check(name="espocrm", ok=True)
    assert checks["xai"] == Check(name="xai", ok=False, said="Unauthorized: xai: 401")
    assert checks["ready"].ok


async def test_a_plan_can_be_asked_for(service: Service, asked: Callable[..., "asyncio.Future[Reply]"]) -> None:
    """The dry run without a login of one's own; a failure is a sentence, and a bad id too."""
    subject = plan_subject(service.name)
    reply = await asked(subject, {"entity_type": "CDokumente", "entity_id": "d1"})
    assert msgspec.json.decode(reply.body, type=PlanAnswer).writes == ("xai POST files",)
    refused = await asked(subject, {"entity_type": "CDokumente", "entity_id": "refused"})
    assert (refused.code, refused.error) == (502, "Unauthorized: espocrm: 401")
    bad: tuple[object, ...] = ({"entity_type": "CDokumente"}, {"entity_type": "CDokumente", "entity_id": "a/b"}, [])
    for wrong in bad:
        assert (await asked(subject, wrong)).code == 400
