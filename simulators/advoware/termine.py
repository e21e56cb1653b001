"""Appointments: list by owner and days, one by `frnr`, create, replace, delete."""

import datetime as dt

from aiohttp import web

from simulators.advoware import shown
from simulators.advoware.answers import JsonObject, Refused, answer, json_object, nothing, number
from simulators.advoware.fields import TERMIN
from simulators.advoware.records import Termin
from simulators.advoware.routing import Call
from simulators.advoware.state import State, find
from simulators.advoware.values import created, day

# Lower case; the first stands for an empty `anwalt`.
_EVERYBODY = frozenset({"", "alle", "allgemein"})
_LONGEST = dt.timedelta(hours=23, minutes=59)


class TermineApi:
    """Handlers of `/api/v1/advonet/Termine`. Query names count exactly as written: `frNr` is not `frnr`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def get(self, call: Call) -> web.Response:
        """One with `frnr`; without it the list, and every filter that is absent or misspelt filters nothing."""
        if "frnr" not in call.request.query:
            return answer(self._list(call))
        as_list = self._state.switches.termin_single == "list"
        termin = self._state.termine.get(number(call.request.query["frnr"]))
        if termin is None and not as_list:
            raise Refused(404)
        rows = [] if termin is None else [shown.termin(self._state, termin, in_list=False)]
        return answer(rows if as_list else rows[0])

    async def create(self, call: Call) -> web.Response:
        """The body of the answer is the new number."""
        values = checked(self._state, await json_object(call.request))
        termin = self._state.add_termin(values, sb=call.user)
        as_object = self._state.switches.termin_created == "object"
        return answer({"frNr": termin.fr_nr} if as_object else termin.fr_nr)

    async def update(self, call: Call) -> web.Response:
        """Takes the complete object: what it lacks goes back to its default."""
        termin = self._writable(call)
        self._state.change_termin(termin, checked(self._state, await json_object(call.request)))
        if self._state.switches.put_answers == "nothing":
            return nothing()
        return answer(shown.termin(self._state, termin, in_list=False))

    async def delete(self, call: Call) -> web.Response:
        del self._state.termine[self._writable(call).fr_nr]
        return nothing()

    def _writable(self, call: Call) -> Termin:
        """The one of `frnr`. Refuses virtual ones and other people's private ones with 403."""
        if "frnr" not in call.request.query:
            raise Refused(400, "The frnr parameter is required.")
        termin = find(self._state.termine, number(call.request.query["frnr"]))
        if termin.fr_nr < 0:
            raise Refused(403, "Virtual entries cannot be changed.")
        if termin.values["privat"] and call.user.lower() not in (termin.sb.lower(), owner(termin)):
            raise Refused(403, "Private entries of others cannot be changed.")
        return termin

    def _list(self, call: Call) -> list[JsonObject]:
        query = call.request.query
        first = day(query["from"]) if "from" in query else dt.date.min
        last = day(query["to"]) if "to" in query else dt.date.max
        if last < first:
            raise Refused(400, "to must not be before from.")
        wanted = {query["kuerzel"].lower()} if "kuerzel" in query else None
        if wanted is not None and self._state.switches.everybodys_in_lists:
            wanted |= _EVERYBODY
        rows = [
            termin
            for termin in self._state.termine.values()
            if (wanted is None or owner(termin) in wanted) and overlaps(termin.values, first, last)
        ]
        rows.sort(key=lambda termin: (str(termin.values["datum"]), str(termin.values["uhrzeitVon"]), termin.fr_nr))
        return [shown.termin(self._state, termin, in_list=True) for termin in rows]


def owner(termin: Termin) -> str:
    """The owner's Kürzel in lower case."""
    return str(termin.values["anwalt"] or "").strip().lower()


def overlaps(values: JsonObject, first: dt.date, last: dt.date) -> bool:
    """Whether its own days meet the window, both ends included; a series counts from its first day to its last."""
    begin = dt.date.fromisoformat(str(values["datum"]))
    end = dt.date.fromisoformat(str(values["datumBis"]))
    return begin <= last and first <= end


def checked(state: State, body: JsonObject) -> JsonObject:
    """A whole appointment. Raises Refused(400) for an end before its start, a series without rule, an unknown Akte."""
    values = created(TERMIN, body)
    values["datumBis"] = values["datumBis"] or values["datum"]
    number_of_akte = values["nr"]
    if isinstance(number_of_akte, int) and number_of_akte > 0 and number_of_akte not in state.akten:
        raise Refused(400, "nr is not an Akte.")
    begin, end = _moment(values["datum"], values["uhrzeitVon"]), _moment(values["datumBis"], values["uhrzeitBis"])
    if values["dauertermin"]:
        _check_series(values)
    elif end.date() < begin.date() or (values["uhrzeitBis"] is not None and end < begin):
        raise Refused(400, "The end must not be before the start.")
    return values


def _check_series(values: JsonObject) -> None:
    """Each occurrence ends on its own day and lasts 23:59 at most; `datumBis` is the last day of the series."""
    if not values["turnus"] or not values["turnusArt"]:
        raise Refused(400, "A series needs turnus above 0 and turnusArt from 1 to 4.")
    if str(values["datumBis"]) < str(values["datum"]):
        raise Refused(400, "The series must not end before it starts.")
    if values["uhrzeitBis"] is None:
        return
    lasts = _moment(values["datum"], values["uhrzeitBis"]) - _moment(values["datum"], values["uhrzeitVon"])
    if not dt.timedelta() <= lasts <= _LONGEST:
        raise Refused(400, "An occurrence must end on its own day and last 23:59 at most.")


def _moment(day_of: object, time: object) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{day_of}T{time or '00:00:00'}")
