"""Which record of EspoCRM is which row of Advoware: each has at most one partner."""

from collections.abc import Container, Iterable, Mapping
from typing import TypeVar

Claim = tuple[str, int]
"""A record's id and a row's: something speaks for their being one."""

Row = TypeVar("Row")


def partners_of(claims: Iterable[Claim], records: Container[str], rows: Mapping[int, Row]) -> dict[str, Row]:
    """The row of each record that has one. Earlier claims win; claims on what is not there say nothing."""
    partners: dict[str, Row] = {}
    taken: set[int] = set()
    for record_id, row_id in claims:
        if record_id in records and record_id not in partners and row_id in rows and row_id not in taken:
            partners[record_id] = rows[row_id]
            taken.add(row_id)
    return partners
