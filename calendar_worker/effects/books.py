"""What a run has done so far, and keeping it."""

from datetime import timedelta

import msgspec

from calendar_worker.effects.deps import Deps
from calendar_worker.effects.keys import ENTITY, STEP
from calendar_worker.effects.memory import write_memory
from calendar_worker.model.memory import Failure, Memory, Row
from calendar_worker.model.plan import Plan, Seen
from shared.contracts.events import same_kuerzel
from shared.outcomes.errors import HubError

_AGAIN_AFTER = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4), timedelta(hours=24))


class Books:
    """Rows, failures and shares as the writes change them."""

    def __init__(self, todo: Plan, seen: Seen, deps: Deps) -> None:
        assert todo.remember is not None
        self._seen = seen
        self._deps = deps
        self._tried = todo.tried
        self._stored = seen.memory
        self._memory = todo.remember
        self._rows = dict(todo.remember.rows)
        self._failed = dict(todo.remember.failed)
        self.shares = dict(todo.remember.shares)
        self.calendar_id = todo.remember.calendar_id
        self._begun = seen.memory.begun
        self.waiting = 0
        """Pairs that have changed since they were listed."""
        self.refused = 0
        self.refused_in_a_row = 0

    async def begin(self, *, makes: bool) -> None:
        """Before anything is written: what loses, since nobody could tell afterwards; and that something is made."""
        begun = self._begun = makes or self._stored.begun
        await self._store(msgspec.structs.replace(self._stored, conflicts=self._memory.conflicts, begun=begun))

    async def save(self, *, is_done: bool) -> None:
        """Keeps all. Of a run that did not come to its end Google's list counts as not read."""
        if is_done and self._begun and not self._failed:
            self._begun = await self._deps.journal.withdraw(
                STEP, ENTITY, same_kuerzel(self._seen.kuerzel), older_than_s=self._deps.visible_after_s
            )
        memory = msgspec.structs.replace(
            self._memory,
            begun=self._begun,
            calendar_id=self.calendar_id,
            shares=self.shares,
            rows=self._rows,
            failed=self._failed,
        )
        if not is_done:
            before = self._seen.memory
            memory = msgspec.structs.replace(memory, sync_token=before.sync_token, scope=before.scope)
        await self._store(memory)

    def numbers(self) -> set[int]:
        """Termine that stand for an event, those among them that this run has made."""
        return {row.fr_nr for row in self._rows.values()}

    def agree(self, key: str, row: Row) -> None:
        """Both sides of a pair are in step."""
        self.drop(key)
        self._rows[row.event_id] = row

    def drop(self, key: str) -> None:
        """Nothing is to be remembered of it: it was done."""
        self.refused_in_a_row = 0
        self._rows.pop(key, None)
        self._failed.pop(key, None)

    def refuse(self, key: str, fr_nr: int, failed: HubError) -> None:
        """A vendor does not take it: it is tried again, less and less often."""
        self.refused += 1
        self.refused_in_a_row += 1
        before = self._failed.get(key)
        attempts = before.attempts + 1 if before is not None else 1
        wait = _AGAIN_AFTER[min(attempts, len(_AGAIN_AFTER)) - 1]
        self._failed[key] = Failure(
            key=key,
            fr_nr=fr_nr,
            attempts=attempts,
            next_at=self._seen.now + wait,
            content=self._tried.get(key, ""),
            reason=failed.reason,
        )
        self._look_closer(key)

    def wait(self, key: str) -> None:
        """It has changed since it was listed: the next run looks at the event itself, whatever Google lists."""
        self.waiting += 1
        self._look_closer(key)

    def _look_closer(self, key: str) -> None:
        if key in self._rows:
            self._rows[key] = msgspec.structs.replace(self._rows[key], unseen=True)

    async def _store(self, memory: Memory) -> None:
        await write_memory(self._seen.kuerzel, memory, self._stored, self._deps)
        self._stored = memory
