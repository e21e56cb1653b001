"""Lists are as quick over ten thousand dead letters and a hundred thousand runs as over ten."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from console.desk.dead import Filters, page, sequences
from console.desk.flows import flows
from console.desk.history import recent, runs
from console.desk.intents import intents
from shared.runtime.service import Service
from shared.state.idempotency import Row
from tests.support.hub import flood, hub, record

PAGE_S = 0.3
"""What a first page may take."""

Messages = Iterator[tuple[str, bytes, dict[str, str]]]


def _letters(total: int) -> Messages:
    for number in range(total):
        family = "document" if number % 100 else "beteiligte"
        headers = {
            "ce-id": f"e{number}",
            "Hub-Error": "Rejected" if number % 1_000 else "Refused",
            "Hub-Reason": "xai upload_file: 413",
            "Hub-Subject": f"vmh.{family}.update",
            "Hub-Stream": "VMH",
            "Hub-Sequence": str(number),
            "Hub-Attempts": "3",
        }
        yield f"dead.vmh.{family}.update", json.dumps({"entity_id": f"d{number}"}).encode(), headers


def _runs(total: int, entities: int) -> Messages:
    for number in range(total):
        body = msgspec.json.encode(record(f"e{number}"))
        yield f"history.CDokumente.d{number % entities}", body, {"Nats-Msg-Id": f"history:{number}"}


async def _first_pages(service: Service) -> dict[str, float]:
    """The seconds that each first page takes, best of three."""
    found: dict[str, float] = {}

    for _ in range(3):
        for name, filters, wanted in (
            ("dead", Filters(), 50),
            ("dead by subject", Filters(subject="vmh.document.*"), 50),
            ("dead by a rare subject", Filters(subject="vmh.beteiligte.*"), 15),
            ("dead by kind", Filters(kind="Rejected"), 50),
        ):
            began = time.monotonic()
            letters = (await page(service.bus, filters, wanted=wanted)).letters
            found[name] = min(found.get(name, 99.0), time.monotonic() - began)
            assert len(letters) == wanted
        began = time.monotonic()
        assert await runs(service.bus, "CDokumente", "d7")
        found["history"] = min(found.get("history", 99.0), time.monotonic() - began)
        began = time.monotonic()
        assert len(await recent(service.bus, wanted=50)) == 50
        found["recent"] = min(found.get("recent", 99.0), time.monotonic() - began)
    return found


async def test_ten_thousand_dead_letters_and_a_hundred_thousand_runs(service: Service) -> None:
    """P12: the first page of 50 within 300 ms; flows and a bulk selection read no more than they need."""
    await flood(service, _letters(10_000))
    await flood(service, _runs(100_000, 20_000))
    took = await _first_pages(service)
    assert max(took.values()) < PAGE_S, took
    end = await page(service.bus, Filters(), wanted=50, before=51)
    assert [one.sequence for one in end.letters] == list(range(50, 0, -1))
    began = time.monotonic()
    found = await flows(service.bus, service.clock)
    assert any(hearer.last_outcome == "done" for flow in found for hearer in flow.hearers)
    rare = await page(service.bus, Filters(kind="Refused"), wanted=50)
    assert len(rare.letters) == 10
    assert time.monotonic() - began < 10, "a search through all of them"
    assert len(await sequences(service.bus, Filters(subject="vmh.beteiligte.*"))) == 100
    told = await hub(service.bus.settings.nats_url, "dead", "ls", "--json")
    assert (len(told.json["letters"]), told.json["total"]) == (50, 10_000)


async def test_thousands_of_settled_effects(service: Service) -> None:
    """P12: open intents are found among many that are done, in one pass."""
    at = datetime(2026, 11, 22, 8, tzinfo=UTC)
    row = Row(state="done", since=at, sent_at=at, run="r", fence=1, marker="")
    done = msgspec.json.encode(row)
    still_open = msgspec.json.encode(msgspec.structs.replace(row, state="open"))
    await flood(
        service,
        (
            (
                f"$KV.idempotency.document_sync.CDokumente.d{number}.upload.ab",
                still_open if number % 1_000 == 7 else done,
                {},
            )
            for number in range(3_000)
        ),
    )
    assert [one.entity_id for one in await intents(service.bus)] == ["d7", "d1007", "d2007"]
    [mine] = await intents(service.bus, entity_type="CDokumente", entity_id="d1007")
    assert mine.entity_id == "d1007"
