"""What travels: identity, never data. A handler reads the present, so order and repetition do not matter."""

from typing import Annotated, Literal

import msgspec

ENTITY_ID_PATTERN = r"^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,34}[A-Za-z0-9])?$(?!\n)"
"""EspoCRM's 17 hex digits, a uuid, or a short id as in a demo. It becomes a key and a path segment: hence so strict."""

ENTITY_TYPE_PATTERN = r"^(?:[A-Za-z][A-Za-z0-9]{0,63})?$(?!\n)"

EntityId = Annotated[str, msgspec.Meta(pattern=ENTITY_ID_PATTERN, description="EspoCRM's id of the record.")]
EntityType = Annotated[str, msgspec.Meta(pattern=ENTITY_TYPE_PATTERN, description="EspoCRM's name of the entity type.")]


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
