"""Addresses: what is decided, one row for each situation."""

from typing import Any

import msgspec
import pytest

from beteiligte_worker.fields.adressen import BY_ATTRIBUTE, advoware_adresse, espocrm_adresse, marker
from beteiligte_worker.model.adressen import AdressenPlan, AdvowareAdresse, AgreedAdresse, EspoAdresse
from beteiligte_worker.model.notice import NoticeKind
from beteiligte_worker.plan.adressen import agree_adressen, plan_adressen, with_receipts

Json = dict[str, Any]
A, B = "65f1c0ffee0000001", "65f1c0ffee0000002"
TODAY = "2026-03-10"
K = NoticeKind
# The same address on both sides: empty text here is nothing there, and a day is an instant.
RECORD: Json = {
    "id": A,
    "name": "Kanzlei",
    "adresseStreet": "Große Bleichen 17",
    "adressePostalCode": "20354",
    "adresseCity": "Hamburg",
    "adresseCountry": "",
    "isPrimary": False,
    "validFrom": "1949-05-23",
    "isActive": True,
    "advowareAdressId": 7,
    "advowareRowId": "R7",
    "syncStatus": "clean",
}
ROW: Json = {
    "id": 7,
    "rowId": "R7",
    "strasse": "Große Bleichen 17 ",
    "plz": "20354",
    "ort": "Hamburg",
    "land": None,
    "postfach": "",
    "standardAnschrift": False,
    "gueltigVon": "1949-05-23T00:00:00",
    "anschrift": "Möbelhaus Übersee Vertriebsgesellschaft mbH & Co. KG\r\nGroße Bleichen 17\r\n20354 Hamburg",
    "bemerkung": marker(A),
    "reihenfolgeIndex": 2,
    "neuesFeld": "des Herstellers",
}


def record(**changes: object) -> EspoAdresse:
    return espocrm_adresse({**RECORD, **changes})


def row(**changes: object) -> AdvowareAdresse:
    return advoware_adresse({**ROW, **changes})


def fresh(**changes: object) -> EspoAdresse:
    """A record that Advoware has never heard of."""
    return record(**{"advowareAdressId": None, "advowareRowId": None, "syncStatus": None, **changes})


def agreed(**changes: Any) -> AgreedAdresse:
    pair = AgreedAdresse(espocrm_id=A, advoware_id=7, values=record().values)
    return msgspec.structs.replace(pair, **changes)


def plan(
    espocrm: list[EspoAdresse], advoware: list[AdvowareAdresse], known: list[AgreedAdresse] | None
) -> AdressenPlan:
    return plan_adressen(espocrm, advoware, known, party_id="p1", betnr=10001, today=TODAY)


UNUSABLE = {"gueltigBis": "2026-03-09T00:00:00"}
OFF = {"isActive": False}
# Situation: EspoCRM, Advoware, agreed -> posts and puts, creates, changed attributes of A, kinds told.
TABLE: dict[str, tuple[list[EspoAdresse], list[AdvowareAdresse], list[AgreedAdresse] | None, Json]] = {
    "in step": ([record()], [row()], [agreed()], {}),
    "new in EspoCRM": ([fresh()], [], None, {"posts": 1, "update": {"syncStatus": "clean"}}),
    "new in EspoCRM, already marked in Advoware: the answer to the POST was lost": (
        [fresh()],
        [row()],
        None,
        {"update": {"advowareAdressId": 7, "advowareRowId": "R7", "syncStatus": "clean"}},
    ),
    "new in EspoCRM and empty": (
        [fresh(adresseStreet="", adressePostalCode=None, adresseCity=" ")],
        [],
        None,
        {"update": {"syncStatus": "unclean"}, "told": [K.GENERAL_MANUAL_ACTION]},
    ),
    "new in EspoCRM and switched off": ([fresh(**OFF)], [], None, {}),
    "on both sides before the first sync": (
        [fresh()],
        [row(bemerkung="Nur vormittags")],
        None,
        {"update": {"advowareAdressId": 7, "advowareRowId": "R7", "syncStatus": "clean"}},
    ),
    "on both sides before the first sync, spelt otherwise": (
        [fresh(adresseStreet="Grosse Bleichen 17")],
        [row(bemerkung=None)],
        None,
        {
            "puts": 1,
            "update": {"advowareAdressId": 7, "advowareRowId": "R7", "syncStatus": "clean"},
            "lost": 1,
        },  # untold
    ),
    "copied in EspoCRM with its Advoware id": (
        [record(), record(id=B, adresseStreet="Am Bühl 3")],
        [row()],
        [agreed()],
        {"posts": 1},
    ),
    "street changed in EspoCRM": ([record(adresseStreet="Jungfernstieg 1")], [row()], [agreed()], {"puts": 1}),
    "street emptied in EspoCRM": ([record(adresseStreet="")], [row()], [agreed()], {"puts": 1}),
    "country changed in EspoCRM": (
        [record(adresseCountry="Österreich")],
        [row()],
        [agreed()],
        {"update": {"syncStatus": "unclean"}, "told": [K.ADDRESS_FIELD_UPDATE_REQUIRED]},
    ),
    "country changed in EspoCRM, and by hand in Advoware": (
        [record(adresseCountry="Österreich", syncStatus="unclean")],
        [row(land="Österreich")],
        [agreed()],
        {"update": {"syncStatus": "clean"}},
    ),
    "everything changed in Advoware": (
        [record()],
        [row(rowId="R8", strasse="Weg 1", land="Belgien", standardAnschrift=True, gueltigVon="1912-02-29T00:00:00")],
        [agreed()],
        {
            "update": {
                "adresseStreet": "Weg 1",
                "adresseCountry": "Belgien",
                "isPrimary": True,
                "validFrom": "1912-02-29",
                "advowareRowId": "R8",
            }
        },
    ),
    "the name that was composed follows": (
        [record(name="Große Bleichen 17, 20354 Hamburg")],
        [row(ort="Köln", plz="50667")],
        [agreed()],
        {
            "update": {
                "name": "Große Bleichen 17, 50667 Köln",
                "adressePostalCode": "50667",
                "adresseCity": "Köln",
            }
        },
    ),
    "different fields changed on both sides": (
        [record(adresseStreet="Jungfernstieg 1")],
        [row(plz="20355")],
        [agreed()],
        {"puts": 1, "update": {"adressePostalCode": "20355"}},
    ),
    "town changed on both sides": (
        [record(adresseCity="Lübeck")],
        [row(ort="Kiel")],
        [agreed()],
        {"puts": 1, "lost": 1, "told": [K.CONFLICT]},
    ),
    "street changed in EspoCRM, and the block in Advoware says something else": (
        [record(adresseStreet="Jungfernstieg 1")],
        [row(anschrift="Postlagernd")],
        [agreed()],
        {"puts": 1, "lost": 1, "told": [K.CONFLICT]},
    ),
    "country changed on both sides": (
        [record(adresseCountry="Österreich")],
        [row(land="Schweiz")],
        [agreed()],
        {"update": {"adresseCountry": "Schweiz"}, "lost": 1, "told": [K.READONLY_FIELD_CONFLICT]},
    ),
    "something in Advoware that EspoCRM does not take": (
        [record()],
        [row(ort="Hamburg <Altstadt>")],
        [agreed()],
        {"update": {"syncStatus": "unclean"}, "told": [K.VALUE_REFUSED]},
    ),
    "what Advoware ignored is not sent again": (
        [record(adresseStreet="Jungfernstieg 1", syncStatus="unclean")],
        [row()],
        [agreed(ignored={"adresseStreet": "Jungfernstieg 1"})],
        {"told": [K.FIELD_IGNORED]},
    ),
    "what Advoware ignored is changed in EspoCRM": (
        [record(adresseStreet="Jungfernstieg 2")],
        [row()],
        [agreed(ignored={"adresseStreet": "Jungfernstieg 1"})],
        {"puts": 1},
    ),
    "what Advoware ignored is changed in Advoware": (
        [record(adresseStreet="Jungfernstieg 1")],
        [row(strasse="Weg 1")],
        [agreed(ignored={"adresseStreet": "Jungfernstieg 1"})],
        {"update": {"adresseStreet": "Weg 1"}, "lost": 1, "told": [K.READONLY_FIELD_CONFLICT]},
    ),
    "deleted in EspoCRM": ([], [row(bemerkung=None)], [agreed()], {"told": [K.ADDRESS_DELETE_REQUIRED]}),
    "deleted in EspoCRM, and only the marker knows": ([], [row()], None, {"told": [K.ADDRESS_DELETE_REQUIRED]}),
    "deleted on both sides": ([], [], [agreed()], {}),
    "deleted in EspoCRM and entered anew": (
        [fresh(id=B)],
        [row()],
        [agreed()],
        {"update": {"advowareAdressId": 7, "advowareRowId": "R7", "syncStatus": "clean"}},
    ),
    "switched off in EspoCRM": (
        [record(**OFF, adresseStreet="Jungfernstieg 1")],
        [row(land="Belgien")],
        [agreed()],
        {"update": {"syncStatus": "unclean"}, "told": [K.ADDRESS_DELETE_REQUIRED]},
    ),
    "switched off in EspoCRM, deleted in Advoware as asked": (
        [record(**OFF, syncStatus="unclean")],
        [],
        [agreed(deactivated=True)],
        {"update": {"syncStatus": "clean"}},
    ),
    "switched on again": (
        [record(syncStatus="unclean")],
        [row()],
        [agreed(deactivated=True)],
        {"update": {"syncStatus": "clean"}},
    ),
    "switched on again, ended in Advoware": (
        [record(validUntil="2026-03-09")],
        [row(**UNUSABLE)],
        [agreed(deactivated=True)],
        {"update": {"syncStatus": "unclean"}, "told": [K.ADDRESS_REACTIVATE_REQUIRED]},
    ),
    "switched on again, gone in Advoware": (
        [record()],
        [],
        [agreed(deactivated=True)],
        {"update": {"syncStatus": "unclean"}, "told": [K.ADDRESS_REACTIVATE_REQUIRED]},
    ),
    "switched on again, entered anew in Advoware": (
        [record(syncStatus="unclean")],
        [row(id=9, rowId="R9", bemerkung=None)],
        [agreed(deactivated=True)],
        {"update": {"advowareAdressId": 9, "advowareRowId": "R9", "syncStatus": "clean"}},
    ),
    "switched off and gone, entered anew in Advoware": (
        [record(**OFF)],
        [row(id=9, rowId="R9", bemerkung=None)],
        [agreed(deactivated=True)],
        {"creates": 1},
    ),
    "ended in Advoware, never switched off": (
        [record()],
        [row(**UNUSABLE)],
        [agreed()],
        {"update": {"validUntil": "2026-03-09"}},
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
    "new in Advoware": (
        [record()],
        [row(), row(id=8, strasse="Am Bühl 3", bemerkung=None)],
        [agreed()],
        {"creates": 1},
    ),
    "new in Advoware and empty": (
        [record()],
        [row(), row(id=8, strasse="", plz=None, ort=" ", land="Deutschland", bemerkung=None)],
        [agreed()],
        {},
    ),
    "a second row with the same marker": (
        [record()],
        [row(id=5), row()],
        [agreed()],
        {"told": [K.GENERAL_MANUAL_ACTION]},
    ),
    "the marker was wiped out in Advoware": ([record()], [row(bemerkung="")], [agreed()], {}),
    "only memory knows the pair: marker and id are wiped out, the address has changed": (
        [record(advowareAdressId=None)],
        [row(bemerkung="", strasse="Weg 1")],
        [agreed()],
        {"update": {"advowareAdressId": 7, "adresseStreet": "Weg 1"}},
    ),
    "the id was changed by hand in EspoCRM": (
        [record(advowareAdressId=99)],
        [row(bemerkung=None)],
        [agreed()],
        {"update": {"advowareAdressId": 7}},
    ),
}


@pytest.mark.parametrize("situation", TABLE)
def test_each_situation_has_one_answer(situation: str) -> None:
    """The decision table."""
    espocrm, advoware, known, expected = TABLE[situation]
    todo = plan(espocrm, advoware, known)
    counts = {"posts": len(todo.posts), "puts": len(todo.puts), "creates": len(todo.creates)}
    told = [notice.kind for notice in todo.notices]
    found: Json = {name: count for name, count in counts.items() if count}
    if todo.posts and espocrm[-1].id == B:
        todo = msgspec.structs.replace(todo, updates=tuple(one for one in todo.updates if one.espocrm_id != B))
    if todo.updates:
        found["update"] = todo.updates[0].attributes
        assert len(todo.updates) == 1
    if told:
        found["told"] = told
    if todo.conflicts:
        found["lost"] = len(todo.conflicts)
    assert found == expected


def test_a_post_tells_everything_and_bears_the_marker() -> None:
    """Most fields and the marker can be written only now."""
    (post,) = plan([fresh(isPrimary=True, postfach="12 34", postfachPLZ="20099")], [], None).posts
    assert post.espocrm_id == A
    assert post.body == {
        "strasse": "Große Bleichen 17",
        "plz": "20354",
        "ort": "Hamburg",
        "postfach": "12 34",
        "postfachPLZ": "20099",
        "standardAnschrift": True,
        "gueltigVon": "1949-05-23T00:00:00",
        "anschrift": "Große Bleichen 17\r\n20354 Hamburg",
        "bemerkung": f"EspoCRM-ID: {A}",
    }


def test_a_put_sends_the_whole_row_back() -> None:
    """A PUT replaces, so what we do not know is sent as it came; names above the address stay."""
    (put,) = plan([record(adresseStreet="Jungfernstieg 1")], [row()], [agreed()]).puts
    block = "Möbelhaus Übersee Vertriebsgesellschaft mbH & Co. KG\r\nJungfernstieg 1\r\n20354 Hamburg"
    assert (put.espocrm_id, put.advoware_id) == (A, 7)
    assert put.body == {**ROW, "strasse": "Jungfernstieg 1", "anschrift": block}


def test_a_created_record_has_a_name_and_all_that_espocrm_takes() -> None:
    """What is refused is left out, and the record is not clean."""
    made = row(bemerkung=None, land="Ö" * 101)
    (create,) = plan([], [made], None).creates
    assert create.attributes == {
        "name": "Große Bleichen 17, 20354 Hamburg",
        **{name: None for name in BY_ATTRIBUTE if name != "adresseCountry"},
        "adresseStreet": "Große Bleichen 17",
        "adressePostalCode": "20354",
        "adresseCity": "Hamburg",
        "isPrimary": False,
        "validFrom": "1949-05-23",
        "isActive": True,
        "advowareAdressId": 7,
        "advowareRowId": "R7",
        "syncStatus": "unclean",
    }


def test_receipts_join_the_update_of_their_record() -> None:
    """Each record is saved once, with the id of the new row or the rowId of the changed one."""
    todo = plan([fresh(), record(id=B, advowareAdressId=8, adresseStreet="X 1")], [row(id=8, bemerkung=None)], None)
    after = with_receipts(todo, {A: row(id=9, rowId="R9"), B: row(id=8, rowId="R8b")})
    assert {update.espocrm_id: update.attributes for update in after.updates} == {
        A: {"syncStatus": "clean", "advowareAdressId": 9, "advowareRowId": "R9"},
        B: {"advowareAdressId": 8, "advowareRowId": "R8b"},
    }


def test_staff_read_german_and_both_values() -> None:
    """Which party, which address, which field, what stands where."""
    (notice,) = plan([record(validFrom="2000-01-31", isPrimary=True)], [row()], [agreed()]).notices
    assert notice.about == f"CAdressen.{A}"
    assert notice.fields == ("isPrimary", "validFrom")
    assert notice.details == (
        ("Beteiligter", "10001"),
        ("Straße", "Große Bleichen 17"),
        ("PLZ", "20354"),
        ("Ort", "Hamburg"),
        ("Nummer der Adresse in Advoware", "7"),
        ("Standardanschrift in EspoCRM", "ja"),
        ("Standardanschrift in Advoware", "nein"),
        ("Gültig von in EspoCRM", "31.01.2000"),
        ("Gültig von in Advoware", "23.05.1949"),
    )


def test_a_deleted_record_is_told_of_at_its_party() -> None:
    """There is no record to hang it on."""
    (notice,) = plan([], [row()], [agreed()]).notices
    assert notice.about == "CBeteiligte.p1"


def test_a_conflict_keeps_what_lost() -> None:
    """By EspoCRM's name of the field."""
    (conflict,) = plan([record(adresseCountry="Österreich")], [row(land="Schweiz")], [agreed()]).conflicts
    assert (conflict.field, conflict.kept, conflict.lost) == ("adresseCountry", "Schweiz", "Österreich")


def test_an_ignored_put_is_noted_with_its_block() -> None:
    """Read back and not there: both the field and the block on letters are told until they change."""
    espocrm = [record(adresseStreet="Jungfernstieg 1")]
    todo = plan(espocrm, [row()], [agreed()])
    known = agree_adressen(espocrm, [row()], [agreed()], todo, today=TODAY)
    assert known[0].ignored == {"adresseStreet": "Jungfernstieg 1"}
    again = plan(espocrm, [row()], list(known))
    assert not again.puts
    assert [(notice.kind, notice.fields) for notice in again.notices] == [
        (K.FIELD_IGNORED, ("anschrift",)),
        (K.FIELD_IGNORED, ("adresseStreet",)),
    ]
    by_hand = row(strasse="Jungfernstieg 1", anschrift="Jungfernstieg 1\r\n20354 Hamburg")
    assert plan(espocrm, [by_hand], list(known)).notices == ()


@pytest.mark.parametrize(
    ("after_espocrm", "after_advoware", "remembered"),
    [
        ("Jungfernstieg 1", "Jungfernstieg 1", "Jungfernstieg 1"),
        ("Weg 2", "Jungfernstieg 1", "Jungfernstieg 1"),  # a person has typed while we wrote
    ],
)
def test_a_change_during_the_write_is_a_change_of_its_own(
    after_espocrm: str, after_advoware: str, remembered: str
) -> None:
    """What was written and is there is agreed, whatever EspoCRM's person has typed since."""
    espocrm = [record(adresseStreet="Jungfernstieg 1")]
    todo = plan(espocrm, [row()], [agreed()])
    block = todo.puts[0].body["anschrift"]
    now = [record(adresseStreet=after_espocrm)], [row(strasse=after_advoware, anschrift=block)]
    (known,) = agree_adressen(*now, [agreed()], todo, today=TODAY)
    assert known.values["adresseStreet"] == remembered
    assert known.ignored == {}
    assert not plan(*now, [known]).conflicts


def test_a_change_in_advoware_during_the_write_is_a_change_of_its_own() -> None:
    """EspoCRM has got the first; the second is simply taken by the next run."""
    todo = plan([record()], [row(land="Belgien")], [agreed()])
    now = [record(adresseCountry="Belgien")], [row(land="Schweiz")]
    (known,) = agree_adressen(*now, [agreed()], todo, today=TODAY)
    again = plan(*now, [known])
    assert again.conflicts == ()
    assert again.updates[0].attributes == {"adresseCountry": "Schweiz"}


def test_reactivation_is_remembered_until_there_is_a_usable_row() -> None:
    """Off, gone in Advoware, on again: asked for in every run, until somebody has entered it there."""
    todo = AdressenPlan()
    off = agree_adressen([record(**OFF)], [row()], [agreed()], todo, today=TODAY)
    gone = agree_adressen([record(**OFF)], [], off, todo, today=TODAY)
    on = agree_adressen([record()], [], gone, todo, today=TODAY)
    assert [notice.kind for notice in plan([record()], [], list(on)).notices] == [K.ADDRESS_REACTIVATE_REQUIRED]
    new = row(id=9, bemerkung=None)
    (known,) = agree_adressen([record()], [new], on, todo, today=TODAY)
    assert (known.advoware_id, known.deactivated) == (9, False)


def test_switched_off_and_gone_between_two_runs_is_remembered_too() -> None:
    """Nobody saw the two happen one after the other; on again, the address must be entered anew."""
    off = agree_adressen([record(**OFF)], [], [agreed()], AdressenPlan(), today=TODAY)
    assert [notice.kind for notice in plan([record()], [], list(off)).notices] == [K.ADDRESS_REACTIVATE_REQUIRED]


def test_the_same_news_has_the_same_key() -> None:
    """Told once; told again only when there is something new to read."""
    first = plan([], [row()], [agreed()]).notices[0]
    assert plan([], [row(rowId="R8")], [agreed()]).notices[0].key == first.key
    assert plan([], [row(ort="Kiel")], [agreed()]).notices[0].key != first.key
