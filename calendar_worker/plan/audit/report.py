"""Reports for a reader and for the next command. Ids, counts, names of parts and reasons; no texts."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from calendar_worker.model.audit import Asked, Finding, Report

NOTHING, FOUND, NOT_DONE = 0, 1, 69
"""Exit codes; the last one: some calendar could not be audited, or what was found not carried out."""


def lines(asked: Asked, reports: Sequence[Report]) -> Iterator[str]:
    """As a person reads it."""
    for report in reports:
        found = f"{len(report.findings)} found" if report.findings else "nothing found"
        if (report.refused or report.failed) and not report.findings:
            found = "not known"
        head = f"{report.kuerzel}: {asked.command}: {found}"
        counts = ", ".join(f"{name} {count}" for name, count in report.counts.items() if count)
        yield f"{head} ({counts})" if counts else head
        yield from (f"  {name}: {told}" for name, told in report.facts.items())
        yield from (f"  {line_of(finding)}" for finding in report.findings)
        if report.done:
            yield "  done: " + ", ".join(f"{name} {count}" for name, count in report.done.items())
        if report.refused or report.failed:
            yield f"  not done: {report.refused or report.failed}"


def line_of(finding: Finding) -> str:
    """One finding on one line."""
    parts = [finding.kind]
    parts += [f"frNr {', '.join(map(str, finding.fr_nrs))}"] if finding.fr_nrs else []
    parts += [f"events/{event_id}" for event_id in finding.event_ids]
    parts += [f"({', '.join(finding.parts)})"] if finding.parts else []
    told = [" ".join(parts)]
    told += [f"keeps {finding.keeps}"] if finding.keeps else []
    told += [f"deletes {', '.join(finding.deletes)}"] if finding.deletes else []
    told += [finding.reason] if finding.reason else []
    return "; ".join([*told, _CURES[finding.cure]] if finding.cure != "delete" else told)


def rendered(asked: Asked, reports: Sequence[Report], *, json: bool) -> str:
    """What is printed."""
    if json:
        return msgspec.json.format(msgspec.json.encode(as_json(asked, reports)), indent=2).decode() + "\n"
    told = [*lines(asked, reports)] or [f"{asked.command}: nobody's calendar knows it"]
    return "\n".join(told) + "\n"


def as_json(asked: Asked, reports: Sequence[Report]) -> Any:
    """For the next command: builtin types only."""
    return {
        "command": asked.command,
        "apply": asked.apply,
        "exit_code": exit_code(reports),
        "employees": msgspec.to_builtins(list(reports)),
    }


def exit_code(reports: Sequence[Report]) -> int:
    """0 nothing found, 1 something, 69 some calendar could not be looked at or put right."""
    if any(report.failed for report in reports):
        return NOT_DONE
    return FOUND if any(report.findings or report.refused for report in reports) else NOTHING


_CURES = {"sync": "the ordinary sync puts it right", "person": "a person must decide"}
