"""Whether both sides agree: what an ordinary sync would write, had it seen them whole."""

from collections.abc import Iterator

from calendar_worker.model.audit import Audited, Finding
from calendar_worker.model.plan import Plan, Update
from calendar_worker.plan.employee import plan_employee


def drift(audited: Audited) -> tuple[Finding, ...]:
    """All that is not in step. A plan that the guard refuses is one finding, which is a person's."""
    todo = plan_employee(audited.seen)
    if todo.refused is not None:
        return (Finding(kind="refused", cure="person", reason=todo.refused),)
    return (*_of_sides(todo), *_of_memory(todo, audited), *_refused_before(todo, audited))


def _of_sides(todo: Plan) -> Iterator[Finding]:
    if todo.make_calendar:
        yield Finding(kind="calendar_missing", cure="sync")
    if shares := len(todo.share) + len(todo.unshare):
        yield Finding(kind="shares_differ", cure="sync", reason=f"{shares} shares")
    for making in todo.make_events:
        yield Finding(kind="event_missing", cure="sync", fr_nrs=(making.termin.fr_nr,))
    for made in todo.make_termine:
        yield Finding(kind="termin_missing", cure="sync", fr_nrs=made.gone, event_ids=(made.event.id,))
    for kind, deletions in (("event_left_over", todo.delete_events), ("termin_left_over", todo.delete_termine)):
        for one in deletions:
            yield Finding(kind=kind, cure="sync", fr_nrs=(one.fr_nr,) if one.fr_nr else (), event_ids=(one.event_id,))
    for update in todo.updates:
        yield Finding(
            kind="differs",
            cure="sync",
            fr_nrs=(update.termin.fr_nr,),
            event_ids=(update.event_id,),
            parts=_parts(update),
        )


def _parts(update: Update) -> tuple[str, ...]:
    parts = [f"google.{part}" for part in update.to_google]
    return (*parts, *(f"advoware.{part}" for part in update.to_advoware))


def _of_memory(todo: Plan, audited: Audited) -> Iterator[Finding]:
    """Pairs that agree and are not remembered, and such as are remembered for nothing."""
    before = audited.seen.memory.rows
    after = before if todo.remember is None else todo.remember.rows
    for event_id in sorted(after.keys() - before.keys()):
        yield Finding(kind="not_remembered", cure="sync", fr_nrs=(after[event_id].fr_nr,), event_ids=(event_id,))
    for event_id in sorted(before.keys() - after.keys()):
        yield Finding(kind="both_gone", cure="sync", fr_nrs=(before[event_id].fr_nr,), event_ids=(event_id,))


def _refused_before(todo: Plan, audited: Audited) -> Iterator[Finding]:
    """What a vendor has refused and a sync tries again when its time has come."""
    for key, failure in sorted(audited.seen.memory.failed.items()):
        if key in todo.tried:
            continue
        is_event = " " not in key and ":" not in key  # neither a Termin's key, nor a share's, which has a mail in it
        yield Finding(
            kind="write_refused",
            cure="sync",
            fr_nrs=(failure.fr_nr,) if failure.fr_nr else (),
            event_ids=(key,) if is_event else (),
            reason=f"{failure.attempts} tries: {failure.reason}",
        )
