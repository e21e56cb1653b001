"""Drift between the sides of a family: what a comparison of everything has found. Ids, reasons and counts."""

from collections.abc import Sequence

import msgspec

from shared.contracts.keys import key

_DRIFTS_MAX = 500


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One entity whose sides differ: its own sync would write something now."""

    entity_type: str
    entity_id: str
    reason: str
    """What that sync would say."""
    writes: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """An audit of a family, as far as it has come."""

    family: str
    begun_at: str
    ended_at: str = ""
    """Empty: it is still going on."""
    after: str = ""
    """Where its next piece begins."""
    heal: bool = False
    """Whether the sync of each that drifts was asked for."""
    checked: int = 0
    unknown: int = 0
    """Could not be compared, such as for a value that a vendor refuses; each has its own failure in its history."""
    drifting: int = 0
    drifts: tuple[Drift, ...] = ()
    """The first of them."""

    def with_piece(self, checked: int, unknown: int, drifts: Sequence[Drift], *, after: str, now: str) -> "Report":
        """After one more piece; `after` is empty if it was the last."""
        return msgspec.structs.replace(
            self,
            ended_at="" if after else now,
            after=after,
            checked=self.checked + checked,
            unknown=self.unknown + unknown,
            drifting=self.drifting + len(drifts),
            drifts=(*self.drifts, *drifts)[:_DRIFTS_MAX],
        )


def report_key(family: str) -> str:
    """Where the latest report lies, in the bucket `snapshots`."""
    return key("audit", family)
