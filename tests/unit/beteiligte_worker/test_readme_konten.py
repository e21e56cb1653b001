"""The table of bank accounts in beteiligte_worker/README.md, run case by case against the code."""

import itertools
from functools import partial

import pytest

from beteiligte_worker.fields.bankverbindungen import PAIRS, advoware_konto, espocrm_konto
from beteiligte_worker.model.bankverbindungen import AgreedKonto
from tests.support.party_parts import Json, Konten
from tests.support.readme import One, cases, entries, holds

_IDS, _NUMBERS = ("65f1c0ffee0000001", "65f1c0ffee0000002"), (7, 8)
# Examples that banks and registries publish, and one with wrong check digits.
_IBANS: dict[str, Json] = {
    "a": {"iban": "DE89370400440532013000"},
    "b": {"iban": "AT611904300234573201"},
    "c": {"iban": "DE02120300000000202051"},
    "x": {"iban": "DE88370400440532013000"},
    "-": {"iban": None},
}
_REST: dict[str, Json] = {
    "1": {"bic": "COBADEFF", "kontoinhaber": "Jörg Müßig", "bankname": None},
    "2": {"bic": "BYLADEM1001", "kontoinhaber": "Jörg Müßig-Weiß", "bankname": "Sparkasse"},
}
_NAMES = {
    tuple(espocrm_konto({"id": "", **_IBANS[letter], **_REST[digit]}).values.items()): letter + digit
    for letter, digit in itertools.product(_IBANS, _REST)
}
_WORDS = {letter: {"IBAN": str(one["iban"])} for letter, one in _IBANS.items()}


def _record(at: int, one: One, *, is_known: bool) -> Json:
    return {
        "id": _IDS[at],
        **_IBANS[one.letter],
        **_REST[one.digit],
        "istAktiv": one.is_on,
        "advowareKontoId": _NUMBERS[at] if is_known else None,
        "syncStatus": "clean" if is_known else None,
    }


def _row(at: int, one: One) -> Json:
    values = _IBANS[one.letter] | _REST[one.digit]
    named = {pair.advoware: values[pair.espocrm] for pair in PAIRS}
    return {**named, "id": _NUMBERS[at], "rowId": f"R{_NUMBERS[at]}", "kontoNr": None}


def _agreed(at: int, one: One) -> AgreedKonto:
    values = espocrm_konto(_record(at, one, is_known=True)).values
    return AgreedKonto(espocrm_id=_IDS[at], advoware_id=_NUMBERS[at], values=values)


def _content(world: Konten) -> tuple[str, str]:
    """Both sides as the table has them."""
    records = []
    for record in map(espocrm_konto, world.records.values()):
        told = _NAMES.get(tuple(record.values.items()), "?")
        records.append(told if record.is_active else f"({told})")
    rows = [_NAMES.get(tuple(row.values.items()), "?") for row in map(advoware_konto, world.rows.values())]
    return " ".join(records) or "–", " ".join(rows) or "–"


@pytest.mark.parametrize("case", cases("beteiligte_worker/README.md", "Bankverbindungen", 7), ids=" | ".join)
def test_the_table_of_accounts_is_true(case: list[str]) -> None:
    """As each case says; the number is the row's, and what is equal counts as agreed."""
    _, espocrm, advoware, agreed, *_ = case
    known = entries(agreed)
    world = Konten(
        [_record(at, one, is_known=at < len(known)) for at, one in entries(espocrm)],
        [_row(at, one) for at, one in entries(advoware)],
        tuple(_agreed(at, one) for at, one in known),
    )
    assert agreed == (" ".join(_NAMES[tuple(pair.values.items())] for pair in world.agreed) or "–")
    holds(case, world, partial(_content, world), _WORDS)
    for pair in world.agreed:
        if pair.espocrm_id in world.records and pair.advoware_id in world.rows:
            record, row = world.records[pair.espocrm_id], world.rows[pair.advoware_id]
            assert record["advowareKontoId"] == row["id"]
            both = espocrm_konto(record).values.items() & advoware_konto(row).values.items()
            assert both <= pair.values.items()
