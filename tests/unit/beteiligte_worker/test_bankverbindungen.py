"""Bank accounts: values, and what is decided, one row for each situation."""

from typing import Any

import msgspec
import pytest

from beteiligte_worker.fields.bankverbindungen import (
    BY_ATTRIBUTE,
    Kind,
    advoware_konto,
    espocrm_konto,
    is_iban,
    normal,
)
from beteiligte_worker.model.bankverbindungen import AdvowareKonto, AgreedKonto, BankverbindungenPlan, EspoKonto
from beteiligte_worker.model.notice import NoticeKind
from beteiligte_worker.plan.bankverbindungen import agree_bankverbindungen, plan_bankverbindungen, with_receipts

Json = dict[str, Any]
A, B = "65f1c0ffee0000001", "65f1c0ffee0000002"
# Examples that banks and registries publish.
IBAN, OTHER, AUSTRIAN = "DE89370400440532013000", "DE02120300000000202051", "AT611904300234573201"
K = NoticeKind
RECORD: Json = {
    "id": A,
    "iban": IBAN,
    "bic": "COBADEFFXXX",
    "kontoinhaber": "Jörg Müßig",
    "bankname": "",
    "istAktiv": True,
    "advowareKontoId": 3,
    "syncStatus": "clean",
}
ROW: Json = {
    "id": 3,
    "rowId": "R3",
    "iban": "de89 3704 0044 0532 0130 00",
    "bic": "COBADEFF",
    "kontoinhaber": " Jörg Müßig",
    "bank": None,
    "kontoNr": None,
    "blz": "",
}


def record(**changes: object) -> EspoKonto:
    return espocrm_konto({**RECORD, **changes})


def fresh(**changes: object) -> EspoKonto:
    """A record that Advoware has never heard of."""
    return record(**{"advowareKontoId": None, "syncStatus": None, **changes})


def row(**changes: object) -> AdvowareKonto:
    return advoware_konto({**ROW, **changes})


def agreed(**changes: Any) -> AgreedKonto:
    return msgspec.structs.replace(AgreedKonto(espocrm_id=A, advoware_id=3, values=record().values), **changes)


def plan(
    espocrm: list[EspoKonto], advoware: list[AdvowareKonto], known: list[AgreedKonto] | None
) -> BankverbindungenPlan:
    return plan_bankverbindungen(espocrm, advoware, known, party_id="p1", betnr=10001)


OFF = {"istAktiv": False}
# Situation: EspoCRM, Advoware, agreed -> posts, changed attributes of the first record, kinds told.
TABLE: dict[str, tuple[list[EspoKonto], list[AdvowareKonto], list[AgreedKonto] | None, Json]] = {
    "in step": ([record()], [row()], [agreed()], {}),
    "new in EspoCRM": ([fresh()], [], None, {"posts": 1, "update": {"syncStatus": "clean"}}),
    "new in EspoCRM, already in Advoware: the answer to the POST was lost": (
        [fresh()],
        [row()],
        None,
        {"update": {"advowareKontoId": 3, "syncStatus": "clean"}},
    ),
    "new in EspoCRM without an IBAN": (
        [fresh(iban="  ")],
        [],
        None,
        {"update": {"syncStatus": "unclean"}, "told": [K.GENERAL_MANUAL_ACTION]},
    ),
    "new in EspoCRM without an IBAN, as is one in Advoware": (
        [fresh(iban=None)],
        [row(iban="", kontoNr="532013000")],
        None,
        {"update": {"syncStatus": "unclean"}, "told": [K.GENERAL_MANUAL_ACTION, K.GENERAL_MANUAL_ACTION]},
    ),
    "new in EspoCRM with wrong check digits": (
        [fresh(iban="DE88370400440532013000")],
        [],
        None,
        {"update": {"syncStatus": "unclean"}, "told": [K.GENERAL_MANUAL_ACTION]},
    ),
    "new in EspoCRM and switched off": ([fresh(**OFF)], [], None, {}),
    "copied in EspoCRM with its Advoware id": (
        [record(), record(id=B)],
        [row()],
        [agreed()],
        {"update": {"syncStatus": "unclean"}, "told": [K.GENERAL_MANUAL_ACTION]},
    ),
    "IBAN changed in EspoCRM": (
        [record(iban=OTHER)],
        [row()],
        [agreed()],
        {"update": {"syncStatus": "unclean"}, "told": [K.GENERAL_MANUAL_ACTION]},
    ),
    "IBAN changed in EspoCRM, and by hand in Advoware": (
        [record(iban=OTHER, syncStatus="unclean")],
        [row(iban=OTHER)],
        [agreed()],
        {"update": {"syncStatus": "clean"}},
    ),
    "holder changed in Advoware": (
        [record()],
        [row(kontoinhaber="Jörg Müßig-Weiß")],
        [agreed()],
        {"update": {"kontoinhaber": "Jörg Müßig-Weiß"}},
    ),
    "IBAN changed in Advoware": (
        [record()],
        [row(iban=AUSTRIAN)],
        [agreed()],
        {"update": {"iban": AUSTRIAN}, "told": [K.IBAN_CHANGED]},
    ),
    "IBAN changed in Advoware, check digits wrong": (
        [record()],
        [row(iban="DE88 3704 0044 0532 0130 00")],
        [agreed()],
        {"update": {"syncStatus": "unclean"}, "told": [K.VALUE_REFUSED]},
    ),
    "BIC changed in Advoware to none": (
        [record()],
        [row(bic="Sparkasse")],
        [agreed()],
        {"update": {"syncStatus": "unclean"}, "told": [K.VALUE_REFUSED]},
    ),
    "different fields changed on both sides": (
        [record(bankname="Commerzbank")],
        [row(kontoinhaber="J. Müßig")],
        [agreed()],
        {"update": {"kontoinhaber": "J. Müßig", "syncStatus": "unclean"}, "told": [K.GENERAL_MANUAL_ACTION]},
    ),
    "holder changed on both sides": (
        [record(kontoinhaber="Jörg Weiß")],
        [row(kontoinhaber="J. Müßig")],
        [agreed()],
        {"update": {"syncStatus": "unclean"}, "told": [K.GENERAL_MANUAL_ACTION]},
    ),
    "found by its IBAN, and Advoware knows the bank": (
        [fresh()],
        [row(bank="Commerzbank Köln")],
        None,
        {"update": {"advowareKontoId": 3, "bankname": "Commerzbank Köln", "syncStatus": "clean"}},
    ),
    "deleted in EspoCRM": ([], [row()], [agreed()], {"told": [K.GENERAL_MANUAL_ACTION]}),
    "deleted on both sides": ([], [], [agreed()], {}),
    "deleted in EspoCRM and entered anew": (
        [fresh(id=B)],
        [row()],
        [agreed()],
        {"update": {"advowareKontoId": 3, "syncStatus": "clean"}},
    ),
    "switched off in EspoCRM": (
        [record(**OFF)],
        [row(kontoinhaber="J. Müßig")],
        [agreed()],
        {"update": {"syncStatus": "unclean"}, "told": [K.GENERAL_MANUAL_ACTION]},
    ),
    "switched off in EspoCRM, deleted in Advoware as asked": (
        [record(**OFF, syncStatus="unclean")],
        [],
        [agreed()],
        {"update": {"syncStatus": "clean"}},
    ),
    "gone in Advoware": (
        [record()],
        [],
        [agreed()],
        {"update": {"syncStatus": "unclean"}, "told": [K.MISSING_IN_ADVOWARE]},
    ),
    "gone in Advoware, and nothing is remembered": (
        [record()],
        [],
        None,
        {"update": {"syncStatus": "unclean"}, "told": [K.MISSING_IN_ADVOWARE]},
    ),
    "gone in Advoware and entered anew there": (
        [record()],
        [row(id=9)],
        [agreed()],
        {"update": {"advowareKontoId": 9}},
    ),
    "new in Advoware": ([], [row()], None, {"told": [K.GENERAL_MANUAL_ACTION]}),
    "new in Advoware, from before SEPA": (
        [],
        [row(iban=None, bic=None, kontoinhaber="", kontoNr="532013000", blz="37040044")],
        None,
        {"told": [K.GENERAL_MANUAL_ACTION]},
    ),
    "new in Advoware and empty": ([], [row(iban="", bic=None, kontoinhaber=" ")], None, {}),
}


@pytest.mark.parametrize("situation", TABLE)
def test_each_situation_has_one_answer(situation: str) -> None:
    """The decision table."""
    espocrm, advoware, known, expected = TABLE[situation]
    todo = plan(espocrm, advoware, known)
    found: Json = {"posts": len(todo.posts)} if todo.posts else {}
    if todo.updates:
        found["update"] = {name: value for one in todo.updates for name, value in one.attributes.items()}
        found["update"].pop("advowareKontoId", None) if len(espocrm) > 1 else None
    if todo.notices:
        found["told"] = [notice.kind for notice in todo.notices]
    assert found == expected
    assert todo.conflicts == ()


def test_a_post_tells_what_there_is() -> None:
    """By Advoware's names, normalised, nothing that is empty."""
    (post,) = plan([fresh(iban="DE89 3704 0044 0532 0130 00")], [], None).posts
    assert post.espocrm_id == A
    assert post.body == {"iban": IBAN, "bic": "COBADEFF", "kontoinhaber": "Jörg Müßig"}


def test_one_iban_is_posted_once() -> None:
    """A lost answer is looked up by the IBAN, so a party has none twice because of us."""
    todo = plan([fresh(), fresh(id=B, iban=IBAN.lower())], [], None)
    assert [post.espocrm_id for post in todo.posts] == [A]
    assert [(notice.kind, notice.about) for notice in todo.notices] == [
        (K.GENERAL_MANUAL_ACTION, f"CBankverbindungen.{B}")
    ]


def test_a_receipt_joins_the_update_of_its_record() -> None:
    """Each record is saved once."""
    after = with_receipts(plan([fresh()], [], None), {A: row(id=12)})
    assert [(one.espocrm_id, one.attributes) for one in after.updates] == [
        (A, {"syncStatus": "clean", "advowareKontoId": 12})
    ]


def test_staff_read_german_and_both_values() -> None:
    """Which party, which account, what stands where, what to do."""
    (notice,) = plan([record(kontoinhaber="Jörg Weiß")], [row(kontoinhaber="")], [agreed()]).notices
    assert notice.about == f"CBankverbindungen.{A}"
    assert notice.fields == ("kontoinhaber",)
    assert notice.details[:-1] == (
        ("Beteiligter", "10001"),
        ("IBAN", IBAN),
        ("Kontoinhaber in EspoCRM", "Jörg Weiß"),
        ("Kontoinhaber in Advoware", ""),
    )
    assert notice.details[-1][0] == "Aufgabe"


def test_a_changed_account_is_told_until_both_agree() -> None:
    """The same news in every run; none once somebody has changed Advoware by hand."""
    changed = [record(iban=OTHER)]
    todo = plan(changed, [row()], [agreed()])
    known = agree_bankverbindungen(changed, [row()], [agreed()], todo)
    assert [one.key for one in plan(changed, [row()], list(known)).notices] == [one.key for one in todo.notices]
    by_hand = [row(iban=OTHER)]
    assert plan(changed, by_hand, list(known)).notices == ()
    (agreed_now,) = agree_bankverbindungen(changed, by_hand, known, plan(changed, by_hand, list(known)))
    assert agreed_now.values["iban"] == OTHER


def test_a_change_during_the_write_is_a_change_of_its_own() -> None:
    """What was posted is agreed, though EspoCRM's person has typed on meanwhile: it is not taken back."""
    todo = plan([fresh()], [], None)
    now = [record(kontoinhaber="Jörg Weiß")], [row()]
    known = agree_bankverbindungen(*now, None, todo)
    assert known[0].values["kontoinhaber"] == "Jörg Müßig"
    assert [notice.fields for notice in plan(*now, list(known)).notices] == [("kontoinhaber",)]


def test_a_change_in_advoware_during_the_write_is_a_change_of_its_own() -> None:
    """EspoCRM has got the first; the second is simply taken by the next run."""
    todo = plan([record()], [row(kontoinhaber="J. Müßig")], [agreed()])
    now = [record(kontoinhaber="J. Müßig")], [row(kontoinhaber="Müßig GmbH")]
    known = agree_bankverbindungen(*now, [agreed()], todo)
    again = plan(*now, list(known))
    assert again.notices == ()
    assert [one.attributes for one in again.updates] == [{"kontoinhaber": "Müßig GmbH"}]


def test_a_row_of_unknown_fate_goes_to_the_record_that_was_posted() -> None:
    """Not to an older one with the same IBAN that Advoware has lost: dead after the POST, the end is the same."""
    lost, new = record(), fresh(id=B)
    (post,) = plan([lost, new], [], [agreed()]).posts
    again = plan([lost, new], [row(id=12)], [agreed()])
    assert post.espocrm_id == B
    assert again.posts == ()
    assert {one.espocrm_id: one.attributes.get("advowareKontoId") for one in again.updates} == {A: None, B: 12}


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (IBAN, True),
        (OTHER, True),
        (AUSTRIAN, True),
        ("GB29NWBK60161331926819", True),
        ("MT84MALT011000012345MTLCAST001S", True),
        ("DE88370400440532013000", False),
        ("DE98370400440532031000", False),
        ("DE89 3704 0044 0532 0130 00", False),
        ("de89370400440532013000", False),
        ("Ä" * 22, False),
        ("DE89", False),
        ("", False),
    ],
)
def test_check_digits(text: str, good: bool) -> None:
    """ISO 13616, on the normalised form."""
    assert is_iban(text) is good


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("de89 3704\u00a00044 0532 0130 00 ", "iban", IBAN),
        ("", "iban", None),
        (None, "bic", None),
        ("cobadeffxxx", "bic", "COBADEFF"),
        ("COBADEFF370", "bic", "COBADEFF370"),
        ("  ", "text", None),
        (" Müller & Söhne\r\nGmbH", "text", "Müller & Söhne\nGmbH"),
    ],
)
def test_form_does_not_matter(value: object, kind: Kind, expected: str | None) -> None:
    """Blanks, case, the head office's XXX, empty text."""
    assert normal(value, kind) == expected


@pytest.mark.parametrize(
    ("attribute", "value", "taken"),
    [
        ("iban", IBAN, True),
        ("iban", IBAN[:-1], False),
        ("bic", "COBADEFF", True),
        ("bic", "COBADEF", False),
        ("kontoinhaber", "ß" * 255, True),
        ("kontoinhaber", "ß" * 256, False),
        ("bankname", None, True),
    ],
)
def test_what_espocrm_would_refuse_is_known_before(attribute: str, value: str | None, taken: bool) -> None:
    """Check digits, form and length."""
    assert BY_ATTRIBUTE[attribute].accepts(value) is taken
