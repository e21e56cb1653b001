"""A process's tracer, from its start to its end: by the standard OTEL_* variables, or one that spends nothing."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec

from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Tracer

_FLUSH_S = 4.0


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends spans."""

    service: str
    version: str
    instance: str
    """Names this replica, in locks and history too."""


@contextlib.asynccontextmanager
async def tracing(about: About, environ: Mapping[str, str], metrics: Metrics) -> AsyncIterator[Tracer]:
    """Spans are recorded when an OTLP endpoint is named. In the end what still waits is sent, for 4 s at most."""
    endpoint = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if not endpoint or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        yield Tracer()
        return
    from shared.telemetry.otlp import follows_parent, provider_of

    provider = provider_of(_attributes(about, environ), metrics.spans_lost)
    try:
        yield Tracer(provider, follows_parent=follows_parent(provider))
    finally:
        await _within(_FLUSH_S, provider.shutdown)


def _attributes(about: About, environ: Mapping[str, str]) -> dict[str, str]:
    """Source: https://opentelemetry.io/docs/specs/semconv/resource/"""
    return {
        "service.name": about.service,
        "service.namespace": "hub",
        "service.version": about.version,
        "service.instance.id": about.instance,
        "deployment.environment.name": environ.get("HUB_ENV") or "production",
    }


async def _within(seconds: float, work: Callable[[], None]) -> None:
    """Does blocking work beside the loop, and leaves it behind when it takes longer: the SDK would wait for 30 s."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def thread() -> None:
        work()
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(done.set)

    # A daemon: neither the loop nor the interpreter waits for it.
    threading.Thread(target=thread, name="flush spans", daemon=True).start()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await done.wait()
