"""What the desk decides without asking anybody."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.desk import names
from console.desk.connect import DeskSettings, who
from console.desk.crons import Schedule
from console.desk.events import Ticket, stands_for
from console.desk.flows import join
from console.desk.history import Run
from console.desk.identity import identity_of, sweep_event, sweep_subjects, sync_event, sync_subjects
from console.desk.logs import Wanted, passes, read
from console.desk.moments import ago, moment
from console.desk.state import shape_of
from console.desk.stored import stream_of
from console.desk.streams import ConsumerInfo
from console.desk.traces import Span, spans_of, tree
from console.desk.workers import Replica
from shared.contracts.operator import Door, Facts, Heard
from shared.runtime.bus import NatsSettings
from shared.settings import SettingsError, load
from tests.support.hub import record

_NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
_BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("90s", _NOW - timedelta(seconds=90)),
        (" 2 h ", _NOW - timedelta(hours=2)),
        ("1w", _NOW - timedelta(days=7)),
        ("2026-11-22", datetime(2026, 11, 21, 23, tzinfo=UTC)),
        ("2026-11-22T08:00", datetime(2026, 11, 22, 7, tzinfo=UTC)),
        ("2026-11-22T08:00Z", datetime(2026, 11, 22, 8, tzinfo=UTC)),
    ],
)
def test_moments(text: str, wanted: datetime) -> None:
    """So long ago, or a date on the operator's clock."""
    assert moment(text, now=_NOW, zone=_BERLIN) == wanted


@pytest.mark.parametrize("text", ["", "2", "h", "-1h", "999999w", "yesterday", "2026-13-01"])
def test_no_moments(text: str) -> None:
    """A sentence that says what would be one."""
    with pytest.raises(ValueError, match="is no moment: 30m"):
        moment(text, now=_NOW, zone=_BERLIN)


def test_how_long_ago() -> None:
    """In one unit, to both sides of now."""
    assert [ago(_NOW - timedelta(seconds=s), now=_NOW) for s in (0, 119, 120, 7_199, 7_200, 172_799, 172_800)] == [
        *("0s", "119s", "2m", "119m", "2h", "47h", "2d")
    ]
    assert ago(_NOW + timedelta(minutes=5), now=_NOW) == "in 5m"


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (
            names.subject,
            ["vmh.document.*", "vmh.>", ">", "*.*.update", "vmh"],
            ["", "a b", "a..b", "a.>.b", "a>", "a\nb"],
        ),
        (names.key, ["document_sync.CDokumente.d1", "a.=w4RC.b"], ["", "a b", "a.*", "a.>", "a.", "a\r\nPUB x"]),
        (names.keys, ["document_sync.*.d1", ">", "a.>"], ["", "a b", "ä", "a.>.b"]),
        (names.name, ["VMH", "KV_locks"], ["", "a.b", "a b", "*"]),
    ],
)
def test_names(check: Any, good: list[str], bad: list[str]) -> None:
    """P11: what is typed becomes part of a subject only when it is a name."""
    assert [check(text) for text in good] == good
    for text in [*bad, "x" * 300]:
        with pytest.raises(names.BadName, match="is no"):
            check(text)


@given(st.text())
def test_no_text_gets_into_the_protocol(text: str) -> None:
    """P11: neither blanks nor line ends pass."""
    for check in (names.subject, names.key, names.keys, names.name):
        try:
            passed = check(text)
        except names.BadName:
            continue
        assert passed.split() == [passed]


def test_settings_and_who_acts() -> None:
    """All have defaults; HUB_OPERATOR before the OS user, and never longer than a name."""
    settings = load(DeskSettings, {})
    assert settings.nats == NatsSettings()
    assert settings.view.zone.key == "Europe/Berlin"
    assert who(settings)
    assert who(load(DeskSettings, {"HUB_OPERATOR": "a" * 100})) == "a" * 64
    with pytest.raises(SettingsError, match="HUB_TIMEZONE is no time zone"):
        load(DeskSettings, {"HUB_TIMEZONE": "../etc/passwd"})


def test_identity_and_nothing_else() -> None:
    """P10: of a body only type and id; of what cannot be read nothing."""
    found = identity_of("vmh.document.update", b'{"entity_id":"d1","name":"Muster"}')
    assert (found.entity_type, found.entity_id) == ("CDokumente", "d1")
    assert identity_of("calendar.sync.employee", '{"kuerzel":"äb"}'.encode()).entity_id == "ÄB"
    for subject, body in (("vmh.document.update", b"Muster"), ("vmh.document.update", b"{}"), ("x.y.z", b"{}")):
        assert identity_of(subject, body).entity_id == ""


def test_where_a_sync_goes() -> None:
    """Each entity type has its update; families have their sweep."""
    syncs = {kind: subject.name for kind, subject in sync_subjects().items()}
    assert (
        syncs
        | {
            "CDokumente": "vmh.document.update",
            "CBeteiligte": "vmh.beteiligte.update",
            "CBankverbindungen": "vmh.bankverbindungen.update",
            "Raeumungsklage": "vmh.raeumungsklage.update",
            "Account": "vmh.account.update",
            "Employee": "calendar.sync.employee",
        }
        == syncs
    )
    assert {"document", "beteiligte", "calendar"} <= set(sweep_subjects())
    for kind, subject in sync_subjects().items():
        event = sync_event(subject, kind, "AB1", force=True)
        assert (event.entity_type, event.entity_id, event.force, event.source) == (kind, "AB1", True, "nats")
        assert subject.decode(json.dumps({"kuerzel": "AB1", "entity_id": "AB1"}).encode()).entity_id == "AB1"
        with pytest.raises(ValueError, match="is no id of"):
            sync_event(subject, kind, "../x", force=False)
    for subject in sweep_subjects().values():
        assert sweep_event(subject, force=True).force


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"event_id": "ours"}, True),
        ({}, False),
        ({"coalesced": 2, "coalesced_ids": ["a", "ours"]}, True),
        ({"coalesced": 2, "coalesced_ids": ["a", "b"]}, False),
        # More than it names, begun after ours was stored: it has seen what ours was about.
        ({"coalesced": 30, "coalesced_ids": ["a"], "at": "2026-11-22T12:00:02+00:00", "duration_ms": 1000.0}, True),
        ({"coalesced": 30, "coalesced_ids": ["a"], "at": "2026-11-22T12:00:00.500+00:00", "duration_ms": 900.0}, False),
        ({"coalesced": 30, "at": "2026-11-22T12:00:02+00:00", "subject": "vmh.document.delete"}, False),
        ({"coalesced": 30, "at": "soon"}, False),
    ],
)
def test_which_run_stands_for_an_event(more: dict[str, Any], wanted: bool) -> None:
    """Its own, one that names it, or a storm's."""
    ticket = Ticket(event_id="ours", subject="vmh.document.update", published_at=_NOW, hearers=[])
    assert stands_for(record(**({"event_id": "other"} | more)), ticket) is wanted


def test_what_flows_where() -> None:
    """Who takes it, by consumer or by its own word; where nobody does, who ought to."""
    replica = Replica(
        service="document_worker",
        holder="document_worker@a.1",
        version="1",
        id="1",
        started="",
        endpoints=[],
        facts=Facts(
            hears=(Heard(subject="vmh.document.update", handler="on_document"),),
            doors=(Door(method="POST", path="/d", publishes=("vmh.document.update",)),),
        ),
    )
    consumer = ConsumerInfo(
        stream="VMH",
        name="document_worker",
        subjects=["vmh.document.update", "vmh.beteiligte.update"],
        lag=3,
        pending=2,
        ack_pending=1,
        redelivered=0,
        pulls_waiting=1,
        last_delivered_at=None,
        last_settled_at=None,
        is_paused=False,
    )
    timer = Schedule(
        name="vmh.cron.document_sweep",
        stream="VMH",
        expression="0 */15 * * * *",
        timezone="",
        target="vmh.document.sweep",
        is_paused=True,
        next_at=None,
        last_at=None,
        last_outcome="",
        last_reason="",
    )
    run = Run(entity_type="CDokumente", entity_id="d1", record=record("e1", worker="document_worker@a.1"))
    older = Run(
        entity_type="CDokumente", entity_id="d1", record=record("e0", outcome="dead", worker="document_worker@b")
    )
    found = {flow.subject: flow for flow in join([replica, replica], [consumer], [timer], [run, older])}
    [update] = found["vmh.document.update"].hearers
    assert (update.handler, update.replicas, update.lag, update.last_outcome) == ("on_document", 2, 3, "done")
    assert found["vmh.document.update"].doors == ["POST /d"]
    assert found["vmh.document.sweep"].schedules == ["vmh.cron.document_sweep paused"]
    [nobody] = found["vmh.bankverbindungen.update"].hearers
    assert (nobody.service, nobody.replicas, nobody.lag, nobody.stream) == ("beteiligte_worker", 0, None, "VMH")
    assert [one.service for one in found["vmh.beteiligte.update"].hearers] == ["document_worker"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ),
    st.text(alphabet="äöüß€", min_size=3),
)
def test_a_shape_has_no_contents(value: Any, canary: str) -> None:
    """P10: whatever lies there, no text of it comes out."""
    shape = shape_of(json.dumps({"x": value, "y": [canary, {canary: canary}], "fence": canary}).encode(), plain=())
    assert canary not in json.dumps(shape, ensure_ascii=False)


def test_shapes() -> None:
    """Members that say how the hub works are told as they are; what is no JSON is a size."""
    assert shape_of(b'{"state":"open","marker":"Muster","since":"x"}', plain=("state", "since")) == {
        "state": "open",
        "marker": "text, 6",
        "since": "x",
    }
    assert shape_of(b"\xff\xfe") == "2 bytes"
    assert shape_of(b"[" * 100_000) == "100000 bytes"


def test_log_lines() -> None:
    """By level, service, trace and record."""
    line = read(b'{"level":"warning","service":"gateway","message":"m","time":"t","trace_id":"abc","entity_id":"d1"}')
    assert line is not None
    assert line.fields == {"trace_id": "abc", "entity_id": "d1"}
    assert passes(line, Wanted(level="warning", services=["gateway"], trace_id="ab", entity_id="d1"))
    for wanted in (Wanted(level="error"), Wanted(services=["x"]), Wanted(trace_id="b"), Wanted(entity_id="d2")):
        assert not passes(line, wanted)
    assert read(b"[]") is None
    assert read(b"\xff") is None


def test_streams_of_subjects() -> None:
    """Only streams of events."""
    assert [stream_of(text) for text in ("vmh.document.*", "calendar.>", "dead.>", ">", "")] == [
        *("VMH", "CALENDAR", None, None, None)
    ]


def _span(number: str, at: int) -> Span:
    return Span(id=number, service="s", name=number, started_at=_NOW + timedelta(seconds=at), ms=1)


def test_a_tree_of_spans() -> None:
    """Children in the order in which they began; an orphan is a root; a circle ends; the same span twice is one."""
    spans = [("", _span("a", 0)), ("a", _span("c", 2)), ("a", _span("b", 1)), ("gone", _span("d", 3))]
    first, second = tree([*spans, ("a", _span("b", 1))])
    assert [child.id for child in first.children] == ["b", "c"]
    assert second.id == "d"
    assert tree([("y", _span("x", 0)), ("x", _span("y", 1))]) == []
    assert [one.id for one in tree([("x", _span("x", 0))])] == ["x"]


def test_answers_of_tempo_in_both_forms() -> None:
    """`batches` and `resourceSpans`, hexadecimal and base64 ids, and an empty one."""
    span = {"spanId": "00000000000000ab", "name": "n", "startTimeUnixNano": "1000000", "endTimeUnixNano": "3500000"}
    for answer in (
        {"batches": [{"scopeSpans": [{"spans": [span]}]}]},
        {
            "trace": {
                "resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": [span | {"spanId": "AAAAAAAAAKs="}]}]}]
            }
        },
    ):
        [(parent, found)] = spans_of(answer)
        assert (parent, found.id, found.ms) == ("", "00000000000000ab", 2.5)
    assert spans_of({}) == []
