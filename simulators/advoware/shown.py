"""Records as the API shows them, under the switches."""

import re

from simulators.advoware.answers import JsonObject
from simulators.advoware.clock import local, utc
from simulators.advoware.fields import KOMM_ART_OF_KOMM_KZ
from simulators.advoware.records import Akte, Beteiligter, Part, Termin
from simulators.advoware.state import State

_LINE_END = re.compile(r"\r\n|\r|\n")


def beteiligter(state: State, party: Beteiligter) -> JsonObject:
    """A party with its `kommunikation`, as GET has it: there `kommKz` may be hidden by the switch."""
    return {
        **beteiligter_row(state, party),
        "kommunikation": [_hidden(state, kommunikation(party, part)) for part in party.kommunikationen.values()],
    }


def beteiligter_row(state: State, party: Beteiligter) -> JsonObject:
    """A party without its parts, as the assumed list has it."""
    is_local = state.switches.party_timestamps == "local"
    return {
        "betNr": party.bet_nr,
        "rowId": party.row_id,
        **party.values,
        "geaendertAm": local(party.changed_at) if is_local else utc(party.changed_at),
    }


def part(party: Beteiligter, one: Part) -> JsonObject:
    """A Kommunikation, Adresse or Bankverbindung."""
    return {"id": one.id, "betNr": party.bet_nr, "rowId": one.row_id, **one.values}


def kommunikation(party: Beteiligter, one: Part) -> JsonObject:
    """A Kommunikation with its derived `kommArt`."""
    kind = one.values["kommKz"]
    return {**part(party, one), "kommArt": KOMM_ART_OF_KOMM_KZ[kind] if isinstance(kind, int) else None}


def termin(state: State, one: Termin, *, in_list: bool) -> JsonObject:
    """An appointment. `notiz` has CRLF; `text` may carry the matter's reference behind it."""
    rubrum = az_rubrum(state, one)
    suffix = state.switches.rubrum_in_text
    text = str(one.values["text"])
    if rubrum and (suffix == "always" or (suffix == "list" and in_list)):
        text = f"{text} ({rubrum})"
    return {
        "frNr": one.fr_nr,
        **one.values,
        "text": text,
        "notiz": _LINE_END.sub("\r\n", str(one.values["notiz"])),
        "datum": _day(state, one.values["datum"], one.values["uhrzeitVon"]),
        "datumBis": _day(state, one.values["datumBis"], one.values["uhrzeitBis"]),
        "sb": one.sb,
        "azRubrum": rubrum,
        "special": one.special,
        "zuletztGeaendertAm": utc(one.changed_at),
    }


def az_rubrum(state: State, one: Termin) -> str:
    """The reference of the linked matter; empty when there is none."""
    number = one.values["nr"]
    akte = state.akten.get(number) if isinstance(number, int) else None
    if akte is None:
        return ""
    return f"{akte.values['aktenzeichen']} {akte.values['kurzRubrum'] or ''}".strip()


def akte(one: Akte) -> JsonObject:
    """A matter without its history."""
    return {"id": one.id, **one.values, "geaendertAm": utc(one.changed_at)}


def mitarbeiter(state: State, values: JsonObject) -> JsonObject:
    """An employee; `eMail` only where the switch lets it."""
    if state.switches.employee_mail:
        return values
    return {name: value for name, value in values.items() if name != "eMail"}


def _hidden(state: State, row: JsonObject) -> JsonObject:
    if state.switches.komm_kz_shown == "stored":
        return row
    hidden = 0 if state.switches.komm_kz_shown == "zero" else None
    return {**row, "kommKz": hidden, "kommArt": hidden}


def _day(state: State, day: object, time: object) -> str:
    """A stored day in the switch's form; the time beside it counts, whatever stands behind the T."""
    if state.switches.termin_datum == "date":
        return str(day)
    clock = str(time) if time is not None and state.switches.termin_datum == "date_time" else "00:00:00"
    return f"{day}T{clock}"
