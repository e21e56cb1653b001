"""What a sweep finds and decides."""

import msgspec

from beteiligte_worker.model.party import Base, Bookkeeping


class SweptParty(msgspec.Struct, frozen=True, kw_only=True):
    """A party as a sweep lists it, beside what we remember of it."""

    id: str
    keeping: Bookkeeping
    base: Base | None


class ListedParty(msgspec.Struct, frozen=True, kw_only=True):
    """A party as Advoware lists it, beside what we remember of it."""

    id: str
    row_id: str
    base: Base | None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """How far Advoware's list of changed parties was read. A sweep reads a bounded part of it; the next one goes on."""

    since: str = ""
    """By our clock. Empty: all."""
    offset: int = 0
    """Of the first that was not read yet."""
    until: str = ""
    """From when on to look once this list is read to its end; empty where none is begun."""


class SweepBase(msgspec.Struct, frozen=True, kw_only=True):
    """How far sweeps have come. EspoCRM's instants are its own words."""

    modified_since: str = ""
    accounts_since: str = ""
    addresses_since: str = ""
    listing: Listing = Listing()
    known_after: str = ""
    """The last remembered party whose existence in EspoCRM was checked in this round."""
    walked_after: str = ""
    """The last remembered party that was compared with Advoware in this round."""


class SweepSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep found."""

    now: float
    parties: tuple[SweptParty, ...]
    """Unfinished, or changed since the last sweep."""
    parents: tuple[str, ...]
    """Whose accounts or addresses were changed."""
    listed: tuple[ListedParty, ...]
    due: tuple[str, ...]
    """Whose turn it is to be compared with Advoware, where no webhook tells of changes."""
    checked: int
    vanished: tuple[str, ...]
    returned: tuple[str, ...]
    progress: SweepBase


class SweepPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Whose sync to ask for."""

    parties: tuple[str, ...]
    vanished: tuple[str, ...]
    reset: tuple[str, ...]
    """Given-up parties whose day is over."""
    progress: SweepBase
    refused: str | None = None

    @property
    def writes(self) -> dict[str, int]:
        """How much is asked for, by part."""
        parts = {"parties": len(self.parties), "vanished": len(self.vanished), "reset": len(self.reset)}
        return {name: count for name, count in parts.items() if count}
