"""Who works on what, and taking a lock from its run."""

import msgspec
from aiohttp import web

from console.desk.locks import Lock, break_lock, locks
from console.web.page import show
from console.web.paths import see
from console.web.room import Room, session_of
from shared.contracts.keys import segments_of


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A lock and the record that its key names."""

    lock: Lock
    step: str
    entity_type: str
    entity_id: str


class Locks:
    """The locks that are held now."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/locks", self._look), web.post("/locks/break", self._break)]

    async def _look(self, request: web.Request) -> web.Response:
        return show(request, "locks", live="locks", held=[_held(one) for one in await locks(self._room.bus)])

    async def _break(self, request: web.Request) -> web.Response:
        form = await request.post()
        key, run, since = (str(form.get(field, "")) for field in ("key", "run", "since"))
        # Exactly the run that was shown: a later one has done nothing wrong.
        found = [one for one in await locks(self._room.bus) if (one.key, one.run, one.since) == (key, run, since)]
        if not found:
            session_of(request).notes.append(("bad", "locks.gone"))
            return see("/locks")
        if form.get("sure") != "yes":
            return show(request, "sure_break", one=_held(found[0]))
        is_broken = await break_lock(self._room.operator(request), found[0])
        self._room.count("break")
        session_of(request).notes.append(("good", "locks.broken") if is_broken else ("bad", "locks.gone"))
        return see("/locks")


def _held(one: Lock) -> Held:
    try:
        step, entity_type, entity_id, *_ = segments_of(one.key)
    except (ValueError, UnicodeDecodeError):
        step, entity_type, entity_id = one.key, "", ""
    return Held(lock=one, step=step, entity_type=entity_type, entity_id=entity_id)
