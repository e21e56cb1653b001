"""One token for all processes: fetched once, shared through Redis, replaced when it ends, and had without Redis too."""

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest
from redis.asyncio import Redis

from local_stack.nats_server import NatsServer
from shared.clients.advoware import API
from shared.clients.advoware import Advoware as Client
from shared.clients.advoware_auth import identity_of
from shared.clients.advoware_session import AdvowareSettings
from shared.clients.advoware_token import CLAIM_KEY, IDENTITY_KEY, TIMESTAMP_KEY, TOKEN_KEY
from shared.clients.redis_cache import RedisCache, RedisSettings
from shared.outcomes.errors import Unauthorized
from shared.runtime.service import Service
from shared.settings import Secret
from simulators.advoware import Advoware, Switches
from simulators.faults import Fault
from simulators.harness import serve
from tests.component.test_service import until
from tests.support.advoware import advoware_client, advoware_settings, open_road
from tests.support.advoware_process import Process
from tests.support.redis import OwnServer, RedisPlace

TOKEN = "/api/v1/Token"
LATE = Fault(kind="late", delay_s=30.0, path=TOKEN)
"""A token request that is heard, and whose answer nobody waits for."""


def at(place: RedisPlace, *, timeout_s: float = 5.0) -> RedisSettings:
    return RedisSettings(redis_url=Secret(place.url), redis_timeout_seconds=timeout_s)


class Firm(NamedTuple):
    """One Advoware and several processes with a client each."""

    vendor: Advoware
    settings: AdvowareSettings
    processes: list[Process]
    clients: list[Client]

    def answers(self) -> list[int]:
        """The status of each data call so far."""
        return [row.status for row in self.vendor.log.rows() if row.path.startswith(API)]

    async def heard(self) -> None:
        """Returns when the gateway has a token request in hand."""
        await until(lambda: any(row.path == TOKEN for row in self.vendor.log.rows()))


@contextlib.asynccontextmanager
async def opened(
    redis: RedisSettings, count: int, *, vendor: Advoware | None = None, **changes: Any
) -> AsyncIterator[Firm]:
    """`changes` are made to the settings."""
    vendor = vendor or Advoware()
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve(vendor))
        settings = msgspec.structs.replace(advoware_settings(url), **changes)
        processes = [Process(redis, holder=f"process-{number}") for number in range(count)]
        clients = [await stack.enter_async_context(process.client(settings)) for process in processes]
        yield Firm(vendor, settings, processes, clients)


@pytest.fixture
async def keys(redis_server: RedisPlace) -> AsyncIterator["Redis"]:
    """A person at the same Redis."""
    async with Redis.from_url(redis_server.url, decode_responses=True) as redis:
        yield redis


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What redis_cache says to an operator."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "shared.clients.redis_cache" and record.levelno >= logging.WARNING
    ]


async def in_time(work: Awaitable[object], seconds: float) -> float:
    """The seconds it took, and it took fewer than that."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        await work
    return time.monotonic() - began


# One for all


async def test_two_proxies_and_a_worker_ask_for_one_token(
    nats_server: NatsServer, service: Service, redis_server: RedisPlace
) -> None:
    """P4: on a cold cache two hundred calls over all processes, from browser to Advoware, make one token request."""
    redis = at(redis_server)
    async with open_road(nats_server.url, redis, replicas=2) as road:
        road.advoware.staff.add_mitarbeiter("SB")
        async with advoware_client(service, road.advoware_url, redis) as worker:
            through_the_door = [road.ask("Mitarbeiter") for _ in range(100)]
            told = await asyncio.gather(*through_the_door, *(worker.mitarbeiter() for _ in range(100)))
        assert {answer[0] for answer in told[:100] if isinstance(answer, tuple)} == {200}
        assert [answer[0]["kuerzel"] for answer in told[100:] if isinstance(answer, list)] == ["SB"] * 100
        assert road.advoware.token_requests() == 1
        assert len(road.data_calls()) == 200


async def test_a_cold_storm_over_three_processes(redis_server: RedisPlace) -> None:
    """P4: the same without services around them, with the gateway's answer late: all wait for the one that asks."""
    async with opened(at(redis_server), 3) as firm:
        firm.vendor.faults.add(Fault(kind="late", delay_s=0.3, path=TOKEN))
        await asyncio.gather(*(client.mitarbeiter() for client in firm.clients for _ in range(67)))
        assert firm.vendor.token_requests() == 1
        assert firm.answers() == [200] * 201


async def test_the_next_process_finds_the_token(redis_server: RedisPlace) -> None:
    """A restart, or one more replica, asks for nothing."""
    vendor = Advoware()
    for _ in range(3):
        async with opened(at(redis_server), 1, vendor=vendor) as firm:
            await firm.clients[0].mitarbeiter()
    assert vendor.token_requests() == 1


class Load:
    """Callers, so many of each client, that call without a pause until they are told to stop."""

    def __init__(self, clients: list[Client], *, callers: int) -> None:
        self._clients = clients
        self.calls = [0] * callers * len(clients)
        self.failures: list[Exception] = []
        self._over = False

    async def _caller(self, number: int) -> None:
        while not self._over:
            try:
                await self._clients[number % len(self._clients)].mitarbeiter()
            except Exception as failed:
                self.failures.append(failed)
            self.calls[number] += 1

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Load"]:
        async with asyncio.TaskGroup() as tasks:
            for number in range(len(self.calls)):
                tasks.create_task(self._caller(number))
            try:
                yield self
            finally:
                self._over = True

    async def more(self) -> None:
        """Returns when each caller has ended the call it is in, and two more."""
        goals = [calls + 3 for calls in self.calls]
        await until(lambda: all(calls >= goal for calls, goal in zip(self.calls, goals, strict=True)))


async def test_tokens_that_end_in_mid_load(redis_server: RedisPlace) -> None:
    """P7: the vendor takes all tokens back, five times; no caller sees it, and each time one process asks once."""
    async with opened(at(redis_server), 3) as firm, Load(firm.clients, callers=10).running() as load:
        await load.more()
        for ends in range(1, 6):
            firm.vendor.expire_tokens()
            await load.more()
            assert firm.vendor.token_requests() == 1 + ends
    assert load.failures == []
    assert 401 in firm.answers()


async def test_tokens_that_end_on_a_vendor_with_one_per_user(redis_server: RedisPlace) -> None:
    """P7: where a new token ends the earlier ones, sharing it means that no two processes fight over it."""
    vendor = Advoware(switches=Switches(one_token_per_user=True))
    async with opened(at(redis_server), 3, vendor=vendor) as firm, Load(firm.clients, callers=5).running() as load:
        await load.more()
        firm.vendor.expire_tokens()
        await load.more()
    assert load.failures == []
    assert vendor.token_requests() == 2


async def test_a_shared_token_that_has_ended_too(redis_server: RedisPlace) -> None:
    """P7: a process comes back with an old token, finds another's in Redis that has ended as well, and gets through."""
    async with opened(at(redis_server), 2) as firm:
        idle, busy = firm.clients
        await idle.mitarbeiter()
        firm.vendor.expire_tokens()
        await busy.mitarbeiter()  # reads the first, is refused, fetches the second
        firm.vendor.expire_tokens()
        await idle.mitarbeiter()
        assert firm.vendor.token_requests() == 3
        assert firm.answers() == [200, 401, 200, 401, 401, 200]


# How long


async def test_what_is_in_redis(redis_server: RedisPlace, keys: "Redis") -> None:
    """Three keys of one age: the token, when it was asked for, whose it is; gone with 53 of the token's 55 minutes."""
    vendor = Advoware(switches=Switches(expiry_form="none"))
    async with opened(at(redis_server), 1, vendor=vendor) as firm:
        await firm.clients[0].mitarbeiter()
        assert sorted(await keys.keys("advoware*")) == sorted((TOKEN_KEY, TIMESTAMP_KEY, IDENTITY_KEY))
        for key in (TOKEN_KEY, TIMESTAMP_KEY, IDENTITY_KEY):
            assert 3170 < await keys.ttl(key) <= 53 * 60
        assert (TOKEN_KEY, TIMESTAMP_KEY) == ("advoware_access_token", "advoware_token_timestamp")
        assert IDENTITY_KEY == "advoware_token_identity"
        stamp = datetime.fromisoformat(str(await keys.get(TIMESTAMP_KEY)))
        assert abs(datetime.now(UTC) - stamp) < timedelta(seconds=10)
        assert await keys.get(IDENTITY_KEY) == identity_of(firm.settings.credentials)


@pytest.mark.parametrize("form", ["expiration_utc", "expires_in"])
async def test_a_tokens_own_expiry_is_redis_too(redis_server: RedisPlace, keys: "Redis", form: Any) -> None:
    """A token of ten minutes lives there for eight."""
    vendor = Advoware(switches=Switches(expiry_form=form, token_lifetime_s=600))
    async with opened(at(redis_server), 1, vendor=vendor) as firm:
        await firm.clients[0].mitarbeiter()
        assert 470 < await keys.ttl(TOKEN_KEY) <= 480


async def test_a_token_is_replaced_before_it_ends(redis_server: RedisPlace, keys: "Redis") -> None:
    """After 53 of 55 minutes one process fetches another, the others take that, and no call is refused meanwhile."""
    vendor = Advoware(switches=Switches(expiry_form="none", token_lifetime_s=55 * 60))
    async with opened(at(redis_server), 3, vendor=vendor) as firm:
        for ahead_s, requests in ((0.0, 1), (53 * 60 - 20, 1), (53 * 60 + 1, 2)):
            vendor.advance(ahead_s - firm.processes[0].clock.ahead_s)
            for process in firm.processes:
                process.clock.ahead_s = ahead_s
            if requests == 2:
                await keys.delete(TOKEN_KEY, TIMESTAMP_KEY, IDENTITY_KEY)  # Redis has a clock of its own
            await asyncio.gather(*(client.mitarbeiter() for client in firm.clients for _ in range(10)))
            assert vendor.token_requests() == requests
        assert set(firm.answers()) == {200}


async def test_what_is_left_of_a_shared_token_is_counted_by_redis(redis_server: RedisPlace, keys: "Redis") -> None:
    """Who takes a token over uses it no longer than its key lives, however wrong that machine's clock is."""
    async with opened(at(redis_server), 2) as firm:
        await firm.clients[0].mitarbeiter()
        await keys.pexpire(TOKEN_KEY, 60_000)
        firm.processes[1].clock.ahead_s = 200.0
        await firm.clients[1].mitarbeiter()
        assert firm.vendor.token_requests() == 1
        firm.processes[1].clock.ahead_s = 261.0
        await keys.delete(TOKEN_KEY)
        await firm.clients[1].mitarbeiter()
        assert firm.vendor.token_requests() == 2


# Whose


@pytest.mark.parametrize("identity", ["0123456789abcdef", None])
async def test_another_accounts_token_is_not_used(
    redis_server: RedisPlace, keys: "Redis", identity: str | None
) -> None:
    """P11: a token of somebody else, or of nobody who says so, is never sent; ours takes its place."""
    await keys.set(TOKEN_KEY, "another-account", px=60_000)
    if identity is not None:
        await keys.set(IDENTITY_KEY, identity, px=60_000)
    async with opened(at(redis_server), 1) as firm:
        await firm.clients[0].mitarbeiter()
        assert firm.answers() == [200]
        assert firm.vendor.token_requests() == 1
        assert await keys.get(TOKEN_KEY) != "another-account"
        assert await keys.get(IDENTITY_KEY) == identity_of(firm.settings.credentials)


async def test_a_token_that_would_stay_for_ever_is_not_used(redis_server: RedisPlace, keys: "Redis") -> None:
    """A key without an end says nothing about the token's."""
    async with opened(at(redis_server), 1) as firm:
        await keys.set(TOKEN_KEY, "endless")
        await keys.set(IDENTITY_KEY, identity_of(firm.settings.credentials))
        await firm.clients[0].mitarbeiter()
        assert firm.answers() == [200]
        assert await keys.ttl(TOKEN_KEY) > 0


@pytest.mark.parametrize("odd", ["hash", "bytes"])
async def test_something_odd_under_our_keys(redis_server: RedisPlace, keys: "Redis", odd: str) -> None:
    """What no client of ours has written costs no call."""
    if odd == "hash":
        await keys.hset(TOKEN_KEY, "a", "b")
    else:
        await keys.set(TOKEN_KEY, b"\xff\xfe", px=60_000)
    async with opened(at(redis_server), 1) as firm:
        await firm.clients[0].mitarbeiter()
        assert firm.answers() == [200]


async def test_a_wrong_password_is_asked_for_by_each_process_once(redis_server: RedisPlace) -> None:
    """At most one request a minute and process, and none of them waits for another's claim to lapse."""
    vendor = Advoware(switches=Switches(licensed=False))
    async with opened(at(redis_server), 3, vendor=vendor) as firm:
        calls = [client.mitarbeiter() for client in firm.clients for _ in range(30)]
        told = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)
        assert {type(one) for one in told} == {Unauthorized}
        assert vendor.token_requests() == 3


# Redis away


async def test_redis_killed_in_mid_load(
    own_redis_server: OwnServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P7: killed and back, while tokens end: no call fails, one warning, the metric tells, and it is used again."""
    monkeypatch.setattr("shared.clients.redis_cache._LOOK_EVERY_S", 0.2)  # only so that the test waits less
    redis = RedisSettings(redis_host=own_redis_server.host, redis_port=own_redis_server.port)
    async with opened(redis, 1) as firm, Load(firm.clients, callers=20).running() as load:
        [process] = firm.processes
        await load.more()
        assert process.redis_up() == 1
        await asyncio.to_thread(own_redis_server.kill)
        await until(lambda: process.redis_up() == 0)
        firm.vendor.expire_tokens()
        await load.more()
        await asyncio.to_thread(own_redis_server.start)
        await until(lambda: process.redis_up() == 1)
        async with Redis(host=own_redis_server.host, port=own_redis_server.port, db=1) as keys:
            assert await keys.exists(TOKEN_KEY) == 0
            firm.vendor.expire_tokens()
            await load.more()
            assert await keys.exists(TOKEN_KEY, TIMESTAMP_KEY, IDENTITY_KEY) == 3
    assert load.failures == []
    assert warnings(caplog) == ["Redis is away: the Advoware token is kept in this process"]
    assert firm.vendor.token_requests() == 3


async def test_redis_killed_while_a_token_is_fetched(
    own_redis_server: OwnServer, caplog: pytest.LogCaptureFixture
) -> None:
    """P7: the claim and the token cannot be written any more; those who wait get the token all the same."""
    redis = RedisSettings(redis_host=own_redis_server.host, redis_port=own_redis_server.port)
    async with opened(redis, 1) as firm, asyncio.TaskGroup() as tasks:
        firm.vendor.faults.add(Fault(kind="late", delay_s=0.3, path=TOKEN))
        calls = [tasks.create_task(firm.clients[0].mitarbeiter()) for _ in range(20)]
        await firm.heard()
        own_redis_server.kill()
    assert all(call.result() == [] for call in calls)
    assert firm.vendor.token_requests() == 1
    assert len(warnings(caplog)) == 1


async def test_no_redis_from_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """P7: each process has its own token, one warning, and nothing to wait for."""
    async with opened(RedisSettings(redis_host="127.0.0.1", redis_port=9), 3) as firm:
        await in_time(asyncio.gather(*(client.mitarbeiter() for client in firm.clients for _ in range(50))), 5)
        assert firm.vendor.token_requests() == 3
        assert [process.redis_up() for process in firm.processes] == [0, 0, 0]
    assert len(warnings(caplog)) == 3


Lines = dict[asyncio.StreamWriter, asyncio.Task[Any]]


@contextlib.asynccontextmanager
async def listening(answer: bytes) -> AsyncIterator[tuple[RedisSettings, Lines]]:
    """A server that accepts everybody and says this to whatever it hears; empty: nothing, ever. Its lines so far."""
    lines: Lines = {}

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        lines[writer] = task
        with contextlib.suppress(ConnectionError):
            while await reader.read(4096):
                writer.write(answer)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield RedisSettings(redis_host="127.0.0.1", redis_port=port, redis_timeout_seconds=0.3), lines
    finally:
        for line in lines:
            line.close()
        server.close()
        await server.wait_closed()
        await asyncio.gather(*lines.values())


async def test_a_redis_that_never_answers_costs_its_time_out_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P7: a hundred calls wait for it together and once; later tokens are fetched without looking there."""
    monkeypatch.setattr("shared.clients.redis_cache._LOOK_EVERY_S", 60.0)  # so that whoever looks is a call
    async with listening(b"") as (redis, lines), opened(redis, 1) as firm:
        await asyncio.gather(*(firm.clients[0].mitarbeiter() for _ in range(100)))
        assert len(lines) == 2  # the watch's and the callers'
        for _ in range(3):
            firm.vendor.expire_tokens()
            await firm.clients[0].mitarbeiter()
        assert len(lines) == 2
        assert firm.vendor.token_requests() == 4
        assert firm.processes[0].redis_up() == 0
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b":x\r\n", b"$zeisig\r\n", b"+OK\r\n", b"\xff"]
)
async def test_what_answers_is_no_redis(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """P7: an optional part that talks nonsense is away; the service lives on."""
    async with listening(answer) as (redis, _), opened(redis, 1) as firm:
        await in_time(asyncio.gather(*(firm.clients[0].mitarbeiter() for _ in range(10))), 5)
        assert firm.vendor.token_requests() == 1
        assert firm.processes[0].redis_up() == 0
    assert len(warnings(caplog)) == 1


async def test_a_wrong_password_of_redis(own_redis_server: OwnServer, caplog: pytest.LogCaptureFixture) -> None:
    """P10: as if there were none; the warning names the error's kind and not the password."""
    async with Redis(host=own_redis_server.host, port=own_redis_server.port) as admin:
        await admin.config_set("requirepass", "right")
    url = f"redis://:zeisig-pw@{own_redis_server.host}:{own_redis_server.port}/1"
    async with opened(RedisSettings(redis_url=Secret(url)), 1) as firm:
        await firm.clients[0].mitarbeiter()
        await until(lambda: firm.processes[0].redis_up() == 0)
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert vars(record)["error"] == "AuthenticationError"
    assert "zeisig" not in caplog.text


@pytest.mark.parametrize("kind", ["there", "silent", "absent"])
async def test_opening_and_closing_leaves_nothing_behind(redis_server: RedisPlace, kind: str) -> None:
    """However early it is closed: no task, no connection, no warning about one."""
    tasks = asyncio.all_tasks()
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(15):
        absent = RedisSettings(redis_host="127.0.0.1", redis_port=9)
        silent, _ = await stack.enter_async_context(listening(b""))
        redis = {"there": at(redis_server), "silent": silent, "absent": absent}[kind]
        for steps in range(30):
            process = Process(redis)
            async with process.cache.open():
                for _ in range(steps):
                    await asyncio.sleep(0)
    gc.collect()
    async with Redis.from_url(redis_server.url) as keys:
        await until_alone(keys)
    assert asyncio.all_tasks() - tasks == set()


async def until_alone(keys: "Redis") -> None:
    """Returns when the server has no other client in this database."""
    db = str(keys.connection_pool.connection_kwargs.get("db", 0))
    deadline = time.monotonic() + 5
    while len([one for one in await keys.client_list() if one["db"] == db]) > 1:
        assert time.monotonic() < deadline


# Claims


async def test_whoever_dies_over_a_claim_holds_the_others_up_no_longer_than_it_lives(
    redis_server: RedisPlace, keys: "Redis"
) -> None:
    """P7: the claim of a process that is gone lapses, then one of the others asks; here it had 0.4 s left."""
    await keys.set(CLAIM_KEY, "process-dead", px=400)
    async with opened(at(redis_server), 2) as firm:
        took_s = await in_time(asyncio.gather(*(client.mitarbeiter() for client in firm.clients for _ in range(10))), 5)
        assert took_s > 0.3
        assert firm.vendor.token_requests() == 1
        assert await keys.exists(CLAIM_KEY) == 0


async def test_a_claim_outlives_a_token_request(redis_server: RedisPlace, keys: "Redis") -> None:
    """Twice as long as the request may take, named by its holder, and given back with its end."""
    async with opened(at(redis_server), 1) as firm, asyncio.TaskGroup() as tasks:
        firm.vendor.faults.add(Fault(kind="late", delay_s=0.2, path=TOKEN))
        call = tasks.create_task(firm.clients[0].mitarbeiter())
        await firm.heard()
        assert await keys.get(CLAIM_KEY) == "process-0"
        assert 24_000 <= await keys.pttl(CLAIM_KEY) <= 25_000
        await call
        assert await keys.exists(CLAIM_KEY) == 0


async def test_a_cancelled_fetch_holds_nobody_up(redis_server: RedisPlace, keys: "Redis") -> None:
    """A call that is ended in the middle of its token request gives claim and turn back at once, to all processes."""
    async with opened(at(redis_server), 2) as firm:
        firm.vendor.faults.add(LATE)
        first = asyncio.get_running_loop().create_task(firm.clients[0].mitarbeiter())
        await firm.heard()
        async with asyncio.TaskGroup() as tasks:
            others = [tasks.create_task(client.mitarbeiter()) for client in firm.clients for _ in range(10)]
            done, _ = await asyncio.wait(others, timeout=0.15)
            assert done == set()
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            await in_time(asyncio.gather(*others), 5)
        assert firm.vendor.token_requests() == 2
        assert await keys.exists(CLAIM_KEY) == 0


async def test_cancelled_at_any_await(redis_server: RedisPlace, keys: "Redis") -> None:
    """P7: wherever on its way a call is ended, it ends at once, the claim is free, and the next ones go on."""
    vendor, ended = Advoware(), 0
    for steps in range(1, 150, 3):
        vendor.expire_tokens()
        await keys.delete(TOKEN_KEY)
        async with opened(at(redis_server), 1, vendor=vendor) as firm:
            task = asyncio.get_running_loop().create_task(firm.clients[0].mitarbeiter())
            for _ in range(steps):
                await asyncio.sleep(0)
            ended += task.cancel()
            await asyncio.wait([task], timeout=5)
            assert task.cancelled() or task.result() == []
            assert await keys.exists(CLAIM_KEY) == 0
            await in_time(firm.clients[0].mitarbeiter(), 5)
    gc.collect()
    assert ended > 20


async def test_somebody_elses_claim_stays(redis_server: RedisPlace, keys: "Redis") -> None:
    """A claim that lapsed and is another's by now is not given back by whoever had it before."""
    async with opened(at(redis_server), 1) as firm, asyncio.TaskGroup() as tasks:
        firm.vendor.faults.add(Fault(kind="late", delay_s=0.2, path=TOKEN))
        call = tasks.create_task(firm.clients[0].mitarbeiter())
        await firm.heard()
        await keys.set(CLAIM_KEY, "process-other", px=60_000)
        await call
        assert await keys.get(CLAIM_KEY) == "process-other"


class Hesitant(RedisCache):
    """A line to Redis that is slow just before a claim."""

    def __init__(self, redis: RedisSettings, process: Process) -> None:
        super().__init__(redis, metrics=process.metrics)
        self.about_to = asyncio.Event()
        self.go_on = asyncio.Event()

    async def claim(self, name: str, holder: str, *, ttl_s: float) -> bool:
        self.about_to.set()
        await self.go_on.wait()
        return await super().claim(name, holder, ttl_s=ttl_s)


async def test_a_claim_that_comes_too_late_finds_the_token(redis_server: RedisPlace) -> None:
    """P4: between a look at Redis and the claim another process may have fetched the token: who claims looks again."""
    redis = at(redis_server)
    async with opened(redis, 1) as firm, asyncio.TaskGroup() as tasks:
        slow = Process(redis, holder="process-slow")
        slow.cache = cache = Hesitant(redis, slow)
        async with slow.client(firm.settings) as client:
            call = tasks.create_task(client.mitarbeiter())
            await cache.about_to.wait()
            await firm.clients[0].mitarbeiter()
            cache.go_on.set()
            await call
        assert firm.vendor.token_requests() == 1


async def test_who_waits_for_a_claim_and_is_cancelled_leaves_it_alone(redis_server: RedisPlace, keys: "Redis") -> None:
    """The claim belongs to whoever asks, not to whoever waits."""
    await keys.set(CLAIM_KEY, "process-other", px=60_000)
    async with opened(at(redis_server), 1) as firm:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(firm.clients[0].mitarbeiter(), 0.3)
        assert await keys.get(CLAIM_KEY) == "process-other"
        assert firm.vendor.token_requests() == 0


async def test_a_failed_fetch_leaves_the_claim_to_the_next(redis_server: RedisPlace, keys: "Redis") -> None:
    """P7: a gateway that answers 503 to one process is asked by the next at once."""
    async with opened(at(redis_server), 3) as firm:
        firm.vendor.faults.add(Fault(kind="error", status=503, path=TOKEN, times=2))
        calls = [client.mitarbeiter() for client in firm.clients]
        told = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)
        assert sorted(type(one).__name__ for one in told) == ["_NoAnswer", "_NoAnswer", "list"]
        assert firm.vendor.token_requests() == 1
        assert await keys.exists(CLAIM_KEY) == 0
