"""Streams read from either end, in batches."""

from datetime import UTC, datetime, timedelta

import pytest

from console.desk.reading import at_or_after, count, ends, forward, last, newest, one
from shared.outcomes.errors import Unavailable
from shared.runtime.service import Service
from tests.support.hub import flood


async def _filled(service: Service, total: int = 1_200, entities: int = 40) -> None:
    await flood(
        service,
        ((f"history.CDokumente.d{number % entities}", str(number).encode(), {}) for number in range(total)),
    )


async def test_forward_is_everything_in_order(service: Service) -> None:
    """Over several batches, by subject, and not beyond where it was told to end."""
    await _filled(service)
    every = [int(message.body) async for message in forward(service.bus, "HISTORY")]
    assert every == list(range(1_200))
    mine = [int(m.body) async for m in forward(service.bus, "HISTORY", subject="history.*.d7")]
    assert mine == list(range(7, 1_200, 40))
    some = [m.sequence async for m in forward(service.bus, "HISTORY", start=11, up_to=15)]
    assert some == [11, 12, 13, 14, 15]


@pytest.mark.parametrize("subject", [">", "history.CDokumente.*"])
async def test_newest_is_a_page_from_the_end(service: Service, subject: str) -> None:
    """Newest first, page after page, until there are no more."""
    await _filled(service)
    page = await newest(service.bus, "HISTORY", wanted=50, subject=subject)
    assert [int(m.body) for m in page] == list(range(1_199, 1_149, -1))
    page = await newest(service.bus, "HISTORY", wanted=50, subject=subject, before=page[-1].sequence)
    assert [int(m.body) for m in page] == list(range(1_149, 1_099, -1))
    assert [m.sequence for m in await newest(service.bus, "HISTORY", wanted=50, subject=subject, before=3)] == [2, 1]


async def test_newest_finds_the_few_among_many(service: Service) -> None:
    """By subject, by what is kept, and not older than a moment."""
    await _filled(service)
    rare = await newest(service.bus, "HISTORY", wanted=3, subject="history.CDokumente.d7")
    assert [int(m.body) for m in rare] == [1_167, 1_127, 1_087]
    first = await newest(service.bus, "HISTORY", wanted=5, keep=lambda m: int(m.body) < 3)
    assert [int(m.body) for m in first] == [2, 1, 0]
    late = datetime.now(UTC) + timedelta(hours=1)
    assert await newest(service.bus, "HISTORY", wanted=5, since=late) == []


async def test_holes_are_no_hindrance(service: Service) -> None:
    """A stream from which most was removed, at its beginning and in the middle."""
    await _filled(service, total=300, entities=3)
    await service.bus.api("STREAM.PURGE.HISTORY", {"filter": "history.CDokumente.d1"})
    await service.bus.api("STREAM.PURGE.HISTORY", {"seq": 50})
    wanted = [number for number in range(49, 300) if number % 3 != 1]
    assert [int(m.body) async for m in forward(service.bus, "HISTORY")] == wanted
    assert [int(m.body) for m in await newest(service.bus, "HISTORY", wanted=1_000)] == wanted[::-1]
    assert await count(service.bus, "HISTORY") == len(wanted)
    assert await count(service.bus, "HISTORY", subject="history.*.d2") == 84
    assert await one(service.bus, "HISTORY", 2) is None


async def test_an_empty_stream_and_none_at_all(service: Service) -> None:
    """Nothing there is nothing; no stream is a sentence."""
    assert [m async for m in forward(service.bus, "DEAD")] == []
    assert await newest(service.bus, "DEAD", wanted=10) == []
    assert await count(service.bus, "DEAD") == 0
    assert await last(service.bus, "DEAD", "dead.vmh.document.update") is None
    assert await at_or_after(service.bus, "DEAD", datetime.now(UTC)) is None
    first, end = await ends(service.bus, "DEAD")
    assert first > end
    with pytest.raises(Unavailable, match="stream NONE is not there"):
        await one(service.bus, "NONE", 1)


async def test_the_last_of_a_subject(service: Service) -> None:
    """With its publisher's headers and no others."""
    await service.bus.nc.request("history.CDokumente.d1", b"1", headers={"X-A": "b"})
    await service.bus.nc.request("history.CDokumente.d2", b"2")
    found = await last(service.bus, "HISTORY", "history.CDokumente.d1")
    assert found is not None
    assert (found.body, found.headers, found.sequence, found.stream) == (b"1", {"X-A": "b"}, 1, "HISTORY")
    assert abs(datetime.now(UTC) - found.at) < timedelta(minutes=1)
    assert await at_or_after(service.bus, "HISTORY", found.at) == 1
