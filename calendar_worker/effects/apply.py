"""Carrying out the plan of a calendar, phase by phase, in one fixed order; and keeping what came of it."""

import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from calendar_worker.effects.books import Books
from calendar_worker.effects.creating import (
    create_calendar,
    create_event,
    create_termin,
    settle_calendar,
    settle_termin,
)
from calendar_worker.effects.deps import Deps
from calendar_worker.model.appointment import Shown
from calendar_worker.model.plan import Deletion, EventMaking, Plan, Seen, TerminMaking, Update
from calendar_worker.model.sides import Event, Termin
from calendar_worker.plan.agree import agreed
from calendar_worker.plan.shares import share_key
from calendar_worker.plan.states import termin_prints
from calendar_worker.translate.event import changed_event, link_patch, read_event
from calendar_worker.translate.termin import changed_termin, read_termin
from shared.clients.google_calendar import Stale
from shared.outcomes.errors import Busy, Halt, NotFound, Parked, Refused, Rejected, Retry

_REFUSED_MAX = 20


async def apply(todo: Plan, seen: Seen, deps: Deps) -> dict[str, int]:
    """Carries out a plan; decides nothing. Counts what was done and what was refused.

    One appointment that a vendor refuses, or that somebody has changed meanwhile, does not stop the others.
    """
    if todo.refused is not None:
        raise Refused(todo.refused)
    run = _Run(todo, seen, deps)
    try:
        await run.phases()
    except (Retry, Halt, Rejected, Parked):
        await run.books.save(is_done=False)
        raise
    await run.books.save(is_done=not run.books.waiting)
    if run.books.waiting:
        raise Busy(f"{run.books.waiting} appointments were changed while the calendar was synced")
    return todo.writes | ({"refused": run.books.refused} if run.books.refused else {})


class _Run:
    """One calendar's phases."""

    def __init__(self, todo: Plan, seen: Seen, deps: Deps) -> None:
        self._todo = todo
        self._seen = seen
        self._deps = deps
        self.books = Books(todo, seen, deps)

    async def phases(self) -> None:
        todo = self._todo
        makes = bool(todo.make_calendar or todo.make_termine)
        if todo.conflicts or makes:
            await self.books.begin(makes=makes)
        await self._calendar()
        await self._each(todo.make_events, self._make_event, key=lambda one: (one.key, one.termin.fr_nr))
        await self._each(todo.make_termine, self._make_termin, key=lambda one: (one.event.id, 0))
        await self._each(todo.delete_events, self._delete_event, key=lambda one: (one.event_id, one.fr_nr))
        await self._each(todo.delete_termine, self._delete_termin, key=lambda one: (one.event_id, one.fr_nr))
        await self._each(todo.updates, self._update, key=lambda one: (one.event_id, one.termin.fr_nr))

    async def _each(
        self,
        items: Iterable[Any],
        work: Callable[[Any], Awaitable[None]],
        *,
        key: Callable[[Any], tuple[str, int]],
    ) -> None:
        for item in items:
            try:
                await work(item)
            except Stale:
                self.books.wait(key(item)[0])
            except (Rejected, Parked) as failed:
                self.books.refuse(*key(item), failed)
                if self.books.refused_in_a_row >= _REFUSED_MAX:
                    raise  # it is not about one appointment

    async def _calendar(self) -> None:
        todo, seen = self._todo, self._seen
        if todo.make_calendar:
            gone = seen.memory.calendar_id if seen.lost else ""
            self.books.calendar_id = await create_calendar(seen.kuerzel, gone, self._deps)
        elif not seen.memory.calendar_id:
            await settle_calendar(seen.kuerzel, seen.calendar_id, self._deps)
        await self._each(todo.share.items(), self._share, key=lambda one: (share_key(one[0]), 0))
        await self._each(todo.unshare, self._unshare, key=lambda one: (share_key(one), 0))

    async def _share(self, wanted: tuple[str, str]) -> None:
        mail, role = wanted
        await self._deps.google.share(self.books.calendar_id, mail, role)
        self.books.shares[mail] = role
        self.books.drop(share_key(mail))

    async def _unshare(self, mail: str) -> None:
        await self._deps.google.unshare(self.books.calendar_id, mail)
        self.books.shares.pop(mail, None)
        self.books.drop(share_key(mail))

    async def _make_event(self, making: EventMaking) -> None:
        event, generation = await create_event(making, self.books.calendar_id, self._seen.kuerzel, self._deps)
        row = agreed(
            making.termin,
            event,
            None,
            event_id=event.id,
            origin="advoware",
            generation=generation,
            shown=making.shown,
        )
        self.books.agree(making.key, row)

    async def _make_termin(self, making: TerminMaking) -> None:
        event = making.event
        known = {*self._seen.termine, *self.books.numbers()}
        number = await create_termin(making, known, self._seen.kuerzel, self._deps)
        termin = await self._read_back(number)
        shown = Shown(suffix="", private=event.private, full=True)
        after = await self._patch(event, number, shown, changed_event(event, shown=shown, timezone=self._deps.timezone))
        row = agreed(termin, after, None, event_id=event.id, origin="google", generation=0, shown=shown)
        self.books.agree(event.id, row)

    async def _delete_event(self, deletion: Deletion) -> None:
        await self._deps.google.delete_event(self.books.calendar_id, deletion.event_id, deletion.etag)
        self.books.drop(deletion.event_id)

    async def _delete_termin(self, deletion: Deletion) -> None:
        assert deletion.termin is not None
        if await self._still(deletion.termin) is not None:
            with contextlib.suppress(NotFound):  # somebody was faster
                await self._deps.advoware.delete_termin(deletion.fr_nr)
        self.books.drop(deletion.event_id)

    async def _update(self, update: Update) -> None:
        """Google first: its etag tells whether the pair is still as it was seen.

        But a text that is about to be hidden there must be safe before.
        """
        termin, event = update.termin, update.event
        hides = update.advoware_what is not None and not update.shown.full
        if hides:
            termin = await self._update_termin(update)
        if update.to_google:
            event = await self._update_event(update)
        if update.to_advoware and not hides:
            termin = await self._update_termin(update)
        if update.row is None:
            await settle_termin(self._seen.kuerzel, update.event_id, termin.fr_nr, self._deps)
        row = agreed(
            termin,
            event,
            update.row,
            event_id=update.event_id,
            origin=update.origin,
            generation=update.generation,
            shown=update.shown,
            made_private=update.made_private,
            keeps_what=update.keeps_what,
        )
        self.books.agree(update.event_id, row)

    async def _update_event(self, update: Update) -> Event:
        event = update.event
        if event is None:
            found = await self._deps.google.event(self.books.calendar_id, update.event_id)
            event = read_event(found or {"id": update.event_id, "status": "cancelled"}, timezone=self._deps.timezone)
            if update.row is None or event.etag != update.row.etag:
                raise Stale("google: the event has changed since it was listed")
        body = changed_event(
            event,
            shown=update.shown,
            timezone=self._deps.timezone,
            when=update.google_when,
            what=update.google_what,
        )
        return await self._patch(event, update.termin.fr_nr, update.shown, body)

    async def _patch(self, event: Event, fr_nr: int, shown: Shown, body: dict[str, Any]) -> Event:
        if event.link is None or event.link.fr_nr != fr_nr:
            body = body | link_patch(event_id=event.id, fr_nr=fr_nr, shown=shown)
        if not body:
            return event
        item = await self._deps.google.patch_event(self.books.calendar_id, event.id, body, event.etag)
        return read_event(item, timezone=self._deps.timezone)

    async def _update_termin(self, update: Update) -> Termin:
        fresh = await self._still(update.termin)
        if fresh is None:
            raise Stale("advoware: the Termin has gone since it was listed")
        body = changed_termin(fresh, when=update.advoware_when, what=update.advoware_what)
        await self._deps.advoware.update_termin(fresh.fr_nr, body)
        return await self._read_back(fresh.fr_nr)

    async def _still(self, termin: Termin) -> Termin | None:
        """The Termin as it is this moment; None: gone. Raises Stale when it has changed since it was listed.

        Advoware has no etags: a look right before the write leaves others the shortest possible gap.
        """
        record = await self._deps.advoware.termin(termin.fr_nr)
        if record is None:
            return None
        fresh = read_termin(record, kuerzel=self._seen.kuerzel, timezone=self._deps.timezone)
        if not isinstance(fresh, Termin) or (
            fresh.changed_at != termin.changed_at and termin_prints(fresh) != termin_prints(termin)
        ):
            raise Stale("advoware: the Termin has changed since it was listed")
        return fresh

    async def _read_back(self, fr_nr: int) -> Termin:
        """What Advoware has made of a write: it may alter or ignore what it is told."""
        record = await self._deps.advoware.termin(fr_nr)
        read = None
        if record is not None:
            read = read_termin(record, kuerzel=self._seen.kuerzel, timezone=self._deps.timezone)
        if not isinstance(read, Termin):
            raise Rejected(f"advoware: Termin {fr_nr} was written, and cannot be read afterwards", status=0)
        return read
