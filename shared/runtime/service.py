"""A service's life: settings, telemetry, NATS, signals, work, drain; and the exit code that says how it ended."""

import asyncio
import contextlib
import gc
import importlib.metadata
import logging
import random
import secrets
import signal
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, Literal, TextIO, TypeVar

import msgspec
from aiohttp import web
from nats.errors import Error as NatsError

from shared.clock import Clock, SystemClock
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import Bus, MissingPart, NatsSettings
from shared.runtime.health import Health, HealthSettings
from shared.runtime.publisher import Publisher
from shared.settings import SettingsError, environment, load
from shared.telemetry.logs import LiveLog, setup_logging
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Tracer
from shared.telemetry.tracing import About, tracing

_log = logging.getLogger(__name__)

EXIT_SETTINGS = 78
EXIT_MISSING_PART = 69
EXIT_OTHER = 1

_LINES_MAX = 100
"""Live log lines that wait to be sent; more are dropped."""

S = TypeVar("S", bound=msgspec.Struct)


class LogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How much a service says."""

    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], msgspec.Meta(description="Least level of a log line.")
    ] = "info"


class Service:
    """What `start` has built and a composition root builds on."""

    def __init__(
        self, name: str, holder: str, bus: Bus, *, clock: Clock, tracer: Tracer, metrics: Metrics, health: Health
    ) -> None:
        self.name = name
        self.holder = holder
        """Names this replica in locks, logs, traces and history."""
        self.bus = bus
        self.clock = clock
        self.tracer = tracer
        self.metrics = metrics
        self.health = health
        self.publisher = Publisher(bus, source=name, clock=clock, tracer=tracer, metrics=metrics, new_id=_new_id())
        metrics.nats_up.set_function(lambda: bus.connected)
        self.stopping = asyncio.Event()
        """Set by SIGTERM, SIGINT, or a connection that is gone for good."""
        self.cut_off = False
        """NATS has closed the connection and will not have us back (revoked credentials, say)."""

    async def until_stopped(self) -> None:
        """Returns when the service shall stop."""
        await self.stopping.wait()
        self.health.draining = True


def _new_id() -> Callable[[], str]:
    """Ids of events must differ and need not be secret: to ask the system for each is a thirtieth of a webhook."""
    bits = random.Random().getrandbits  # noqa: S311 - see above
    return lambda: f"{bits(128):032x}"


def version() -> str:
    """The distribution's version."""
    try:
        return importlib.metadata.version("bitbylaw-hub")
    except importlib.metadata.PackageNotFoundError:
        return "0+unknown"


def run(
    name: str,
    settings_type: type[S],
    main: Callable[[S, Service], Awaitable[None]],
    *,
    bus_of: Callable[[S], NatsSettings],
    log_level_of: Callable[[S], str],
    logs: TextIO | None = None,
) -> int:
    """Runs a service to its end; the exit code. 0 clean stop, 78 settings, 69 a required part is not there.

    `logs` is where its log lines go, if not to standard output.
    """
    environ = environment()
    try:
        settings = load(settings_type, environ)
    except SettingsError as wrong:
        sys.stderr.write(f"{name}: cannot start, {len(wrong.problems)} setting(s):\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in wrong.problems)
        return EXIT_SETTINGS
    setup_logging(name, log_level_of(settings), logs or sys.stdout)
    # What importing has made stays to the end; to look for garbage among it is a tenth of a busy gateway's CPU.
    gc.freeze()
    # A request or run makes thousands of objects and hardly a cycle: with no look at all a document leaves 9 KB. To
    # look at every 700 is a twentieth of a busy service's CPU.
    gc.set_threshold(10_000, 10, 10)
    try:
        asyncio.run(_main(name, settings, main, bus_of(settings), environ))
    except MissingPart as missing:
        sys.stderr.write(f"{name}: cannot start: {missing}\n")
        return EXIT_MISSING_PART
    except Exception as failed:
        _log.error("ended by an error", exc_info=failed)
        return EXIT_OTHER
    return 0


async def _main(
    name: str,
    settings: S,
    main: Callable[[S, Service], Awaitable[None]],
    nats: NatsSettings,
    environ: Mapping[str, str],
) -> None:
    async with start(name, nats, environ) as service:
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, service.stopping.set)
        await main(settings, service)
        if service.cut_off:
            raise MissingPart("NATS has closed the connection for good")
        _log.info("stopped")


@contextlib.asynccontextmanager
async def start(name: str, nats: NatsSettings, environ: Mapping[str, str]) -> AsyncIterator[Service]:
    """Telemetry, connection, topology, publisher; closed in the reverse order. Raises MissingPart."""
    metrics = Metrics(name, version())
    about = About(service=name, version=version(), instance=f"{name}@{socket.gethostname()}.{secrets.token_hex(3)}")
    async with tracing(about, environ, metrics) as tracer, _connected(about, nats, tracer, metrics) as service:
        yield service


@contextlib.asynccontextmanager
async def _connected(about: About, nats: NatsSettings, tracer: Tracer, metrics: Metrics) -> AsyncIterator[Service]:
    name = about.service
    bus = Bus(nats, name)
    live: LiveLog | None = None
    try:
        await bus.connect()
        try:
            await bus.ensure_topology()
        except Unavailable as failed:
            raise MissingPart(f"the topology cannot be made: {failed.reason}") from None
        health = Health(name, about.version, metrics)
        service = Service(name, about.instance, bus, clock=SystemClock(), tracer=tracer, metrics=metrics, health=health)
        health.add("nats", bus.check_topology)
        live = LiveLog(name, _sender(bus, name))
        logging.getLogger().addHandler(live)
        async with asyncio.TaskGroup() as tasks:
            watches = [tasks.create_task(health.watch_loop()), tasks.create_task(_stop_when_closed(service))]
            try:
                yield service
            finally:
                for watch in watches:
                    watch.cancel()
    except BaseExceptionGroup as group:
        raise _the_one(group) from None
    finally:
        if live is not None:
            logging.getLogger().removeHandler(live)
        await bus.close()


def _the_one(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong, without the task groups around it; of several, the first."""
    inner = group.exceptions[0]
    return _the_one(inner) if isinstance(inner, BaseExceptionGroup) else inner


async def _stop_when_closed(service: Service) -> None:
    await service.bus.wait_closed()
    service.cut_off = True
    service.stopping.set()


def _sender(bus: Bus, name: str) -> Callable[[str, bytes], None]:
    """Live log lines as core NATS messages `log.<service>.<level>`: dropped when nobody listens or NATS is away."""
    waiting: deque[tuple[str, bytes]] = deque()
    sending: asyncio.Task[None] | None = None

    async def send_all() -> None:
        while waiting:
            with contextlib.suppress(NatsError, OSError):
                await bus.nc.publish(*waiting.popleft())

    def send(level: str, line: bytes) -> None:
        nonlocal sending
        if not bus.connected or len(waiting) > _LINES_MAX:
            return
        waiting.append((f"log.{name}.{level}", line))
        if sending is None or sending.done():
            sending = asyncio.get_running_loop().create_task(send_all())

    return send


@contextlib.asynccontextmanager
async def health_server(service: Service, settings: HealthSettings) -> AsyncIterator[None]:
    """Serves the probes of a service that has no door of its own."""
    app = web.Application()
    app.add_routes(service.health.routes())
    async with serve(app, settings.health_host, settings.health_port) as port:
        _log.info("health", extra={"port": port})
        yield


@contextlib.asynccontextmanager
async def serve(
    app: web.Application, host: str, port: int, *, grace_s: float = 5.0, is_shared: bool = False
) -> AsyncIterator[int]:
    """Runs an aiohttp application; yields the port it got. `is_shared`: other processes of ours open it too.

    Raises MissingPart when the port is taken.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=grace_s)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port, reuse_port=is_shared or None).start()
        except OSError as taken:
            raise MissingPart(f"port {port} at {host} cannot be opened: {taken.strerror}") from None
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
