"""Matters and their history."""

from aiohttp import web

from simulators.advoware import shown
from simulators.advoware.answers import JsonObject, answer, json_object
from simulators.advoware.fields import HISTORY
from simulators.advoware.routing import Call
from simulators.advoware.state import State, find
from simulators.advoware.values import created


class AktenApi:
    """Handlers of `/api/v1/Akten` and `/api/v1/advonet/Akten/{id}`, with `History`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def list(self, call: Call) -> web.Response:
        """Those whose reference, short title or client has the words of `Search`; all without it."""
        words = {name.lower(): value for name, value in call.request.query.items()}.get("search", "").lower()
        rows = [row for row in self._state.akten.values() if words in _searched(row.values)]
        return answer([shown.akte(row) for row in rows])

    async def get(self, call: Call) -> web.Response:
        return answer(shown.akte(find(self._state.akten, call.place("id"))))

    async def history(self, call: Call) -> web.Response:
        return answer(find(self._state.akten, call.place("id")).history)

    async def add_history(self, call: Call) -> web.Response:
        """Answers the entry with its number, which counts per Akte."""
        akte = find(self._state.akten, call.place("id"))
        values = created(HISTORY, await json_object(call.request))
        entry: JsonObject = {"hNr": len(akte.history) + 1, **values, "sb": call.user}
        akte.history.append(entry)
        return answer(entry)


def _searched(values: JsonObject) -> str:
    return " ".join(str(values[name] or "") for name in ("aktenzeichen", "kurzRubrum", "mandant")).lower()
