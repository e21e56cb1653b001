"""Data put in past all checks but those of kind: people, calendars with their events, rights."""

from typing import Any

import msgspec

from simulators.google_calendar.answers import JsonObject
from simulators.google_calendar.staff import Staff
from simulators.google_calendar.state import State


class SeedCalendar(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A calendar; `share` has roles by mail, `events` members in the API's shape or with plain texts as times."""

    summary: str
    owner: str | None = None
    members: dict[str, Any] = {}
    share: dict[str, str] = {}
    events: list[dict[str, Any]] = []
    event_count: int = 0
    """So many events more, an hour each, in January 2026."""


class Seed(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Everything to put in. `delegated` are scopes that the first account may use in a user's name."""

    users: list[str] = []
    delegated: list[str] | None = None
    calendars: list[SeedCalendar] = []


def plant(state: State, staff: Staff, data: dict[str, object]) -> JsonObject:
    """Puts it in; answers the new ids of calendars and of their events. Raises msgspec.ValidationError."""
    seed = msgspec.convert(data, Seed)
    for email in seed.users:
        state.directory.add_user(email)
    if seed.delegated is not None:
        state.directory.delegate(state.directory.account_email, frozenset(seed.delegated))
    calendars: list[str] = []
    events: list[list[str]] = []
    try:
        for one in seed.calendars:
            calendars.append(staff.add_calendar(one.summary, one.owner, **one.members))
            for mail, role in one.share.items():
                staff.share(calendars[-1], mail, role)
            rows = [*one.events, *_many(one.event_count)]
            events.append([staff.add_event(calendars[-1], **row) for row in rows])
    except (KeyError, TypeError, ValueError) as wrong:
        raise msgspec.ValidationError(str(wrong)) from None
    return {"calendars": calendars, "events": events}


def _many(count: int) -> list[dict[str, Any]]:
    return [
        {"summary": f"Termin {number}", "start": f"2026-01-{5 + number % 20:02}T{8 + number // 20 % 10:02}:00:00Z"}
        for number in range(count)
    ]
