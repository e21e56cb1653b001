"""Reading the present of an employee's two calendars, and what we remember of them."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any, TypeVar

import msgspec

from calendar_worker.effects.creating import calendar_name, made_termin
from calendar_worker.effects.deps import Deps
from calendar_worker.effects.memory import read_memory
from calendar_worker.model.memory import Memory
from calendar_worker.model.plan import EmployeesSeen, Seen, Terms, Window
from calendar_worker.model.sides import Event, Termin, Unreadable
from calendar_worker.plan.guard import is_mass
from calendar_worker.translate.event import read_event
from calendar_worker.translate.termin import read_termin
from shared.clients.google_calendar import Listing
from shared.contracts.events import CalendarEvent, same_kuerzel
from shared.outcomes.errors import NotFound, Parked, Unavailable

_TOGETHER = 4
T = TypeVar("T")
Record = Mapping[str, Any]


async def load_employees(event: CalendarEvent, deps: Deps) -> EmployeesSeen:
    """The active employees. Raises Unavailable when Advoware names none: a firm has some."""
    active = tuple(str(one["kuerzel"]).strip() for one in await _employees(deps) if _is_active(one))
    if not active:
        raise Unavailable("advoware names no active employee with a kuerzel")
    return EmployeesSeen(active=active, wanted=event.kuerzel, only=deps.only)


async def load(event: CalendarEvent, deps: Deps) -> Seen:
    """Everything that the decision needs, as it is now. Three requests when nothing has changed."""
    now = deps.clock.now()
    today = now.astimezone(deps.timezone).date()
    seen = Seen(
        kuerzel="",
        now=now,
        terms=_terms(event, deps),
        window=Window(first=_shifted(today, -deps.past_days), last=_shifted(today, deps.future_days)),
        memory=Memory(),
        scope=f"{deps.advoware_write}.{deps.past_days}.{deps.future_days}",
    )
    wanted = same_kuerzel(event.kuerzel)
    employees = [one for one in await _employees(deps) if same_kuerzel(str(one["kuerzel"])) == wanted]
    employee = next((one for one in employees if _is_active(one)), None)
    if employee is None:
        return seen
    kuerzel = str(employee["kuerzel"]).strip()
    memory = await read_memory(kuerzel, deps)
    seen = msgspec.structs.replace(
        seen, kuerzel=kuerzel, memory=memory, wanted_shares=_shares(employee, deps), sync_token=memory.sync_token
    )
    seen = await _with_google(seen, deps)
    if seen.lost:
        if not seen.terms.force:
            return seen
        seen = await _with_google(msgspec.structs.replace(seen, memory=Memory()), deps)
        seen = msgspec.structs.replace(seen, memory=memory, lost=True)
    return await _with_receipts(await _with_advoware(seen, deps), deps)


def _terms(event: CalendarEvent, deps: Deps) -> Terms:
    return Terms(
        policy=deps.policy,
        advoware_write=deps.advoware_write,
        full=deps.full_content if event.full_content is None else event.full_content,
        force=event.force,
        max_changes=deps.guard_max_changes,
        max_share=deps.guard_max_share,
    )


def _shifted(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min


async def _employees(deps: Deps) -> list[Record]:
    found = await deps.advoware.mitarbeiter()
    named = [one for one in found if isinstance(one.get("kuerzel"), str) and one["kuerzel"].strip()]
    if not named:
        raise Unavailable("advoware names no employee with a kuerzel")
    return list(named)


def _is_active(employee: Record) -> bool:
    return employee.get("aktiv", True) not in (False, 0, "0", "false")


def _shares(employee: Record, deps: Deps) -> dict[str, str]:
    """Whom the calendar is to be shared with: those of the settings, and the employee."""
    mail = employee.get("eMail")
    own = {mail.strip().lower(): "writer"} if isinstance(mail, str) and "@" in mail else {}
    return {**own, **deps.share_with}


async def _with_google(seen: Seen, deps: Deps) -> Seen:
    """Google's side, and of pairs that could not be worked on, their events singly."""
    memory = seen.memory
    calendar_id = memory.calendar_id or await _find_calendar(seen.kuerzel, deps)
    if not calendar_id:
        return msgspec.structs.replace(seen, calendar_id="", sync_token="", whole=True, events={})
    token = memory.sync_token if memory.scope == seen.scope else ""
    try:
        listing = await deps.google.list_events(calendar_id, token or None)
        rules = None
        if dict(seen.wanted_shares) != dict(memory.shares):
            rules = await deps.google.rules(calendar_id)
    except NotFound:
        return msgspec.structs.replace(seen, lost=True)
    return msgspec.structs.replace(
        seen,
        calendar_id=calendar_id,
        events=_events(listing, deps),
        whole=listing.whole,
        sync_token=listing.sync_token,
        rules=rules,
    )


async def _find_calendar(kuerzel: str, deps: Deps) -> str:
    found = await deps.google.find_calendars(calendar_name(kuerzel))
    if len(found) > 1:
        raise Parked(f"{len(found)} calendars are called {calendar_name(kuerzel)}; a person must delete all but one")
    return found[0] if found else ""


def _events(listing: Listing, deps: Deps) -> dict[str, Event]:
    read = (read_event(item, timezone=deps.timezone) for item in listing.items)
    return {event.id: event for event in read if event.id}


async def _with_advoware(seen: Seen, deps: Deps) -> Seen:
    records = await deps.advoware.termine(seen.kuerzel, seen.window.first, seen.window.last)
    termine, foreign, unreadable = _read(records, seen.kuerzel, deps)
    seen = msgspec.structs.replace(seen, termine=termine, foreign=foreign, unreadable=unreadable, listed=len(records))
    seen = await _with_single_events(seen, deps)
    missing = _missing(seen)
    if is_mass(len(missing), len(seen.memory.rows), seen) and not seen.terms.force:
        return msgspec.structs.replace(seen, not_asked=len(missing))
    answers = await _together(deps.advoware.termin(number) for number in missing)
    there = [answer for answer in answers if answer is not None]
    single, not_ours, odd = _read(there, seen.kuerzel, deps)
    # What is there, on days that were listed, and was not listed, is no longer this employee's.
    handed_over = {
        number
        for number, one in single.items()
        if not one.writable and seen.window.meets(one.when.first_day, one.when.last_day)
    }
    return msgspec.structs.replace(
        seen,
        termine={**seen.termine, **{nr: one for nr, one in single.items() if nr not in handed_over}},
        gone=frozenset(number for number, answer in zip(missing, answers, strict=True) if answer is None),
        foreign=seen.foreign | not_ours | handed_over,
        unreadable={**seen.unreadable, **odd},
    )


def _read(
    records: Iterable[Record], kuerzel: str, deps: Deps
) -> tuple[dict[int, Termin], frozenset[int], dict[int, str]]:
    """Termine, the numbers of those that are not to be shown, and of those that cannot be read, why."""
    termine: dict[int, Termin] = {}
    foreign: set[int] = set()
    unreadable: dict[int, str] = {}
    for record in records:
        read = read_termin(record, kuerzel=kuerzel, timezone=deps.timezone)
        number = record.get("frNr")
        if isinstance(read, Termin):
            termine[read.fr_nr] = read
        elif not isinstance(number, int) or number <= 0:
            continue
        elif isinstance(read, Unreadable):
            unreadable[number] = read.reason
        else:
            foreign.add(number)
    return termine, frozenset(foreign), unreadable


def _missing(seen: Seen) -> list[int]:
    """Numbers that should have been listed: pairs of these days, and what new events say they stand for."""
    known = {*seen.termine, *seen.foreign, *seen.unreadable}
    rows = seen.memory.rows
    due = {row.fr_nr for row in rows.values() if seen.window.meets(row.first, row.last)}
    due |= {row.fr_nr for row in rows.values() if _comes_back(seen.events.get(row.event_id), seen)}
    due |= {
        event.link.fr_nr
        for event in seen.events.values()
        if event.id not in rows and event.link is not None and not event.cancelled
    }
    return sorted(due - known)


def _comes_back(event: Event | None, seen: Seen) -> bool:
    """Whether somebody has moved it into the window in Google."""
    when = event.when if event is not None and not event.cancelled else None
    if when is None or isinstance(when, Unreadable):
        return False
    return seen.window.meets(when.first_day, when.last_day)


async def _with_single_events(seen: Seen, deps: Deps) -> Seen:
    """Events that have changed and were not worked on: of pairs whose Termin is there, and of failures."""
    memory = seen.memory
    if seen.whole:
        return seen
    wanted = {row.event_id for row in memory.rows.values() if row.unseen and row.fr_nr in seen.termine}
    # Those that wait too: without its event the Termin of a pair that was never agreed on would look new.
    wanted |= {key for key in memory.failed if key not in memory.rows and ":" not in key and " " not in key}
    asked = sorted(wanted - seen.events.keys())
    answers = await _together(deps.google.event(seen.calendar_id, event_id) for event_id in asked)
    found = {
        event_id: read_event(answer or {"id": event_id, "status": "cancelled"}, timezone=deps.timezone)
        for event_id, answer in zip(asked, answers, strict=True)
    }
    return msgspec.structs.replace(seen, events={**seen.events, **found})


async def _with_receipts(seen: Seen, deps: Deps) -> Seen:
    """Termine that were made of events, where a run died before it could say so in the event."""
    new = [
        event.id
        for event in seen.events.values()
        if event.eligible and event.link is None and event.id not in seen.memory.rows
    ]
    taken = {row.fr_nr for row in seen.memory.rows.values()}
    taken |= {event.link.fr_nr for event in seen.events.values() if event.link is not None}
    strays = [termin for termin in seen.termine.values() if termin.fr_nr not in taken]
    receipts = await _together(made_termin(seen.kuerzel, event_id, strays, deps) for event_id in new)
    made = {event_id: number for event_id, number in zip(new, receipts, strict=True) if number in seen.termine}
    return msgspec.structs.replace(seen, made={event_id: number for event_id, number in made.items() if number})


async def _together(asked: Iterable[Awaitable[T]]) -> list[T]:
    """All answers in their order, a few at a time."""
    gate = asyncio.Semaphore(_TOGETHER)

    async def one(ask: Awaitable[T]) -> T:
        async with gate:
            return await ask

    return list(await asyncio.gather(*(one(ask) for ask in asked)))
