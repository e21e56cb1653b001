"""What the simulator holds, before it is shown."""

import msgspec

from simulators.advoware.answers import JsonObject


class Part(msgspec.Struct, kw_only=True):
    """A Kommunikation, Adresse or Bankverbindung: a record of its own with its own rowId."""

    id: int
    row_id: str
    values: JsonObject


class Beteiligter(msgspec.Struct, kw_only=True):
    """A party and its parts by id. Only its own fields move `row_id` and `changed_at`."""

    bet_nr: int
    row_id: str
    values: JsonObject
    changed_at: float
    kommunikationen: dict[int, Part] = {}
    adressen: dict[int, Part] = {}
    bankverbindungen: dict[int, Part] = {}


class Termin(msgspec.Struct, kw_only=True):
    """An appointment. Virtual ones have a negative `fr_nr` and a `special` of 1 to 4."""

    fr_nr: int
    values: JsonObject
    sb: str
    changed_at: float
    special: int = 0


class Akte(msgspec.Struct, kw_only=True):
    """A matter and its history, oldest first."""

    id: int
    values: JsonObject
    changed_at: float
    history: list[JsonObject] = []


class Dokument(msgspec.Struct, frozen=True, kw_only=True):
    """A document of made-up bytes: only its size is remembered."""

    id: int
    size_bytes: int
