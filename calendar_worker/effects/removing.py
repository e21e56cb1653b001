"""Taking away what an audit has decided upon, and keeping the memory right at every moment of it."""

import contextlib
from collections.abc import Sequence

import msgspec

from calendar_worker.effects.deps import Deps
from calendar_worker.effects.memory import read_memory, write_memory
from calendar_worker.model.audit import Removal
from calendar_worker.model.memory import Memory
from calendar_worker.model.plan import Seen
from calendar_worker.model.sides import Termin
from calendar_worker.plan.states import termin_prints
from calendar_worker.plan.work import CONFLICTS_MAX
from calendar_worker.translate.termin import read_termin
from shared.clients.google_calendar import Stale
from shared.outcomes.errors import HubError, NotFound, Parked, Rejected


async def remove(removals: Sequence[Removal], seen: Seen, deps: Deps) -> tuple[dict[str, int], str]:
    """Counts of what was done, by part; and why the rest was not, empty when all was.

    One that has changed meanwhile or is refused does not stop the others; a vendor that is away does.
    """
    if not removals:
        return {}, ""
    run = _Run(seen, deps, await read_memory(seen.kuerzel, deps))
    failed = ""
    await run.note(removals)
    for removal in removals:
        try:
            await run.take(removal)
        except (Stale, Rejected, Parked) as one:
            run.count("left")
            failed = failed or one.reason
        except HubError as away:
            failed = away.reason
            break
    await run.save()
    return run.done, failed


class _Run:
    """One employee's removals."""

    def __init__(self, seen: Seen, deps: Deps, memory: Memory) -> None:
        self._seen = seen
        self._deps = deps
        self._stored = memory
        self._rows = dict(memory.rows)
        self._conflicts = memory.conflicts
        self.done: dict[str, int] = {}

    def count(self, part: str) -> None:
        self.done[part] = self.done.get(part, 0) + 1

    async def note(self, removals: Sequence[Removal]) -> None:
        """What would be lost is kept, and what would mislead a sync is forgotten, before anything is deleted."""
        new = [one for removal in removals for one in removal.conflicts]
        self._conflicts = (*self._conflicts, *new)[-CONFLICTS_MAX:]
        for removal in removals:
            if removal.forget_first:
                self._rows.pop(removal.forget, None)
        await self.save()

    async def take(self, removal: Removal) -> None:
        """Google first: its etag tells whether the thing is still as it was seen."""
        event, termin = removal.event, removal.termin
        if event is not None:
            await self._deps.google.delete_event(self._seen.calendar_id, event.id, event.etag)
            self.count("events_deleted")
        if termin is not None:
            await self._delete_termin(termin)
            self.count("termine_deleted")
        if removal.forget and self._rows.pop(removal.forget, None) is not None and event is None:
            self.count("forgotten")

    async def save(self) -> None:
        """Writes the memory, where it has changed."""
        after = msgspec.structs.replace(self._stored, rows=dict(self._rows), conflicts=self._conflicts)
        await write_memory(self._seen.kuerzel, after, self._stored, self._deps)
        self._stored = after

    async def _delete_termin(self, termin: Termin) -> None:
        """Looks right before, since Advoware has no etags."""
        record = await self._deps.advoware.termin(termin.fr_nr)
        if record is None:
            return
        fresh = read_termin(record, kuerzel=self._seen.kuerzel, timezone=self._deps.timezone)
        is_same = isinstance(fresh, Termin) and fresh.writable and termin_prints(fresh) == termin_prints(termin)
        if not is_same or record.get("nr") != termin.record.get("nr"):
            raise Stale("advoware: the Termin has changed since it was listed")
        with contextlib.suppress(NotFound):
            await self._deps.advoware.delete_termin(termin.fr_nr)
