"""What happened to a record: search, timeline, its dead letters, and asking for its sync."""

import re
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import quote

import msgspec
from aiohttp import web

from console.desk.dead import Letter, letter_of
from console.desk.events import publish
from console.desk.history import Run, runs
from console.desk.identity import sync_event, sync_subjects
from console.desk.reading import at_or_after, batch, ends, forward
from console.web.language import read_moment
from console.web.page import show
from console.web.paths import see
from console.web.pulse import FAILURES, read_run
from console.web.room import Room, session_of
from console.web.views.dead import dead_run
from shared.contracts.events import same_kuerzel
from shared.contracts.keys import token
from shared.contracts.topology import DEAD, HISTORY
from shared.runtime.bus import Bus

_TRACE = re.compile(r"[0-9a-f]{32}")
_TYPES_MAX = 20
_RECENT = 15
_LETTERS_MAX = 3
_CLOCKS = timedelta(seconds=1)
"""How far the worker's and the broker's may differ."""
_NEAR = 32
_FAR = 200


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A run, and the dead letter that it ended in."""

    run: Run
    letter: Letter | None = None


class Entities:
    """Search, timeline, sync."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/entity", self._search),
            web.get("/entity/{entity_type}/{entity_id}", self._look),
            web.post("/entity/{entity_type}/{entity_id}/sync", self._sync),
        ]

    async def _search(self, request: web.Request) -> web.StreamResponse:
        wanted, kind = request.query.get("id", "").strip(), request.query.get("type", "").strip()
        found: list[Run] = []
        if _TRACE.fullmatch(wanted) and not kind:
            found = await by_id(self._room.bus, wanted)
            if not found:
                return see(f"/trace/{wanted}")
        elif wanted and kind:
            return see(path_of(kind, wanted))
        elif wanted:
            found = await by_id(self._room.bus, wanted)
        if len(found) == 1:
            return see(path_of(found[0].entity_type, found[0].entity_id))
        newest: dict[tuple[str, str], Run] = {}
        for run in self._room.pulse.recent:
            newest.setdefault((run.entity_type, run.entity_id), run)
        return show(
            request,
            "search",
            live="" if wanted else "search",
            wanted=wanted,
            found=found,
            recent=list(newest.values())[:_RECENT],
            types=sorted(sync_subjects()),
        )

    async def _look(self, request: web.Request) -> web.Response:
        entity_type, entity_id = request.match_info["entity_type"], request.match_info["entity_id"]
        found = await runs(self._room.bus, entity_type, entity_id)
        entries = await self._entries(list(reversed(found)))
        last = entries[0] if entries else None
        known = same_kuerzel(entity_id) if entity_type == "Employee" else entity_id
        return show(
            request,
            "entity",
            status=200 if entries else 404,
            live=f"entity:{entity_type}/{known}",
            entity_type=entity_type,
            entity_id=entity_id,
            here=path_of(entity_type, entity_id),
            entries=entries,
            last=last,
            state=_state(last),
            can_sync=entity_type in sync_subjects(),
            once=dead_run(),
        )

    async def _sync(self, request: web.Request) -> web.StreamResponse:
        entity_type, entity_id = request.match_info["entity_type"], request.match_info["entity_id"]
        subject = sync_subjects().get(entity_type)
        notes = session_of(request).notes
        if subject is None:
            raise web.HTTPNotFound
        try:
            event = sync_event(subject, entity_type, entity_id, force=False)
        except ValueError:
            notes.append(("bad", "entity.no_id"))
            return see(path_of(entity_type, entity_id))
        operator = self._room.operator(request)
        await operator.record("sync", f"{entity_type} {entity_id}")
        await publish(operator, subject, event)
        self._room.count("sync")
        notes.append(("good", "entity.asked"))
        return see(path_of(entity_type, entity_id))

    async def _entries(self, newest_first: Sequence[Run]) -> list[Entry]:
        found: list[Entry] = []
        looked = 0
        for run in newest_first:
            letter = None
            if run.record.outcome == "dead" and looked < _LETTERS_MAX:
                looked += 1
                letter = await letter_near(self._room.bus, run, within=_NEAR)
                if letter is None and run is newest_first[0]:
                    letter = await letter_near(self._room.bus, run, within=_FAR)
            found.append(Entry(run=run, letter=letter))
        return found


def _state(last: Entry | None) -> str:
    """In one word: `good`, `waits` for its next try, `bad`."""
    if last is None:
        return "unknown"
    outcome = last.run.record.outcome
    return "bad" if outcome in ("dead", "halt") else "waits" if outcome in FAILURES else "good"


def path_of(entity_type: str, entity_id: str) -> str:
    """Where a record's timeline is."""
    return f"/entity/{quote(entity_type, safe='')}/{quote(entity_id, safe='')}"


async def by_id(bus: Bus, entity_id: str) -> list[Run]:
    """The newest run of each record of that id, whatever its type."""
    ids = {token(entity_id), token(same_kuerzel(entity_id))}
    wanted = {"multi_last": [f"history.*.{one}" for one in sorted(ids)], "batch": _TYPES_MAX}
    messages = (await batch(bus, HISTORY.name, wanted)).messages
    return [run for message in messages if (run := read_run(message)) is not None]


async def letter_near(bus: Bus, run: Run, *, within: int) -> Letter | None:
    """A run's letter lies right before the run's record in time, and the stream has no index by event.

    Looked for among the `within` letters up to then.
    """
    at = read_moment(run.record.at)
    if at is None:
        return None
    after = await at_or_after(bus, DEAD.name, at + _CLOCKS)
    if after is None:
        _, last = await ends(bus, DEAD.name)
        after = last + 1
    found = forward(bus, DEAD.name, start=after - within, up_to=after - 1, subject=f"dead.{run.record.subject}")
    letters = [letter_of(message) async for message in found]
    return next((one for one in reversed(letters) if one.event_id == run.record.event_id), None)
