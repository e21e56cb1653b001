"""Kommunikation: a party's mails and phones on both sides, what was agreed of them, and what is to be written."""

from typing import Literal

import msgspec

from beteiligte_worker.model.notice import Conflict, Notice

Kind = Literal["mail", "phone"]


class Kontakt(msgspec.Struct, frozen=True, kw_only=True):
    """A row of EspoCRM's `emailAddressData` or `phoneNumberData`."""

    kind: Kind
    value: str
    """In EspoCRM's own spelling."""
    type: str | None = None
    """Of a phone: Mobile, Office, Home, Fax or Other."""
    primary: bool = False
    opt_out: bool = False
    invalid: bool = False


class Eintrag(msgspec.Struct, frozen=True, kw_only=True):
    """A Kommunikation of Advoware."""

    id: int
    row_id: str = ""
    komm_kz: int | None = None
    """1 to 12 and read-only; 0 or None where Advoware does not show it."""
    komm_art: int | None = None
    tlf: str | None = None
    """The number or the mail. None and blanks are the same: empty."""
    bemerkung: str | None = None
    """Our marker and the text of staff."""
    online: bool = False


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What we write into a `bemerkung`."""

    komm_kz: int
    value: str | None
    """The value last synced; None marks an empty slot."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A `bemerkung`, taken apart: what stands before and behind our marker is the text of staff."""

    before: str = ""
    marker: Marker | None = None
    after: str = ""


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """What we remember of one pair: an entry of Advoware, and the row of EspoCRM that it stood for."""

    id: int
    kind: Kind
    value: str
    """EspoCRM's."""
    type: str | None = None
    """EspoCRM's."""


class KommunikationPost(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of a Kommunikation as Advoware takes it: a PUT resets what it leaves out."""

    tlf: str | None
    bemerkung: str | None
    komm_kz: int
    """Heard at POST only."""
    online: bool


class KommunikationPut(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an entry."""

    id: int
    body: KommunikationPost


class KommunikationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to write.

    `kontakte` comes first, always: a marker written before EspoCRM has its value reads as *deleted in EspoCRM* after a
    crash. `put` and `post` follow in any order; a run that dies between any two of them is finished by the next one.
    Conflicts are kept before anything is written: they are seen by one run only.
    """

    put: tuple[KommunikationPut, ...] = ()
    post: tuple[KommunikationPost, ...] = ()
    kontakte: tuple[Kontakt, ...] | None = None
    """EspoCRM's new whole set; None: it stays as it is."""
    conflicts: tuple[Conflict, ...] = ()
    notices: tuple[Notice, ...] = ()
    """Standing at this moment, one for each `key`; conflicts only in the run that sees them."""

    @property
    def writes(self) -> dict[str, int]:
        """How much is written, by part; EspoCRM's set is one write. Empty: nothing."""
        parts = {"kontakte": int(self.kontakte is not None), "put": len(self.put), "post": len(self.post)}
        return {name: count for name, count in parts.items() if count}
