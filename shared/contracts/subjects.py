"""Every subject: its contract, who publishes it, who owns it. `docs/subjects.md` is checked against this list."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from shared.contracts.events import AuditEvent, CalendarEvent, EntityEvent, SweepEvent
from shared.outcomes.errors import Malformed

E = TypeVar("E", EntityEvent, SweepEvent, AuditEvent, CalendarEvent)


class Subject(msgspec.Struct, Generic[E], frozen=True, kw_only=True):
    """A subject and what may be said on it. `defaults` fill in what a body leaves out."""

    name: str
    event: type[E]
    defaults: dict[str, str]
    published_by: str
    owner: str
    other_types: bool = False
    """Whether records of other entity types travel here too: collection owners that came in by setting."""

    def decode(self, body: bytes) -> E:
        """Reads a body. Raises Malformed with a reason that quotes no value."""
        try:
            event = msgspec.json.decode(body or b"{}", type=self.event)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
            raise Malformed(_readable(wrong)) from None
        told, own = event.entity_type, self.defaults.get("entity_type")
        if own and told and told != own and not self.other_types:
            raise Malformed(f"entity_type is not {own}, which is what this subject is about")
        missing = {name: value for name, value in self.defaults.items() if not getattr(event, name)}
        return msgspec.structs.replace(event, **missing) if missing else event


def _readable(wrong: Exception) -> str:
    if isinstance(wrong, RecursionError):
        return "the body is nested too deeply"
    if isinstance(wrong, msgspec.ValidationError):
        text = str(wrong)
        if "entity_id" in text and "missing" in text:
            return "entity_id is missing"
        if "entity_id" in text:
            return "entity_id is not an id: 1 to 36 of A-Z a-z 0-9 _ -"
        if "kuerzel" in text:
            return "kuerzel is none: 1 to 20 letters, digits, _ . -, beginning and ending with a letter or digit"
        return f"the body does not fit: {text}"
    return "the body is not JSON"


def _entity(
    family: str, action: str, entity_type: str, *, by: str = "gateway", owner: str, other_types: bool = False
) -> Subject[EntityEvent]:
    return Subject(
        name=f"vmh.{family}.{action}",
        event=EntityEvent,
        defaults={"entity_type": entity_type, "action": action},
        published_by=by,
        owner=owner,
        other_types=other_types,
    )


def _calendar(action: str, by: str) -> Subject[CalendarEvent]:
    return Subject(
        name=f"calendar.sync.{action}",
        event=CalendarEvent,
        defaults={},
        published_by=by,
        owner="calendar_worker",
    )


def _audit(name: str, family: str, owner: str) -> Subject[AuditEvent]:
    return Subject(
        name=name,
        event=AuditEvent,
        defaults={"entity_type": "Audit", "entity_id": family},
        published_by=f"schedule, {owner}",
        owner=owner,
    )


_DOCUMENT = "document_worker"
_BETEILIGTE = "beteiligte_worker"

DOCUMENT_CREATE = _entity("document", "create", "CDokumente", owner=_DOCUMENT)
DOCUMENT_UPDATE = _entity("document", "update", "CDokumente", by="gateway, document_worker", owner=_DOCUMENT)
DOCUMENT_DELETE = _entity("document", "delete", "CDokumente", by="gateway, document_worker", owner=_DOCUMENT)
DOCUMENT_SWEEP: Subject[SweepEvent] = Subject(
    name="vmh.document.sweep",
    event=SweepEvent,
    defaults={"entity_type": "Sweep", "entity_id": "document"},
    published_by="schedule",
    owner=_DOCUMENT,
)
RAEUMUNGSKLAGE_CREATE = _entity("raeumungsklage", "create", "Raeumungsklage", owner=_DOCUMENT, other_types=True)
RAEUMUNGSKLAGE_UPDATE = _entity(
    "raeumungsklage", "update", "Raeumungsklage", by="gateway, document_worker", owner=_DOCUMENT, other_types=True
)
RAEUMUNGSKLAGE_DELETE = _entity("raeumungsklage", "delete", "Raeumungsklage", owner=_DOCUMENT, other_types=True)
ACCOUNT_CREATE = _entity("account", "create", "Account", owner=_DOCUMENT)
ACCOUNT_UPDATE = _entity("account", "update", "Account", by="gateway, document_worker", owner=_DOCUMENT)
ACCOUNT_DELETE = _entity("account", "delete", "Account", owner=_DOCUMENT)
BETEILIGTE_CREATE = _entity("beteiligte", "create", "CBeteiligte", owner=_BETEILIGTE)
BETEILIGTE_UPDATE = _entity("beteiligte", "update", "CBeteiligte", by="gateway, document_worker", owner=_BETEILIGTE)
BETEILIGTE_DELETE = _entity("beteiligte", "delete", "CBeteiligte", by="gateway, beteiligte_worker", owner=_BETEILIGTE)
BETEILIGTE_SYNC_CHECK = _entity("beteiligte", "sync_check", "CBeteiligte", by=_BETEILIGTE, owner=_BETEILIGTE)
BETEILIGTE_SWEEP: Subject[SweepEvent] = Subject(
    name="vmh.beteiligte.sweep",
    event=SweepEvent,
    defaults={"entity_type": "Sweep", "entity_id": "beteiligte"},
    published_by="schedule",
    owner=_BETEILIGTE,
)
BANKVERBINDUNGEN_CREATE = _entity("bankverbindungen", "create", "CBankverbindungen", owner=_BETEILIGTE)
BANKVERBINDUNGEN_UPDATE = _entity("bankverbindungen", "update", "CBankverbindungen", owner=_BETEILIGTE)
BANKVERBINDUNGEN_DELETE = _entity("bankverbindungen", "delete", "CBankverbindungen", owner=_BETEILIGTE)
BANKVERBINDUNGEN_SYNC_CHECK = _entity(
    "bankverbindungen", "sync_check", "CBankverbindungen", by="nobody yet: for the command line", owner=_BETEILIGTE
)
CALENDAR_SYNC_ALL = _calendar("all", "schedule, gateway")
CALENDAR_SYNC_EMPLOYEE = _calendar("employee", "calendar_worker, gateway")

DOCUMENT_AUDIT = _audit("vmh.document.audit", "documents", _DOCUMENT)
BETEILIGTE_AUDIT = _audit("vmh.beteiligte.audit", "beteiligte", _BETEILIGTE)
CALENDAR_AUDIT = _audit("calendar.sync.audit", "calendar", "calendar_worker")

OWNER_UPDATES: Mapping[str, Subject[EntityEvent]] = {
    "Raeumungsklage": RAEUMUNGSKLAGE_UPDATE,
    "Account": ACCOUNT_UPDATE,
    "CBeteiligte": BETEILIGTE_UPDATE,
}
"""Where an event for a collection owner goes, by its entity type."""

SUBJECTS: tuple[Subject[Any], ...] = (
    DOCUMENT_CREATE,
    DOCUMENT_UPDATE,
    DOCUMENT_DELETE,
    DOCUMENT_SWEEP,
    RAEUMUNGSKLAGE_CREATE,
    RAEUMUNGSKLAGE_UPDATE,
    RAEUMUNGSKLAGE_DELETE,
    ACCOUNT_CREATE,
    ACCOUNT_UPDATE,
    ACCOUNT_DELETE,
    BETEILIGTE_CREATE,
    BETEILIGTE_UPDATE,
    BETEILIGTE_DELETE,
    BETEILIGTE_SYNC_CHECK,
    BETEILIGTE_SWEEP,
    BANKVERBINDUNGEN_CREATE,
    BANKVERBINDUNGEN_UPDATE,
    BANKVERBINDUNGEN_DELETE,
    BANKVERBINDUNGEN_SYNC_CHECK,
    CALENDAR_SYNC_ALL,
    CALENDAR_SYNC_EMPLOYEE,
    DOCUMENT_AUDIT,
    BETEILIGTE_AUDIT,
    CALENDAR_AUDIT,
)
