"""Where things of an employee lie: the lock, which is also the key of what is remembered."""

from shared.contracts.events import CalendarEvent, same_kuerzel
from shared.contracts.keys import key

STEP = "calendar_sync"
ENTITY = "employee"


def employee_key(kuerzel: str) -> str:
    """The employee's."""
    return key(STEP, ENTITY, same_kuerzel(kuerzel))


def event_key(event: CalendarEvent) -> str:
    """Of the employee that the event is about."""
    return employee_key(event.kuerzel)


def all_key(_event: CalendarEvent) -> str:
    """One round at a time."""
    return key(STEP, "all")
