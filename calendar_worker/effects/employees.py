"""Asking for the sync of employees' calendars."""

from calendar_worker.effects.deps import Deps
from calendar_worker.model.plan import EmployeesPlan
from shared.contracts.events import CalendarEvent
from shared.contracts.subjects import CALENDAR_SYNC_EMPLOYEE


async def ask_employee(kuerzel: str, source: str, deps: Deps) -> None:
    """Publishes one employee's event."""
    await deps.publisher.publish(CALENDAR_SYNC_EMPLOYEE, CalendarEvent(kuerzel=kuerzel, source=source))


async def apply_employees(todo: EmployeesPlan, event: CalendarEvent, deps: Deps) -> None:
    """Publishes an event for each, with what the one for all said."""
    for kuerzel in todo.ask:
        await deps.publisher.publish(
            CALENDAR_SYNC_EMPLOYEE,
            CalendarEvent(
                kuerzel=kuerzel, full_content=event.full_content, source="calendar_worker", force=event.force
            ),
        )
