"""What is remembered of an employee's calendar: its pairs by fingerprints, and what somebody may ask for one day."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

import msgspec

Side = Literal["advoware", "google"]


class Prints(msgspec.Struct, frozen=True, kw_only=True):
    """Fingerprints of one side's parts, as last seen after our own write."""

    when: str
    what: str


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A Termin and the event that stands for it. Holds no text of either."""

    event_id: str
    fr_nr: int
    origin: Side
    """Where it was entered."""
    generation: int = 0
    """Which of the ids that we choose for the Termin; 0: the id is Google's own."""
    advoware: Prints
    google: Prints
    shown: str
    """Fingerprint of how Google was last told to show it."""
    full: bool = True
    """Whether the event says what the Termin says."""
    private: bool = False
    """Whether we show it as private."""
    made_private: bool = False
    """Whether somebody has made it private in Google; so it stays."""
    writable: bool = True
    """Whether the Termin was this employee's own."""
    etag: str
    first: date
    last: date | None = None
    """The Termin's days; None: endless."""
    unseen: bool = False
    """A change in Google has not been worked in, though it will not be listed again: the event must be asked for."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A write that was refused, and when it is tried again: then, or when one of the sides changes."""

    key: str
    """The event's id, `frNr <number>` of a Termin that has none yet, `share:<mail>` of a share."""
    fr_nr: int = 0
    attempts: int
    next_at: datetime
    content: str
    """Fingerprints of both sides at the last try."""
    reason: str


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """Something that lost against the other side. Personal data: it lies here and goes nowhere else."""

    fr_nr: int
    event_id: str
    part: Literal["when", "what"]
    at: datetime
    loser: Side
    content: str
    """The part that lost, as JSON."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """All of an employee's. Rows and failures lie in shards, the rest in the head."""

    calendar_id: str = ""
    """Empty: no calendar is known."""
    sync_token: str = ""
    begun: bool = False
    """A run that makes something has begun: intents may have been left open by one that died."""
    scope: str = ""
    """The settings that say which events count: under others the whole calendar is listed."""
    shares: Mapping[str, str] = {}
    """Whom we have given access: role by mail."""
    conflicts: tuple[Conflict, ...] = ()
    """The last ones, newest at the end."""
    left: Mapping[str, str] = {}
    """Events that have no form in Advoware, by id, and Termine that cannot be read, as `frNr <number>`: why."""
    rows: Mapping[str, Row] = {}
    """By event id."""
    failed: Mapping[str, Failure] = {}
    """By key."""
