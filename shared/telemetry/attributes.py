"""Every attribute that a span or its events may carry, in one list: names of things, ids and counts, never a value.

mypy holds the code to it, and a test holds exported spans and docs/telemetry.md to it. Names without `hub.` and
`messaging.nats.` are OpenTelemetry's: https://opentelemetry.io/docs/specs/semconv/
"""

from collections.abc import Mapping
from typing import Literal

Attribute = Literal[
    "error.type",
    "http.request.method",
    "http.request.resend_count",
    "http.response.status_code",
    "http.route",
    "hub.attempt",
    "hub.coalesced",
    "hub.delay_s",
    "hub.entity_id",
    "hub.entity_type",
    "hub.journal.effect",
    "hub.journal.found",
    "hub.lock_wait_s",
    "hub.operation",
    "hub.outcome",
    "hub.proxy.status",
    "hub.reason",
    "hub.settlement",
    "messaging.consumer.group.name",
    "messaging.destination.name",
    "messaging.destination.subscription.name",
    "messaging.message.body.size",
    "messaging.message.id",
    "messaging.nats.message.delivery_count",
    "messaging.nats.stream.sequence",
    "messaging.operation.name",
    "messaging.operation.type",
    "messaging.system",
    "server.address",
    "server.port",
    "service.peer.name",
    "url.path",
    "url.scheme",
]

Value = str | int | float | bool
Attributes = Mapping[Attribute, Value]


def sending(destination: str) -> dict[Attribute, Value]:
    """What every producer span has."""
    return {
        "messaging.system": "nats",
        "messaging.operation.type": "send",
        "messaging.operation.name": "publish",
        "messaging.destination.name": destination,
    }


def processing(destination: str) -> dict[Attribute, Value]:
    """What every consumer span has."""
    return {
        "messaging.system": "nats",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": destination,
    }


def serving(method: str, route: str) -> dict[Attribute, Value]:
    """What every span of a door has. Our routes have no variables, so the path is the route."""
    return {"http.request.method": method, "http.route": route, "url.path": route, "url.scheme": "http"}
