"""What travels: identity, never data. A handler reads the present, so order and repetition do not matter."""

from typing import Annotated, Literal

import msgspec

ENTITY_ID_PATTERN = r"^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,34}[A-Za-z0-9])?$(?!\n)"
"""EspoCRM's 17 hex digits, a uuid, or a short id as in a demo. It becomes a key and a path segment: hence so strict."""

ENTITY_TYPE_PATTERN = r"^(?:[A-Za-z][A-Za-z0-9]{0,63})?$(?!\n)"

EntityId = Annotated[str, msgspec.Meta(pattern=ENTITY_ID_PATTERN, description="EspoCRM's id of the record.")]
EntityType = Annotated[str, msgspec.Meta(pattern=ENTITY_TYPE_PATTERN, description="EspoCRM's name of the entity type.")]


KUERZEL_PATTERN = r"^[A-Za-z0-9ÄÖÜäöüß](?:[A-Za-z0-9ÄÖÜäöüß_.-]{0,18}[A-Za-z0-9ÄÖÜäöüß])?$(?!\n)"
"""A Kürzel becomes a key, a calendar's title and a query parameter."""

EVERYBODY = "ALL"

Kuerzel = Annotated[str, msgspec.Meta(pattern=KUERZEL_PATTERN, description="An employee's Kürzel in Advoware.")]


WEBHOOK = "webhook"
"""The source of an event that EspoCRM has told of: nobody waits for its own run."""


class EntityEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened to one record. Only `entity_id` is required; the subject knows the rest."""

    entity_id: EntityId
    entity_type: EntityType = ""
    action: str = ""
    source: str = "nats"
    """Who says so: `webhook`, `sweep`, `replay`, a service's name, or `nats` for anybody with the command line."""
    received_at: str | None = None
    force: bool = False
    """Passes the mass-change guard and a remembered failure, once."""


class SweepEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Look for what webhooks have missed. The body may be `{}`."""

    source: str = "nats"
    force: bool = False
    entity_type: Literal["Sweep", ""] = ""
    entity_id: Literal["document", "beteiligte", ""] = ""
    """The family it sweeps. The subject knows both; a body need not say them and cannot say others."""


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Compare the sides of a whole family, piece by piece. The body may be `{}`: then it begins at the beginning."""

    source: str = "nats"
    heal: bool = False
    """Asks for the sync of what differs."""
    after: str = ""
    """Where the piece before has ended; only the hub's own events have it."""
    begun_at: str = ""
    """Of the audit that this piece belongs to; likewise."""
    entity_type: Literal["Audit", ""] = ""
    entity_id: Literal["documents", "beteiligte", "calendar", ""] = ""
    """The family. The subject knows both."""


class CalendarEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Bring a calendar into step with Advoware: one employee's, or everybody's. The body may be `{}`."""

    kuerzel: Kuerzel = EVERYBODY
    full_content: bool | None = None
    """Whether texts go to Google; None is what CALENDAR_FULL_CONTENT says."""
    source: str = "nats"
    received_at: str | None = None
    force: bool = False
    """Passes the mass-change guard, once."""

    @property
    def entity_type(self) -> str:
        """For locks and history."""
        return "Employee"

    @property
    def entity_id(self) -> str:
        """The Kürzel in one spelling: Advoware does not tell case."""
        return same_kuerzel(self.kuerzel)


def same_kuerzel(kuerzel: str) -> str:
    """One spelling for all that mean the same employee. `ß` stays one letter, or two Kürzel could become one."""
    return kuerzel.strip().replace("ß", "ẞ").upper()
