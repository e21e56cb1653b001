"""One function per thing that happens, and the ROUTES table: everything this service reacts to."""

from calendar_worker.effects.apply import apply
from calendar_worker.effects.deps import Deps
from calendar_worker.effects.employees import apply_employees, ask_employee
from calendar_worker.effects.keys import all_key, event_key
from calendar_worker.effects.load import load, load_employees
from calendar_worker.plan.employee import plan_employee
from calendar_worker.plan.employees import plan_employees
from calendar_worker.plan.preview import calendar_writes
from shared.contracts.events import AuditEvent, CalendarEvent
from shared.contracts.subjects import CALENDAR_AUDIT, CALENDAR_SYNC_ALL, CALENDAR_SYNC_EMPLOYEE
from shared.outcomes.outcome import Done, Outcome, Skip
from shared.outcomes.reason import Reason
from shared.runtime.audit import Family, Page, audit, audit_key, piece_of
from shared.runtime.route import Route, Routes


async def on_all(event: CalendarEvent, deps: Deps) -> Outcome:
    """Time to look at everybody's calendar."""
    seen = await load_employees(event, deps)
    todo = plan_employees(seen)
    if not todo.ask:
        return Skip(Reason.NOT_AN_EMPLOYEE)
    await apply_employees(todo, event, deps)
    return Done(Reason.EMPLOYEES_ASKED, todo.writes)


async def on_employee(event: CalendarEvent, deps: Deps) -> Outcome:
    """Time to look at one employee's calendar, on both sides."""
    seen = await load(event, deps)
    todo = plan_employee(seen)
    if todo.remember is None and todo.refused is None:
        return Skip(todo.reason)
    done = await apply(todo, seen, deps)
    return Done(todo.reason, done) if done else Skip(todo.reason)


async def on_audit(event: AuditEvent, deps: Deps) -> Outcome:
    """Time to compare all calendars with Advoware."""
    family = Family(
        name="calendar",
        subject=CALENDAR_AUDIT,
        page=lambda _after: employees_page(deps),
        look=lambda entity: preview(CalendarEvent(kuerzel=entity[1]), deps),
        ask=lambda entity: ask_employee(entity[1], "audit", deps),
    )
    return await audit(event, family, snapshots=deps.snapshots, publisher=deps.publisher, clock=deps.clock)


async def employees_page(deps: Deps) -> Page:
    """All whose calendars are brought into step: a firm has tens, not thousands."""
    everybody = plan_employees(await load_employees(CalendarEvent(), deps))
    return Page(entities=[("Employee", kuerzel) for kuerzel in everybody.ask])


async def preview(event: CalendarEvent, deps: Deps) -> tuple[Reason, list[str]]:
    """The dry run: the reason and exactly the writes that a real run would make now. Writes nothing."""
    seen = await load(event, deps)
    todo = plan_employee(seen)
    return todo.reason, calendar_writes(todo, seen)


def _wish_of_all(event: CalendarEvent) -> object:
    """A round for one is not a round for all."""
    return event.entity_id, event.force, event.full_content


def _wish(event: CalendarEvent) -> object:
    """What an event says beside whose calendar it is about."""
    return event.force, event.full_content


ROUTES: Routes[Deps] = (
    Route(subject=CALENDAR_SYNC_ALL, handler=on_all, lock=all_key, coalesce=_wish_of_all),
    Route(subject=CALENDAR_SYNC_EMPLOYEE, handler=on_employee, lock=event_key, coalesce=_wish),
    Route(subject=CALENDAR_AUDIT, handler=on_audit, lock=audit_key, coalesce=piece_of),
)
