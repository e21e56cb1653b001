"""What a PromQL expression asks for: metrics with the labels in their braces, and the labels it groups by.

Not a parser: enough to see a name that does not exist. Whether an expression is one at all, promtool says.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from console.metrics import ConsoleMetrics
from shared.telemetry.metrics import Metrics

_WORDS = frozenset({"and", "or", "unless", "bool", "inf", "nan"})
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_RANGE = re.compile(r"\[[^\]]*\]")
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*+)\s*(?:\{([^}]*)\})?+(?!\s*\()")
_NUMBER = re.compile(r"(?<![\w:])\d[\w.]*")
_MATCHER = re.compile(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)")

TARGET = frozenset({"job", "instance", "le"})
"""Labels that Prometheus or a histogram brings."""


class Asked(NamedTuple):
    """What one expression names."""

    metrics: dict[str, set[str]]
    """Labels that are matched, by metric."""
    grouped: set[str]
    """Labels that it groups or joins by."""


def asked(expr: str) -> Asked:
    """Reads one expression."""
    text = _RANGE.sub(" ", _STRING.sub('""', expr))
    grouped = {label.strip() for found in _LABELS.findall(text) for label in found.split(",") if label.strip()}
    text = re.sub(r"\boffset\s+\w+", " ", _LABELS.sub(" ", text))
    metrics: dict[str, set[str]] = {}
    for name, matchers in _SELECTOR.findall(_NUMBER.sub(" ", text)):
        if name not in _WORDS and not name.startswith("__"):
            metrics.setdefault(name, set()).update(_MATCHER.findall(matchers or ""))
    return Asked(metrics, grouped)


def exported() -> dict[str, frozenset[str]]:
    """The labels of each series that the hub exports, by the name that is scraped."""
    metrics = Metrics("house", "0")
    ConsoleMetrics(metrics.registry)
    found: dict[str, frozenset[str]] = {}
    for one in metrics.registry._collector_to_names:
        match one:
            case Counter():
                found[f"{one._name}_total"] = frozenset(one._labelnames)
            case Gauge():
                found[one._name] = frozenset(one._labelnames)
            case Histogram():
                found |= {f"{one._name}_{part}": frozenset(one._labelnames) for part in ("bucket", "sum", "count")}
    return found


def own() -> set[str]:
    """The hub's own metrics, without what Python's client adds: of a histogram its name without parts."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported()}


def process() -> dict[str, frozenset[str]]:
    """What the client library tells of every process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return {sample.name: frozenset() for family in registry.collect() for sample in family.samples}


_SERVER = frozenset({"server_id", "server_name", "cluster", "domain", "meta_leader", "is_meta_leader"})
_STREAM = _SERVER | {"account", "account_id", "stream_name", "stream_leader", "is_stream_leader"}
_CONSUMER = _STREAM | {"consumer_name", "consumer_leader", "is_consumer_leader", "consumer_desc", "consumer_created"}

NATS: Mapping[str, frozenset[str]] = {
    **{f"nats_server_{name}": _SERVER for name in ("jetstream_disabled", "total_streams", "total_message_bytes")},
    "nats_server_max_storage": _SERVER,
    **{f"nats_stream_{name}": _STREAM for name in ("total_messages", "total_bytes", "last_seq")},
    **{
        f"nats_consumer_{name}": _CONSUMER
        for name in ("num_pending", "num_ack_pending", "num_redelivered", "num_waiting", "ack_floor_stream_seq")
    },
    **{
        f"nats_varz_{name}": frozenset({"server_id"})
        for name in ("mem", "cpu", "connections", "in_msgs", "out_msgs", "slow_consumers")
    },
}
"""What prometheus-nats-exporter has to say, under the prefix `nats_` that the official Helm chart sets.

Sources: collector/jsz.go and collector/collector.go of https://github.com/nats-io/prometheus-nats-exporter (numbers of
/varz keep their names), and helm/charts/nats/files/stateful-set/prom-exporter-container.yaml of https://github.com/nats-io/k8s.
"""


def known() -> dict[str, frozenset[str]]:
    """Everything that a board or an alert may ask for, but for recorded series."""
    alerts = {"ALERTS": frozenset({"alertname", "alertstate", "severity"})}
    return exported() | process() | dict(NATS) | alerts


def problems(expr: str, recorded: Mapping[str, set[str]]) -> list[str]:
    """Names in an expression that nothing exports."""
    series = known() | {name: frozenset(labels) for name, labels in recorded.items()}
    named = asked(expr)
    found = [f"no metric {name}" for name in sorted(named.metrics.keys() - series.keys())]
    carried = {"service", *TARGET}
    for name in named.metrics.keys() & series.keys():
        carried |= series[name]
        found += [f"{name} has no label {label}" for label in sorted(named.metrics[name] - series[name] - TARGET)]
    return found + [f"nothing has the label {label}" for label in sorted(named.grouped - carried)]
