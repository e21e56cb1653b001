"""Every metric the hub exports, in one list: name, labels, and what to make of it."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import choose_encoder

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metrics:
    """The metrics of one process. Labels hold names of things (subjects, vendors, reasons), never ids or values."""

    def __init__(self, service: str, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a `_created` beside each series tells nobody anything
        self.registry = CollectorRegistry()
        self._service = service
        self._of_this_process(version)
        self._of_doors()
        self._of_runs()
        self._of_vendors()

    def _of_this_process(self, version: str) -> None:
        ProcessCollector(registry=self.registry)
        about = self._gauge("hub_build_info", "1; which version runs.", "service", "version")
        about.labels(self._service, version).set(1)
        self.nats_up = self._gauge("hub_nats_up", "1 while this process is connected to NATS.")
        # With a label, so that a service without Redis does not say that it is away.
        self.redis_up = self._gauge("hub_redis_up", "0 while Redis is away and each process keeps its own.", "keeps")
        self.loop_lag_seconds = self._histogram(
            "hub_event_loop_lag_seconds", "How late the event loop runs a timer, looked at twice a second."
        )
        self.tasks = self._gauge("hub_tasks", "Tasks of the event loop; what only rises is a leak.")
        self.spans_lost = self._counter("hub_spans_lost", "Spans that the trace collector did not take.")

    def _of_doors(self) -> None:
        self.webhooks = self._counter("hub_webhooks", "Requests at the gateway's doors.", "door", "status")
        self.webhook_seconds = self._histogram("hub_webhook_seconds", "From the request's head to the answer.", "door")
        self.webhook_echoes = self._counter("hub_webhook_echoes", "Items that were our own writes coming back.", "door")
        self.events_published = self._counter("hub_events_published", "Events that JetStream has stored.", "subject")
        self.publish_failures = self._counter(
            "hub_publish_failures", "Events not stored within the deadline.", "subject"
        )
        self.publishes_in_flight = self._gauge("hub_publishes_in_flight", "Messages waiting for JetStream's answer.")
        self.proxy_requests = self._counter(
            "hub_proxy_requests", "Requests to Advoware through the proxy.", "method", "status"
        )
        self.proxy_seconds = self._histogram("hub_proxy_seconds", "From the request to its answer.", "method")

    def _of_runs(self) -> None:
        self.deliveries = self._counter(
            "hub_deliveries", "Deliveries by how they ended and why.", "subject", "outcome", "reason"
        )
        self.delivery_seconds = self._histogram("hub_delivery_seconds", "From start to settlement.", "subject")
        self.event_age_seconds = self._histogram(
            "hub_event_age_seconds",
            "From the event's time to the start of its run: what people wait.",
            "subject",
        )
        self.dead_letters = self._counter(
            "hub_dead_letters", "Events given up on; each needs a look.", "subject", "kind"
        )
        self.redeliveries = self._counter("hub_redeliveries", "Messages that came once more.", "subject")
        self.lock_wait_seconds = self._histogram(
            "hub_lock_wait_seconds",
            "From a message in hand to its entity's lock: others of the entity, a free place, the broker.",
        )
        self.lanes = self._gauge("hub_lanes", "Entities being worked on, and messages in hand behind them.", "state")
        self.locks_busy = self._counter("hub_locks_busy", "Runs handed back because another replica had the entity.")
        self.locks_lost = self._counter("hub_locks_lost", "Runs cancelled because their lease ran out.")
        self.halted = self._gauge("hub_halted", "1 while the consumer has stopped itself; see the reason.", "kind")
        self.history_lost = self._counter("hub_history_lost", "History records that JetStream did not store.")
        self.consumer_lag = self._gauge("hub_consumer_lag", "Messages not yet settled, all replicas.", "consumer")

    def _of_vendors(self) -> None:
        self.vendor_calls = self._counter("hub_vendor_calls", "Requests to vendors.", "vendor", "operation", "outcome")
        self.vendor_seconds = self._histogram("hub_vendor_seconds", "Time a vendor took.", "vendor", "operation")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(name, text, labels, registry=self.registry, buckets=_SECONDS)

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)

    def negotiated(self, accept: str) -> tuple[bytes, str]:
        """Text and content type by an `Accept` header: OpenMetrics where it is asked for, which alone has exemplars."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type
