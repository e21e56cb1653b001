"""A party: what a run saw, what it plans, and what is remembered."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from beteiligte_worker.model.adressen import AdressenPlan, AdvowareAdresse, AgreedAdresse, EspoAdresse
from beteiligte_worker.model.bankverbindungen import (
    AdvowareKonto,
    AgreedKonto,
    BankverbindungenPlan,
    EspoKonto,
)
from beteiligte_worker.model.kommunikation import Agreed, Eintrag, KommunikationPlan, Kontakt
from beteiligte_worker.model.notice import Conflict, Notice
from beteiligte_worker.model.stammdaten import AgreedStammdaten, StammdatenPlan
from shared.outcomes.reason import Reason


class Bookkeeping(msgspec.Struct, frozen=True, kw_only=True):
    """The hub's own fields of a `CBeteiligte`. Instants are unix seconds."""

    status: str = ""
    bet_nr: int | None = None
    row_id: str | None = None
    last_sync: str | None = None
    error: str | None = None
    retries: int = 0
    next_retry: float | None = None
    auto_reset: float | None = None
    hash: str | None = None
    modified_at: str = ""
    assigned_user_id: str | None = None


class Espocrm(msgspec.Struct, frozen=True, kw_only=True):
    """EspoCRM's side."""

    keeping: Bookkeeping
    record: Mapping[str, Any]
    """The whole record, by our names."""
    kontakte: tuple[Kontakt, ...] = ()
    adressen: tuple[EspoAdresse, ...] = ()
    konten: tuple[EspoKonto, ...] = ()


class Advoware(msgspec.Struct, frozen=True, kw_only=True):
    """Advoware's side."""

    record: Mapping[str, Any]
    """The whole Beteiligter, as a PUT must send it back."""
    eintraege: tuple[Eintrag, ...] = ()
    adressen: tuple[AdvowareAdresse, ...] = ()
    konten: tuple[AdvowareKonto, ...] = ()

    @property
    def row_id(self) -> str:
        """Changes with every change of the record itself."""
        return str(self.record.get("rowId") or "")

    @property
    def changed_at(self) -> str:
        """When the record itself was changed, as Advoware tells it."""
        return str(self.record.get("geaendertAm") or "")


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """What both sides last agreed on. Personal data: it lies in the snapshots and goes nowhere else."""

    bet_nr: int | None = None
    row_id: str = ""
    stammdaten: AgreedStammdaten = AgreedStammdaten()
    kommunikation: tuple[Agreed, ...] | None = None
    adressen: tuple[AgreedAdresse, ...] | None = None
    konten: tuple[AgreedKonto, ...] | None = None
    conflicts: tuple[Conflict, ...] = ()
    """The last ones, newest at the end: so that no value is lost for good."""
    told: tuple[str, ...] = ()
    """Keys of standing notices that staff have been told."""
    tellings: int = 0
    """How many tasks were made so far."""
    modified_at: str = ""
    """EspoCRM's `modifiedAt` after our last write: a sweep that finds another one looks closer."""
    assigned_user_id: str | None = None
    begun: bool = False
    """A run has begun to write and none has come to its end since: intents of it may still be open."""
    gone: Literal["", "espocrm", "advoware"] = ""
    """The side on which the party was deleted, once that is dealt with."""

    def with_told(self, *notices: Notice) -> "Base":
        """After these were told."""
        return msgspec.structs.replace(
            self, told=(*self.told, *(notice.key for notice in notices)), tellings=self.tellings + len(notices)
        )


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The world as one run found it."""

    entity_id: str
    now: float
    """Unix seconds."""
    today: str
    """YYYY-MM-DD where the firm is."""
    asked: bool = False
    """Somebody wants another try of what rests: an operator or a replay."""
    force: bool = False
    espocrm: Espocrm | None
    """None: EspoCRM has no such party (any more)."""
    bet_nr: int | None = None
    """The number that counts: EspoCRM's, else what the journal or the base knows."""
    advoware: Advoware | None = None
    """None: no number yet, or Advoware has no such party (any more)."""
    base: Base | None = None
    can_tell: bool = False
    """Whether there is a user whom a task can be given."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, in the order in which `apply` does it. Empty parts are not done."""

    reason: Reason
    mark: str | None = None
    """The status at the beginning: `syncing`, or `conflict` where a value will be lost."""
    create: Mapping[str, Any] | None = None
    """A party for Advoware, by its names."""
    gone_bet_nr: int | None = None
    """The number that Advoware has lost, when that is why we create."""
    stammdaten: StammdatenPlan = StammdatenPlan()
    kommunikation: KommunikationPlan = KommunikationPlan()
    adressen: AdressenPlan = AdressenPlan()
    konten: BankverbindungenPlan = BankverbindungenPlan()
    final: Mapping[str, Any] = {}
    """Bookkeeping that is wrong in EspoCRM, by our names."""
    notices: tuple[Notice, ...] = ()
    """To be told now."""
    refused: str | None = None
    """Why nothing is done: so much would change that a side is rather broken."""
    remember: Base | None = None
    """What is remembered when nothing is written to either side; else it is made of what was read back."""

    @property
    def writes(self) -> dict[str, int]:
        """How much is done, by part. Empty: nothing."""
        parts = {
            "create": int(self.create is not None),
            "stammdaten_to_espocrm": len(self.stammdaten.to_espocrm),
            "stammdaten_to_advoware": len(self.stammdaten.to_advoware),
            **{f"kommunikation_{name}": count for name, count in self.kommunikation.writes.items()},
            **{f"adressen_{name}": count for name, count in self.adressen.writes.items()},
            **{f"bankverbindungen_{name}": count for name, count in self.konten.writes.items()},
            "bookkeeping": len(self.final),
            "tell": len(self.notices),
        }
        return {name: count for name, count in parts.items() if count}

    @property
    def changes_data(self) -> bool:
        """Whether anything but our own bookkeeping is written."""
        return any(name not in ("bookkeeping", "tell") for name in self.writes)

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """All parts'."""
        parts = (self.stammdaten, self.kommunikation, self.adressen, self.konten)
        return tuple(conflict for part in parts for conflict in part.conflicts)


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a run that wrote something ends: decided on both sides as read back."""

    final: Mapping[str, Any]
    """Bookkeeping for EspoCRM, by our names."""
    notices: tuple[Notice, ...]
    base: Base
    stuck: tuple[str, ...] = ()
    """Parts that were written and are not there afterwards."""
