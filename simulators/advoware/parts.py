"""What hangs on a party: Kommunikationen, Adressen, Bankverbindungen, each with the few calls it has."""

from aiohttp import web

from simulators.advoware import shown
from simulators.advoware.answers import JsonObject, Refused, answer, json_object, nothing
from simulators.advoware.beteiligte import find_party, refuse_stale
from simulators.advoware.fields import ADRESSE, BANKVERBINDUNG, KOMMUNIKATION, Table
from simulators.advoware.records import Part
from simulators.advoware.routing import Call
from simulators.advoware.state import State, find
from simulators.advoware.values import created, stored_by_put, updated


class KommunikationenApi:
    """Handlers of `…/Kommunikationen`: POST and PUT; reading is the party's own answer."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def create(self, call: Call) -> web.Response:
        party = find_party(self._state, call)
        values = created(KOMMUNIKATION, await json_object(call.request))
        return answer(shown.kommunikation(party, self._state.add_part(party.kommunikationen, values)))

    async def update(self, call: Call) -> web.Response:
        """`kommKz` is not heard."""
        party = find_party(self._state, call)
        part = find(party.kommunikationen, call.place("id"))
        _store(self._state, KOMMUNIKATION, part, await json_object(call.request))
        return _put_answer(self._state, shown.kommunikation(party, part))


class AdressenApi:
    """Handlers of `…/Adressen`: GET, POST, PUT of four fields."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def list(self, call: Call) -> web.Response:
        party = find_party(self._state, call)
        return answer([shown.part(party, part) for part in party.adressen.values()])

    async def create(self, call: Call) -> web.Response:
        """Every field is stored; without an index it goes behind the others."""
        party = find_party(self._state, call)
        values = created(ADRESSE, await json_object(call.request))
        if values["reihenfolgeIndex"] is None:
            values["reihenfolgeIndex"] = next_index(party.adressen)
        return answer(shown.part(party, self._state.add_part(party.adressen, values)))

    async def update(self, call: Call) -> web.Response:
        """`strasse`, `plz`, `ort` and `anschrift` are stored, the others not heard."""
        party = find_party(self._state, call)
        part = self._find(party.adressen, call.place("id"))
        _store(self._state, ADRESSE, part, await json_object(call.request))
        return _put_answer(self._state, shown.part(party, part))

    def _find(self, parts: dict[int, Part], key: int) -> Part:
        if self._state.switches.adressen_put_key == "id":
            return find(parts, key)
        for part in parts.values():
            if part.values["reihenfolgeIndex"] == key:
                return part
        raise Refused(404)


class BankverbindungenApi:
    """Handlers of `…/Bankverbindungen`: GET and POST."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def list(self, call: Call) -> web.Response:
        party = find_party(self._state, call)
        return answer([shown.part(party, part) for part in party.bankverbindungen.values()])

    async def create(self, call: Call) -> web.Response:
        party = find_party(self._state, call)
        values = created(BANKVERBINDUNG, await json_object(call.request))
        return answer(shown.part(party, self._state.add_part(party.bankverbindungen, values)))


def next_index(adressen: dict[int, Part]) -> int:
    """The `reihenfolgeIndex` behind all others, from 1."""
    taken = [part.values["reihenfolgeIndex"] for part in adressen.values()]
    return max((index for index in taken if isinstance(index, int)), default=0) + 1


def _store(state: State, table: Table, part: Part, body: JsonObject) -> None:
    refuse_stale(state, part.row_id, body.get("rowId"))
    reset = state.switches.put_missing == "reset"
    state.change_part(part, updated(table, part.values, body, stores=stored_by_put(table), reset=reset))


def _put_answer(state: State, row: JsonObject) -> web.Response:
    return nothing() if state.switches.put_answers == "nothing" else answer(row)
