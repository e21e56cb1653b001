"""What one run saw of an employee's two calendars, and what it is going to do."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

import msgspec

from calendar_worker.model.appointment import Shown, What, When
from calendar_worker.model.memory import Conflict, Memory, Row, Side
from calendar_worker.model.sides import Event, Termin
from shared.outcomes.reason import Reason

Policy = Literal["source_system_wins", "last_change_wins"]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The days that are kept in step, both included."""

    first: date
    last: date

    def meets(self, first: date, last: date | None) -> bool:
        """Whether something of these days lies in it; None: endless."""
        return first <= self.last and (last is None or last >= self.first)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings and the event say about how to decide."""

    policy: Policy
    advoware_write: bool
    full: bool
    """Whether texts go to Google."""
    force: bool
    max_changes: int
    max_share: float


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The world as one run found it."""

    kuerzel: str
    """As Advoware spells it; empty: it knows no active employee of that Kürzel."""
    now: datetime
    terms: Terms
    window: Window
    memory: Memory
    calendar_id: str = ""
    """Empty: it is to be made."""
    lost: bool = False
    """The calendar that we know answers 404."""
    wanted_shares: Mapping[str, str] = {}
    rules: Mapping[str, str] | None = None
    """Role by mail as Google has them; None: not asked, because what we remember is what is wanted."""
    whole: bool = True
    """Whether `events` are all that live, or only those that changed since the last run."""
    sync_token: str = ""
    scope: str = ""
    events: Mapping[str, Event] = {}
    termine: Mapping[int, Termin] = {}
    """Listed, or asked for singly."""
    listed: int = 0
    """How many records Advoware's list has, whatever they are."""
    gone: frozenset[int] = frozenset()
    """Asked for singly, and not there."""
    foreign: frozenset[int] = frozenset()
    """There, but no longer this employee's."""
    unreadable: Mapping[int, str] = {}
    not_asked: int = 0
    """Termine that are missing in the list, too many to believe it."""
    made: Mapping[str, int] = {}
    """Termine that were made of events that do not say so yet, by event id: the journal's receipts."""


class EventMaking(msgspec.Struct, frozen=True, kw_only=True):
    """An event for a Termin."""

    termin: Termin
    shown: Shown
    generation: int
    """The first to try."""
    key: str
    """What it is remembered by until now: the event that is gone, or `frNr <number>`."""


class TerminMaking(msgspec.Struct, frozen=True, kw_only=True):
    """A Termin for an event."""

    event: Event
    when: When
    what: What
    gone: tuple[int, ...] = ()
    """Numbers of Termine that once stood for the event and are gone."""


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """The event or the Termin of a pair, gone on the other side."""

    fr_nr: int
    event_id: str
    etag: str = ""
    termin: Termin | None = None


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of which at least one side is written. A part that is None stays as it is."""

    termin: Termin
    event_id: str
    event: Event | None
    """None: it has not changed since it was remembered."""
    row: Row | None
    origin: Side
    generation: int
    google_when: When | None = None
    google_what: What | None = None
    shown: Shown
    made_private: bool = False
    shows_anew: bool = False
    """Whether only the way Google shows it is to be written."""
    advoware_when: When | None = None
    advoware_what: What | None = None
    keeps_what: bool = False
    """Texts are not compared now: what is remembered of them stays."""

    @property
    def to_google(self) -> tuple[str, ...]:
        """The parts that are written there."""
        parts = {"when": self.google_when, "what": self.google_what, "shown": self.shows_anew or None}
        return tuple(name for name, part in parts.items() if part is not None)

    @property
    def to_advoware(self) -> tuple[str, ...]:
        """The parts that are written there."""
        parts = {"when": self.advoware_when, "what": self.advoware_what}
        return tuple(name for name, part in parts.items() if part is not None)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, in the order in which `apply` does it. Empty parts are not done."""

    reason: Reason
    refused: str | None = None
    """Why nothing is done: so much would change that a side is rather broken."""
    make_calendar: bool = False
    share: Mapping[str, str] = {}
    unshare: tuple[str, ...] = ()
    make_events: tuple[EventMaking, ...] = ()
    make_termine: tuple[TerminMaking, ...] = ()
    delete_events: tuple[Deletion, ...] = ()
    delete_termine: tuple[Deletion, ...] = ()
    updates: tuple[Update, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    tried: Mapping[str, str] = {}
    """Fingerprints of both sides of what is written, by key: a refusal is remembered with them."""
    remember: Memory | None = None
    """What is remembered, but for what the writes change; None: nothing new."""

    @property
    def writes(self) -> dict[str, int]:
        """How much is written to Google and Advoware, by part. Empty: nothing."""
        parts = {
            "calendar": int(self.make_calendar),
            "shares": len(self.share) + len(self.unshare),
            "events_made": len(self.make_events),
            "termine_made": len(self.make_termine),
            "events_deleted": len(self.delete_events),
            "termine_deleted": len(self.delete_termine),
            "events_changed": sum(bool(update.to_google) for update in self.updates),
            "termine_changed": sum(bool(update.to_advoware) for update in self.updates),
        }
        return {name: count for name, count in parts.items() if count}


class EmployeesSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Whose calendars there could be."""

    active: tuple[str, ...]
    """Kürzel as Advoware spells them."""
    wanted: str
    only: frozenset[str] = frozenset()
    """Empty: all."""


class EmployeesPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Whose sync to ask for."""

    ask: tuple[str, ...]
    unfit: int = 0
    """Employees whose Kürzel cannot become a key."""

    @property
    def writes(self) -> dict[str, int]:
        """How much is asked for, by part."""
        parts = {"employees": len(self.ask), "unfit": self.unfit}
        return {name: count for name, count in parts.items() if count}
