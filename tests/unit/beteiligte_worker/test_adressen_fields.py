"""Values of addresses: read, compared, composed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beteiligte_worker.fields.adressen import (
    BY_ATTRIBUTE,
    Kind,
    advoware_adresse,
    anschrift,
    canonical,
    composed_name,
    espocrm_adresse,
    marked,
    marker,
    moved_anschrift,
    normal,
    place,
    told,
)

HOME = {"adresseStreet": "Hauptstraße 5", "adressePostalCode": "79098", "adresseCity": "Freiburg im Breisgau"}


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("", "text", None),
        ("   ", "text", None),
        (None, "text", None),
        (" Große Bleichen 1–3 ", "text", "Große Bleichen 1–3"),
        ("Hinterhaus\r\nHauptstraße 5", "text", "Hinterhaus\nHauptstraße 5"),
        (79098, "text", "79098"),
        ("1949-05-23T00:00:00", "date", "1949-05-23"),
        ("1949-05-23", "date", "1949-05-23"),
        ("", "date", None),
        (None, "flag", None),
        (False, "flag", None),
        (0, "flag", None),
        (1, "flag", True),
        (True, "flag", True),
        ("true", "flag", True),
    ],
)
def test_empty_is_nothing_and_line_ends_are_one(value: object, kind: Kind, expected: object) -> None:
    """What differs in form only compares equal."""
    assert normal(value, kind) == expected


@given(st.text())
def test_what_is_told_reads_back(text: str) -> None:
    """A value that is told to Advoware and read back is the same."""
    value = normal(text, "text")
    assert normal(told(value, "text"), "text") == value


@pytest.mark.parametrize(
    ("bemerkung", "expected"),
    [
        ("EspoCRM-ID: 65f1c0ffee1234567", "65f1c0ffee1234567"),
        ("  espocrm-id:65f1c0ffee1234567", "65f1c0ffee1234567"),
        ("Nur vormittags!\r\nEspoCRM-ID : 65f1c0ffee1234567 (bitte nicht löschen)", "65f1c0ffee1234567"),
        ("EspoCRM ID: 65f1c0ffee1234567.", "65f1c0ffee1234567"),
        ("EspoCRM-ID:", None),
        ("Wohnt bei der Mutter", None),
        ("", None),
        (None, None),
        (17, None),
    ],
)
def test_marker_is_found_among_other_words(bemerkung: object, expected: str | None) -> None:
    """Staff may have written around it."""
    assert marked(bemerkung) == expected


def test_marker_reads_back() -> None:
    """What is written is what is read."""
    assert marker("65f1c0ffee1234567") == "EspoCRM-ID: 65f1c0ffee1234567"
    assert marked(marker("65f1c0ffee1234567")) == "65f1c0ffee1234567"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (HOME, "Hauptstraße 5\n79098 Freiburg im Breisgau"),
        ({**HOME, "adresseCountry": "Deutschland"}, "Hauptstraße 5\n79098 Freiburg im Breisgau"),
        ({**HOME, "adresseCountry": "Österreich"}, "Hauptstraße 5\n79098 Freiburg im Breisgau\nÖsterreich"),
        (
            {**HOME, "adresseStreet": "Hinterhaus\nHauptstraße 5"},
            "Hinterhaus\nHauptstraße 5\n79098 Freiburg im Breisgau",
        ),
        ({"postfach": "12 34", "postfachPLZ": "20095", "adresseCity": "Hamburg"}, "Postfach 12 34\n20095 Hamburg"),
        (
            {"postfach": "12 34", "adressePostalCode": "20095", "adresseCity": "Hamburg"},
            "Postfach 12 34\n20095 Hamburg",
        ),
        ({"adresseCity": "Ören"}, "Ören"),
        ({}, None),
    ],
)
def test_anschrift_is_the_whole_address(values: dict[str, str], expected: str | None) -> None:
    """As it stands on a letter, without the recipient."""
    assert anschrift(values) == expected


@pytest.mark.parametrize(
    ("present", "expected", "loses"),
    [
        (None, "Weg 2\n79098 Freiburg im Breisgau", False),
        ("Hauptstraße 5\n79098 Freiburg im Breisgau", "Weg 2\n79098 Freiburg im Breisgau", False),
        (
            "Müller & Söhne GmbH\nz. Hd. Frau Weiß\nHauptstraße 5\n79098 Freiburg im Breisgau",
            "Müller & Söhne GmbH\nz. Hd. Frau Weiß\nWeg 2\n79098 Freiburg im Breisgau",
            False,
        ),
        ("Schließfach am Hauptbahnhof", "Weg 2\n79098 Freiburg im Breisgau", True),
        ("Alte Hauptstraße 5\n79098 Freiburg im Breisgau", "Weg 2\n79098 Freiburg im Breisgau", True),
    ],
)
def test_a_move_keeps_the_names_above(present: str | None, expected: str, loses: bool) -> None:
    """Only the address itself is replaced; where it cannot be found, the loss is known."""
    assert moved_anschrift(present, [HOME], {**HOME, "adresseStreet": "Weg 2"}) == (expected, loses)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (HOME, "Hauptstraße 5, 79098 Freiburg im Breisgau"),
        ({"adresseStreet": "Hinterhaus\nWeg <2>", "adresseCity": "Köln"}, "Hinterhaus, Weg 2, Köln"),
        ({"adresseStreet": "<=>"}, "Adresse 17"),
        ({"adresseStreet": "ß" * 300}, "ß" * 255),
        ({}, "Adresse 17"),
    ],
)
def test_a_name_is_one_that_espocrm_takes(values: dict[str, str], expected: str) -> None:
    """EspoCRM requires a name of at most 255 characters, without `<`, `>` and `=`."""
    assert composed_name(values, 17) == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Hauptstraße 5", "HAUPTSTR. 5", True),
        ("Haupt-Strasse 5", "Hauptstraße  5", True),
        ("Mu\u0308llerweg 3a", "Müllerweg 3 A", True),
        ("Straße des 17. Juni 135", "Str. des 17. Juni 135", True),
        ("Weg 1 2", "Weg 12", False),
        ("Müllerweg 3", "Mullerweg 3", False),
    ],
)
def test_spelling_does_not_matter_to_a_place(one: str, other: str, same: bool) -> None:
    """Case, blanks, stops and the abbreviated Straße; numbers do."""
    assert (canonical(one) == canonical(other)) is same


def test_a_post_office_box_is_a_place_and_nothing_is_none() -> None:
    """Street before box before town."""
    box = {"postfach": "12 34", "adresseCity": "Köln"}
    assert place(HOME) != place(box) != place({"adresseCity": "Köln"})
    assert place({**box, "postfachPLZ": "50667"}) == place({**box, "adressePostalCode": "50667"})
    assert place({"adresseCountry": "Deutschland", "isPrimary": True}) is None


@pytest.mark.parametrize(
    ("attribute", "value", "taken"),
    [
        ("adresseCity", "Bad <X>", False),
        ("adresseCity", "Ö" * 101, False),
        ("adresseCity", "Ö" * 100, True),
        ("adresseStreet", "Haus <3>", True),
        ("validFrom", "1912-02-29", True),
        ("validFrom", "1913-02-29", False),
        ("validFrom", "gestern", False),
        ("isPrimary", True, True),
        ("postfach", None, True),
    ],
)
def test_what_espocrm_would_refuse_is_known_before(attribute: str, value: str | bool | None, taken: bool) -> None:
    """Lengths, characters and days."""
    assert BY_ATTRIBUTE[attribute].accepts(value) is taken


def test_records_are_read_whatever_is_missing() -> None:
    """Absent members are empty; ids may come as text; only a plain false switches a record off."""
    record = espocrm_adresse({"id": "65f1c0ffee1234567", "advowareAdressId": "17", "isActive": None})
    assert (record.advoware_id, record.is_active, record.name, record.values["isPrimary"]) == (17, True, "", None)
    assert espocrm_adresse({"id": "x", "advowareAdressId": "siebzehn", "isActive": False}).advoware_id is None
    row = advoware_adresse({"id": "3", "strasse": " Weg 1 ", "neu": {"im": "Vertrag"}, "anschrift": "A\r\nB "})
    assert (row.id, row.row_id, row.values["adresseStreet"], row.anschrift) == (3, "", "Weg 1", "A\nB")
    assert row.body["neu"] == {"im": "Vertrag"}
