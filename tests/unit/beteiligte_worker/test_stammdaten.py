"""Stammdaten: what goes where, by table; and what holds for all values, by property."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beteiligte_worker.fields.stammdaten import ATTRIBUTES, FIRST_NAME, NAME, Pair, is_company, normal, pairs, told
from beteiligte_worker.model.notice import Conflict, NoticeKind
from beteiligte_worker.model.stammdaten import AgreedStammdaten, StammdatenPlan, Value
from beteiligte_worker.plan.merge import Newer
from beteiligte_worker.plan.stammdaten import agree_stammdaten, new_beteiligter, plan_stammdaten

ABOUT = "CBeteiligte.6b035efe9d2a9d82c"
PERSON = {
    "firstName": "Jürgen",
    "lastName": "Müßig",
    "salutationName": "Herr",
    "titel": "Dr.",
    "rechtsform": "natürliche Person",
    "dateOfBirth": "1961-02-03",
}
BETEILIGTER = {
    "name": "Müßig",
    "vorname": "Jürgen",
    "anrede": "Herr",
    "titel": "Dr.",
    "rechtsform": "natürliche Person",
    "geburtsdatum": "1961-02-03T00:00:00",
}
AGREED = AgreedStammdaten(
    values={
        "name": "Müßig",
        "firstName": "Jürgen",
        "salutationName": "Herr",
        "titel": "Dr.",
        "rechtsform": "natürliche Person",
        "dateOfBirth": "1961-02-03",
        "handelsregisterNummer": None,
        "registergericht": None,
    }
)
STANDING = frozenset({NoticeKind.VALUE_REFUSED, NoticeKind.GENERAL_MANUAL_ACTION})
"""One side does not take what the other has: both keep theirs, and a person is told."""
NEWER: st.SearchStrategy[Newer] = st.sampled_from(["espocrm", "advoware"])


def plan(
    party: dict[str, Any], beteiligter: dict[str, Any], agreed: AgreedStammdaten = AGREED, newer: Newer = "espocrm"
) -> StammdatenPlan:
    return plan_stammdaten(party, beteiligter, agreed, newer=newer, about=ABOUT)


class World:
    """Both records, what was agreed, and an Advoware that stores all fields but some."""

    def __init__(self, party: dict[str, Any], beteiligter: dict[str, Any], agreed: AgreedStammdaten) -> None:
        self.party = dict(party)
        self.beteiligter = dict(beteiligter)
        self.agreed = agreed

    def run(self, *, deaf_to: frozenset[str] = frozenset(), newer: Newer = "espocrm") -> StammdatenPlan:
        """Plans, writes, reads back, remembers."""
        todo = plan(self.party, self.beteiligter, self.agreed, newer)
        self.party |= todo.to_espocrm
        self.beteiligter |= {name: value for name, value in todo.to_advoware.items() if name not in deaf_to}
        self.agreed = agree_stammdaten(self.party, self.beteiligter, self.agreed, sent=todo.sent)
        return todo


# EspoCRM's change, Advoware's change -> to EspoCRM, to Advoware
EDITS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Value], dict[str, Value]]] = {
    "nothing": ({}, {}, {}, {}),
    "last name in EspoCRM": ({"lastName": "Schön"}, {}, {}, {"name": "Schön"}),
    "last name in Advoware": ({}, {"name": "Schön"}, {"lastName": "Schön"}, {}),
    "first name in EspoCRM": ({"firstName": "Jörg"}, {}, {}, {"vorname": "Jörg"}),
    "first name in Advoware": ({}, {"vorname": "Jörg"}, {"firstName": "Jörg"}, {}),
    "salutation in EspoCRM": ({"salutationName": "Divers"}, {}, {}, {"anrede": "Divers"}),
    "salutation in Advoware": ({}, {"anrede": "Frau"}, {"salutationName": "Frau"}, {}),
    "title emptied in EspoCRM": ({"titel": ""}, {}, {}, {"titel": None}),
    "title emptied in Advoware": ({}, {"titel": None}, {"titel": None}, {}),
    "legal form in EspoCRM": ({"rechtsform": "eK"}, {}, {}, {"rechtsform": "eK"}),
    "legal form in Advoware": ({}, {"rechtsform": "eK"}, {"rechtsform": "eK"}, {}),
    "a date is an instant there": ({"dateOfBirth": "1962-01-01"}, {}, {}, {"geburtsdatum": "1962-01-01T00:00:00"}),
    "an instant is a date here": ({}, {"geburtsdatum": "1962-01-01T12:30:00"}, {"dateOfBirth": "1962-01-01"}, {}),
    "a date emptied": ({"dateOfBirth": None}, {}, {}, {"geburtsdatum": None}),
    "register in EspoCRM": ({"handelsregisterNummer": "HRB 7"}, {}, {}, {"handelsRegisterNummer": "HRB 7"}),
    "court in Advoware": ({}, {"registergericht": "Hannover"}, {"registergericht": "Hannover"}, {}),
    "blanks are no change": ({"lastName": " Müßig "}, {"titel": "Dr. "}, {}, {}),
    "an empty text is nothing": ({"registergericht": ""}, {"handelsRegisterNummer": "  "}, {}, {}),
    "the same on both sides": ({"titel": "Prof."}, {"titel": "Prof."}, {}, {}),
    "different fields": ({"titel": "Prof."}, {"name": "Schön"}, {"lastName": "Schön"}, {"titel": "Prof."}),
    "other fields are nobody's": ({"betnr": 4, "xaiCollectionId": "c"}, {"zusatz": "z", "rowId": "R"}, {}, {}),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_goes_to_the_other_side(name: str) -> None:
    """Each field by itself, both ways, in each side's own spelling; no conflict and no notice."""
    ours, theirs, to_espocrm, to_advoware = EDITS[name]
    todo = plan({**PERSON, **ours}, {**BETEILIGTER, **theirs})
    assert (dict(todo.to_espocrm), dict(todo.to_advoware)) == (to_espocrm, to_advoware)
    assert not todo.conflicts
    assert not todo.notices


def test_different_fields_changed_on_both_sides_are_both_kept() -> None:
    """A three-way merge per field, not a winner per record."""
    world = World({**PERSON, "titel": "Prof."}, {**BETEILIGTER, "name": "Schön"}, AGREED)
    world.run()
    assert (world.party["titel"], world.party["lastName"]) == ("Prof.", "Schön")
    assert (world.beteiligter["titel"], world.beteiligter["name"]) == ("Prof.", "Schön")
    assert not world.run().to_advoware


@pytest.mark.parametrize(("ours", "theirs"), [("Schön", "Weiß"), ("", "Weiß"), ("Schön", None)])
def test_of_a_true_conflict_espocrms_is_kept_and_the_loser_is_noted(ours: str, theirs: str | None) -> None:
    """One notice names the field, with both values for staff; the loser is a Conflict to be remembered."""
    todo = plan({**PERSON, "titel": ours}, {**BETEILIGTER, "titel": theirs})
    assert todo.to_advoware == {"titel": ours or None}
    assert not todo.to_espocrm
    assert todo.conflicts == (Conflict(field="titel", kept=ours, lost=theirs or ""),)
    [notice] = todo.notices
    assert (notice.kind, notice.fields, notice.about) == (NoticeKind.CONFLICT, ("titel",), ABOUT)
    assert notice.details == (("Feld", "Titel"), ("EspoCRM", ours), ("Advoware", theirs or ""))


@pytest.mark.parametrize(("newer", "kept"), [("espocrm", "Müßig"), ("advoware", "Schön")])
def test_at_the_first_sync_the_newer_record_wins(newer: Newer, kept: str) -> None:
    """Nothing was ever agreed: of two values the newer record's, of one and none the one, whoever is newer."""
    world = World({**PERSON, "titel": None}, {**BETEILIGTER, "name": "Schön", "anrede": None}, AgreedStammdaten())
    todo = world.run(newer=newer)
    assert world.party["lastName"] == world.beteiligter["name"] == kept
    assert world.party["titel"] == world.beteiligter["titel"] == "Dr."
    assert world.party["salutationName"] == world.beteiligter["anrede"] == "Herr"
    assert [conflict.field for conflict in todo.conflicts] == ["lastName"]


def test_an_ignored_field_is_told_and_not_sent_again() -> None:
    """P5: Advoware took it and did not store it. One standing notice, one and the same key, and no second write."""
    world = World({**PERSON, "registergericht": "Hannover"}, BETEILIGTER, AGREED)
    deaf = frozenset({"registergericht"})
    assert world.run(deaf_to=deaf).to_advoware == {"registergericht": "Hannover"}
    again = [world.run(deaf_to=deaf) for _ in range(3)]
    assert [dict(todo.to_advoware) for todo in again] == [{}, {}, {}]
    assert {notice.kind for todo in again for notice in todo.notices} == {NoticeKind.FIELD_IGNORED}
    assert len({notice.key for todo in again for notice in todo.notices}) == 1


def test_an_ignored_field_with_a_new_value_is_tried_once_more() -> None:
    """Perhaps Advoware stores that; if not, that is news again."""
    world = World({**PERSON, "registergericht": "Hannover"}, BETEILIGTER, AGREED)
    deaf = frozenset({"registergericht"})
    world.run(deaf_to=deaf)
    first = world.run(deaf_to=deaf).notices
    world.party["registergericht"] = "Celle"
    assert world.run(deaf_to=deaf).to_advoware == {"registergericht": "Celle"}
    second = world.run(deaf_to=deaf).notices
    assert first[0].key != second[0].key


def test_an_ignored_field_that_staff_enter_by_hand_is_agreed() -> None:
    """The notice is no longer standing and nothing is written."""
    world = World({**PERSON, "registergericht": "Hannover"}, BETEILIGTER, AGREED)
    world.run(deaf_to=frozenset({"registergericht"}))
    world.beteiligter["registergericht"] = "Hannover"
    todo = world.run(deaf_to=frozenset({"registergericht"}))
    assert todo == StammdatenPlan()
    assert world.agreed.values["registergericht"] == "Hannover"
    assert "registergericht" not in world.agreed.ignored


def test_an_ignored_field_that_staff_change_in_advoware_comes_to_espocrm() -> None:
    """What we sent never arrived there, so theirs is the only value that both can have; ours is kept as lost."""
    world = World({**PERSON, "registergericht": "Hannover"}, BETEILIGTER, AGREED)
    deaf = frozenset({"registergericht"})
    world.run(deaf_to=deaf)
    world.beteiligter["registergericht"] = "Celle"
    todo = world.run(deaf_to=deaf)
    assert world.party["registergericht"] == "Celle"
    assert todo.conflicts == (Conflict(field="registergericht", kept="Celle", lost="Hannover"),)


REFUSED = {
    "no such salutation": ("anrede", "Firma", "salutationName"),
    "a name too long": ("name", "x" * 101, "lastName"),
    "a first name with <": ("vorname", "J<", "firstName"),
    "a name with =": ("name", "a=b", "lastName"),
    "a text too long": ("titel", "x" * 256, "titel"),
    "a date that is none": ("geburtsdatum", "03.02.1961", "dateOfBirth"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_espocrm_would_refuse_is_told_and_not_sent(name: str) -> None:
    """One refused value would fail the whole record: both sides keep theirs, a person is told, the rest goes on."""
    theirs, value, ours = REFUSED[name]
    other = "rechtsform"
    world = World(PERSON, {**BETEILIGTER, theirs: value, other: "neu"}, AGREED)
    todo = world.run()
    assert todo.to_espocrm == {other: "neu"}
    assert not todo.to_advoware
    [notice] = todo.notices
    assert (notice.kind, notice.fields) == (NoticeKind.VALUE_REFUSED, (ours,))
    again = world.run()
    assert (again.to_espocrm, again.to_advoware) == ({}, {})
    assert [same.key for same in again.notices] == [notice.key]


def test_a_name_emptied_in_espocrm_is_told_and_not_sent() -> None:
    """Advoware takes no party without; sent, it would fail the whole record."""
    world = World({**PERSON, "lastName": None, "titel": "Prof."}, BETEILIGTER, AGREED)
    todo = world.run()
    assert todo.to_advoware == {"titel": "Prof."}
    assert [(notice.kind, notice.fields) for notice in todo.notices] == [
        (NoticeKind.GENERAL_MANUAL_ACTION, ("lastName",))
    ]
    again = world.run()
    assert (again.to_espocrm, again.to_advoware) == ({}, {})
    assert [same.key for same in again.notices] == [notice.key for notice in todo.notices]


def test_a_refused_value_is_overwritten_only_by_a_change_in_espocrm() -> None:
    """Staff put it right in EspoCRM: that is sent, as a conflict, because Advoware's was changed too."""
    world = World(PERSON, {**BETEILIGTER, "anrede": "Firma"}, AGREED)
    world.run()
    world.party["salutationName"] = "Divers"
    todo = world.run()
    assert todo.to_advoware == {"anrede": "Divers"}
    assert todo.conflicts == (Conflict(field="salutationName", kept="Divers", lost="Firma"),)


def test_a_person_that_becomes_a_company_loses_its_first_name_in_advoware() -> None:
    """A company's firmenname is Advoware's name; the first name that both had goes, and is still in EspoCRM."""
    world = World({**PERSON, "firmenname": "Müßig GmbH"}, BETEILIGTER, AGREED)
    todo = world.run()
    assert todo.to_advoware == {"name": "Müßig GmbH", "vorname": None}
    assert world.party["firstName"] == "Jürgen"
    assert not todo.conflicts
    assert world.run() == StammdatenPlan()


def test_a_first_name_typed_at_a_company_in_advoware_stays() -> None:
    """It is not ours to take away: EspoCRM has no place for it."""
    world = World({**PERSON, "firmenname": "Müßig GmbH"}, {**BETEILIGTER, "vorname": "z. Hd. Anna"}, AGREED)
    assert world.run().to_advoware == {"name": "Müßig GmbH"}
    assert world.beteiligter["vorname"] == "z. Hd. Anna"
    assert world.run() == StammdatenPlan()


def test_a_company_that_becomes_a_person_gets_its_names_again() -> None:
    """Last and first name go to Advoware when the firmenname is emptied."""
    world = World({**PERSON, "firmenname": "Müßig GmbH"}, BETEILIGTER, AGREED)
    world.run()
    world.party["firmenname"] = None
    assert world.run().to_advoware == {"name": "Müßig", "vorname": "Jürgen"}
    assert world.run() == StammdatenPlan()


def test_a_companys_name_comes_from_advoware_as_firmenname() -> None:
    """Which of EspoCRM's fields it is, EspoCRM decides."""
    agreed = msgspec.structs.replace(AGREED, values={**AGREED.values, NAME: "Müßig GmbH", FIRST_NAME: None})
    party = {**PERSON, "firmenname": "Müßig GmbH", "firstName": None, "lastName": None}
    todo = plan(party, {**BETEILIGTER, "name": "Müßig AG", "vorname": None}, agreed)
    assert (todo.to_espocrm, todo.to_advoware) == ({"firmenname": "Müßig AG"}, {})


def test_a_new_party_has_only_what_is_filled_in() -> None:
    """By Advoware's names, dates as instants; a company without a first name."""
    assert new_beteiligter({**PERSON, "registergericht": " "}) == BETEILIGTER
    company = new_beteiligter({**PERSON, "firmenname": "Müßig GmbH"})
    assert company == {
        **{name: value for name, value in BETEILIGTER.items() if name != "vorname"},
        "name": "Müßig GmbH",
    }
    assert new_beteiligter({"firstName": "Jürgen"}) == {"vorname": "Jürgen"}


# Properties.

TEXTS = st.sampled_from([None, "", "Müßig", " Müßig ", "Schön", "x" * 101, "a<b", "Zeile\r\nzwei", "Zeile\nzwei"])
SALUTATIONS = st.sampled_from([None, "", "Herr", "Frau", "Firma"])
DATES = st.sampled_from([None, "1961-02-03", "1962-01-01"])
INSTANTS = st.sampled_from([None, "1961-02-03T00:00:00", "1962-01-01T12:00:00", "unbekannt"])
_OF: dict[str, st.SearchStrategy[Any]] = {"salutationName": SALUTATIONS, "dateOfBirth": DATES}
# Advoware's name is never empty, so a company never becomes a person by our hand.
_NAMES = TEXTS.filter(bool)
_THEIRS: dict[str, st.SearchStrategy[Any]] = {
    "salutationName": SALUTATIONS,
    "dateOfBirth": INSTANTS,
    "lastName": _NAMES,
    "firmenname": _NAMES,
}
_PAIRS = {**pairs(company=False), "firmenname": pairs(company=True)[NAME]}
PARTIES = st.fixed_dictionaries({name: _OF.get(name, TEXTS) for name in ATTRIBUTES})
BETEILIGTE = st.fixed_dictionaries(
    {pair.advoware: _THEIRS.get(pair.espocrm, TEXTS) for pair in _PAIRS.values()}, optional={"zusatz": TEXTS}
)


def _agreeable(pair: Pair) -> st.SearchStrategy[Value]:
    return _OF.get(pair.espocrm, TEXTS).map(lambda value: normal(value, pair.kind))


AGREEMENTS = st.builds(
    AgreedStammdaten,
    values=st.fixed_dictionaries(
        {}, optional={field: _agreeable(pair) for field, pair in pairs(company=False).items()}
    ),
)
DEAF = st.frozensets(st.sampled_from(sorted({pair.advoware for pair in _PAIRS.values()})))


@given(party=PARTIES, beteiligter=BETEILIGTE, agreed=AGREEMENTS, newer=NEWER)
def test_the_second_run_writes_nothing(
    party: dict[str, Any], beteiligter: dict[str, Any], agreed: AgreedStammdaten, newer: Newer
) -> None:
    """P5: carried out, remembered and planned again, nothing is left to write, whatever was there before."""
    world = World(party, beteiligter, agreed)
    world.run(newer=newer)
    again = world.run(newer=newer)
    assert (dict(again.to_espocrm), dict(again.to_advoware)) == ({}, {})
    assert not again.conflicts
    assert {notice.kind for notice in again.notices} <= STANDING


@given(party=PARTIES, beteiligter=BETEILIGTE, agreed=AGREEMENTS, newer=NEWER, deaf=DEAF)
def test_an_advoware_that_ignores_fields_makes_no_loop(
    party: dict[str, Any],
    beteiligter: dict[str, Any],
    agreed: AgreedStammdaten,
    newer: Newer,
    deaf: frozenset[str],
) -> None:
    """P5: whichever fields are not stored, two runs bring all that can be brought, and the third writes nothing."""
    world = World(party, beteiligter, agreed)
    for _ in range(2):
        world.run(deaf_to=deaf, newer=newer)
    third = world.run(deaf_to=deaf, newer=newer)
    assert (dict(third.to_espocrm), dict(third.to_advoware)) == ({}, {})
    keys = [notice.key for notice in third.notices]
    assert [notice.key for notice in world.run(deaf_to=deaf, newer=newer).notices] == keys


@given(party=PARTIES, beteiligter=BETEILIGTE, agreed=AGREEMENTS, newer=NEWER)
def test_both_sides_agree_on_all_that_is_not_refused(
    party: dict[str, Any], beteiligter: dict[str, Any], agreed: AgreedStammdaten, newer: Newer
) -> None:
    """What differs afterwards is what the other side would not take, and somebody is told of exactly that."""
    world = World(party, beteiligter, agreed)
    todo = world.run(newer=newer)
    refused = {name for notice in todo.notices if notice.kind in STANDING for name in notice.fields}
    differing = {
        pair.espocrm
        for pair in pairs(company=is_company(world.party)).values()
        if normal(world.party.get(pair.espocrm), pair.kind) != normal(world.beteiligter.get(pair.advoware), pair.kind)
    }
    assert differing == refused


@given(party=PARTIES, beteiligter=BETEILIGTE, agreed=AGREEMENTS, newer=NEWER)
def test_nothing_is_lost_without_a_conflict(
    party: dict[str, Any], beteiligter: dict[str, Any], agreed: AgreedStammdaten, newer: Newer
) -> None:
    """A value that was never agreed on and is overwritten is a Conflict with the value in it, and a notice."""
    todo = plan(party, beteiligter, agreed, newer)
    lost = {(conflict.field, conflict.lost) for conflict in todo.conflicts}
    for field, pair in pairs(company=is_company(party)).items():
        base = agreed.values.get(field)
        for record, name, written in (
            (party, pair.espocrm, todo.to_espocrm),
            (beteiligter, pair.advoware, todo.to_advoware),
        ):
            before = normal(record.get(name), pair.kind)
            if name in written and before is not None and before != base:
                assert (pair.espocrm, str(before)) in lost
    told_of = {name for notice in todo.notices if notice.kind == NoticeKind.CONFLICT for name in notice.fields}
    assert {conflict.field for conflict in todo.conflicts} == told_of


@given(party=PARTIES, beteiligter=BETEILIGTE, agreed=AGREEMENTS, newer=NEWER)
def test_espocrm_is_never_given_what_it_refuses(
    party: dict[str, Any], beteiligter: dict[str, Any], agreed: AgreedStammdaten, newer: Newer
) -> None:
    """A 400 of one field would keep the whole party from being synced."""
    todo = plan(party, beteiligter, agreed, newer)
    fields = {pair.espocrm: pair for pair in pairs(company=is_company(party)).values()}
    assert all(fields[name].accepts(value) for name, value in todo.to_espocrm.items())
    assert all(told(normal(value, "text"), "text") == value for value in todo.to_advoware.values())


@given(party=PARTIES, beteiligter=BETEILIGTE, agreed=AGREEMENTS, newer=NEWER)
def test_a_run_that_dies_before_it_remembers_is_finished_by_the_next(
    party: dict[str, Any], beteiligter: dict[str, Any], agreed: AgreedStammdaten, newer: Newer
) -> None:
    """P2: both sides written and the memory lost: the next run finds them agreed and writes nothing."""
    todo = plan(party, beteiligter, agreed, newer)
    again = plan({**party, **todo.to_espocrm}, {**beteiligter, **todo.to_advoware}, agreed, newer)
    assert (dict(again.to_espocrm), dict(again.to_advoware)) == ({}, {})
