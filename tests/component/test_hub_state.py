"""`hub state`, `hub locks`, `hub intents`: what the hub remembers, by its shape; changed only by name and revision."""

import asyncio
import json
from datetime import UTC, datetime

import msgspec

from console.desk.deeds import acting
from console.desk.locks import break_lock, lock
from shared.contracts.topology import IDEMPOTENCY, LOCKS, SNAPSHOTS
from shared.outcomes.settle import Attempts
from shared.runtime.service import Service
from shared.state.attempts import AttemptsLog
from shared.state.idempotency import Row
from shared.state.kv import Bucket
from shared.state.locks import Locks
from tests.support.hub import CANARY, hub
from tests.support.office import stored

_KEY = "beteiligte_sync.CBeteiligte.bet456"
_VALUE = {"fence": 7, "state": {"lastName": CANARY, "phones": [CANARY, "1"], "born": 1970, CANARY + " 1": None}}


async def _deeds(service: Service) -> list[tuple[str, str]]:
    told = [msgspec.json.decode(row["body"]) for row in await stored(service, "AUDIT")]
    return [(one["deed"], one["about"]) for one in told]


async def test_a_value_is_shown_by_its_shape(service: Service) -> None:
    """P10: a snapshot's contents are not on the screen; --raw prints them, and that is recorded."""
    url = service.bus.settings.nats_url
    await Bucket(service.bus.requests, SNAPSHOTS.name).put(_KEY, json.dumps(_VALUE).encode())
    shape = await hub(url, "state", "get", "snapshots", _KEY)
    assert shape.json == {
        "fence": "number",
        "state": {
            "lastName": f"text, {len(CANARY)}",
            "phones": [f"text, {len(CANARY)}", "text, 1"],
            "born": "number",
            "…": None,
        },
    }
    assert CANARY not in shape.out + shape.err
    assert shape.err.startswith("revision 1, ")
    assert await _deeds(service) == []
    raw = await hub(url, "state", "get", "snapshots", _KEY, "--raw")
    assert json.loads(raw.out) == _VALUE
    assert await _deeds(service) == [("reveal", f"snapshots {_KEY}")]
    missing = await hub(url, "state", "get", "snapshots", "no.such")
    assert (missing.code, missing.err) == (1, "hub: snapshots has no no.such\n")
    wrong = await hub(url, "state", "get", "secrets", "x")
    assert (wrong.code, "locks, idempotency, snapshots" in wrong.err) == (2, True)


async def test_buckets_and_keys(service: Service) -> None:
    """How many and how large; keys by a pattern, not more than asked for."""
    url = service.bus.settings.nats_url
    bucket = Bucket(service.bus.requests, SNAPSHOTS.name)
    for number in range(5):
        await bucket.put(f"document_sync.CDokumente.d{number}", b"{}")
    every = await hub(url, "state", "ls", "--json")
    assert [(one["name"], one["keys"]) for one in every.json] == [("locks", 0), ("idempotency", 0), ("snapshots", 5)]
    some = await hub(url, "state", "ls", "snapshots", "document_sync.*.*", "-n", "2")
    assert some.out.splitlines() == ["document_sync.CDokumente.d0", "document_sync.CDokumente.d1"]
    assert some.err == "2 of 5 keys\n"


async def test_a_value_is_written_over_what_was_seen(service: Service) -> None:
    """Asks; over exactly the revision that was there; recorded; a key that has moved on is left as it is."""
    url = service.bus.settings.nats_url
    bucket = Bucket(service.bus.requests, SNAPSHOTS.name)
    dry = await hub(url, "state", "set", "snapshots", "a.b", "{}", "--dry-run")
    assert dry.out == "would write 2 B to snapshots a.b, where there is none\n"
    no = await hub(url, "state", "set", "snapshots", "a.b", "{}", stdin="n\n")
    assert (no.code, await bucket.get("a.b")) == (1, None)
    assert await _deeds(service) == []
    done = await hub(url, "state", "set", "snapshots", "a.b", "-", "--yes", "--json", stdin='{"x":1}')
    assert (done.code, done.json) == (0, {"revision": 1})
    entry = await bucket.get("a.b")
    assert entry is not None
    assert entry.value == b'{"x":1}'
    moved = await hub(url, "state", "set", "snapshots", "a.b", "{}", "--revision", "0", "--yes")
    assert (moved.code, "has moved on" in moved.err) == (1, True)
    assert await _deeds(service) == [("set", "snapshots a.b")] * 2


async def test_a_value_is_removed_without_a_trace(service: Service) -> None:
    """Asks, is recorded, leaves no tombstone; exit code 1 where there is none."""
    url = service.bus.settings.nats_url
    bucket = Bucket(service.bus.requests, IDEMPOTENCY.name)
    await bucket.put("a.b", b"{}")
    dry = await hub(url, "state", "rm", "idempotency", "a.b", "--dry-run")
    assert dry.out == "would remove idempotency a.b, revision 1, 2 B\n"
    done = await hub(url, "state", "rm", "idempotency", "a.b", stdin="y\n")
    assert (done.code, done.out) == (0, "revision 1\n")
    assert await stored(service, "KV_idempotency") == []
    again = await hub(url, "state", "rm", "idempotency", "a.b", "--yes")
    assert again.code == 1
    assert await _deeds(service) == [("rm", "idempotency a.b")]


async def test_a_lock_is_broken(service: Service) -> None:
    """P3: asks, is recorded, and the run that held it hears of it at its next renewal."""
    url = service.bus.settings.nats_url
    locks = Locks(Bucket(service.bus.requests, LOCKS.name), holder="w@a.1", lease_s=30, clock=service.clock, epoch=1)
    lost = asyncio.Event()
    lease = await locks.acquire("document_sync.CDokumente.d1", run="r1", on_lost=lost.set)
    assert lease is not None
    listed = await hub(url, "locks", "ls", "--json")
    assert [(one["key"], one["holder"], one["run"]) for one in listed.json] == [
        ("document_sync.CDokumente.d1", "w@a.1", "r1")
    ]
    dry = await hub(url, "locks", "break", "document_sync.CDokumente.d1", "--dry-run")
    assert dry.out == "would take document_sync.CDokumente.d1 from w@a.1\n"
    await locks.renew_all()
    assert not lost.is_set()
    done = await hub(url, "locks", "break", "document_sync.CDokumente.d1", stdin="y\n")
    assert (done.code, done.out) == (0, "taken from w@a.1\n")
    await locks.renew_all()
    assert lost.is_set()
    assert await _deeds(service) == [("break", "locks document_sync.CDokumente.d1 w@a.1")]
    again = await hub(url, "locks", "break", "document_sync.CDokumente.d1", "--yes")
    assert (again.code, again.err) == (1, "hub: nobody holds document_sync.CDokumente.d1\n")
    empty = await hub(url, "locks", "ls")
    assert (empty.code, empty.out, empty.err) == (0, "", "nobody holds a lock\n")


async def test_a_lock_is_not_taken_from_the_next_run(service: Service) -> None:
    """What was renewed meanwhile is broken all the same; what somebody else has by now is left to them."""
    bucket = Bucket(service.bus.requests, LOCKS.name)
    locks = Locks(bucket, holder="w@a.1", lease_s=30, clock=service.clock, epoch=1)
    lease = await locks.acquire("a.b.c", run="r1", on_lost=lambda: None)
    assert lease is not None
    held = await lock(service.bus, "a.b.c")
    assert held is not None
    async with acting(service.bus, {}, clock=service.clock, name="anna", source="hub") as operator:
        await locks.renew_all()
        assert await break_lock(operator, held)
        await locks.release(lease)
        assert await locks.acquire("a.b.c", run="r2", on_lost=lambda: None) is not None
        assert not await break_lock(operator, held)
    assert await lock(service.bus, "a.b.c") is not None


async def test_open_intents(service: Service) -> None:
    """P2: what was begun and not settled, by record and age, oldest first; without the marker."""
    url = service.bus.settings.nats_url
    bucket = Bucket(service.bus.requests, IDEMPOTENCY.name)
    for key, state, hour in (
        ("document_sync.CDokumente.d1.upload.ab", "open", 9),
        ("document_sync.CDokumente.d2.upload.cd", "done", 8),
        ("beteiligte_sync.CBeteiligte.b1.party.party", "open", 7),
    ):
        at = datetime(2026, 11, 22, hour, tzinfo=UTC)
        row = Row(state=state, since=at, sent_at=at, run="r", fence=1, marker=CANARY)  # type: ignore[arg-type]
        await bucket.put(key, msgspec.json.encode(row))
    await AttemptsLog(bucket, consumer="document_worker").write("VMH", 3, Attempts(failures=1))
    every = await hub(url, "intents", "--json")
    assert [one["key"].split(".")[2] for one in every.json] == ["b1", "d1"]
    mine = await hub(url, "intents", "CDokumente", "d1")
    assert [line.split()[:4] for line in mine.out.splitlines()[1:]] == [["CDokumente", "d1", "document_sync", "upload"]]
    assert CANARY not in every.out + mine.out
    old = await hub(url, "intents", "--older", "2026-11-22T09:30", "--json")
    assert [one["entity_id"] for one in old.json] == ["b1"]
    wrong = await hub(url, "intents", "--older", "never")
    assert wrong.code == 2
