"""Which trace a run belongs to, case by case."""

import pytest

from shared.contracts.envelope import Envelope, unseal
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.runtime.lineage import LATE_S, lineage
from shared.telemetry.traces import Trace

BEFORE = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True)


def envelope(source: str = "webhook", **headers: str) -> Envelope[EntityEvent]:
    body = f'{{"entity_id":"d1","source":"{source}"}}'.encode()
    return unseal(DOCUMENT_UPDATE, headers, body, position="VMH-1")


@pytest.mark.parametrize(
    ("source", "headers", "delivered", "age_s", "continues"),
    [
        ("webhook", {}, 1, 0.1, True),
        ("document_worker", {}, 1, 0.1, True),
        ("nats", {}, 1, 0.1, True),
        ("webhook", {}, 1, 86_400.0, True),  # late, but the first: the worker was away
        ("webhook", {}, 2, 5.0, True),
        ("webhook", {}, 2, LATE_S, True),
        ("webhook", {}, 2, LATE_S + 1, False),
        ("nats", {}, 2, None, True),
        ("webhook", {"Hub-Replay-Of": "e-1"}, 1, 0.1, False),
        ("webhook", {"Nats-Scheduler": "vmh.retry.x", "Hub-Attempts": "3"}, 1, 90.0, False),
        ("sweep", {}, 1, 0.1, False),
        ("audit", {}, 1, 0.1, False),
        ("calendar_worker", {}, 1, 0.1, False),
    ],
)
def test_a_run_continues_its_publishers_trace_or_begins_one(
    source: str, headers: dict[str, str], delivered: int, age_s: float | None, continues: bool
) -> None:
    """P14: it is linked to its publisher in either case."""
    sent = {"traceparent": BEFORE.header(), **headers}
    parent, links = lineage(envelope(source, **sent), sent, delivered=delivered, age_s=age_s)
    assert parent == (BEFORE if continues else None)
    assert tuple(links) == (BEFORE,)


@pytest.mark.parametrize("header", [{}, {"traceparent": "no such thing"}])
def test_an_event_without_a_trace_begins_one(header: dict[str, str]) -> None:
    """`nats pub` by hand, and the broker's own cron ticks."""
    assert lineage(envelope(**header), header, delivered=1, age_s=0.0) == (None, ())
