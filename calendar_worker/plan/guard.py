"""When a human must look first: a side that suddenly looks empty, or a plan too large to be true."""

from calendar_worker.model.plan import Plan, Seen

_SUDDENLY_EMPTY = 3
_FORCE = 'if that is right, publish {"force": true} once'


def is_mass(count: int, known: int, seen: Seen) -> bool:
    """Whether so many changes among so many known pairs are more than a day's work of people."""
    return count > seen.terms.max_changes and count > seen.terms.max_share * known


def refused_as_seen(seen: Seen) -> str | None:
    """Why what was seen is not believed."""
    memory = seen.memory
    if seen.terms.force:
        return None
    if seen.lost:
        return (
            f"calendar AW-{seen.kuerzel} answers 404: deleted, or no longer shared with us; {_FORCE}: it is made anew"
        )
    known = len(memory.rows)
    if known and seen.whole and seen.calendar_id and not any(not one.cancelled for one in seen.events.values()):
        return f"Google lists no event, and {known} are known; {_FORCE}: they are deleted in Advoware"
    within = sum(seen.window.meets(row.first, row.last) for row in memory.rows.values())
    if within >= _SUDDENLY_EMPTY and seen.listed == 0:
        return f"Advoware lists no Termin, and {within} are known; {_FORCE}: what is gone is deleted in Google"
    if seen.not_asked:
        return f"{seen.not_asked} of {within} known Termine are missing in Advoware's list; {_FORCE}"
    return None


def refused_as_planned(todo: Plan, seen: Seen, known: int) -> str | None:
    """Why the plan is not carried out. What Google gets in the first fill is free."""
    if seen.terms.force:
        return None
    google = len(todo.delete_events) + (len(todo.make_events) if known else 0)
    advoware = len(todo.delete_termine) + len(todo.make_termine)
    for vendor, count in (("Google", google), ("Advoware", advoware)):
        if is_mass(count, known, seen):
            return f"{count} creations and deletions in {vendor}, and {known} pairs are known; {_FORCE}"
    return None
