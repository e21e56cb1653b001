"""Bodies to events, by tables and properties."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.payloads import ITEMS_MAX, Batch, Refusal
from gateway.webhooks import WEBHOOKS
from shared.contracts.events import ENTITY_ID_PATTERN, EntityEvent

NOW = "2026-11-22T15:00:00.000+00:00"
CREATE = "/vmh/webhook/document/create"
UPDATE = "/vmh/webhook/document/update"
PARTY_UPDATE = "/vmh/webhook/beteiligte/update"
ACCOUNT_UPDATE = "/vmh/webhook/bankverbindungen/update"
OWNER_UPDATE = "/vmh/webhook/account/update"
LINK = "/vmh/webhook/entity/link"


def read(path: str, body: Any) -> Batch:
    door = WEBHOOKS[path]
    return door.parse(body if isinstance(body, bytes) else json.dumps(body).encode(), door, NOW)


def said(path: str, body: Any) -> list[tuple[str, str]]:
    return [(subject.name, event.entity_id) for subject, event in read(path, body).events]


def refusal(path: str, body: Any) -> tuple[int, str]:
    with pytest.raises(Refusal) as refused:
        read(path, body)
    return refused.value.status, refused.value.reason


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ([{"id": "a1"}, {"id": "b2"}], ["a1", "b2"]),
        ([{"id": "a1", "name": "x", "entityType": "CDokumente", "deep": {"er": [1, None]}}], ["a1"]),
        ({"id": "6b03037c06a040734"}, ["6b03037c06a040734"]),
        ({"entity_id": "a1"}, ["a1"]),
        ({"entity_type": "CDokumente", "entity_id": "a1", "action": "create"}, ["a1"]),
        ([{"entity_id": "a1", "entityType": "CDokumente"}], ["a1"]),
        ({"id": "a1", "entity_id": "b2"}, ["a1"]),
        ([{"id": "a1"}, {"id": "a1"}, {"id": "b2"}], ["a1", "b2"]),
        ([{"id": "123e4567-e89b-12d3-a456-426614174000"}], ["123e4567-e89b-12d3-a456-426614174000"]),
        ([], []),
    ],
)
def test_records(body: Any, ids: list[str]) -> None:
    """Array, single object, older form; each record once, in the order of the body."""
    batch = read(CREATE, body)
    assert [event.entity_id for _, event in batch.events] == ids
    assert batch.total == (len(body) if isinstance(body, list) else 1)
    assert batch.echoes == 0


@pytest.mark.parametrize("path", [path for path in WEBHOOKS if "/entity/" not in path])
def test_every_record_door_says_what_its_path_says(path: str) -> None:
    """Subject, type and action are those of the path; the event says who heard of it and when."""
    family, action = path.split("/")[-2:]
    [(subject, event)] = read(path, [{"id": "a1"}]).events
    assert subject.name == f"vmh.{family}.{action}"
    entity_type = {
        "document": "CDokumente",
        "raeumungsklage": "Raeumungsklage",
        "account": "Account",
        "beteiligte": "CBeteiligte",
        "bankverbindungen": "CBankverbindungen",
    }[family]
    assert event == EntityEvent(
        entity_id="a1", entity_type=entity_type, action=action, source="webhook", received_at=NOW
    )


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "the body is not JSON"),
        (b"[{", 400, "the body is not JSON"),
        (b'[{"id":"a1"}', 400, "the body is not JSON"),
        (b'[{"id":"a1"}] x', 400, "the body is not JSON"),
        (b'[{"\xff":1}]', 400, "the body is not JSON"),
        (b"null", 400, "the body is neither an object nor an array of objects"),
        (b'"a1"', 400, "the body is neither an object nor an array of objects"),
        (b'["a1"]', 400, "the body is neither an object nor an array of objects"),
        (b'[{"id":"a1"},7]', 400, "the body is neither an object nor an array of objects"),
        (b'[{"id":"a1","x":' + b"[" * 100_000, 400, "the body is nested too deeply"),
        (b'{"id":' + b'{"id":' * 100_000, 400, "the body is nested too deeply"),
        (b"{}", 400, "item 0 has no id"),
        (b'[{"id":"a1"},{"name":"x"}]', 400, "item 1 has no id"),
        (b"[" + b",".join([b'{"id":"a1"}'] * (ITEMS_MAX + 1)) + b"]", 413, "more than 1000 items"),
    ],
)
def test_an_unreadable_body_is_refused(body: bytes, status: int, reason: str) -> None:
    """Each kind of bad body has its status and a sentence that quotes nothing of it."""
    assert refusal(CREATE, body) == (status, reason)
    assert refusal(UPDATE, body) == (status, reason)


@pytest.mark.parametrize(
    "entity_id",
    [
        "",
        " ",
        "a b",
        "../a",
        "a/b",
        "*",
        ">",
        "a.b",
        "a\x00",
        "a\n",
        "\n",
        "ä",
        "-a",
        "a_",
        "a" * 37,
        "a" * 100_000,
        5,
        1.5,
        True,
        None,
        [],
        {},
        ["a1"],
    ],
)
def test_a_bad_id_is_refused_by_its_place(entity_id: Any) -> None:
    """The reason names the item, never the value; nothing of the batch becomes an event."""
    status, reason = refusal(CREATE, [{"id": "good1"}, {"id": entity_id}])
    assert (status, reason) == (400, "item 1: id is not an id: 1 to 36 of A-Z a-z 0-9 _ -")


def test_a_full_batch_is_taken() -> None:
    """A thousand items is the most, and is fine."""
    assert len(read(CREATE, [{"id": f"d{number}"} for number in range(ITEMS_MAX)]).events) == ITEMS_MAX


@pytest.mark.parametrize(
    ("path", "item", "echo"),
    [
        (UPDATE, {"id": "a1", "xaiSyncStatus": "clean", "xaiSyncedHash": "h"}, True),
        (
            UPDATE,
            {"id": "a1", "xaiId": "f", "xaiCollections": ["c"], "xaiSyncError": None, "fileStatus": "synced"},
            True,
        ),
        (UPDATE, {"id": "a1", "xaiId": "f", "modifiedById": "u", "modifiedByName": "n", "modifiedAt": "t"}, True),
        (UPDATE, {"id": "a1", "xaiSyncStatus": "unclean"}, False),
        (UPDATE, {"id": "a1", "xaiSyncStatus": "unclean", "fileStatus": "synced"}, False),
        (UPDATE, {"id": "a1", "xaiId": "f", "fileStatus": "new"}, False),
        (UPDATE, {"id": "a1", "fileStatus": "changed"}, False),
        (UPDATE, {"id": "a1", "xaiId": "f", "name": "x"}, False),
        (UPDATE, {"id": "a1", "xaiCollectionId": "c"}, False),
        (UPDATE, {"id": "a1"}, False),
        (UPDATE, {"id": "a1", "modifiedById": "u", "versionNumber": 3}, False),
        (UPDATE, {"entity_id": "a1", "action": "update"}, False),
        (CREATE, {"id": "a1", "xaiId": "f"}, False),
        (OWNER_UPDATE, {"id": "a1", "xaiCollectionId": "c"}, True),
        (OWNER_UPDATE, {"id": "a1", "xaiId": "f"}, False),
        (PARTY_UPDATE, {"id": "a1", "syncStatus": "clean", "advowareRowId": "r", "advowareLastSync": "t"}, True),
        (PARTY_UPDATE, {"id": "a1", "syncStatus": "failed", "syncErrorMessage": "x", "syncRetryCount": 1}, True),
        (PARTY_UPDATE, {"id": "a1", "syncStatus": "dirty"}, False),
        (PARTY_UPDATE, {"id": "a1", "syncStatus": "pending_sync"}, False),
        (PARTY_UPDATE, {"id": "a1", "syncStatus": "clean", "lastName": "x"}, False),
        (PARTY_UPDATE, {"id": "a1", "betnr": 10001}, False),
        (ACCOUNT_UPDATE, {"id": "a1", "advowareKontoId": 5, "syncStatus": "clean"}, True),
        (ACCOUNT_UPDATE, {"id": "a1", "iban": "x"}, False),
    ],
)
def test_our_own_writes_are_echoes(path: str, item: dict[str, Any], echo: bool) -> None:
    """An update of nothing but our fields is counted and left out, unless it asks for a sync."""
    batch = read(path, [item, {"id": "z9"}])
    assert [event.entity_id for _, event in batch.events] == (["z9"] if echo else ["a1", "z9"])
    assert batch.echoes == int(echo)
    assert batch.total == 2


def test_an_echo_with_a_bad_id_is_refused_all_the_same() -> None:
    """The filter is no way around the check."""
    assert refusal(UPDATE, [{"id": "../a", "xaiId": "f"}])[0] == 400


@pytest.mark.parametrize(
    ("entity_type", "owner"),
    [
        ("Raeumungsklage", "vmh.raeumungsklage.update"),
        ("Account", "vmh.account.update"),
        ("CBeteiligte", "vmh.beteiligte.update"),
        ("Contact", None),
    ],
)
@pytest.mark.parametrize(
    "names", [("entityType", "entityId", "documentId"), ("entity_type", "entity_id", "document_id")]
)
def test_links(entity_type: str, owner: str | None, names: tuple[str, str, str]) -> None:
    """A link is an event for the document and for its owner; what owns no collection gets none."""
    item = dict(zip(names, (entity_type, "o1", "d1"), strict=True))
    wanted = [("vmh.document.update", "d1")] + ([(owner, "o1")] if owner else [])
    for body in (item, [item], [item, item]):
        assert said(LINK, body) == wanted
    actions = {(event.action, event.source) for _, event in read("/vmh/webhook/entity/unlink", item).events}
    assert actions == {("unlink", "webhook")}


def test_many_documents_of_one_owner_are_one_event_for_it() -> None:
    """An owner is said once per batch."""
    items = [{"entityType": "Account", "entityId": "o1", "documentId": f"d{number}"} for number in range(3)]
    assert sorted(said(LINK, items)) == [
        ("vmh.account.update", "o1"),
        ("vmh.document.update", "d0"),
        ("vmh.document.update", "d1"),
        ("vmh.document.update", "d2"),
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"entityType": None}, "item 0: entityType is not an entity type"),
        ({"entityType": ""}, "item 0: entityType is not an entity type"),
        ({"entityType": "A.b"}, "item 0: entityType is not an entity type"),
        ({"entityId": "../x"}, "item 0: entityId is not an id: 1 to 36 of A-Z a-z 0-9 _ -"),
        ({"documentId": 7}, "item 0: documentId is not an id: 1 to 36 of A-Z a-z 0-9 _ -"),
    ],
)
def test_a_bad_link_is_refused(change: dict[str, Any], reason: str) -> None:
    """Each part of a link is checked."""
    good = {"entityType": "Account", "entityId": "o1", "documentId": "d1"}
    assert refusal(LINK, {**good, **change}) == (400, reason)
    missing = {name: value for name, value in good.items() if name not in change}
    assert refusal(LINK, missing) == (400, f"item 0 has no {next(iter(change))}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
KEYS = st.sampled_from(
    ["id", "entity_id", "entityType", "entityId", "documentId", "xaiId", "xaiSyncStatus", "fileStatus", "name"]
)
IDS = st.from_regex(ENTITY_ID_PATTERN.replace(r"(?!\n)", "")) | st.text(max_size=40)
ITEMS = st.dictionaries(KEYS, IDS | JSON, max_size=6)
BODIES = st.binary() | (ITEMS | st.lists(ITEMS | JSON, max_size=5) | JSON).map(lambda body: json.dumps(body).encode())


@given(st.sampled_from(sorted(WEBHOOKS)), BODIES)
def test_any_body_is_events_or_a_refusal(path: str, body: bytes) -> None:
    """No other exception ever, and what is published is an id by the pattern."""
    batch, refused = Batch([], 0), Refusal(400, "")
    try:
        batch = read(path, body)
    except Refusal as told:
        refused = told
    assert refused.status in (400, 413)
    assert re.fullmatch(r"[\w ,:.-]*", refused.reason)
    assert all(re.fullmatch(ENTITY_ID_PATTERN, event.entity_id) for _, event in batch.events)
    assert batch.echoes <= batch.total


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=20))
def test_a_batch_says_each_record_once(ids: list[str]) -> None:
    """However often an id stands in a batch, it is one event."""
    batch = read(CREATE, [{"id": entity_id} for entity_id in ids])
    assert [event.entity_id for _, event in batch.events] == list(dict.fromkeys(ids))
    assert batch.total == len(ids)
