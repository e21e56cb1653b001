"""The one entrance: what a command finds, and what it takes away."""

from collections.abc import Mapping

from calendar_worker.model.audit import DELETING, Asked, Audited, Decided, Report
from calendar_worker.model.plan import Seen
from calendar_worker.plan.audit.duplicates import duplicates
from calendar_worker.plan.audit.orphans import orphans
from calendar_worker.plan.audit.query import concerning, of_event, of_number
from calendar_worker.plan.audit.verify import drift
from calendar_worker.plan.guard import is_mass, refused_as_seen

_FORCE = "look at it, and then say --force"


def audit(asked: Asked, audited: Audited) -> tuple[Report, Decided]:
    """What is found. Removals are to be carried out when the command is one that deletes, and told to."""
    seen = audited.seen
    if reason := _not_believed(audited):
        return Report(kuerzel=seen.kuerzel or asked.kuerzel, refused=reason), Decided()
    decided = _found(asked, audited)
    report = Report(
        kuerzel=seen.kuerzel,
        findings=decided.findings,
        counts=_counts(audited),
        facts=_facts(asked, audited),
    )
    if asked.command in DELETING and (reason := _too_many(decided, seen)):
        return Report(kuerzel=seen.kuerzel, findings=decided.findings, counts=report.counts, refused=reason), Decided()
    return report, decided


def is_for_the_sync(report: Report) -> bool:
    """Whether an ordinary sync puts right what was found."""
    return any(finding.cure == "sync" for finding in report.findings)


def _found(asked: Asked, audited: Audited) -> Decided:
    match asked.command:
        case "verify":
            return Decided(findings=drift(audited))
        case "find-duplicates" | "delete-duplicates":
            return duplicates(audited)
        case "find-orphaned" | "cleanup-orphaned":
            return orphans(audited)
        case "query-frnr" | "query-event":
            found = (*drift(audited), *duplicates(audited).findings, *orphans(audited).findings)
            wanted = str(int(asked.wanted)) if asked.command == "query-frnr" else asked.wanted
            return Decided(findings=concerning(wanted, found))


def _facts(asked: Asked, audited: Audited) -> Mapping[str, str]:
    if asked.command == "query-frnr":
        return of_number(int(asked.wanted), audited)
    return of_event(asked.wanted, audited) if asked.command == "query-event" else {}


def _not_believed(audited: Audited) -> str:
    """Why nothing can be said: a side is away or suddenly looks empty, and would make everything look orphaned."""
    seen = audited.seen
    if not seen.kuerzel:
        return "Advoware knows no active employee of that Kürzel"
    if seen.lost:
        return f"calendar AW-{seen.kuerzel} answers 404: deleted, or no longer shared with us"
    if reason := refused_as_seen(seen):
        return f"{reason.partition(';')[0]}; {_FORCE}"
    if audited.not_asked:
        return f"{audited.not_asked} of {len(seen.memory.rows)} known Termine are missing in Advoware's list; {_FORCE}"
    return ""


def _too_many(decided: Decided, seen: Seen) -> str:
    """The guard's reason not to delete; empty: none."""
    if seen.terms.force:
        return ""
    known = len(seen.memory.rows)
    counts = {
        "Google": sum(removal.event is not None for removal in decided.removals),
        "Advoware": sum(removal.termin is not None for removal in decided.removals),
    }
    for vendor, count in counts.items():
        if is_mass(count, known, seen):
            return f"{count} deletions in {vendor}, and {known} pairs are known; {_FORCE}"
    return ""


def _counts(audited: Audited) -> dict[str, int]:
    seen = audited.seen
    memory = seen.memory
    return {
        "termine": len(seen.termine),
        "events": sum(not event.cancelled for event in seen.events.values()),
        "pairs": len(memory.rows),
        "left_in_google": len(memory.left),
        "writes_refused": len(memory.failed),
        "conflicts_kept": len(memory.conflicts),
        "differ_as_agreed": sum(
            row.advoware.when != row.google.when or (row.full and row.advoware.what != row.google.what)
            for row in memory.rows.values()
        ),
    }
