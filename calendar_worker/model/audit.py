"""What an audit of a calendar asks, sees and finds. Ids, counts and names of parts; no texts."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from calendar_worker.model.memory import Conflict
from calendar_worker.model.plan import Seen
from calendar_worker.model.sides import Event, Termin

Command = Literal[
    "verify",
    "find-duplicates",
    "delete-duplicates",
    "find-orphaned",
    "cleanup-orphaned",
    "query-frnr",
    "query-event",
]
DELETING: tuple[Command, ...] = ("delete-duplicates", "cleanup-orphaned")
Cure = Literal["sync", "delete", "person"]
"""Who puts it right: the ordinary sync, the deleting command of the same kind, or nobody but a person."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One audit. Without `apply` nothing is written."""

    command: Command
    kuerzel: str
    """Whose; the word for everybody is that of the events."""
    wanted: str = ""
    """Of a query: the number or the id."""
    apply: bool = False
    force: bool = False
    """Passes the guard and disbelief in a side that suddenly looks empty."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is not as it should be."""

    kind: str
    cure: Cure
    fr_nrs: tuple[int, ...] = ()
    event_ids: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    """What differs, and on which side it is to be written: `google.when`."""
    keeps: str = ""
    """Which of several stays."""
    deletes: tuple[str, ...] = ()
    """What the deleting command takes away."""
    reason: str = ""


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken away together."""

    event: Event | None = None
    termin: Termin | None = None
    forget: str = ""
    """The remembered pair that goes with it, by event id."""
    forget_first: bool = False
    """The Termin of the pair stays: a sync that still remembered the event would take it for deleted by a person."""
    conflicts: tuple[Conflict, ...] = ()
    """What the event says and no Termin does; kept where a sync keeps what loses."""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, and what the deleting command does about it."""

    findings: tuple[Finding, ...] = ()
    removals: tuple[Removal, ...] = ()


class Audited(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides whole, and what a sync does not ask for."""

    seen: Seen
    there: frozenset[int] = frozenset()
    """Termine of remembered pairs outside the days that are kept in step."""
    gone: frozenset[int] = frozenset()
    """Those of them that Advoware does not know any more."""
    foreign: frozenset[int] = frozenset()
    """Those of them that are another person's private ones now."""
    not_asked: int = 0
    """Those of them that are not listed, too many to believe it."""
    receipts: Mapping[str, int] = {}
    """By event id, the Termin that the journal says was made of it; of the events that `asks_receipts` names."""


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One employee's audit."""

    kuerzel: str
    findings: tuple[Finding, ...] = ()
    counts: Mapping[str, int] = {}
    facts: Mapping[str, str] = {}
    """The answer to a query."""
    done: Mapping[str, int] = {}
    """What was carried out, by part."""
    refused: str = ""
    """Why nothing is deleted, or nothing can be said: something looks too odd to be true."""
    failed: str = ""
    """Why it could not be carried out, or not to the end: a vendor or a part of ours does not do its work."""
