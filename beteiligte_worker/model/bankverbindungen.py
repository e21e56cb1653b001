"""Bank accounts of a party: both sides, what was agreed, and what is to be written.

Advoware can neither change nor delete an account over its API, so there is no PUT; and no account is ever made in
EspoCRM by a program: where money goes is entered by people.
"""

from collections.abc import Mapping

import msgspec

from beteiligte_worker.model.notice import Conflict, Notice
from beteiligte_worker.model.stammdaten import Value

Values = Mapping[str, Value]
"""By EspoCRM's attributes on both sides, normalised: nothing is None."""


class EspoKonto(msgspec.Struct, frozen=True, kw_only=True):
    """A `CBankverbindungen` record as far as the sync cares."""

    id: str
    values: Values
    is_active: bool = True
    advoware_id: int | None = None
    """`advowareKontoId`."""
    sync_status: str | None = None


class AdvowareKonto(msgspec.Struct, frozen=True, kw_only=True):
    """One of the party's Bankverbindungen."""

    id: int
    row_id: str
    values: Values
    konto_nr: str | None = None
    """Of an account from before SEPA, which may have no IBAN; for staff only."""
    blz: str | None = None


class AgreedKonto(msgspec.Struct, frozen=True, kw_only=True):
    """What we remember of a record and its row. Stays until both are gone."""

    espocrm_id: str
    advoware_id: int
    values: Values = {}
    """Last agreed. A field that is not in here never was."""


class KontoPost(msgspec.Struct, frozen=True, kw_only=True):
    """A new row. Its IBAN is in no other row of the party, so that a row of unknown fate is found again."""

    espocrm_id: str
    body: Mapping[str, str]
    sent: Values
    """What the body stands for."""


class KontoUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The changed attributes of a `CBankverbindungen`."""

    espocrm_id: str
    attributes: Mapping[str, Value]


class BankverbindungenPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, in this order: tell, post, read Advoware again, update, read EspoCRM again, agree."""

    conflicts: tuple[Conflict, ...] = ()
    """None, ever: where both sides have changed an account, each keeps what it has until people have decided."""
    notices: tuple[Notice, ...] = ()
    """Standing at this moment."""
    posts: tuple[KontoPost, ...] = ()
    updates: tuple[KontoUpdate, ...] = ()
    """Ids of rows that are posted only now are filled in by `with_receipts`."""

    @property
    def writes(self) -> dict[str, int]:
        """How much is written, by part. Empty: nothing."""
        parts = {"posts": len(self.posts), "updates": len(self.updates)}
        return {name: count for name, count in parts.items() if count}
