"""Parties: look, create, change, and the list that may not exist."""

import datetime as dt

from aiohttp import web

from simulators.advoware import shown
from simulators.advoware.answers import Refused, answer, json_object, nothing, number
from simulators.advoware.clock import from_utc
from simulators.advoware.fields import BETEILIGTER
from simulators.advoware.records import Beteiligter
from simulators.advoware.routing import Call, wrong_method
from simulators.advoware.state import State, find
from simulators.advoware.values import created, stored_by_put, updated

_LIMIT, _MOST = 100, 1000


class BeteiligteApi:
    """Handlers of `/api/v1/advonet/Beteiligte`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def get(self, call: Call) -> web.Response:
        return answer(shown.beteiligter(self._state, find_party(self._state, call)))

    async def create(self, call: Call) -> web.Response:
        """Every field of the table is stored; answers the party with its betNr."""
        values = created(BETEILIGTER, await json_object(call.request))
        return answer(shown.beteiligter(self._state, self._state.add_beteiligter(values)))

    async def update(self, call: Call) -> web.Response:
        """Stores what PUT stores and says nothing of the rest."""
        party, body, switches = find_party(self._state, call), await json_object(call.request), self._state.switches
        refuse_stale(self._state, party.row_id, body.get("rowId"))
        chosen = switches.beteiligte_put_stores
        stores = stored_by_put(BETEILIGTER) if chosen is None else frozenset(chosen)
        values = updated(BETEILIGTER, party.values, body, stores=stores, reset=switches.put_missing == "reset")
        self._state.change_beteiligter(party, values)
        return nothing() if switches.put_answers == "nothing" else answer(shown.beteiligter(self._state, party))

    async def page(self, call: Call) -> web.Response:
        """A list by betNr, only where the switch has one: `limit`, `offset`, `geaendertSeit` (inclusive, UTC)."""
        if not self._state.switches.beteiligte_list:
            raise wrong_method("GET")
        query = call.request.query
        limit, offset = number(query.get("limit", str(_LIMIT))), number(query.get("offset", "0"))
        if not 1 <= limit <= _MOST or offset < 0:
            raise Refused(400, f"limit must be 1 to {_MOST} and offset not negative.")
        since = _since(query.get("geaendertSeit", ""))
        rows = [party for _, party in sorted(self._state.beteiligte.items()) if party.changed_at >= since]
        return answer([shown.beteiligter_row(self._state, party) for party in rows[offset : offset + limit]])


def find_party(state: State, call: Call) -> Beteiligter:
    """The party of the path. Raises Refused(404)."""
    return find(state.beteiligte, call.place("betnr"))


def refuse_stale(state: State, current: str, sent: object) -> None:
    """Refused(409) for a rowId that is not the current one, where the switch checks it; none sent is none checked."""
    if state.switches.check_row_id and sent is not None and sent != current:
        raise Refused(409, "The record was changed in the meantime.")


def _since(text: str) -> float:
    if not text:
        return 0.0
    try:
        return from_utc(text) if "T" in text else dt.datetime.fromisoformat(f"{text}T00:00:00Z").timestamp()
    except ValueError:
        raise Refused(400, "The value is not valid.") from None
