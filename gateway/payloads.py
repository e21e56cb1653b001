"""From a request's body to events. Only ids are read: what else EspoCRM sends stays bytes and is dropped."""

from collections.abc import Callable, Mapping
from typing import Annotated, TypeVar

import msgspec

from shared.contracts.events import (
    EVERYBODY,
    WEBHOOK,
    CalendarEvent,
    EntityEvent,
    EntityId,
    EntityType,
    Kuerzel,
    same_kuerzel,
)
from shared.contracts.subjects import Subject

ITEMS_MAX = 1_000

Addressed = tuple[Subject[EntityEvent], EntityEvent]
"""An event and where it goes."""

_Item = dict[str, msgspec.Raw]
_T = TypeVar("_T")

_BODY = msgspec.json.Decoder(list[_Item] | _Item)
_ID = msgspec.json.Decoder(EntityId)
_TYPE = msgspec.json.Decoder(Annotated[EntityType, msgspec.Meta(min_length=1)])

_ATTRIBUTES_OF_EVERY_CHANGE = frozenset(
    ("id", "entity_id", "modifiedById", "modifiedByName", "modifiedAt", "versionNumber")
)
_ASKS_FOR_A_SYNC: dict[str, tuple[bytes, ...]] = {
    "xaiSyncStatus": (b'"unclean"',),
    "syncStatus": (b'"dirty"', b'"pending_sync"'),
    "fileStatus": (b'"new"', b'"changed"'),
}
"""Values of our own fields that ask for a sync, whoever wrote them. As EspoCRM's JSON has it: nothing is parsed."""


class Refusal(Exception):
    """The request is answered with `status`. `reason` goes to the caller and the log and quotes nothing."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Batch(msgspec.Struct, frozen=True):
    """What one request says."""

    events: list[Addressed]
    """Each record once."""
    total: int
    """Items in the body."""
    echoes: int = 0
    """Items left out because they are our own writes coming back."""


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook: what its items mean."""

    name: str
    """`<family>.<action>`, for metrics and logs."""
    action: str
    summary: str
    subject: Subject[EntityEvent]
    """Where its records' events go; of a link, the documents'."""
    parse: "Callable[[bytes, Door, str], Batch]"
    written_by_us: frozenset[str] = frozenset()
    """Fields that the hub itself writes; a change of nothing else is our echo. Empty: no item is one."""
    owners: Mapping[str, Subject[EntityEvent]] = {}
    """Of a link: where the owner's event goes, by its entity type."""


def record_events(body: bytes, door: Door, received_at: str) -> Batch:
    """Reads `[{"id": …}, …]`, `{"id": …}` or `{"entity_id": …}`; other members do not matter. Raises Refusal.

    Source of the first, which is what EspoCRM sends: its documentation, administration/webhooks.
    """
    items = _items(body)
    ids: dict[str, None] = {}  # a set that keeps the order
    echoes = 0
    for index, item in enumerate(items):
        entity_id = _read(_ID, item, index, "id", "entity_id")
        if door.written_by_us and _is_echo(item, door.written_by_us):
            echoes += 1
        else:
            ids[entity_id] = None
    return Batch([_event(door.subject, entity_id, door.action, received_at) for entity_id in ids], len(items), echoes)


def link_events(body: bytes, door: Door, received_at: str) -> Batch:
    """Reads `{"entityType", "entityId", "documentId"}` or an array of it. Raises Refusal.

    Each is an event for the document and one for the owner. Documents can be linked to things that own no
    collection: then there is no owner's event.
    """
    items = _items(body)
    found: dict[tuple[str, str], Addressed] = {}
    for index, item in enumerate(items):
        entity_type = _read(_TYPE, item, index, "entityType", "entity_type")
        entity_id = _read(_ID, item, index, "entityId", "entity_id")
        document_id = _read(_ID, item, index, "documentId", "document_id")
        found[door.subject.name, document_id] = _event(door.subject, document_id, door.action, received_at)
        owner = door.owners.get(entity_type)
        if owner is not None:
            found[owner.name, entity_id] = _event(owner, entity_id, door.action, received_at)
    return Batch(list(found.values()), len(items))


class CalendarWish(msgspec.Struct, frozen=True, kw_only=True):
    """Whose calendar, and whether texts go to Google: both optional. Further members may be there."""

    kuerzel: Kuerzel = EVERYBODY
    full_content: bool | None = None


class _Force(msgspec.Struct):
    force: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def calendar_event(body: bytes, received_at: str) -> CalendarEvent:
    """Reads `{"kuerzel":"ALL","full_content":true}` or nothing at all. Raises Refusal."""
    try:
        wish = msgspec.json.decode(body or b"{}", type=CalendarWish)
        forced = msgspec.json.decode(body or b"{}", type=_Force).force
    except RecursionError:
        raise Refusal(400, "the body is nested too deeply") from None
    except msgspec.ValidationError:
        raise Refusal(400, "kuerzel is a Kürzel or ALL, full_content is true, false or null") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Refusal(400, "the body is not JSON") from None
    if forced is not msgspec.UNSET:
        # The guard stops for a person who looks at the report, and that is not who holds this door's key.
        raise Refusal(400, "force is not taken here")
    return CalendarEvent(
        kuerzel=EVERYBODY if same_kuerzel(wish.kuerzel) == EVERYBODY else wish.kuerzel,
        full_content=wish.full_content,
        source=WEBHOOK,
        received_at=received_at,
    )


def _event(subject: Subject[EntityEvent], entity_id: str, action: str, received_at: str) -> Addressed:
    return subject, EntityEvent(
        entity_id=entity_id,
        entity_type=subject.defaults["entity_type"],
        action=action,
        source=WEBHOOK,
        received_at=received_at,
    )


def _items(body: bytes) -> list[_Item]:
    try:
        read = _BODY.decode(body)
    except RecursionError:
        raise Refusal(400, "the body is nested too deeply") from None
    except msgspec.ValidationError:
        raise Refusal(400, "the body is neither an object nor an array of objects") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Refusal(400, "the body is not JSON") from None
    items = read if isinstance(read, list) else [read]
    if len(items) > ITEMS_MAX:
        raise Refusal(413, f"more than {ITEMS_MAX} items")
    return items


def _read(decoder: msgspec.json.Decoder[_T], item: _Item, index: int, name: str, older_name: str) -> _T:
    raw = item.get(name) or item.get(older_name)
    if raw is None:
        raise Refusal(400, f"item {index} has no {name}")
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        expected = "an entity type" if decoder is _TYPE else "an id: 1 to 36 of A-Z a-z 0-9 _ -"
        raise Refusal(400, f"item {index}: {name} is not {expected}") from None


def _is_echo(item: _Item, written_by_us: frozenset[str]) -> bool:
    if any(name not in written_by_us and name not in _ATTRIBUTES_OF_EVERY_CHANGE for name in item):
        return False  # nearly always, and at the second name
    changed = written_by_us & item.keys()
    if not changed:
        return False
    return not any(name in changed and bytes(item[name]) in asking for name, asking in _ASKS_FOR_A_SYNC.items())
