"""The three-way merge of one field: EspoCRM's value, Advoware's value, and the value they last agreed on."""

from typing import Literal

from beteiligte_worker.model.stammdaten import Value

Verdict = Literal["agreed", "to_advoware", "to_espocrm", "conflict_espocrm", "conflict_advoware"]
"""Where a value must go. After `conflict_…` somebody's value is lost; the side named is the one that is kept."""
Newer = Literal["espocrm", "advoware"]


class Never:
    """In place of an agreed value, where the two sides never had one."""


NEVER = Never()


def merge(espocrm: Value, advoware: Value, base: Value | Never, *, newer: Newer) -> Verdict:
    """Decides. All three are normalised: nothing is None.

    Who changed a field since the last agreement has its way; who emptied it too. Both: EspoCRM's is kept. With no
    agreement yet, something beats nothing, and of two values the newer record's is kept.
    """
    if espocrm == advoware:
        return "agreed"
    if isinstance(base, Never):
        if advoware is None:
            return "to_advoware"
        if espocrm is None:
            return "to_espocrm"
        return "conflict_espocrm" if newer == "espocrm" else "conflict_advoware"
    if advoware == base:
        return "to_advoware"
    if espocrm == base:
        return "to_espocrm"
    return "conflict_espocrm"
