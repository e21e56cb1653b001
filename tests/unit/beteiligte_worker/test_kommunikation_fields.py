"""Mails and phones: kommKz and types, markers, both vendors' rows, and what is remembered."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beteiligte_worker.fields.kommunikation import (
    ATTRIBUTES,
    BY_NUMBER,
    advoware_body,
    advoware_eintrag,
    espocrm_changes,
    espocrm_kontakte,
    komm_kz_for,
    komm_kz_of,
    read_note,
    same_type,
    write_note,
)
from beteiligte_worker.model.kommunikation import (
    Eintrag,
    Kind,
    KommunikationPlan,
    KommunikationPost,
    Kontakt,
    Marker,
    Note,
)
from beteiligte_worker.plan.kommunikation import agree, kommunikation_hash
from tests.support.kommunikation import markers
from tests.support.kommunikation_cases import CELL, DESK, EVA, entry, mail, phone, slot, was

# kommKz and types


@pytest.mark.parametrize(
    ("number", "kind", "type_", "written"),
    [
        (1, "phone", "Office", 1),
        (2, "phone", "Fax", 2),
        (3, "phone", "Mobile", 3),
        (4, "mail", None, 4),
        (6, "phone", "Home", 6),
        (7, "phone", "Fax", 2),
        (8, "mail", None, 4),
        (9, "phone", "Mobile", 3),
        (10, "phone", "Other", 10),
        (11, "mail", None, 4),
        (12, "mail", None, 4),
    ],
)
def test_each_komm_kz_is_a_kind_and_a_type(number: int, kind: Kind, type_: str | None, written: int) -> None:
    """And each kind and type is written as one of them."""
    assert (BY_NUMBER[number].kind, BY_NUMBER[number].type) == (kind, type_)
    assert komm_kz_for(kind, type_) == written


def test_types_that_we_do_not_know_are_other_and_none_is_mobile() -> None:
    """As in EspoCRM, whose default is the first of its list."""
    assert [same_type("phone", one) for one in ("Sonder", None)] == ["Other", "Mobile"]
    assert same_type("mail", "Office") is None


@pytest.mark.parametrize(
    ("komm_kz", "marker", "komm_art", "tlf", "found"),
    [
        (8, 4, 1, "0511 1", 8),
        (0, 6, 3, EVA, 6),
        (None, None, 3, "0511 1", 4),
        (None, None, 2, "0511 1", 2),
        (13, None, None, EVA, 4),
        (0, None, 0, "0511 1", 1),
        (0, None, None, "www.muster.example", 5),
        (0, None, None, "https://muster.example/a@b", 4),
        (0, None, None, " ", None),
    ],
)
def test_where_the_komm_kz_is_not_shown_others_are_asked(
    komm_kz: int | None, marker: int | None, komm_art: int | None, tlf: str, found: int | None
) -> None:
    """The record, the marker, kommArt, what the value looks like."""
    eintrag = Eintrag(id=1, komm_kz=komm_kz, komm_art=komm_art, tlf=tlf)
    assert komm_kz_of(eintrag, Marker(komm_kz=marker, value=EVA) if marker else None) == found


def test_what_we_remember_of_an_entry_says_more_than_its_looks() -> None:
    """Where Advoware shows nothing and staff took the marker away."""
    assert komm_kz_of(Eintrag(id=1, tlf="Durchwahl"), None, was(1, EVA)) == 4


# Markers


@pytest.mark.parametrize(
    ("bemerkung", "note"),
    [
        (None, Note()),
        ("", Note()),
        ("nur nachmittags", Note(after="nur nachmittags")),
        ("[ESPOCRM:ZXZhQG11c3Rlci5leGFtcGxl:4]", Note(marker=Marker(komm_kz=4, value=EVA))),
        ("[ESPOCRM:ZXZhQG11c3Rlci5leGFtcGxl:4] Büro", Note(marker=Marker(komm_kz=4, value=EVA), after=" Büro")),
        ("[ESPOCRM-SLOT:12]frei", Note(marker=Marker(komm_kz=12, value=None), after="frei")),
        ("Büro\r\n[ESPOCRM-SLOT:1] alt", Note(before="Büro\r\n", marker=Marker(komm_kz=1, value=None), after=" alt")),
        (
            "[ESPOCRM:kaputt:4] [ESPOCRM-SLOT:4]",
            Note(before="[ESPOCRM:kaputt:4] ", marker=Marker(komm_kz=4, value=None)),
        ),
        ("[ESPOCRM-SLOT:4][ESPOCRM-SLOT:8]", Note(marker=Marker(komm_kz=4, value=None), after="[ESPOCRM-SLOT:8]")),
    ],
)
def test_a_marker_is_found_wherever_it_stands(bemerkung: str | None, note: Note) -> None:
    """The first well-formed one; all else is the text of staff."""
    assert read_note(bemerkung) == note


@pytest.mark.parametrize(
    "text",
    [
        "[ESPOCRM:ZXZh:5]",
        "[ESPOCRM:ZXZh:13]",
        "[ESPOCRM:ZXZh:0]",
        "[ESPOCRM::4]",
        "[ESPOCRM:IA==:4]",
        "[ESPOCRM:ZXZ:4]",
        "[ESPOCRM:/w==:4]",
        "[ESPOCRM:ZXZh]",
        "[espocrm:ZXZh:4]",
        "[ESPOCRM:ZXZh:٤]",
        "ESPOCRM-SLOT:4",
    ],
)
def test_what_only_looks_like_a_marker_is_text(text: str) -> None:
    """And stays, behind the marker that is put in front of it."""
    assert read_note(text) == Note(after=text)
    assert write_note(read_note(text), Marker(komm_kz=4, value=None)) == f"[ESPOCRM-SLOT:4] {text}"


def test_a_marker_takes_the_place_of_the_old_one() -> None:
    """Staff find their text where it was."""
    note = read_note("Büro [ESPOCRM-SLOT:1]: Fr. Müßig")
    written = write_note(note, Marker(komm_kz=1, value="0511 – Müßig"))
    encoded = base64.b64encode("0511 – Müßig".encode()).decode()
    assert written == f"Büro [ESPOCRM:{encoded}:1]: Fr. Müßig"


@given(st.text(max_size=30), markers, st.text(max_size=10))
def test_a_marker_is_read_as_it_was_written(text: str, marker: Marker | None, more: str) -> None:
    """Whatever stands around it."""
    note = read_note(text)
    if marker is not None and note.marker is None:
        written = write_note(note, marker)
        assert {read_note(one).marker for one in (written, written + more, more + written)} == {marker}
        assert text in written


# Rows

PARTY: dict[str, Any] = {
    "emailAddressData": [
        {"emailAddress": "Eva@Muster.example", "lower": EVA, "primary": True, "optOut": True, "invalid": False}
    ],
    "phoneNumberData": [
        {"phoneNumber": DESK, "type": "Office", "primary": True, "optOut": False, "invalid": True},
        {"phoneNumber": CELL, "type": None, "primary": False, "optOut": False, "invalid": False},
    ],
}


def test_espocrms_rows_are_written_as_they_are_read() -> None:
    """Both arrays; one that has not changed is left out."""
    kontakte = espocrm_kontakte(PARTY)
    assert kontakte[0] == Kontakt(kind="mail", value="Eva@Muster.example", primary=True, opt_out=True)
    assert espocrm_changes(kontakte, before=()) == PARTY
    assert espocrm_changes(kontakte, before=kontakte[1:]) == {ATTRIBUTES[0]: PARTY[ATTRIBUTES[0]]}
    assert espocrm_changes(kontakte[:1], before=kontakte) == {ATTRIBUTES[1]: []}


def test_a_record_without_its_arrays_is_not_taken_for_an_empty_one() -> None:
    """A list shows the address only: all others would look deleted."""
    assert espocrm_kontakte({"emailAddressData": None}) == ()
    with pytest.raises(ValueError, match="emailAddressData was not read"):
        espocrm_kontakte({"emailAddress": EVA})


def test_rows_of_advoware_may_lack_everything_but_a_number() -> None:
    """Null, missing and text are borne."""
    assert advoware_eintrag({"id": 7}) == Eintrag(id=7)
    row = {"id": "7", "rowId": "r", "kommKz": "4", "kommArt": 0, "tlf": EVA, "bemerkung": None, "online": None}
    assert advoware_eintrag(row) == Eintrag(id=7, row_id="r", komm_kz=4, komm_art=0, tlf=EVA)
    for broken in ({}, {"id": "x"}):
        with pytest.raises((KeyError, ValueError)):
            advoware_eintrag(broken)


def test_a_body_has_all_four_fields() -> None:
    """A PUT resets what it leaves out."""
    post = KommunikationPost(tlf=None, bemerkung="x", komm_kz=4, online=True)
    assert advoware_body(post) == {"tlf": None, "bemerkung": "x", "kommKz": 4, "online": True}


# What is remembered


def test_the_hash_is_of_the_entries_that_matter() -> None:
    """16 hex digits: no empty slots, nothing that was never ours and is empty, no Internet address, in any order."""
    rows = (entry(1, 4, EVA), entry(2, 4, None, EVA), slot(3, 4, EVA), slot(4, 4), entry(5, 4, " "), entry(6, 5, "www"))
    eintraege = tuple(advoware_eintrag({**_json(one), "rowId": f"r{one.id}"}) for one in rows)
    # printf r1r2r3 | md5sum
    assert kommunikation_hash(eintraege) == kommunikation_hash(eintraege[::-1]) == "e43589fee5e4296a"


def _json(one: Eintrag) -> dict[str, Any]:
    return {"id": one.id, "kommKz": one.komm_kz, "tlf": one.tlf, "bemerkung": one.bemerkung}


def test_what_is_remembered_is_what_both_sides_have() -> None:
    """Of an entry that holds what EspoCRM does not take, its base."""
    kontakte = (mail(EVA), phone(DESK, "Home"), phone(CELL, "Mobile"))
    one_sided = entry(4, 4, "b@c.de")
    eintraege = (entry(1, 4, "EVA@muster.example", EVA), entry(2, 1, "Durchwahl", DESK), slot(3, 3), one_sided)
    assert agree(kontakte, eintraege) == (was(1, EVA), was(2, DESK, "Home"))


def test_writes_count_by_part() -> None:
    """EspoCRM's set is one write; nothing is none."""
    assert KommunikationPlan().writes == {}
    post = KommunikationPost(tlf="", bemerkung="", komm_kz=1, online=False)
    assert KommunikationPlan(kontakte=(), post=(post,)).writes == {"kontakte": 1, "post": 1}
