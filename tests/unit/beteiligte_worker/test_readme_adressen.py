"""The table of addresses in beteiligte_worker/README.md, run case by case against the code."""

import itertools
from functools import partial

import pytest

from beteiligte_worker.fields.adressen import BY_ATTRIBUTE, PAIRS, advoware_adresse, espocrm_adresse, marker
from beteiligte_worker.model.adressen import AgreedAdresse
from tests.support.party_parts import Adressen, Json
from tests.support.readme import One, cases, entries, holds

_IDS, _NUMBERS = ("65f1c0ffee0000001", "65f1c0ffee0000002"), (7, 8)
_ADDRESSEE, _OTHER_BLOCK, _GIVEN = "Möbelhaus Übersee GmbH", "Schließfach im Hafen", "Zuhause"


def _place(street: str | None, code: str | None, city: str | None) -> Json:
    return {"adresseStreet": street, "adressePostalCode": code, "adresseCity": city}


_PLACES = {
    "a": _place("Große Bleichen 17", "20354", "Hamburg"),
    "A": _place("Grosse Bleichen 17", "20354", "HAMBURG"),
    "b": _place("Jungfernstieg 1", "24937", "Köln"),
    "c": _place("Am Bühl 3", "79098", "Freiburg"),
    "x": _place("Große Bleichen 17", "20354", "Hamburg <Altstadt>"),
    "-": _place(None, None, None),
}
_NEXT_TO_NOTHING = dict.fromkeys(("adresseCountry", "postfach", "postfachPLZ", "validUntil"))
_REST: dict[str, Json] = {
    "1": _NEXT_TO_NOTHING | {"isPrimary": False, "validFrom": "1949-05-23"},
    "2": {
        "adresseCountry": "Österreich",
        "postfach": "12 34",
        "postfachPLZ": "6020",
        "isPrimary": True,
        "validFrom": "2001-01-31",
        "validUntil": "2031-12-31",
    },
    "3": {
        "adresseCountry": "Schweiz",
        "postfach": "56",
        "postfachPLZ": "4001",
        "isPrimary": True,
        "validFrom": "2002-02-28",
        "validUntil": "2032-12-31",
    },
}
_REST["0"] = _REST["1"] | {"validUntil": "2026-03-09"}
_NAMES = {
    tuple(espocrm_adresse({"id": "", **_PLACES[letter], **_REST[digit]}).values.items()): letter + digit
    for letter, digit in itertools.product(_PLACES, _REST)
}
_WORDS = {
    **{
        name: {BY_ATTRIBUTE[key].label: BY_ATTRIBUTE[key].shown(value) for key, value in values.items()}
        for name, values in (_PLACES | _REST).items()
    },
    "~": {"Anschrift bisher": _OTHER_BLOCK},
}


def _lines(letter: str) -> list[str]:
    """The place as it stands on a letter; of a mixture nothing."""
    street, code, city = _PLACES[letter].values() if letter in _PLACES else (None, None, None)
    return [street, f"{code} {city}"] if street else []


def _record(at: int, one: One, name: str | None, *, is_known: bool) -> Json:
    return {
        "id": _IDS[at],
        "name": name or ", ".join(_lines(one.letter)),
        **_PLACES[one.letter],
        **_REST[one.digit],
        "isActive": one.is_on,
        "advowareAdressId": _NUMBERS[at] if is_known else None,
        "advowareRowId": f"R{_NUMBERS[at]}" if is_known else None,
        "syncStatus": "clean" if is_known else None,
    }


def _row(at: int, one: One) -> Json:
    values = _PLACES[one.letter] | _REST[one.digit]
    instants = {name: f"{values[name]}T00:00:00" for name in ("validFrom", "validUntil") if values[name]}
    return {
        **{pair.advoware: (values | instants)[pair.espocrm] for pair in PAIRS},
        "id": _NUMBERS[at],
        "rowId": f"R{_NUMBERS[at]}",
        "anschrift": _OTHER_BLOCK if one.has_other_block else "\r\n".join([_ADDRESSEE, *_lines(one.letter)]),
        "bemerkung": marker(_IDS[0]) if one.is_marked else None,
        "reihenfolgeIndex": 2,
    }


def _agreed(at: int, one: One) -> AgreedAdresse:
    values = espocrm_adresse(_record(at, one, _GIVEN, is_known=True)).values
    return AgreedAdresse(espocrm_id=_IDS[at], advoware_id=_NUMBERS[at], values=values, deactivated=not one.is_on)


def _remembered(world: Adressen) -> str:
    told = [(_NAMES[tuple(pair.values.items())], pair.deactivated) for pair in world.agreed]
    return " ".join(f"({one})" if is_off else one for one, is_off in told) or "–"


def _content(world: Adressen, addressed: set[int]) -> tuple[str, str]:
    """Both sides as the table has them. `addressed`: rows with an addressee in `anschrift`, whom no run may lose."""
    records, rows = [], []
    for record in map(espocrm_adresse, world.records.values()):
        told = _NAMES.get(tuple(record.values.items()), "?")
        records.append(told if record.is_active else f"({told})")
    for row in map(advoware_adresse, world.rows.values()):
        told = _NAMES.get(tuple(row.values.items()), "?")
        block = "\n".join([*([_ADDRESSEE] if row.id in addressed else []), *_lines(told[0])])
        assert row.marker in (None, _IDS[0])
        rows.append(told + "~" * (row.anschrift != block) + "*" * (row.marker is not None))
    return " ".join(records) or "–", " ".join(rows) or "–"


@pytest.mark.parametrize("name", [_GIVEN, None], ids=["named", "unnamed"])
@pytest.mark.parametrize("case", cases("beteiligte_worker/README.md", "Adressen", 7), ids=" | ".join)
def test_the_table_of_addresses_is_true(case: list[str], name: str | None) -> None:
    """As each case says; a given name stays, a composed one follows; the number is the row's, what is equal agreed."""
    _, espocrm, advoware, agreed, then_espocrm, *_ = case
    known = entries(agreed)
    world = Adressen(
        [_record(at, one, name, is_known=at < len(known)) for at, one in entries(espocrm)],
        [_row(at, one) for at, one in entries(advoware)],
        tuple(_agreed(at, one) for at, one in known),
    )
    assert _remembered(world) == agreed
    names = [name or ", ".join(_lines(one.letter)) for _, one in entries(espocrm)]
    if then_espocrm[0] != "=":
        made = espocrm == "–"
        then = entries(then_espocrm.replace("!", ""))
        names = [", ".join(_lines(one.letter)) if made or name is None else name for _, one in then]
    addressed = {_NUMBERS[at] for at, one in entries(advoware) if not one.has_other_block}
    holds(case, world, partial(_content, world, addressed), _WORDS)
    assert [record["name"] for record in world.records.values()] == names
    for pair in world.agreed:
        if pair.espocrm_id in world.records and pair.advoware_id in world.rows:
            record, row = world.records[pair.espocrm_id], world.rows[pair.advoware_id]
            assert record["advowareAdressId"] == row["id"]
            both = espocrm_adresse(record).values.items() & advoware_adresse(row).values.items()
            assert both <= pair.values.items()
