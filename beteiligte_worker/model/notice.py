"""What a person must know or do, because no program can do it for them."""

import hashlib
from enum import StrEnum

import msgspec


class NoticeKind(StrEnum):
    """Why somebody is told. The words are the firm's where it had one."""

    CONFLICT = "conflict"  # both sides changed the same thing; EspoCRM's was kept
    FIELD_IGNORED = "field_ignored"  # Advoware accepted a write and did not store it
    VALUE_REFUSED = "value_refused"  # one side does not take what the other side holds
    ADDRESS_FIELD_UPDATE_REQUIRED = "address_field_update_required"
    ADDRESS_DELETE_REQUIRED = "address_delete_required"
    ADDRESS_REACTIVATE_REQUIRED = "address_reactivate_required"
    READONLY_FIELD_CONFLICT = "readonly_field_conflict"
    MISSING_IN_ADVOWARE = "missing_in_advoware"
    GENERAL_MANUAL_ACTION = "general_manual_action"
    IBAN_CHANGED = "iban_changed"  # in Advoware; EspoCRM's follows, and whoever pays shall know
    PARTY_DELETE_REQUIRED = "party_delete_required"  # deleted in EspoCRM, still in Advoware
    PARTY_GONE = "party_gone"  # deleted in Advoware, still in EspoCRM
    CREATE_UNKNOWN = "create_unknown"  # nobody knows whether Advoware has made the party
    GIVEN_UP = "given_up"  # five tries failed


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell. It goes into a task in EspoCRM and nowhere else: its details are personal data."""

    kind: NoticeKind
    about: str
    """The record it is about, as `EntityType.id`; a part without a record of its own as `CBeteiligte.<id>`."""
    fields: tuple[str, ...] = ()
    details: tuple[tuple[str, str], ...] = ()
    """Labels and values, in German, in the order in which staff read them."""

    @property
    def key(self) -> str:
        """The same for the same news: what was told once is not told again. Holds no value."""
        told = "\0".join((self.kind, self.about, *self.fields, *(f"{label}={value}" for label, value in self.details)))
        return f"{self.kind}-{hashlib.sha256(told.encode()).hexdigest()[:24]}"


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides changed the same thing since they last agreed. What lost is kept here, and nowhere in a log."""

    field: str
    """In EspoCRM's words, such as `lastName` or `phoneNumberData`."""
    kept: str
    lost: str
