"""Each service with its own NATS user: its work is done under it, and nothing beyond that is."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.clients.redis_cache import RedisSettings
from shared.contracts.permissions import OPERATOR, SERVICES, USERS, inbox_prefix
from shared.contracts.topology import BUCKETS, LOCKS, STREAMS, VMH
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import Bus, Forbidden, MissingPart
from shared.runtime.schedule import Cron, Schedules
from shared.runtime.service import Service, start
from shared.settings import Secret
from shared.state.kv import Bucket
from shared.state.locks import Locks
from simulators.faults import Fault
from tests.support.advoware import API_KEY, open_road
from tests.support.calendars import add_termin, open_calendars
from tests.support.calendars import working as syncing_calendars
from tests.support.console import bury, reading, remember
from tests.support.guarded import Guarded, connected, guarded
from tests.support.hub import hub
from tests.support.odd_advoware import OddAdvoware
from tests.support.office import open_office, working
from tests.support.parties import open_parties, syncing
from tests.support.party_staff import full_person, record
from tests.support.redis import RedisPlace

_WITHIN_S = 20.0


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Guarded]:
    """A broker with users and without streams."""
    with guarded(tmp_path) as broker:
        yield broker


@pytest.fixture
async def broker(empty: Guarded) -> Guarded:
    """A broker with users, and with the streams that an operator has made."""
    await empty.make_topology()
    return empty


@contextlib.asynccontextmanager
async def acting_as(broker: Guarded, user: str) -> AsyncIterator[Service]:
    """A service, connected as itself."""
    async with start(user, broker.settings(user), {}) as service:
        yield service


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Returns when it holds."""
    async with asyncio.timeout(_WITHIN_S):
        while not await true():  # noqa: ASYNC110 - it is seen at the other end of a socket
            await asyncio.sleep(0.02)


async def outcomes(operator: Bus) -> list[tuple[str, str]]:
    """Entity type and outcome of every stored run."""
    found: list[tuple[str, str]] = []
    last = (await operator.api("STREAM.INFO.HISTORY"))["state"]["last_seq"]
    for sequence in range(1, last + 1):
        row = await operator.nc.jetstream().get_msg("HISTORY", sequence, direct=True)
        found.append((row.subject.split(".")[1] if row.subject else "", json.loads(row.data or b"{}")["outcome"]))
    return found


async def say(operator: Bus, subject: str, body: dict[str, Any]) -> None:
    """`nats pub -J`."""
    await operator.nc.request(subject, json.dumps(body).encode())


# Each does its work


async def test_a_document_worker_does_its_work_as_itself(broker: Guarded) -> None:
    """Upload, owner's collection, a retry that counts, a dead letter, a sweep, an audit, a removal."""
    async with (
        acting_as(broker, "document_worker") as service,
        open_office(service) as office,
        working(service, office),
        connected(broker.settings(OPERATOR), "hub") as operator,
    ):
        owner = office.owner()
        document = office.document(owner=owner)
        office.xai.faults.add(Fault(kind="error", status=503, times=1))
        await say(operator, "vmh.raeumungsklage.update", {"entity_id": owner})
        await say(operator, "vmh.document.update", {"entity_id": document})
        await until(lambda: _is(office.record(document)["xaiSyncStatus"] == "clean"))
        await say(operator, "vmh.document.update", {"entity_id": "no id"})
        await say(operator, "vmh.document.sweep", {})
        await say(operator, "vmh.document.audit", {"heal": True})
        office.espocrm.remove("CDokumente", document)
        await say(operator, "vmh.document.delete", {"entity_id": document})
        await until(lambda: _is(office.attached(office.collection_of(owner)) == []))

        async def all_ended() -> bool:
            kinds = {kind for kind, outcome in await outcomes(operator) if outcome in ("done", "skip")}
            letters = (await operator.api("STREAM.INFO.DEAD"))["state"]["messages"]
            return kinds >= {"CDokumente", "Raeumungsklage", "Sweep", "Audit"} and letters == 1

        await until(all_ended)
        assert ("CDokumente", "retry") in await outcomes(operator) or ("Raeumungsklage", "retry") in await outcomes(
            operator
        )
    assert broker.violations() == []


async def test_a_worker_may_ack_in_either_form(tmp_path: Path) -> None:
    """A server may be told to name domain and account in the subject that acks a message (`js_ack_fc_v2`)."""
    with guarded(tmp_path, more="feature_flags { js_ack_fc_v2: true }") as broker:
        await broker.make_topology()
        async with (
            acting_as(broker, "document_worker") as service,
            open_office(service) as office,
            working(service, office),
            connected(broker.settings(OPERATOR), "hub") as operator,
        ):
            acks = await operator.nc.subscribe("$JS.ACK.>")
            await operator.nc.flush()
            await say(operator, "vmh.document.update", {"entity_id": office.document()})
            assert len((await acks.next_msg(timeout=_WITHIN_S)).subject.split(".")) > 9

            async def settled() -> bool:
                info = await operator.api("CONSUMER.INFO.VMH.document_worker")
                return bool(info["ack_floor"]["stream_seq"] == 1)

            await until(settled)
        assert broker.violations() == []


async def _is(true: object) -> bool:
    return bool(true)


async def test_a_beteiligte_worker_does_its_work_as_itself(broker: Guarded, redis_server: RedisPlace) -> None:
    """A party with everything, an account's event, a sweep, an audit."""
    redis = RedisSettings(redis_url=Secret(redis_server.url))
    async with (
        acting_as(broker, "beteiligte_worker") as service,
        open_parties(service, redis, lists=True) as parties,
        syncing(service, parties),
        connected(broker.settings(OPERATOR), "hub") as operator,
    ):
        ids = full_person(parties)
        await say(operator, "vmh.beteiligte.create", {"entity_id": ids.party})
        await until(lambda: _is(record(parties, ids.party)["syncStatus"] == "clean"))
        await say(operator, "vmh.bankverbindungen.update", {"entity_id": ids.account})
        await say(operator, "vmh.beteiligte.sweep", {})
        await say(operator, "vmh.beteiligte.audit", {})
        wanted = {"CBeteiligte", "CBankverbindungen", "Sweep", "Audit"}

        async def all_ended() -> bool:
            return {kind for kind, outcome in await outcomes(operator) if outcome in ("done", "skip")} >= wanted

        await until(all_ended)
    assert broker.violations() == []


async def test_a_calendar_worker_does_its_work_as_itself(broker: Guarded, redis_server: RedisPlace) -> None:
    """Everybody's sync, which asks for one employee's, and an audit."""
    redis = RedisSettings(redis_url=Secret(redis_server.url))
    async with (
        acting_as(broker, "calendar_worker") as service,
        open_calendars(service, redis) as calendars,
        syncing_calendars(service, calendars),
        connected(broker.settings(OPERATOR), "hub") as operator,
    ):
        add_termin(calendars)
        await say(operator, "calendar.sync.all", {})
        await until(lambda: _is(calendars.google.calendar_ids("AW-SB") and calendars.events()))
        await say(operator, "calendar.sync.audit", {})

        async def all_ended() -> bool:
            return {kind for kind, outcome in await outcomes(operator) if outcome in ("done", "skip")} >= {
                "Employee",
                "Audit",
            }

        await until(all_ended)
    assert broker.violations() == []


async def test_gateway_and_proxy_do_their_work_as_themselves(broker: Guarded) -> None:
    """A webhook and a calendar sync are stored; a read, a recorded write and a large answer come through the proxy."""
    allow = "GET **, POST Termine"
    no_redis = RedisSettings(redis_port=1)
    async with open_road(broker.url, no_redis, allow=allow, advoware=OddAdvoware(), creds=broker.creds) as road:
        key = {"apikey": API_KEY}
        for path, body in (
            ("/vmh/webhook/document/update", [{"id": "doc1"}]),
            ("/vmh/webhook/entity/link", {"entityType": "CBeteiligte", "entityId": "b1", "documentId": "doc1"}),
            ("/advoware/calendar/sync", {"kuerzel": "SB"}),
        ):
            async with road.http.post(road.gateway_url + path, json=body, headers=key) as answer:
                assert answer.status == 200, await answer.text()
        assert (await road.ask("employees"))[0] == 200
        status, body_, _ = await road.ask("Odd/chunked/3000000")
        assert (status, len(body_) >= 3_000_000) == (200, True)
        await road.ask("Termine", method="POST", json={"text": "x"})
        async with connected(broker.settings(OPERATOR), "hub") as operator:
            counts = {
                name: (await operator.api(f"STREAM.INFO.{name}"))["state"]["messages"]
                for name in ("VMH", "CALENDAR", "AUDIT")
            }
    assert counts == {"VMH": 3, "CALENDAR": 1, "AUDIT": 2}
    assert broker.violations() == []


async def test_the_console_does_its_work_as_itself(broker: Guarded) -> None:
    """Every page, and every button: sync, replay, drop, break, pause, resume, trigger."""
    name = "vmh.cron.document_sweep"
    async with acting_as(broker, "document_worker") as worker:
        cron = Cron(name=name, expression="0 0 0 1 1 *", target="vmh.document.sweep", timezone="Europe/Berlin")
        await Schedules(worker.bus, worker.publisher).ensure(cron, stream=VMH.name)
        await bury(worker, "a1", 1)
        await bury(worker, "a2", 2)
        await remember(worker, "CDokumente", "a1", 1)
        locks = Locks(
            Bucket(worker.bus.requests, LOCKS.name), holder="worker@host.1", clock=worker.clock, lease_s=30, epoch=1
        )
        assert await locks.acquire("document_sync.CDokumente.a1", run="run-1", on_lost=lambda: None)
        async with acting_as(broker, "console") as console, reading(console) as reader:
            await reader.log_in()
            for path in ("/", "/flows", "/dead", "/dead/1", "/locks", "/schedules", "/log", "/entity/CDokumente/a1"):
                assert (await reader.get(path)).status == 200, path
            assert "angestoßen" in (await reader.do("/entity/CDokumente/a1/sync")).text
            assert (
                "Erneut veröffentlicht"
                in (await reader.do("/dead/replay", only="1", sequence=["1"], once="0123456789ab")).text
            )
            assert "Verworfen" in (await reader.do("/dead/drop", sequence=["2"], sure="yes")).text
            [since] = _between((await reader.get("/locks")).text, 'name="since" value="')
            shown = {"key": "document_sync.CDokumente.a1", "run": "run-1", "since": since, "sure": "yes"}
            assert "Die Sperre ist gelöst" in (await reader.do("/locks/break", **shown)).text
            for verb, word in (("trigger", "Ausgelöst"), ("pause", "ruht"), ("resume", "läuft wieder")):
                assert word in (await reader.do(f"/schedules/{verb}", name=name)).text
    assert broker.violations() == []


def _between(text: str, before: str) -> list[str]:
    return [part.partition('"')[0] for part in text.split(before)[1:]]


async def test_an_operators_hub_does_its_work_as_the_operator(empty: Guarded) -> None:
    """From an empty broker on, with nothing but the operator's file; and `hub topology` says what it finds."""
    creds = {"NATS_CREDS": empty.creds(OPERATOR)}
    missing = await hub(empty.url, "topology", "check", **creds)
    assert (missing.code, missing.out) == (1, "stream VMH: stream not found\n")
    for _ in range(2):
        made = await hub(empty.url, "topology", "ensure", **creds)
        assert (made.code, made.out) == (0, "streams and buckets are as this version wants them\n")
    assert (await hub(empty.url, "topology", "check", **creds)).code == 0
    async with acting_as(empty, "document_worker") as worker, open_office(worker) as office, working(worker, office):
        document = office.document(owner=office.owner())
        await bury(worker, "a1", 1)
        for command in (
            f"sync CDokumente {document}",
            f"history CDokumente {document}",
            "sweep document",
            "flows",
            "workers",
            "intents",
            "dead ls",
            "dead replay 1 --yes",
            "dead drop 1 --yes",
            "replay --subject vmh.document.update --since 1h --yes",
            "state ls",
            "state ls snapshots",
            "locks ls",
            "cron ls",
            "streams ls",
            "audit documents",
        ):
            done = await hub(empty.url, *command.split(), **creds)
            assert done.code == 0, (command, done.out, done.err)
        assert (await hub(empty.url, "doctor", **creds)).code in (0, 1)
    assert empty.violations() == []


# None does anything else


def _covers(patterns: tuple[str, ...], subject: str) -> bool:
    return any(_matches(pattern.split("."), subject.split(".")) for pattern in patterns)


def _matches(has: list[str], wanted: list[str]) -> bool:
    for at, part in enumerate(has):
        if part == ">":
            return len(wanted) > at
        if at >= len(wanted) or part not in ("*", wanted[at]):
            return False
    return len(has) == len(wanted)


def _examples(patterns: tuple[str, ...]) -> list[str]:
    return [pattern.replace("*", "x").replace(">", "x.y") for pattern in patterns if pattern != ">"]


_STORES = [stream.name for stream in STREAMS] + [f"KV_{bucket.name}" for bucket in BUCKETS]
_STREAM_VERBS = ("CREATE", "UPDATE", "DELETE", "PURGE", "SNAPSHOT", "RESTORE", "MSG.DELETE", "MSG.GET")
_ANYBODYS = [
    *(f"$JS.API.STREAM.{verb}.{store}" for verb in _STREAM_VERBS for store in _STORES),
    *(f"$JS.API.CONSUMER.CREATE.{store}.x" for store in _STORES),
    *(f"$JS.API.CONSUMER.MSG.NEXT.{store}.x" for store in _STORES),
    *(f"$JS.API.DIRECT.GET.{store}" for store in _STORES),
    *(f"$JS.API.DIRECT.GET.KV_{bucket.name}.$KV.{bucket.name}.a.b" for bucket in BUCKETS),
    *(f"$KV.{bucket.name}.{key}" for bucket in BUCKETS for key in ("x", "x.y.z", "attempts.x.VMH.1", "audit.x")),
    *(f"{inbox_prefix(user)}.x.y" for user in USERS),
    *(f"log.{user}.info" for user in USERS),
    *("vmh.x.y", "calendar.x.y", "dead.x", "history.x.y.z", "audit.x.y", "$SYS.REQ.SERVER.PING", "x"),
]
"""What nobody but an operator may, unless its own list says so."""


@pytest.mark.parametrize("user", SERVICES)
async def test_what_is_not_its_own_is_refused(broker: Guarded, user: str) -> None:
    """Every subject that any other user may publish on, and every deed of JetStream's API, one example each."""
    own = USERS[user].publish
    others = [subject for other in USERS.values() for subject in _examples(other.publish)]
    foreign = sorted({subject for subject in (*others, *_ANYBODYS) if not _covers(own, subject)})
    assert len(foreign) > 100
    async with connected(broker.settings(user), user) as bus:
        for subject in foreign:
            await bus.nc.publish(subject, b"{}")
        await bus.nc.flush()
    assert sorted(broker.violations()) == sorted(f'{user}: Publish Violation - Subject "{one}"' for one in foreign)
    async with connected(broker.settings(OPERATOR), "hub") as operator:
        states = [(await operator.api(f"STREAM.INFO.{store}"))["state"]["last_seq"] for store in _STORES]
    assert states == [0] * len(_STORES)


@pytest.mark.parametrize("user", SERVICES)
async def test_what_is_not_meant_for_it_is_not_heard(broker: Guarded, user: str) -> None:
    """Others' replies, requests and log lines, and everything that lies in a stream."""
    own = USERS[user].subscribe
    listens = {subject for other in SERVICES for subject in USERS[other].subscribe}
    wild = {">", "*", "$JS.>", "$KV.>", "$SRV.>", "_INBOX.>", "_INBOX.*.>", "hub.>", "log.>", "vmh.>", "dead.>"}
    stored = {subject for stream in STREAMS for subject in stream.subjects} | {"audit.>", "history.>", "$SYS.>"}
    foreign = sorted(subject for subject in listens | wild | stored if subject not in own)
    async with connected(broker.settings(user), user) as bus:
        for subject in foreign:
            await bus.nc.subscribe(subject)
        await bus.nc.flush()
    said = [one.partition(", SID")[0] for one in broker.violations()]
    assert sorted(said) == sorted(f'{user}: Subscription Violation - Subject "{one}"' for one in foreign)


async def test_an_operator_does_not_hear_replies_to_services(broker: Guarded) -> None:
    """Advoware's answers travel there. What services say in streams and logs it does hear."""
    async with (
        connected(broker.settings(OPERATOR), "hub") as operator,
        connected(broker.settings("gateway"), "gateway") as gateway,
    ):
        heard: list[str] = []

        async def hear(message: Any) -> None:
            heard.append(message.subject)

        await operator.nc.subscribe(">", cb=hear)
        await operator.nc.flush()
        await gateway.nc.publish("log.gateway.info", b"{}")
        await gateway.api("INFO")  # its answer goes to the gateway's inbox
        await gateway.nc.publish("log.gateway.error", b"{}")
        await until(lambda: _is("log.gateway.error" in heard))
        ours = [subject for subject in heard if not subject.startswith(("$JS", "_INBOX.hub."))]
    assert ours == ["log.gateway.info", "log.gateway.error"]


# What is refused says so


async def test_a_service_without_its_streams_says_who_can_make_them(empty: Guarded) -> None:
    """At once and in one sentence, instead of a time-out."""
    began = asyncio.get_running_loop().time()
    with pytest.raises(MissingPart, match="hub topology ensure") as refused:
        async with acting_as(empty, "gateway"):
            pass
    assert asyncio.get_running_loop().time() - began < 4.5
    assert str(refused.value) == (
        "stream VMH: stream not found, and this user may not change that: run `hub topology ensure` as an operator"
    )


async def test_a_service_with_anothers_credentials_says_so(broker: Guarded) -> None:
    """It may not hear the replies that it waits for: told at once, and not taken for a broker without JetStream."""
    began = asyncio.get_running_loop().time()
    with pytest.raises(MissingPart, match="does not permit replies to this service: NATS_CREDS is another's"):
        async with start("document_worker", broker.settings("gateway"), {}):
            pass
    assert asyncio.get_running_loop().time() - began < 4.5


async def test_a_refusal_is_told_once_by_its_family(broker: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    """P10: what stands behind the first tokens may be somebody's id."""
    async with acting_as(broker, "gateway") as gateway:
        for number in range(3):
            with pytest.raises(Forbidden, match=r"does not permit history\.CDokumente to this user"):
                await gateway.publisher.store(f"history.CDokumente.secret{number}", b"{}", {"Nats-Msg-Id": "1"})
        with pytest.raises(Unavailable, match="NotPermitted"):
            await Bucket(gateway.bus.requests, LOCKS.name).put("a.secret", b"")
    told = [vars(row) for row in caplog.records if row.getMessage() == "NATS does not permit this user"]
    assert [(row["verb"], row["subject"]) for row in told] == [
        ("publish", "history.cdokumente"),
        ("publish", "$kv.locks"),
    ]
    assert "secret" not in caplog.text
