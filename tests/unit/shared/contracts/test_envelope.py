"""Headers and body: our own come back whole, anybody's are bearable."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.envelope import event_id_of, event_time_of, seal, unseal
from shared.contracts.events import EntityEvent, SweepEvent
from shared.contracts.subjects import DOCUMENT_SWEEP, DOCUMENT_UPDATE

ids = st.from_regex(r"\A[A-Za-z0-9](?:[A-Za-z0-9_-]{0,34}[A-Za-z0-9])?\Z", fullmatch=True)
words = st.text(min_size=1).filter(lambda word: word != "sweep")
events = st.builds(
    EntityEvent,
    entity_id=ids,
    entity_type=st.just("CDokumente"),
    action=words,
    source=st.text(),
    received_at=st.none() | st.text(),
    force=st.booleans(),
)
headers_of_anybody = st.dictionaries(
    st.sampled_from(["ce-id", "Nats-Msg-Id", "traceparent", "Hub-Attempts", "Hub-Replay-Of", "ce-time", "X-Other"]),
    st.text(),
)


@given(events, ids, st.datetimes(timezones=st.just(UTC)))
def test_round_trip(event: EntityEvent, event_id: str, now: datetime) -> None:
    """What one service seals another unseals."""
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    headers, body = seal(DOCUMENT_UPDATE, event, event_id=event_id, source="gateway", now=now, traceparent=traceparent)
    opened = unseal(DOCUMENT_UPDATE, headers, body, position="VMH-1")
    assert opened.event == event
    assert opened.event_id == event_id
    assert opened.traceparent == traceparent
    assert (opened.failures, opened.replay_of) == (0, None)
    told = event_time_of(headers)
    assert told is not None
    assert abs((told - now).total_seconds()) < 0.001


@given(events, ids)
def test_the_headers_are_cloudevents(event: EntityEvent, event_id: str) -> None:
    """The binding's names, a message id for our own retries, and no trace where there is none."""
    now = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    headers, _ = seal(DOCUMENT_UPDATE, event, event_id=event_id, source="gateway", now=now, traceparent=None)
    assert headers == {
        "Nats-Msg-Id": event_id,
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-type": "vmh.document.update",
        "ce-source": "/bitbylaw-hub/gateway",
        "ce-time": "2026-03-01T12:30:00Z",
    }


@given(headers_of_anybody)
def test_anybodys_headers_are_read_without_complaint(headers: dict[str, str]) -> None:
    """A client that is not ours may send any headers or none; the event always has an id and a count."""
    opened = unseal(DOCUMENT_UPDATE, headers, b'{"entity_id":"a1"}', position="VMH-7")
    assert opened.event.entity_id == "a1"
    assert opened.event_id
    assert 0 <= opened.failures < 10**6
    event_time_of(headers)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"ce-id": "c", "Nats-Msg-Id": "n"}, "c"),
        ({"Nats-Msg-Id": "n"}, "n"),
        ({"ce-id": "", "Nats-Msg-Id": ""}, "VMH-7"),
        ({}, "VMH-7"),
    ],
)
def test_where_an_event_id_comes_from(headers: dict[str, str], expected: str) -> None:
    """The event's own, else the publisher's, else the place in the stream."""
    assert event_id_of(headers, "VMH-7") == expected


@pytest.mark.parametrize(
    ("header", "failures"),
    [("3", 3), ("0", 0), ("-1", 0), ("1.5", 0), ("x", 0), ("", 0), (" 3", 0), ("²", 0), ("9999999", 0)],
)
def test_a_count_that_is_none_is_nought(header: str, failures: int) -> None:
    """`Hub-Attempts` from outside cannot break anything."""
    assert unseal(DOCUMENT_SWEEP, {"Hub-Attempts": header}, b"{}", position="p").failures == failures


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("2026-03-01T12:00:00+01:00", datetime(2026, 3, 1, 11, tzinfo=UTC)),
        ("2026-03-01T12:00:00", None),
        ("gestern", None),
        ("", None),
    ],
)
def test_times_without_a_zone_tell_nothing(header: str, expected: datetime | None) -> None:
    """Only an instant is an event time."""
    assert event_time_of({"ce-time": header}) == expected
    assert event_time_of({}) is None


def test_a_sweeps_empty_body() -> None:
    """`{}` and nothing at all are a whole sweep event."""
    for body in (b"{}", b""):
        opened = unseal(DOCUMENT_SWEEP, {}, body, position="VMH-9")
        assert opened.event == SweepEvent(entity_type="Sweep", entity_id="document")
