"""The effect journal: a write that the vendor would happily do twice is done once.

Intent before the call, receipt after it. An intent found open means that somebody may have sent it: then the vendor
is asked for an object with our marker before anything is sent again. Exactly one: adopted. None, and older than the
vendor's visibility delay: sent again. Several, or no way to look: parked for a person. Never guess, never duplicate.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from shared.clock import Clock
from shared.contracts.keys import key
from shared.outcomes.errors import Busy, Halt, Parked, RateLimited, Rejected, Unavailable
from shared.state.kv import Bucket
from shared.telemetry.run import current_run
from shared.telemetry.traces import note

_KEEP_DONE_S = 30 * 24 * 3600


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One wanted object: its key says what is wanted, not when, so every run that wants it finds the same row."""

    step: str
    entity_type: str
    entity_id: str
    name: str
    """What is made: `upload`, `collection`, …"""
    content: str
    """Hash of the desired content."""
    marker: str
    """What `look` can find it by."""

    @property
    def key(self) -> str:
        """Its row in the journal."""
        return key(self.step, self.entity_type, self.entity_id, self.name, self.content)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the journal."""

    state: Literal["open", "done"]
    since: datetime
    """Of the first try: how far back to look."""
    sent_at: datetime
    """Of the latest try: whether it is too early to conclude that nothing was made."""
    run: str
    fence: int
    marker: str
    generation: int = 1
    """Grows when the vendor has lost the object and it is made anew."""
    vendor_id: str | None = None


Send = Callable[[], Awaitable[str]]
Look = Callable[[Row], Awaitable[Sequence[str]]]


class Journal:
    """Performs effects exactly once each."""

    def __init__(self, bucket: Bucket, clock: Clock) -> None:
        self._bucket = bucket
        self._clock = clock

    async def row(self, effect: Effect) -> Row | None:
        """What is known of an effect, without doing anything."""
        entry = await self._bucket.get(effect.key)
        return _decode(entry.value) if entry else None

    async def receipt(self, effect: Effect) -> str | None:
        """The vendor's id when the effect is done, without doing anything."""
        row = await self.row(effect)
        return row.vendor_id if row and row.state == "done" else None

    async def settle(self, effect: Effect, vendor_id: str) -> None:
        """Closes an intent whose object was met elsewhere. Nothing happens where none is open."""
        entry = await self._bucket.get(effect.key)
        row = _decode(entry.value) if entry else None
        if entry is not None and row is not None and row.state == "open":
            await self._finish(effect, row, entry.revision, vendor_id)

    async def withdraw(self, *segments: str, older_than_s: float) -> bool:
        """Drops an entity's open intents once both its sides agree: what they were for was met and settled, or nobody
        wants it any more. Says whether some are too young for that: their objects may still appear.

        `segments` are the first ones of the keys, such as a step, an entity type and an id.
        """
        ends = self._clock.now() - timedelta(seconds=older_than_s)
        is_young = False
        for name in await self._bucket.keys(f"{key(*segments)}.>"):
            entry = await self._bucket.get(name)
            row = _decode(entry.value) if entry else None
            if entry is None or row is None or row.state != "open":
                continue
            if row.sent_at > ends:
                is_young = True
            else:
                await self._bucket.delete(entry.revision)
        return is_young

    async def perform(
        self, effect: Effect, *, send: Send, look: Look, visible_after_s: float, gone: Sequence[str] = ()
    ) -> str:
        """The vendor's id of the one object. `send` makes it, `look` finds those that carry the row's marker.

        `gone` are ids that the vendor no longer knows: a receipt for one of them starts the next generation.
        Raises what `send` and `look` raise; Parked when the outcome cannot be found out; Busy when another run
        with a later lock has taken over.
        """
        # Mostly nobody has wanted it before, and then no look at the journal is needed.
        intent = _intent(effect, None, self._clock.now())
        revision = await self._bucket.create(effect.key, msgspec.json.encode(intent))
        if revision is not None:
            return await self._send(effect, intent, revision, send)
        entry = await self._bucket.get(effect.key)
        row = _decode(entry.value) if entry else None
        if row is not None and row.state == "done" and row.vendor_id and row.vendor_id not in gone:
            return row.vendor_id
        if row is not None and row.fence > _fence():
            raise Busy("another run has taken this entity over")
        if row is not None and row.state == "open":
            found = await self._resolve(effect, row, look, visible_after_s)
            if found is not None:
                assert entry is not None
                await self._finish(effect, row, entry.revision, found)
                return found
        intent = _intent(effect, row, self._clock.now())
        written = await self._bucket.update(effect.key, msgspec.json.encode(intent), entry.revision if entry else 0)
        if written is None:
            raise Busy("another run has begun the same effect")
        return await self._send(effect, intent, written, send)

    async def _resolve(self, effect: Effect, row: Row, look: Look, visible_after_s: float) -> str | None:
        found = list(dict.fromkeys(await look(row)))
        note("journal look", {"hub.journal.effect": effect.name, "hub.journal.found": len(found)})
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            raise Parked(f"{effect.step} {effect.name}: {len(found)} objects carry the marker; a person must choose")
        if self._clock.now() - row.sent_at < timedelta(seconds=visible_after_s):
            raise Unavailable(f"{effect.step} {effect.name}: outcome unknown, too early to tell")
        return None

    async def _send(self, effect: Effect, opened: Row, revision: int, send: Send) -> str:
        try:
            vendor_id = await send()
        except (Rejected, RateLimited, Halt):
            # A clear no: nothing was made, so nothing is open.
            await self._bucket.delete(revision)
            raise
        await self._finish(effect, opened, revision, vendor_id)
        return vendor_id

    async def _finish(self, effect: Effect, row: Row, revision: int, vendor_id: str) -> None:
        done = msgspec.structs.replace(row, state="done", vendor_id=vendor_id)
        if await self._bucket.update(effect.key, msgspec.json.encode(done), revision, ttl_s=_KEEP_DONE_S) is None:
            raise Busy("another run has settled the same effect")


def _intent(effect: Effect, before: Row | None, now: datetime) -> Row:
    run = current_run()
    is_open = before is not None and before.state == "open"
    return Row(
        state="open",
        since=before.since if before and is_open else now,
        sent_at=now,
        run=run.run_id if run else "",
        fence=_fence(),
        marker=before.marker if before and is_open else effect.marker,
        generation=1 if before is None else before.generation + (not is_open),
    )


def _fence() -> int:
    run = current_run()
    return run.fence if run is not None else 0


def _decode(value: bytes) -> Row:
    return msgspec.json.decode(value, type=Row)
