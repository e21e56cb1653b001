"""Making things that a vendor would happily make twice.

Termine and calendars go through the journal. An event has an id that we choose, and Google takes each only once.
"""

import hashlib
from collections.abc import Collection, Iterable

import msgspec

from calendar_worker.effects.deps import Deps
from calendar_worker.effects.keys import ENTITY, STEP
from calendar_worker.model.appointment import What, When, print_of
from calendar_worker.model.plan import EventMaking, TerminMaking
from calendar_worker.model.sides import Event, Termin
from calendar_worker.plan.states import event_prints, termin_prints
from calendar_worker.translate.event import changed_event, event_id, new_event, read_event
from calendar_worker.translate.termin import new_termin, read_termin
from shared.clients.google_calendar import Duplicate
from shared.contracts.events import same_kuerzel
from shared.outcomes.errors import Rejected
from shared.state.idempotency import Effect, Row

_GENERATIONS = 50


def calendar_name(kuerzel: str) -> str:
    """What an employee's calendar is called."""
    return f"AW-{kuerzel}"


async def create_calendar(kuerzel: str, gone: str, deps: Deps) -> str:
    """The employee's calendar; its id. `gone` is one that we had and that answers 404."""
    name = calendar_name(kuerzel)

    async def send() -> str:
        return await deps.google.create_calendar(name, deps.timezone.key)

    async def look(_row: Row) -> list[str]:
        return [one for one in await deps.google.find_calendars(name) if one != gone]

    effect = _effect(kuerzel, "calendar", name)
    served = await deps.journal.receipt(effect)
    # It was looked for by name just now and not found: an earlier receipt is one of a calendar that is no more.
    dead = [one for one in (gone, served) if one]
    return await deps.journal.perform(effect, send=send, look=look, visible_after_s=deps.visible_after_s, gone=dead)


async def settle_calendar(kuerzel: str, calendar_id: str, deps: Deps) -> None:
    """Closes the intent of a calendar that was found by its name."""
    await deps.journal.settle(_effect(kuerzel, "calendar", calendar_name(kuerzel)), calendar_id)


async def made_termin(kuerzel: str, event: str, strays: Iterable[Termin], deps: Deps) -> int:
    """The Termin that was made of an event; 0: none.

    By its receipt; or, where the answer was lost, by what was sent, whatever the event says by now: one of `strays`,
    which stand for no event yet.
    """
    row = await deps.journal.row(_termin_effect(kuerzel, event))
    if row is None or row.state == "done":
        return int((row and row.vendor_id) or 0)
    found = [one.fr_nr for one in strays if one.writable and _sent(one.when, one.what) == row.marker]
    return found[0] if len(found) == 1 else 0


async def settle_termin(kuerzel: str, event: str, fr_nr: int, deps: Deps) -> None:
    """Closes the intent of a Termin that was met before anybody looked for it."""
    await deps.journal.settle(_termin_effect(kuerzel, event), str(fr_nr))


async def create_termin(making: TerminMaking, listed: Collection[int], kuerzel: str, deps: Deps) -> int:
    """A Termin for an event; its number. `listed` are known: none of them is one whose POST was not answered."""

    async def send() -> str:
        body = new_termin(making.when, making.what, kuerzel=kuerzel, private=making.event.private)
        return str(await deps.advoware.create_termin(body))

    async def look(_row: Row) -> list[str]:
        return [str(number) for number in await _alike(making, kuerzel, deps) if number not in listed]

    effect = msgspec.structs.replace(_termin_effect(kuerzel, making.event.id), marker=_sent(making.when, making.what))
    gone = [str(number) for number in making.gone]
    served = await deps.journal.receipt(effect)
    if served is not None and served not in gone and await deps.advoware.termin(int(served)) is None:
        gone.append(served)
    made = await deps.journal.perform(effect, send=send, look=look, visible_after_s=deps.visible_after_s, gone=gone)
    return int(made)


async def create_event(making: EventMaking, calendar_id: str, kuerzel: str, deps: Deps) -> tuple[Event, int]:
    """An event for a Termin, and the generation of its id. One that is there already with our id is taken."""
    termin = making.termin
    for generation in range(making.generation, making.generation + _GENERATIONS):
        wanted = event_id(kuerzel, termin.fr_nr, generation)
        body = new_event(
            event_id=wanted,
            fr_nr=termin.fr_nr,
            when=termin.when,
            what=termin.what,
            shown=making.shown,
            timezone=deps.timezone,
        )
        try:
            return read_event(await deps.google.insert_event(calendar_id, body), timezone=deps.timezone), generation
        except Duplicate:
            found = await deps.google.event(calendar_id, wanted)
        event = read_event(found, timezone=deps.timezone) if found is not None else None
        if event is not None and not event.cancelled and event.link is not None and event.link.fr_nr == termin.fr_nr:
            return await _brought_up(event, making, calendar_id, deps), generation
    raise Rejected(f"google insert event: {_GENERATIONS} ids of Termin {termin.fr_nr} are used up", status=409)


async def _brought_up(event: Event, making: EventMaking, calendar_id: str, deps: Deps) -> Event:
    """An event of ours that an earlier run has made, as it shall be now."""
    termin, shown = making.termin, making.shown
    body = changed_event(event, shown=shown, timezone=deps.timezone, when=termin.when, what=termin.what)
    if not body or event_prints(event) == termin_prints(termin):
        return event
    return read_event(await deps.google.patch_event(calendar_id, event.id, body, event.etag), timezone=deps.timezone)


async def _alike(making: TerminMaking, kuerzel: str, deps: Deps) -> list[int]:
    """The employee's own Termine of the same time and text."""
    when: When = making.when
    records = await deps.advoware.termine(kuerzel, when.first_day, when.last_day or when.first_day)
    read = (read_termin(record, kuerzel=kuerzel, timezone=deps.timezone) for record in records)
    return [
        one.fr_nr
        for one in read
        if isinstance(one, Termin) and one.writable and (one.when, one.what) == (when, making.what)
    ]


def _sent(when: When, what: What) -> str:
    """What an open intent remembers of the Termin that was sent: no text of it."""
    return f"{print_of(when)}.{print_of(what)}"


def _termin_effect(kuerzel: str, event: str) -> Effect:
    return _effect(kuerzel, "termin", event)


def _effect(kuerzel: str, name: str, wanted: str) -> Effect:
    content = hashlib.sha256(wanted.encode()).hexdigest()[:32]
    return Effect(
        step=STEP, entity_type=ENTITY, entity_id=same_kuerzel(kuerzel), name=name, content=content, marker=content
    )
