"""Stammdaten: what was agreed, and what is to be written."""

from collections.abc import Mapping

import msgspec

from beteiligte_worker.model.notice import Conflict, Notice

Value = str | bool | int | None


class AgreedStammdaten(msgspec.Struct, frozen=True, kw_only=True):
    """What we remember of the fields."""

    values: Mapping[str, Value] = {}
    """Last agreed, by field. A field that is not in here never was."""
    ignored: Mapping[str, Value] = {}
    """Values that Advoware took and did not store: not sent again until they change."""


class StammdatenPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to write, by each side's own names."""

    to_espocrm: Mapping[str, Value] = {}
    to_advoware: Mapping[str, Value] = {}
    sent: Mapping[str, Value] = {}
    """What `to_advoware` stands for, by field."""
    conflicts: tuple[Conflict, ...] = ()
    notices: tuple[Notice, ...] = ()
    """Standing at this moment."""
