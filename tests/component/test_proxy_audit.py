"""Who wrote what to Advoware: on record before it leaves, and once more with the answer."""

import asyncio
import json
from collections.abc import AsyncIterator

import msgspec
import pytest

from gateway.settings import Keys
from local_stack.nats_server import NatsServer
from shared.contracts.proxy import CALLER_HEADER, AuditRecord
from shared.settings import NamedSecrets, Secret
from simulators.advoware import Credentials
from simulators.faults import Fault
from tests.component.test_proxy import NO_REDIS, failing
from tests.support.advoware import Road, open_road
from tests.support.odd_advoware import OddAdvoware
from tests.support.office import stored

ALL = "GET **, POST **, PUT **, DELETE **"
CANARY = "Kanarienvogel"


@pytest.fixture
async def vendor() -> OddAdvoware:
    """The simulator behind `road`."""
    return OddAdvoware()


@pytest.fixture
async def road(nats_server: NatsServer, vendor: OddAdvoware) -> AsyncIterator[Road]:
    """One proxy that may write."""
    async with open_road(nats_server.url, NO_REDIS, advoware=vendor, allow=ALL, timeout_s=2) as opened:
        yield opened


async def records(road: Road) -> list[AuditRecord]:
    """The whole stream, oldest first."""
    return [msgspec.json.decode(row["body"], type=AuditRecord) for row in await stored(road.gateway, "AUDIT")]


async def answered(road: Road) -> int:
    """The status of the last write, on record twice under one id."""
    sent, last = (await records(road))[-2:]
    assert (sent.step, last.step, sent.id, sent.status) == ("sent", "answered", last.id, None)
    return -1 if last.status is None else last.status


async def test_a_write_is_on_record_before_it_leaves(road: Road, vendor: OddAdvoware) -> None:
    """P11: while Advoware still works on it, the record says who, when, which replica, and under which trace."""
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(road.ask("API/v1/Advonet/Odd/wait", method="PUT", json={"a": CANARY}))
        await vendor.until_arrived(1)
        [sent] = await records(road)
        vendor.gate.set()
    assert asking.result()[0] == 200
    assert (sent.step, sent.caller, sent.method, sent.endpoint) == ("sent", "kanzlei", "PUT", "Odd/wait")
    assert sent.worker == road.proxies[0].holder
    assert len(sent.trace_id) == 32
    _, after = await records(road)
    assert after == msgspec.structs.replace(sent, step="answered", status=200, at=after.at)
    assert after.at >= sent.at
    assert [row["subject"] for row in await stored(road.gateway, "AUDIT")] == ["audit.advoware_proxy.put"] * 2


async def test_each_ending_has_its_status(road: Road, vendor: OddAdvoware, nats_server: NatsServer) -> None:
    """Advoware's own where it said one; 0 where nobody knows."""
    for status in (400, 403, 404, 409):
        assert (await road.ask(f"Odd/quote/{status}", method="POST", json={}))[0] == 502
        assert await answered(road) == status
    for kind in ("lost", "cut_answer", "cut_request"):
        vendor.faults.add(Fault(kind=kind, path=".*/Odd/echo"))
        assert (await road.ask("Odd/echo", method="POST", json={}))[0] == 502
        assert await answered(road) == 0
    vendor.faults.add(Fault(kind="error", status=500, path=".*/Odd/echo"))
    assert (await road.ask("Odd/echo", method="DELETE"))[0] == 502
    assert await answered(road) == 0
    assert (await road.ask("Odd/cut", method="POST", json={}))[0] == 502
    assert await answered(road) == 0
    assert (await road.ask("Odd/empty", method="DELETE"))[0] == 200
    assert await answered(road) == 204
    assert (await road.tell("PUT", {"endpoint": "Odd/wait", "timeout_s": 0.3})).code == 504
    assert await answered(road) == 0
    vendor.faults.add(Fault(kind="rate_limited", path=".*/Odd/echo", retry_after_s=1))
    assert (await road.ask("Odd/echo", method="PUT", json={}))[0] == 503
    assert await answered(road) == 429


async def test_a_write_that_never_left_is_on_record_as_not_sent(nats_server: NatsServer) -> None:
    """Whoever looks for it later need not ask Advoware: without a token nothing was sent."""
    async with open_road(nats_server.url, NO_REDIS, allow=ALL, account=Credentials(password="wrong")) as road:
        assert (await road.ask("Akten/1", method="PUT", json={}))[0] == 502
        assert [(record.step, record.status) for record in await records(road)] == [("sent", None), ("not_sent", None)]


async def test_a_record_holds_no_data(road: Road) -> None:
    """P10: neither body, parameters nor answer: they would lie here longer than in Advoware."""
    status, _, _ = await road.ask("Odd/echo", method="POST", json={"name": CANARY}, params={"q": CANARY, CANARY: "1"})
    assert status == 200
    for row in await stored(road.gateway, "AUDIT"):
        assert CANARY.encode() not in row["body"]
        assert CANARY not in repr(row["headers"])
        assert set(json.loads(row["body"])) <= set(AuditRecord.__struct_fields__)


async def test_what_is_refused_and_what_is_read_leaves_no_record(nats_server: NatsServer) -> None:
    """Records are of writes that left, or may have."""
    async with open_road(nats_server.url, NO_REDIS, allow="GET **, PUT Akten/*, DELETE Akten/*", per_minute=9) as road:
        assert (await road.ask("employees"))[0] == 200
        assert (await failing(road, "Akten", method="POST", json={}))[0] == 403
        assert (await failing(road, "Akten/../1", method="PUT", json={}))[0] == 400
        assert (await failing(road, "Akten/1", method="DELETE", json={}))[0] == 400
        assert (await failing(road, "Akten/1", method="PUT", data=b"no json"))[0] == 400
        assert (await failing(road, "Akten/1", method="PUT", key="wrong"))[0] == 401
        while (await road.ask("employees"))[0] != 429:
            pass
        assert (await failing(road, "Akten/1", method="PUT", json={}))[0] == 429
        assert await records(road) == []


async def test_without_a_record_nothing_is_sent(road: Road) -> None:
    """P11: the audit's stream is gone: Advoware hears nothing of writes, and reads go on."""
    await road.gateway.bus.api("STREAM.DELETE.AUDIT")
    assert (await road.tell("PUT", {"endpoint": "Odd/echo", "timeout_s": 0.5})).code in (503, 504)
    assert road.data_calls() == []
    assert (await road.ask("employees"))[0] == 200


async def test_a_stream_that_refuses_is_503_at_once(road: Road) -> None:
    """P11: the answer says that the write was not sent."""
    config = (await road.gateway.bus.api("STREAM.INFO.AUDIT"))["config"]
    await road.gateway.bus.api("STREAM.UPDATE.AUDIT", {**config, "max_msg_size": 10})
    status, body, headers = await road.ask("Odd/echo", method="PUT", json={})
    assert (status, json.loads(body)) == (
        503,
        {"error": "the write was not sent: its audit record could not be stored"},
    )
    assert headers["Retry-After"] == "2"
    assert road.data_calls() == []
    await road.gateway.bus.api("STREAM.UPDATE.AUDIT", config)
    assert (await road.ask("Odd/echo", method="PUT", json={}))[0] == 200
    assert await answered(road) == 200


async def test_the_answer_does_not_wait_for_its_record(road: Road, vendor: OddAdvoware) -> None:
    """The write is done: its answer matters more than the second record, and comes in time without it."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        answer = tasks.create_task(road.ask("Odd/wait", method="PUT", json={}))
        late = tasks.create_task(road.ask("Odd/wait", method="DELETE"))
        await vendor.until_arrived(2)
        assert [record.step for record in await records(road)] == ["sent"] * 2
        await road.gateway.bus.api("STREAM.DELETE.AUDIT")
        began = loop.time()
        vendor.gate.set()
    assert (answer.result()[0], late.result()[0]) == (200, 200)
    assert loop.time() - began < 1


async def test_a_write_that_takes_too_long_is_answered_in_time_without_its_record(
    road: Road, vendor: OddAdvoware
) -> None:
    """P12: the proxy answers before the caller's patience ends, even with the audit's stream gone meanwhile."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(road.tell("PUT", {"endpoint": "Odd/wait", "timeout_s": 2}))
        await vendor.until_arrived(1)
        await road.gateway.bus.api("STREAM.DELETE.AUDIT")
    assert asking.result().code == 504
    assert loop.time() - began < 2.2
    vendor.gate.set()


async def test_a_caller_on_the_bus_names_itself(road: Road) -> None:
    """A name that is none, or too long, is `nats`."""
    names = {"sync-worker": "sync-worker", "a.b_C-1": "a.b_C-1", "": "nats", "x" * 65: "nats", "Müller": "nats"}
    names |= {"a b": "nats", "a/b": "nats"}
    for told in (None, *names):
        headers = {} if told is None else {CALLER_HEADER: told}
        assert (await road.tell("POST", {"endpoint": "Odd/echo", "body": {}}, headers=headers)).code == 0
    assert [record.caller for record in await records(road)][::2] == ["nats", *names.values()]


def test_every_key_has_a_name_that_can_stand_on_record() -> None:
    """P11: a key whose name the records could not hold is refused at the start, and not on record as somebody else."""
    with pytest.raises(ValueError, match="GATEWAY_API_KEYS is malformed"):
        Keys(gateway_api_keys=NamedSecrets({"kong": Secret("kPz7-first-key"), "Büro Süd": Secret("kPz7-second-key")}))
