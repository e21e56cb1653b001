"""Mails and phones: which values are equal, and which EspoCRM takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beteiligte_worker.fields.kommunikation import for_espocrm, key_of
from beteiligte_worker.model.kommunikation import Kind
from tests.support.kommunikation import typed
from tests.support.kommunikation_cases import DESK, EVA


@pytest.mark.parametrize(
    "value",
    [
        "+49511123456",
        "0511-123456",
        "0511/123456",
        "0511 123 456",
        "(0511) 123456",
        "(+49) 511 123456",
        "+49 (0)511 / 123456",
        "+49 0511 123456",
        "0049 511 123456",
        "0049 (0) 511 – 123456",
        "\u202a+49 511\u00a0123456\u202c",
        "\t0511.123\u2011456 ",
    ],
)
def test_a_number_is_the_same_in_any_spelling(value: str) -> None:
    """As people write it and as it is copied."""
    assert for_espocrm("phone", value) == DESK
    assert key_of("phone", value) == key_of("phone", DESK)


@pytest.mark.parametrize(
    ("value", "number"),
    [("+43 (0)1 5134", "+4315134"), ("+39 06 1234567", "+39061234567"), ("001 212 555 0100", "+12125550100")],
)
def test_other_countries_have_their_own_zeros(value: str, number: str) -> None:
    """Italy's belongs to the number."""
    assert for_espocrm("phone", value) == number


@pytest.mark.parametrize(
    "value",
    [
        "123456",
        "511 123456",
        "110",
        "0110",
        "00",
        "+",
        "+49",
        "0511 123456 (Büro)",
        "0511 123456 App. 12",
        "0511 123456, 0171 1234567",
        "0511 123456 / 0171 1234567",
        "0511 123456789012345",
        "+4900511123",
        "+1 555010012",
        "Durchwahl 12",
        "+49511123456 ext. 5",
        "٠٥١١١٢٣٤٥٦",
        EVA,
        "",
        None,
    ],
)
def test_what_is_no_number_for_certain_is_not_made_one(value: str | None) -> None:
    """Local numbers, remarks, two numbers at once."""
    assert for_espocrm("phone", value) is None


@pytest.mark.parametrize("value", [EVA, " eva@muster.example\u200b", "o'neil+x_y@a-b.c1.example", "a@b.de"])
def test_a_mail_is_carried_in_its_own_spelling(value: str) -> None:
    """Without what is invisible."""
    assert for_espocrm("mail", value) == value.strip(" \u200b")


@pytest.mark.parametrize(
    "value",
    [
        "müller@muster.example",
        "eva@müßig.example",
        "eva@localhost",
        "eva@muster..example",
        "eva@-muster.example",
        ".eva@muster.example",
        "eva@muster.example; ida@muster.example",
        "Eva Muster <eva@muster.example>",
        "mailto:eva@muster.example",
        "DE.BRAK.1234",
        f"{'e' * 65}@muster.example",
        f"e@{'.'.join(['muster' * 9] * 5)}.example",
        "",
        None,
    ],
)
def test_a_mail_that_espocrm_refuses_is_not_sent(value: str | None) -> None:
    """One of them would fail the whole save."""
    assert for_espocrm("mail", value) is None


def test_mails_compare_without_case_and_blanks() -> None:
    """Umlauts too, though EspoCRM takes none."""
    assert key_of("mail", " MÜLLER@Muster.example ") == key_of("mail", "müller@muster.example")
    assert key_of("mail", EVA) != key_of("phone", EVA)
    assert [key_of("phone", empty) for empty in (None, "", " \u200b ")] == [None, None, None]


@given(st.one_of(typed, st.text(max_size=20), st.from_regex(r"\A[(+0][0-9()/ .-]{3,18}\Z")))
def test_what_is_carried_compares_equal_to_what_was_read(value: str | None) -> None:
    """And is carried as itself, so that nothing moves back and forth."""
    kinds: tuple[Kind, ...] = ("mail", "phone")
    for kind in kinds:
        carried = for_espocrm(kind, value)
        if carried is not None:
            assert key_of(kind, carried) == key_of(kind, value)
            assert for_espocrm(kind, carried) == carried
