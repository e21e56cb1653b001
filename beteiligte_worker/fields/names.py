"""Names in EspoCRM: entity types, links, attributes; the defaults are the firm's, each overridable by setting."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from beteiligte_worker.model.party import Bookkeeping

Record = Mapping[str, Any]

STATUS = "syncStatus"
BET_NR = "betnr"
ROW_ID = "advowareRowId"
LAST_SYNC = "advowareLastSync"
ERROR = "syncErrorMessage"
RETRIES = "syncRetryCount"
NEXT_RETRY = "syncNextRetry"
AUTO_RESET = "syncAutoResetAt"
HASH = "kommunikationHash"
MAILS = "emailAddressData"
PHONES = "phoneNumberData"
OWN_ATTRIBUTES = (STATUS, BET_NR, ROW_ID, LAST_SYNC, ERROR, RETRIES, NEXT_RETRY, AUTO_RESET, HASH)
"""What the hub itself keeps at a party."""


class PartyNames(msgspec.Struct, frozen=True, kw_only=True):
    """What EspoCRM calls things."""

    beteiligte_entity: Annotated[str, msgspec.Meta(description="Entity type of parties.")] = "CBeteiligte"
    beteiligte_bank_entity: Annotated[str, msgspec.Meta(description="Entity type of accounts.")] = "CBankverbindungen"
    beteiligte_bank_link: Annotated[str, msgspec.Meta(description="From a party to its accounts.")] = (
        "bankverbindungens"
    )
    beteiligte_address_entity: Annotated[str, msgspec.Meta(description="Entity type of addresses.")] = "CAdressen"
    beteiligte_address_link: Annotated[str, msgspec.Meta(description="From a party to its addresses.")] = "adressens"
    beteiligte_parent_field: Annotated[
        str, msgspec.Meta(description="From an account or address to its party; its id is `<field>Id`.")
    ] = "beteiligte"
    beteiligte_field_names: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^(\w+:\w+(,\w+:\w+)*)?$",
            description="`name:nameInEspoCRM,…` for every attribute that is called otherwise than assumed.",
        ),
    ] = ""

    def own(self, record: Record) -> dict[str, Any]:
        """A record of EspoCRM's with our names."""
        renamed = self._renamed()
        plain = {name: value for name, value in record.items() if name not in renamed}
        return plain | {name: record[theirs] for name, theirs in renamed.items() if theirs in record}

    def theirs(self, changes: Record) -> dict[str, Any]:
        """Changes with EspoCRM's names."""
        renamed = self._renamed()
        return {renamed.get(name, name): value for name, value in changes.items()}

    def select(self, *names: str) -> list[str]:
        """Attributes to ask for, with EspoCRM's names."""
        return list(self.theirs(dict.fromkeys(names)))

    @property
    def parent_id(self) -> str:
        """The attribute of an account or address that holds its party's id."""
        return f"{self.beteiligte_parent_field}Id"

    def _renamed(self) -> dict[str, str]:
        pairs = (pair.partition(":") for pair in self.beteiligte_field_names.split(",") if pair)
        return {name: theirs for name, _, theirs in pairs}


def bookkeeping(record: Record) -> Bookkeeping:
    """The hub's own fields of a party, as EspoCRM has them; `record` has our names."""
    return Bookkeeping(
        status=record.get(STATUS) or "",
        bet_nr=record.get(BET_NR) or None,
        row_id=record.get(ROW_ID) or None,
        last_sync=record.get(LAST_SYNC) or None,
        error=record.get(ERROR) or None,
        retries=record.get(RETRIES) or 0,
        next_retry=_instant(record.get(NEXT_RETRY)),
        auto_reset=_instant(record.get(AUTO_RESET)),
        hash=record.get(HASH) or None,
        modified_at=record.get("modifiedAt") or "",
        assigned_user_id=record.get("assignedUserId") or None,
    )


def stamp(seconds: float | None) -> str | None:
    """Unix seconds as EspoCRM writes instants: UTC, a blank between, no zone."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _instant(told: object) -> float | None:
    if not isinstance(told, str) or not told:
        return None
    try:
        return datetime.fromisoformat(told).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
