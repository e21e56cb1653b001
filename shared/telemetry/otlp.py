"""Recorded spans on their way to a collector, by OTLP over HTTP. Imported only where an endpoint is named: it brings
an SDK and an HTTP stack that an idle worker need not carry.
"""

import logging
from collections.abc import Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased
from prometheus_client import Counter

_log = logging.getLogger(__name__)


class Watched(SpanExporter):
    """An exporter whose losses are counted, and told once instead of with every batch."""

    def __init__(self, exporter: SpanExporter, lost: Counter) -> None:
        self._exporter = exporter
        self._lost = lost
        self._is_away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends a batch, from the SDK's own thread."""
        result = self._exporter.export(spans)
        is_away = result is not SpanExportResult.SUCCESS
        if is_away:
            self._lost.inc(len(spans))
        if is_away and not self._is_away:
            _log.warning("the trace collector does not take spans; they are lost until it does")
        elif self._is_away and not is_away:
            _log.info("the trace collector takes spans again")
        self._is_away = is_away
        return result

    def shutdown(self) -> None:
        """No more after this."""
        self._exporter.shutdown()


def provider_of(about: Mapping[str, str], lost: Counter) -> TracerProvider:
    """By the standard's variables. `about` is this process; what OTEL_RESOURCE_ATTRIBUTES says instead wins."""
    resource = Resource.create(dict(about)).merge(OTELResourceDetector().detect())
    # Not at exit: the service sends what still waits while it stops, for a bounded time.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Watched(OTLPSpanExporter(), lost)))
    return provider


def follows_parent(provider: TracerProvider) -> bool:
    """Whether its sampler leaves out what hangs under something left out, as the standard's default does."""
    return isinstance(provider.sampler, ParentBased)
