"""A whole calendar: what is to be done on both sides, and what is remembered."""

import msgspec

from calendar_worker.model.plan import Deletion, Plan, Seen
from calendar_worker.plan.guard import refused_as_planned, refused_as_seen
from calendar_worker.plan.pairing import pair_up
from calendar_worker.plan.shares import to_share, to_unshare
from calendar_worker.plan.work import Work
from shared.outcomes.reason import Reason


def plan_employee(seen: Seen) -> Plan:
    """Decides. `plan(apply(plan(x)))` has no writes."""
    if not seen.kuerzel:
        return Plan(reason=Reason.NOT_AN_EMPLOYEE)
    if refused := refused_as_seen(seen):
        return Plan(reason=Reason.IN_STEP, refused=refused)
    if seen.lost:
        seen = _without_calendar(seen)
    paired = pair_up(seen)
    work = Work(seen)
    for pair in paired.pairs:
        work.take(pair)
    for event in paired.surplus:
        work.take_surplus(event)
    todo = Plan(
        reason=Reason.CALENDAR_SYNCED,
        make_calendar=not seen.calendar_id,
        share=to_share(seen),
        unshare=to_unshare(seen),
        make_events=tuple(work.make_events),
        make_termine=tuple(work.make_termine),
        delete_events=_once(work.delete_events),
        delete_termine=_once(work.delete_termine),
        updates=tuple(work.updates),
        conflicts=tuple(work.conflicts),
        tried=work.tried,
        remember=work.memory(),
    )
    known = sum(pair.row is not None or (pair.termin is not None and pair.event is not None) for pair in paired.pairs)
    if refused := refused_as_planned(todo, seen, known):
        return Plan(reason=Reason.IN_STEP, refused=refused)
    return todo if todo.writes else _without_writes(todo, seen)


def _without_writes(todo: Plan, seen: Seen) -> Plan:
    memory = todo.remember
    assert memory is not None
    if memory == seen.memory:
        return Plan(reason=Reason.IN_STEP)
    same = msgspec.structs.replace(memory, sync_token=seen.memory.sync_token) == seen.memory
    return msgspec.structs.replace(todo, reason=Reason.IN_STEP if same else Reason.LEARNED)


def _without_calendar(seen: Seen) -> Seen:
    """An operator wants the lost calendar made anew: what pointed into it points nowhere now."""
    memory = msgspec.structs.replace(seen.memory, rows={}, failed={}, shares={}, sync_token="", calendar_id="")
    return msgspec.structs.replace(seen, memory=memory, lost=False)


def _once(deletions: list[Deletion]) -> tuple[Deletion, ...]:
    return tuple({(one.fr_nr, one.event_id): one for one in deletions}.values())
