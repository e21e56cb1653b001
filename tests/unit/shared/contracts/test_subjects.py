"""Bodies of any client: read, completed, or refused with a reason that quotes nothing."""

import contextlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.events import EntityEvent
from shared.contracts.subjects import (
    ACCOUNT_UPDATE,
    DOCUMENT_CREATE,
    DOCUMENT_SWEEP,
    DOCUMENT_UPDATE,
    SUBJECTS,
    Subject,
)
from shared.outcomes.errors import Malformed

NOT_JSON = "the body is not JSON"
MISSING = "entity_id is missing"
NO_ID = "entity_id is not an id: 1 to 36 of A-Z a-z 0-9 _ -"
DEEP = "the body is nested too deeply"


def reason(subject: Subject[EntityEvent], body: bytes) -> str:
    with pytest.raises(Malformed) as malformed:
        subject.decode(body)
    assert malformed.value.__cause__ is None
    return malformed.value.reason


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"not json", NOT_JSON),
        (b"{", NOT_JSON),
        (b'{"entity_id":"a1"} trailing', NOT_JSON),
        (b'{"entity_id":"a1",}', NOT_JSON),
        (b'\xff\xfe{"entity_id":"a1"}', NOT_JSON),
        (b'{"entity_id":"\xff"}', NOT_JSON),
        (b'{"entity_id":"\\ud800"}', NOT_JSON),
        (b"", MISSING),
        (b"{}", MISSING),
        (b'{"entityId":"a1"}', MISSING),
        (b'{"id":"a1"}', MISSING),
        (b'{"entity_id":null}', NO_ID),
        (b'{"entity_id":5}', NO_ID),
        (b'{"entity_id":["a1"]}', NO_ID),
        (b'{"entity_id":""}', NO_ID),
        (b'{"entity_id":"../etc"}', NO_ID),
        (b'{"entity_id":"a.b"}', NO_ID),
        (b'{"entity_id":"*"}', NO_ID),
        (b'{"entity_id":">"}', NO_ID),
        (b'{"entity_id":" a1"}', NO_ID),
        (b'{"entity_id":"a1\\n"}', NO_ID),
        (b'{"entity_id":"a1\\u0000"}', NO_ID),
        (b'{"entity_id":"M\xc3\xbcller"}', NO_ID),
        (b'{"entity_id":"-a"}', NO_ID),
        (b'{"entity_id":"' + b"a" * 37 + b'"}', NO_ID),
        (b'{"x":' * 100_000, DEEP),
        (b'{"entity_id":"a1","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", DEEP),
    ],
)
def test_malformed(body: bytes, expected: str) -> None:
    """Each kind of bad input has a reason that a person understands."""
    assert reason(DOCUMENT_UPDATE, body) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"5",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'"a1"',
        b'[{"entity_id":"a1"}]',
        b'{"entity_id":"a1","force":"yes"}',
        b'{"entity_id":"a1","force":1}',
        b'{"entity_id":"a1","source":5}',
        b'{"entity_id":"a1","entity_type":"C Dokumente"}',
        b'{"entity_id":"a1","entity_type":"CDokumente\\n"}',
        b'{"entity_id":"a1","entity_type":"../x"}',
    ],
)
def test_what_does_not_fit(body: bytes) -> None:
    """Valid JSON of another shape is told from no JSON."""
    assert reason(DOCUMENT_UPDATE, body).startswith("the body does not fit: ")


canaries = st.text(alphabet="ÄÖÜäöüß", min_size=6, max_size=12)


@given(
    canaries,
    st.sampled_from(
        [
            {"entity_id": "@"},
            {"entity_id": "a1", "entity_type": "@"},
            {"entity_id": ["@"]},
            {"entity_id": {"@": "@"}},
            {"entity_id": "a1", "force": "@"},
            {"entity_id": "a1", "source": ["@"]},
            {"entity_id": "a1", "action": {"@": 1}},
            {"@": "@"},
            {"entity_id": "a1", "received_at": {"@": "@"}},
            ["@"],
            "@",
        ]
    ),
    st.booleans(),
)
def test_a_reason_quotes_no_value(canary: str, shape: object, truncated: bool) -> None:
    """P10: whatever stands in a body that cannot be read, none of it gets into the dead letter's reason."""
    body = json.dumps(shape, ensure_ascii=False).replace("@", canary).encode()
    told = reason(DOCUMENT_UPDATE, body[:-1] if truncated else body)
    assert not re.search("[ÄÖÜäöüß]", told)


@given(st.binary())
def test_any_bytes_are_read_or_malformed(body: bytes) -> None:
    """Nothing else can come out of a body."""
    for subject in SUBJECTS:
        with contextlib.suppress(Malformed):
            assert subject.decode(body).entity_id


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
members = st.dictionaries(
    st.sampled_from(["entity_id", "entity_type", "action", "source", "received_at", "force", "x"]),
    json_values | st.just("a1"),
)


@given(members)
def test_any_json_is_read_or_malformed(body: dict[str, object]) -> None:
    """Also when the members are ours and their values are not."""
    for subject in (DOCUMENT_UPDATE, DOCUMENT_SWEEP):
        try:
            event = subject.decode(json.dumps(body).encode())
        except Malformed:
            continue
        assert event.entity_type
        assert event.entity_id


@pytest.mark.parametrize(
    ("subject", "body", "expected"),
    [
        (DOCUMENT_UPDATE, {"entity_id": "a1"}, ("CDokumente", "update", "nats", False)),
        (DOCUMENT_CREATE, {"entity_id": "a1", "source": "webhook"}, ("CDokumente", "create", "webhook", False)),
        (ACCOUNT_UPDATE, {"entity_id": "a1", "action": "link"}, ("Account", "link", "nats", False)),
        (DOCUMENT_UPDATE, {"entity_id": "a1", "force": True, "unknown": [1]}, ("CDokumente", "update", "nats", True)),
    ],
)
def test_missing_members_get_the_subjects_defaults(
    subject: Subject[EntityEvent], body: object, expected: tuple[str, str, str, bool]
) -> None:
    """`nats pub vmh.document.update '{"entity_id":"…"}'` is a complete event; unknown members are borne."""
    event = subject.decode(json.dumps(body).encode())
    assert (event.entity_type, event.action, event.source, event.force) == expected


def test_a_documents_event_is_about_a_document() -> None:
    """P3: lock, snapshot and journal key carry the entity type, so no client may give one document two of them."""
    try:
        event = DOCUMENT_UPDATE.decode(b'{"entity_id":"a1","entity_type":"Dokument"}')
    except Malformed:
        return
    assert event.entity_type == "CDokumente"


def test_a_sweep_is_always_the_same_sweep() -> None:
    """P3: one sweep at a time, so its lock's key must not be a client's choice."""
    for body in (b'{"entity_id":"other"}', b'{"entity_type":"Other"}'):
        try:
            event = DOCUMENT_SWEEP.decode(body)
        except Malformed:
            continue
        assert (event.entity_type, event.entity_id) == ("Sweep", "document")


def test_names() -> None:
    """Three tokens each, every name once: habits such as `nats sub 'vmh.document.*'` rely on it."""
    names = [subject.name for subject in SUBJECTS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"(?:vmh|calendar)\.[a-z]+\.[a-z_]+", name) for name in names)
