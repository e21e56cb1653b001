"""Addresses of a party: both sides, what was agreed, and what is to be written."""

from collections.abc import Mapping
from typing import Any

import msgspec

from beteiligte_worker.model.notice import Conflict, Notice
from beteiligte_worker.model.stammdaten import Value

Values = Mapping[str, Value]
"""By EspoCRM's attributes on both sides, normalised: nothing is None, a flag is True or None."""


class EspoAdresse(msgspec.Struct, frozen=True, kw_only=True):
    """A `CAdressen` record as far as the sync cares."""

    id: str
    values: Values
    name: str = ""
    is_active: bool = True
    advoware_id: int | None = None
    """`advowareAdressId`."""
    advoware_row_id: str | None = None
    sync_status: str | None = None


class AdvowareAdresse(msgspec.Struct, frozen=True, kw_only=True):
    """One of the party's Adressen."""

    id: int
    row_id: str
    values: Values
    anschrift: str | None = None
    """The block that is printed on letters, lines apart by LF."""
    marker: str | None = None
    """The EspoCRM id that `bemerkung` names."""
    body: Mapping[str, Any] = {}
    """As Advoware has answered it: a PUT replaces, so it must be sent back whole."""


class AgreedAdresse(msgspec.Struct, frozen=True, kw_only=True):
    """What we remember of a record and its row. Stays until both are gone."""

    espocrm_id: str
    advoware_id: int
    values: Values = {}
    """Last agreed. A field that is not in here never was."""
    ignored: Values = {}
    """Values that Advoware took and did not store: not sent again until they change."""
    kept_anschrift: str | None = None
    """The block that Advoware kept when we sent another."""
    deactivated: bool = False
    """Was switched off in EspoCRM, and has had no usable row since then."""


class AdressePost(msgspec.Struct, frozen=True, kw_only=True):
    """A new row. The body carries the marker, so that a row of unknown fate is found again."""

    espocrm_id: str
    body: Mapping[str, Any]
    sent: Values
    """What the body stands for."""


class AdressePut(msgspec.Struct, frozen=True, kw_only=True):
    """A changed row, whole."""

    espocrm_id: str
    advoware_id: int
    body: Mapping[str, Any]
    sent: Values
    """What has changed in the body, but for `anschrift`."""


class AdresseCreate(msgspec.Struct, frozen=True, kw_only=True):
    """A new `CAdressen` that mirrors a row. Its `advowareAdressId` is among the attributes, its party is not."""

    advoware_id: int
    attributes: Mapping[str, Value]


class AdresseUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The changed attributes of a `CAdressen`."""

    espocrm_id: str
    attributes: Mapping[str, Value]


class AdressenPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, in this order: tell, post, put, read Advoware again, create, update, read EspoCRM again, agree.

    Conflicts and notices come first: once the writes are done, nobody can see any more what has lost.
    """

    conflicts: tuple[Conflict, ...] = ()
    notices: tuple[Notice, ...] = ()
    """CONFLICT and READONLY_FIELD_CONFLICT are news of this run; the others stand at this moment."""
    posts: tuple[AdressePost, ...] = ()
    puts: tuple[AdressePut, ...] = ()
    creates: tuple[AdresseCreate, ...] = ()
    updates: tuple[AdresseUpdate, ...] = ()
    """Ids of rows that are posted or put only now are filled in by `with_receipts`."""

    @property
    def writes(self) -> dict[str, int]:
        """How much is written, by part. Empty: nothing."""
        parts = {
            "posts": len(self.posts),
            "puts": len(self.puts),
            "creates": len(self.creates),
            "updates": len(self.updates),
        }
        return {name: count for name, count in parts.items() if count}
