"""An entity's history: its last hundred deliveries, written without holding anybody up."""

import asyncio

import msgspec

from local_stack.nats_server import NatsServer
from shared.runtime.history import History, Record
from shared.runtime.service import Service
from shared.telemetry.run import Call
from tests.support.office import history, stored


def record(number: int = 1) -> Record:
    return Record(
        at="2026-03-01T12:00:00.000+00:00",
        event_id=f"e{number}",
        subject="vmh.document.update",
        outcome="done",
        reason="uploaded",
        plan={"upload": 1},
        calls=[Call(vendor="xai", operation="upload_file", status=200, ms=1.5)],
        worker="w",
    )


async def test_the_last_hundred_of_an_entity(service: Service) -> None:
    """P12: the hundred-and-first pushes out the first, and another entity's story stays whole."""
    async with asyncio.TaskGroup() as tasks:
        book = History(service.publisher, service.metrics, tasks)
        book.add("CDokumente", "other", record(0), once="other")
    for start in range(0, 120, 20):
        async with asyncio.TaskGroup() as tasks:
            book = History(service.publisher, service.metrics, tasks)
            for number in range(start, start + 20):
                book.add("CDokumente", "d1", record(number), once=f"d1-{number}")
    state = (await service.bus.api("STREAM.INFO.HISTORY", {"subjects_filter": "history.>"}))["state"]
    assert state["subjects"] == {"history.CDokumente.d1": 100, "history.CDokumente.other": 1}
    last = await service.bus.nc.jetstream().get_last_msg("HISTORY", "history.CDokumente.d1")
    assert msgspec.json.decode(last.data or b"", type=Record).event_id in {f"e{number}" for number in range(100, 120)}


async def test_a_record_as_it_lies_there(service: Service) -> None:
    """What is default is left out, and a delivery told twice is one record."""
    async with asyncio.TaskGroup() as tasks:
        book = History(service.publisher, service.metrics, tasks)
        book.add("CDokumente", "d1", record(), once="x")
        book.add("CDokumente", "d1", record(), once="x")
    assert await history(service) == [
        {
            "at": "2026-03-01T12:00:00.000+00:00",
            "event_id": "e1",
            "subject": "vmh.document.update",
            "outcome": "done",
            "reason": "uploaded",
            "plan": {"upload": 1},
            "calls": [{"vendor": "xai", "operation": "upload_file", "status": 200, "ms": 1.5}],
            "worker": "w",
        }
    ]


async def test_an_entity_with_an_odd_name_has_a_history_too(service: Service) -> None:
    """Every key is a subject that NATS takes."""
    async with asyncio.TaskGroup() as tasks:
        book = History(service.publisher, service.metrics, tasks)
        book.add("", "", record(), once="a")
        book.add("Sweep", "Ünter.weg", record(), once="b")
    assert {row["subject"] for row in await stored(service, "HISTORY")} == {
        "history.Unknown.unknown",
        "history.Sweep.=w5xudGVyLndlZw",
    }


async def test_a_record_that_cannot_be_stored_is_counted(service: Service, nats_server: NatsServer) -> None:
    """History never fails a delivery, and a gap in it is a number."""
    service.publisher._deadline_s = 0.2
    nats_server.stop()
    async with asyncio.TaskGroup() as tasks:
        History(service.publisher, service.metrics, tasks).add("CDokumente", "d1", record(), once="x")
    assert b"hub_history_lost_total 1.0" in service.metrics.render()
