"""Whose calendars are brought into step."""

import re

from calendar_worker.model.plan import EmployeesPlan, EmployeesSeen
from shared.contracts.events import EVERYBODY, KUERZEL_PATTERN, same_kuerzel


def plan_employees(seen: EmployeesSeen) -> EmployeesPlan:
    """Each active employee once, whatever the spelling; of these the wanted one, and those that a setting names."""
    fit: dict[str, str] = {}
    unfit = 0
    for kuerzel in seen.active:
        if re.search(KUERZEL_PATTERN, kuerzel) and same_kuerzel(kuerzel) != EVERYBODY:
            fit.setdefault(same_kuerzel(kuerzel), kuerzel)
        else:
            unfit += 1
    wanted = same_kuerzel(seen.wanted)
    ask = [
        kuerzel
        for same, kuerzel in sorted(fit.items())
        if wanted in (EVERYBODY, same) and (not seen.only or same in seen.only)
    ]
    return EmployeesPlan(ask=tuple(ask), unfit=unfit)
