"""The connection to NATS: connect, agree on the topology, ask JetStream's API."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlparse

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from shared.contracts.permissions import inbox_prefix
from shared.contracts.topology import BUCKETS, STREAMS, Config
from shared.outcomes.errors import Unavailable
from shared.runtime import trust
from shared.state.refusals import NotPermitted, Refusals, is_refused, not_permitted
from shared.state.request import Requests

_log = logging.getLogger(__name__)

_API_TIMEOUT_S = 5.0
_TRIES = 4
"""Of a question that nobody answers at start: a cluster that has lost a server takes up to nine seconds to choose who
does, and a stream that another replica is making answers only once it has a leader."""
_MINIMUM_SERVER = (2, 14)
_NOT_FOUND = (10059, 10014)


class NatsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach NATS."""

    nats_url: Annotated[str, msgspec.Meta(description="Where NATS is; several with commas.")] = "nats://127.0.0.1:4222"
    nats_creds: Annotated[str | None, msgspec.Meta(description="Path of this service's credentials file.")] = None
    nats_ca: Annotated[
        str | None, msgspec.Meta(description="Path of the CA that vouches for NATS, in place of the system's.")
    ] = None
    nats_replicas: Annotated[
        int, msgspec.Meta(ge=1, le=5, description="Copies of each stream and bucket: 1 alone, 3 in a cluster.")
    ] = 1


class MissingPart(Exception):
    """Something the service cannot do without is not there; the text is one sentence for the operator."""


class Forbidden(Unavailable):
    """These credentials do not allow it; the reason is one sentence."""


class ApiError(Exception):
    """JetStream refused a request."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


class Bus:
    """One connection and what the hub asks of it. Built by `connect`."""

    def __init__(self, settings: NatsSettings, service: str) -> None:
        self.settings = settings
        self._service = service
        self._on_reconnect: list[Callable[[], None]] = []
        self._closed = asyncio.Event()
        self._refusals = Refusals()
        self._connecting: asyncio.Timeout | None = None
        self.nc = Client()
        self.requests = Requests(self.nc)

    @property
    def connected(self) -> bool:
        """Whether the connection stands at this moment."""
        return self.nc.is_connected

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """Calls `callback` each time the connection is back."""
        self._on_reconnect.append(callback)

    async def connect(self, *, patience_s: float = 5.0) -> None:
        """Connects, checks the server's version and JetStream. Raises MissingPart with one sentence."""
        try:
            creds, tls = trust.credentials(self.settings.nats_creds), trust.authority(self.settings.nats_ca)
        except trust.Unusable as wrong:
            raise MissingPart(str(wrong)) from None
        await self._reach(patience_s)
        try:
            async with asyncio.timeout(patience_s) as self._connecting:
                await self.nc.connect(
                    servers=self.settings.nats_url.split(","),
                    name=self._service,
                    user_credentials=creds,
                    tls=tls,
                    inbox_prefix=inbox_prefix(self._service),
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.25,  # type: ignore[arg-type]  # annotated int, used as seconds for sleep
                    ping_interval=10,
                    max_outstanding_pings=2,
                    error_cb=self._on_error,
                    disconnected_cb=self._on_disconnected,
                    reconnected_cb=self._on_reconnected,
                    closed_cb=self._on_closed,
                )
        except (NatsError, OSError, TimeoutError) as failed:
            if (transport := self.nc._transport) is not None:  # noqa: SLF001 - nats-py leaves it open
                transport.close()  # type: ignore[no-untyped-call]
            why = trust.why(self.nc.last_error or failed)
            raise MissingPart(f"NATS at {self._where()} refused the connection: {why}") from None
        self._connecting = None
        self._check_version()
        await self.requests.start()
        await self._check_jetstream()

    async def _reach(self, patience_s: float) -> None:
        """Waits for the port: the first attempt of nats-py's own connect costs seconds when it is refused."""
        deadline = asyncio.get_running_loop().time() + patience_s
        while True:
            for url in self.settings.nats_url.split(","):
                address = urlparse(url if "//" in url else f"nats://{url}")
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(2):
                        reader, writer = await asyncio.open_connection(address.hostname, address.port or 4222)
                        hello = await reader.readline()
                    writer.close()
                    if address.scheme == "tls" and not trust.offers_tls(hello):
                        raise MissingPart(f"NATS at {self._where()} does not speak TLS, which its URL asks for")
                    return
            if asyncio.get_running_loop().time() > deadline:
                raise MissingPart(f"NATS is not reachable at {self._where()}")
            await asyncio.sleep(0.1)

    def _where(self) -> str:
        """The servers without any user and password that stand in the URL."""
        return ",".join(url.rpartition("@")[2] or url for url in self.settings.nats_url.split(","))

    def _check_version(self) -> None:
        version = self.nc.connected_server_version
        if (version.major, version.minor) < _MINIMUM_SERVER:
            raise MissingPart(
                f"nats-server {version.major}.{version.minor}.{version.patch} at {self._where()} is too old: "
                "the hub needs 2.14 or later (message schedules, consumer reset)"
            )

    async def _check_jetstream(self) -> None:
        try:
            await self._asked_again(partial(self.api, "INFO"))
        except Forbidden as refused:
            raise MissingPart(refused.reason) from None
        except (ApiError, Unavailable):
            raise MissingPart(f"NATS at {self._where()} runs without JetStream, which the hub needs (-js)") from None

    async def api(self, subject: str, wanted: Config | None = None) -> dict[str, Any]:
        """One request to JetStream's JSON API. Raises ApiError, or Unavailable (Forbidden)."""
        try:
            async with self._refusals.ending(f"$JS.API.{subject}"):
                body = msgspec.json.encode(wanted) if wanted else b""
                answer = await self.requests.request(f"$JS.API.{subject}", body, timeout_s=_API_TIMEOUT_S)
        except NotPermitted as refused:
            raise Forbidden(str(refused)) from None
        except NoRespondersError:
            raise Unavailable("JetStream does not answer") from None
        except (NatsError, OSError) as failed:
            raise Unavailable(f"NATS does not answer ({type(failed).__name__})") from None
        reply: dict[str, Any] = msgspec.json.decode(answer.data)
        if error := reply.get("error"):
            raise ApiError(error.get("err_code", 0), error.get("description", ""))
        return reply

    def check_permitted(self, subject: str) -> None:
        """Raises Forbidden where NATS has last refused a message on this subject: it answers such a one in no way."""
        if is_refused(self.nc.last_error, subject):
            raise Forbidden(str(not_permitted(subject)))

    async def ensure_topology(self) -> None:
        """Creates what is missing and corrects what differs; a setting we do not know of is left as it is.

        A user that may only look is content with what is there as wanted. Raises MissingPart with what and why.
        """
        wanted = [stream.config(self.settings.nats_replicas) for stream in STREAMS]
        wanted += [bucket.config(self.settings.nats_replicas) for bucket in BUCKETS]
        for config in wanted:
            try:
                await self._asked_again(partial(self._ensure_stream, config))
            except ApiError as refused:
                raise MissingPart(f"NATS refuses stream {config['name']}: {refused.description}") from None
            except Forbidden:
                problem = await self._problem(config)
                raise MissingPart(
                    f"{problem}, and this user may not change that: run `hub topology ensure` as an operator"
                ) from None

    async def _asked_again(self, ask: Callable[[], Awaitable[object]]) -> None:
        for tries_left in reversed(range(_TRIES)):
            try:
                await ask()
            except Unavailable as failed:
                if isinstance(failed, Forbidden) or not tries_left:
                    raise
            else:
                return

    async def _ensure_stream(self, wanted: Config) -> None:
        name = wanted["name"]
        try:
            present = (await self.api(f"STREAM.INFO.{name}"))["config"]
        except ApiError as missing:
            if missing.code not in _NOT_FOUND:
                raise
            await self.api(f"STREAM.CREATE.{name}", wanted)
            return
        if _differs(present, wanted):
            await self.api(f"STREAM.UPDATE.{name}", present | wanted)

    async def ensure_consumer(self, stream: str, wanted: Config) -> None:
        """Creates or corrects a durable consumer, keeping settings that we do not know of."""
        name = wanted["name"]
        try:
            present = (await self.api(f"CONSUMER.INFO.{stream}.{name}"))["config"]
        except ApiError as missing:
            if missing.code not in _NOT_FOUND:
                raise
            present = {}
        if _differs(present, wanted):
            change: Config = {"stream_name": stream, "config": present | wanted, "action": ""}
            await self.api(f"CONSUMER.CREATE.{stream}.{name}", change)

    async def check_topology(self) -> str | None:
        """A round trip: None when streams and buckets are there as configured, else a sentence."""
        if not self.connected:
            return "NATS is away"
        wanted = [stream.config(self.settings.nats_replicas) for stream in STREAMS]
        wanted += [bucket.config(self.settings.nats_replicas) for bucket in BUCKETS]
        for config in wanted:
            try:
                if problem := await self._problem(config):
                    return problem
            except Unavailable as failed:
                return failed.reason
        return None

    async def _problem(self, wanted: Config) -> str | None:
        try:
            present = (await self.api(f"STREAM.INFO.{wanted['name']}"))["config"]
        except ApiError as refused:
            return f"stream {wanted['name']}: {refused.description}"
        differing = _differs(present, wanted)
        return f"stream {wanted['name']} is not as configured: {', '.join(differing)}" if differing else None

    async def wait_closed(self) -> None:
        """Returns when the connection is closed for good, which must end the service."""
        await self._closed.wait()

    async def close(self) -> None:
        """Sends what is buffered and closes."""
        if self.nc.is_connected:
            with contextlib.suppress(NatsError, OSError, TimeoutError):
                await self.nc.flush(timeout=2)
        if self.nc.is_connected or self.nc.is_reconnecting:  # nats-py asserts on closing what never was connected
            with contextlib.suppress(NatsError, OSError):
                await self.nc.close()

    async def _on_error(self, error: Exception) -> None:
        # Must never raise: an exception here ends nats-py's read loop for good.
        if self._connecting is not None and trust.is_final(error) and not self._connecting.expired():
            self._connecting.reschedule(asyncio.get_running_loop().time())
        elif not self._refusals.heard(error):
            _log.warning("NATS connection error", extra={"error": type(error).__name__})

    async def _on_disconnected(self) -> None:
        self._refusals.disconnected()
        if not self.nc.is_closed:
            _log.warning("NATS is away")

    async def _on_reconnected(self) -> None:
        if self.settings.nats_url.startswith("tls://") and not self.nc._server_info.get("tls_required"):  # noqa: SLF001
            _log.error("NATS is back without TLS, which its URL asks for")
            self._closed.set()
            return
        _log.warning("NATS is back")
        for callback in self._on_reconnect:
            callback()

    async def _on_closed(self) -> None:
        self._closed.set()


def _differs(present: dict[str, Any], wanted: Config) -> list[str]:
    """The settings of ours that are not as wanted. The server leaves out what is false, zero or empty."""
    return [
        name
        for name, value in wanted.items()
        if present.get(name) != value and not (name not in present and value in (False, 0, -1, "", None))
    ]
