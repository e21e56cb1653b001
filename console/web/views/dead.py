"""Dead letters: found by filters, published again, dropped."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from console.desk import dead
from console.desk.dead import Filters, Letter
from console.desk.events import new_run
from console.desk.moments import moment
from console.desk.names import BadName, subject
from console.web.page import show
from console.web.paths import local_path, see
from console.web.room import Room, session_of
from shared.contracts.subjects import SUBJECTS

_PAGE = 50
_AT_ONCE_MAX = 500
_AGES = ("1h", "1d", "7d", "30d")
_KINDS = (
    "Malformed", "Rejected", "NotFound", "Refused", "Parked", "Crashed", "Unavailable", "Bug",
)  # fmt: skip
_NAMED_MAX = 10
_ONCE = re.compile(r"[0-9a-f]{12}")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The filters as they were typed."""

    subject: str = ""
    kind: str = ""
    reason: str = ""
    newer: str = ""
    older: str = ""

    def query(self, **more: object) -> str:
        """As part of an address."""
        told = {**msgspec.structs.asdict(self), **more}
        return urlencode({name: value for name, value in told.items() if value})


class Dead:
    """A page of letters, one letter, and the two deeds."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/dead", self._look),
            web.get(r"/dead/{sequence:\d{1,15}}", self._one),
            web.post("/dead/replay", self._replay),
            web.post("/dead/drop", self._drop),
        ]

    async def _look(self, request: web.Request) -> web.Response:
        asked = msgspec.convert({name: request.query.get(name, "").strip() for name in Asked.__struct_fields__}, Asked)
        before = request.query.get("before", "")
        wrong = ""
        page = dead.Page(letters=[], total=0)
        try:
            filters = _filters(asked, self._room)
        except BadName:
            wrong = "dead.no_subject"
        except ValueError:
            wrong = "dead.no_moment"
        else:
            at = int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else None
            page = await dead.page(self._room.bus, filters, wanted=_PAGE, before=at)
        more = asked.query(before=page.letters[-1].sequence) if len(page.letters) == _PAGE else ""
        return show(
            request,
            "dead",
            live="" if before else "dead",
            asked=asked,
            page=page,
            more=more,
            wrong=wrong,
            kinds=_KINDS,
            ages=_AGES,
            subjects=[one.name for one in SUBJECTS],
            once=dead_run(),
        )

    async def _one(self, request: web.Request) -> web.Response:
        letter = await dead.show(self._room.bus, int(request.match_info["sequence"]))
        if letter is None:
            return show(request, "letter", status=404, letter=None, once="")
        return show(request, "letter", letter=letter, once=dead_run())

    async def _replay(self, request: web.Request) -> web.Response:
        form = await request.post()
        chosen, back, notes = _asked(request, form)
        if not chosen:
            return see(back)
        operator = self._room.operator(request)
        await operator.record("replay", _about(chosen), count=len(chosen))
        told = str(form.get("once", ""))
        run = told if _ONCE.fullmatch(told) else dead_run()
        done = [await dead.replay(operator, sequence, run=run) for sequence in chosen]
        self._room.count("replay", sum(done))
        notes.append(("good", "dead.replayed") if all(done) else ("bad", "dead.some_gone"))
        return see(back)

    async def _drop(self, request: web.Request) -> web.Response:
        form = await request.post()
        chosen, back, notes = _asked(request, form)
        if not chosen:
            return see(back)
        if form.get("sure") != "yes":
            return show(request, "sure_drop", sequences=chosen, back=back, letters=await self._letters(chosen))
        operator = self._room.operator(request)
        await operator.record("drop", _about(chosen), count=len(chosen))
        done = [await dead.drop(operator, sequence) for sequence in chosen]
        self._room.count("drop", sum(done))
        self._room.changes.tell("dead")
        notes.append(("good", "dead.dropped") if all(done) else ("bad", "dead.some_gone"))
        return see(back)

    async def _letters(self, chosen: list[int]) -> list[Letter]:
        found = [await dead.show(self._room.bus, sequence) for sequence in chosen[:_PAGE]]
        return [one for one in found if one is not None]


def dead_run() -> str:
    """Names one press of a button: pressed twice, it is still one."""
    return new_run()


def _filters(asked: Asked, room: Room) -> Filters:
    """Raises ValueError; a BadName among them is about the subject."""
    if asked.subject:
        subject(asked.subject)

    def at(text: str) -> datetime | None:
        return moment(text, now=room.clock.now(), zone=room.zone) if text else None

    return Filters(
        subject=asked.subject, kind=asked.kind, reason=asked.reason, newer=at(asked.newer), older=at(asked.older)
    )


def _asked(request: web.Request, form: Mapping[str, Any]) -> tuple[list[int], str, list[tuple[str, str]]]:
    """Which letters, the page to go back to, and what is to be said there; that there are none already is."""
    chosen, notes = _chosen(form), session_of(request).notes
    if not chosen:
        notes.append(("bad", "dead.none_chosen"))
    return chosen, local_path(form.get("back"), "/dead"), notes


def _chosen(form: Mapping[str, Any]) -> list[int]:
    """The one whose own button was pressed, else those that are ticked."""
    only = form.get("only")
    told = [only] if only else form.getall("sequence", [])  # type: ignore[attr-defined]
    good = [int(one) for one in told if isinstance(one, str) and one.isascii() and one.isdecimal() and len(one) < 16]
    return list(dict.fromkeys(good))[:_AT_ONCE_MAX]


def _about(chosen: list[int]) -> str:
    more = f" … {len(chosen) - _NAMED_MAX} more" if len(chosen) > _NAMED_MAX else ""
    return f"dead {' '.join(str(one) for one in chosen[:_NAMED_MAX])}{more}"
