"""An appointment as one side has it."""

from datetime import datetime
from typing import Any

import msgspec

from calendar_worker.model.appointment import What, When


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """It cannot be read, or the other side has no form for it."""

    reason: str
    """A few words, the same for all of a kind; never a value of the appointment."""


class Termin(msgspec.Struct, frozen=True, kw_only=True):
    """A Termin of Advoware that concerns the employee."""

    fr_nr: int
    when: When
    what: What
    suffix: str
    """What Google shows behind the text; "" for one without an Akte."""
    private: bool
    writable: bool
    """Whether the employee is its `anwalt`. Everybody's and other people's are shown, and never written."""
    changed_at: datetime | None
    """By Advoware's clock, in UTC."""
    record: dict[str, Any]
    """As it came, since a PUT takes the whole."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says of the Termin it stands for."""

    fr_nr: int
    event_id: str
    full: bool
    """Whether it says what the Termin says; else the fixed text, which never goes back to Advoware."""
    suffix: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the Google calendar. Of a cancelled one Google promises no more than the id."""

    id: str
    etag: str
    cancelled: bool
    when: When | Unreadable
    what: What
    """Without the suffix that the link names."""
    link: Link | None
    """None as well for a copy, which carries the link of another event."""
    private: bool
    updated: datetime | None
    """By Google's clock, in UTC."""
    eligible: bool
    """Whether it may become a Termin: alive, of the default type, no exception, nor an unlinked fixed text."""
    record: dict[str, Any]
