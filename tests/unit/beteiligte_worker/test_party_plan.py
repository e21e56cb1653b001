"""A whole party: created, in step, gone on either side, resting, refused, another number; and the dry run of each."""

from typing import Any

import msgspec
import pytest

from beteiligte_worker.fields.names import PartyNames, bookkeeping
from beteiligte_worker.model.adressen import AgreedAdresse
from beteiligte_worker.model.bankverbindungen import AgreedKonto
from beteiligte_worker.model.kommunikation import Agreed, Eintrag, Kontakt
from beteiligte_worker.model.notice import Conflict, NoticeKind
from beteiligte_worker.model.party import Advoware, Base, Ending, Espocrm, Plan, Seen
from beteiligte_worker.model.stammdaten import AgreedStammdaten
from beteiligte_worker.plan.kommunikation import kommunikation_hash
from beteiligte_worker.plan.party import conclude, known, noted, plan_party
from beteiligte_worker.plan.preview import party_writes
from shared.contracts.vocabulary import PartySyncStatus
from shared.outcomes.reason import Reason

NOW = 1_800_000_000.0
PARTY = "6b035efe9d2a9d82c"
NUMBER = 10001
NAMES = PartyNames()
VALUES = {"name": "Müßig", "firstName": "Jürgen"} | dict.fromkeys(
    ("salutationName", "titel", "rechtsform", "dateOfBirth", "handelsregisterNummer", "registergericht")
)
RECORD: dict[str, Any] = {
    "id": PARTY,
    "firstName": "Jürgen",
    "lastName": "Müßig",
    "betnr": NUMBER,
    "advowareRowId": "R1",
    "kommunikationHash": kommunikation_hash(()),
    "syncStatus": "clean",
    "modifiedAt": "2026-03-01 08:00:00",
    "assignedUserId": "u1",
}
BETEILIGTER = {
    "betNr": NUMBER,
    "rowId": "R1",
    "name": "Müßig",
    "vorname": "Jürgen",
    "geaendertAm": "2026-03-01T07:00:00Z",
}
BASE = Base(
    bet_nr=NUMBER,
    row_id="R1",
    stammdaten=AgreedStammdaten(values=VALUES),
    kommunikation=(),
    adressen=(),
    konten=(),
    modified_at="2026-03-01 08:00:00",
    assigned_user_id="u1",
)


def espocrm(**changes: Any) -> Espocrm:
    """EspoCRM's side, in step unless told otherwise."""
    record = RECORD | changes
    return Espocrm(keeping=bookkeeping(record), record=record)


def advoware(**changes: Any) -> Advoware:
    """Advoware's side, in step unless told otherwise."""
    return Advoware(record=BETEILIGTER | changes)


def seen(**changes: Any) -> Seen:
    """Both sides in step and remembered so."""
    whole = Seen(
        entity_id=PARTY,
        now=NOW,
        today="2027-01-15",
        espocrm=espocrm(),
        bet_nr=NUMBER,
        advoware=advoware(),
        base=BASE,
        can_tell=True,
    )
    return msgspec.structs.replace(whole, **changes)


def writes(found: Seen) -> list[str]:
    return party_writes(plan_party(found), found, NAMES)


def test_in_step_is_nothing_to_do() -> None:
    """P5: no write, nothing to remember, nothing to tell."""
    todo = plan_party(seen())
    assert todo == Plan(reason=Reason.IN_STEP)
    assert writes(seen()) == []


def test_a_party_without_a_number_is_created() -> None:
    """Only that: the rest is the next run's, which can compare."""
    new = seen(espocrm=espocrm(betnr=None, syncStatus="pending_sync"), bet_nr=None, advoware=None, base=None)
    todo = plan_party(new)
    assert (todo.reason, todo.mark) == (Reason.PARTY_CREATED, PartySyncStatus.SYNCING)
    assert todo.create == {"name": "Müßig", "vorname": "Jürgen"}
    assert todo.writes == {"create": 1}
    assert writes(new) == [
        f"espocrm PUT CBeteiligte/{PARTY} (syncStatus)",
        "advoware POST Beteiligte (name, vorname)",
        f"espocrm PUT CBeteiligte/{PARTY} (betnr)",
        f"nats publish CBeteiligte {PARTY} sync_check",
    ]


def test_a_party_without_a_name_waits() -> None:
    """Advoware takes none without; the reason says what is lacking."""
    nameless = espocrm(betnr=None, lastName=None, syncStatus="pending_sync")
    todo = plan_party(seen(espocrm=nameless, bet_nr=None, advoware=None, base=None))
    assert todo == Plan(reason=Reason.NO_NUMBER_YET)


def test_a_number_that_was_not_written_down_yet_is_not_made_twice() -> None:
    """P2: the journal knows it; the run goes on with both sides and writes it into EspoCRM."""
    todo = plan_party(seen(espocrm=espocrm(betnr=None, syncStatus="syncing"), base=None))
    assert todo.create is None
    assert todo.final["betnr"] == NUMBER


def test_a_party_deleted_in_espocrm_is_told_once() -> None:
    """In Advoware nothing is ever deleted: a task, and the news is remembered."""
    gone = seen(espocrm=None)
    todo = plan_party(gone)
    assert (todo.reason, todo.writes) == (Reason.DELETE_TOLD, {"tell": 1})
    [notice] = todo.notices
    assert notice.kind == NoticeKind.PARTY_DELETE_REQUIRED
    assert notice.details == (("Beteiligtennummer", "10001"), ("Name", "Jürgen Müßig"))
    assert todo.remember is not None
    assert todo.remember.gone == "espocrm"
    assert plan_party(seen(espocrm=None, base=todo.remember)) == Plan(reason=Reason.IN_STEP)
    assert writes(gone) == ["espocrm POST Task (party_delete_required)"]


def test_a_deleted_party_whose_news_nobody_can_get_stays_news() -> None:
    """With no user for the task nothing is remembered: it is told once there is one."""
    assert plan_party(seen(espocrm=None, can_tell=False)) == Plan(reason=Reason.NOBODY_TO_TELL)


def test_a_party_deleted_on_both_sides_is_only_remembered() -> None:
    """There is nothing left that anybody could do."""
    todo = plan_party(seen(espocrm=None, advoware=None))
    assert (todo.reason, todo.writes) == (Reason.LEARNED, {})
    assert todo.remember is not None
    assert todo.remember.gone == "espocrm"


@pytest.mark.parametrize("base", [None, Base()])
def test_a_deleted_party_that_never_was_in_advoware_is_nothing(base: Base | None) -> None:
    """Never synced: the event is skipped."""
    assert plan_party(seen(espocrm=None, bet_nr=None, advoware=None, base=base)) == Plan(reason=Reason.NEVER_SYNCED)


def test_a_party_gone_in_advoware_says_so_and_loses_nothing() -> None:
    """State and text in EspoCRM, one task, and the second time nothing."""
    todo = plan_party(seen(advoware=None))
    assert todo.reason == Reason.PARTY_GONE
    assert todo.final == {
        "syncStatus": PartySyncStatus.DELETED_IN_ADVOWARE,
        "syncErrorMessage": "In Advoware nicht mehr vorhanden.",
    }
    assert [notice.kind for notice in todo.notices] == [NoticeKind.PARTY_GONE]
    assert not todo.changes_data
    marked = espocrm(syncStatus="deleted_in_advoware", syncErrorMessage="In Advoware nicht mehr vorhanden.")
    assert plan_party(seen(advoware=None, espocrm=marked, base=todo.remember)) == Plan(reason=Reason.IN_STEP)


def test_a_party_that_comes_back_in_advoware_is_clean_again() -> None:
    """Restored there from a backup: compared as ever, state and text put right, and gone is forgotten."""
    marked = espocrm(syncStatus="deleted_in_advoware", syncErrorMessage="In Advoware nicht mehr vorhanden.")
    base = plan_party(seen(advoware=None)).remember
    todo = plan_party(seen(espocrm=marked, base=base))
    assert (todo.final["syncStatus"], todo.final["syncErrorMessage"]) == ("clean", None)
    assert todo.remember is not None
    assert (todo.remember.gone, todo.remember.told) == ("", ())


def test_a_number_emptied_by_hand_makes_the_party_anew() -> None:
    """What the task asks for where a party is gone; the lost number is not taken for the new one."""
    todo = plan_party(seen(espocrm=espocrm(betnr=None, syncStatus="dirty"), advoware=None))
    assert (todo.reason, todo.gone_bet_nr) == (Reason.PARTY_CREATED, NUMBER)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"syncStatus": "failed", "syncNextRetry": "2099-01-01 00:00:00"}, Reason.RETRY_NOT_DUE),
        ({"syncStatus": "permanently_failed", "syncAutoResetAt": "2099-01-01 00:00:00"}, Reason.GIVEN_UP),
    ],
)
def test_a_resting_party_is_left_alone_until_somebody_asks(changes: dict[str, Any], reason: Reason) -> None:
    """An operator or a replay does not wait."""
    resting = seen(espocrm=espocrm(**changes, lastName="Schön"))
    assert plan_party(resting) == Plan(reason=reason)
    assert plan_party(msgspec.structs.replace(resting, asked=True)).reason == Reason.PARTY_SYNCED


@pytest.mark.parametrize("status", ["failed", "permanently_failed"])
def test_a_failure_that_is_over_is_wiped_off(status: str) -> None:
    """Tries, instants and text go, and the last sync is now."""
    due = {
        "syncStatus": status,
        "syncRetryCount": 3,
        "syncErrorMessage": "Text",
        "syncNextRetry": "2020-01-01 00:00:00",
    }
    todo = plan_party(seen(espocrm=espocrm(**due)))
    assert todo.writes == {"bookkeeping": len(todo.final)}
    assert todo.final == {
        "syncStatus": "clean",
        "syncErrorMessage": None,
        "syncRetryCount": 0,
        "syncNextRetry": None,
        "advowareLastSync": "2027-01-15 08:00:00",
    }
    told = "advowareLastSync, syncErrorMessage, syncNextRetry, syncRetryCount, syncStatus"
    assert writes(seen(espocrm=espocrm(**due))) == [f"espocrm PUT CBeteiligte/{PARTY} ({told})"]


def test_entries_that_are_all_gone_at_once_are_refused() -> None:
    """P9: three or more that were agreed on, none there: nobody deletes so, so Advoware's answer is doubted."""
    agreed = tuple(Agreed(id=number, kind="phone", value=f"+4951112345{number}") for number in range(3))
    emptied = seen(base=msgspec.structs.replace(BASE, kommunikation=agreed))
    todo = plan_party(emptied)
    assert todo.refused is not None
    assert "all 3 Kommunikation are gone" in todo.refused
    assert '{"force": true}' in todo.refused
    assert todo.writes == {}
    assert writes(emptied) == [f"refused: {todo.refused}"]
    assert plan_party(msgspec.structs.replace(emptied, force=True)).refused is None
    two = msgspec.structs.replace(BASE, kommunikation=agreed[:2])
    assert plan_party(seen(base=two)).refused is None
    one_left = msgspec.structs.replace(advoware(), eintraege=(Eintrag(id=7, komm_kz=1, tlf="+49511"),))
    assert plan_party(seen(base=emptied.base, advoware=one_left)).refused is None


def test_addresses_and_accounts_that_are_all_gone_at_once_are_refused() -> None:
    """P9: for them an empty answer would make a task for each, of each party."""
    adressen = tuple(AgreedAdresse(espocrm_id=f"a{number}", advoware_id=number) for number in range(4))
    konten = tuple(AgreedKonto(espocrm_id=f"k{number}", advoware_id=number) for number in range(3))
    todo = plan_party(seen(base=msgspec.structs.replace(BASE, adressen=adressen, konten=konten)))
    assert todo.refused is not None
    assert "all 4 Adressen and all 3 Bankverbindungen are gone" in todo.refused
    assert todo.writes == {}
    fewer = msgspec.structs.replace(BASE, adressen=adressen[:2], konten=konten[:2])
    assert plan_party(seen(base=fewer)).refused is None


def test_another_number_by_hand_is_another_party() -> None:
    """What was agreed with the old one counts no longer; conflicts, tasks told and their count are kept."""
    lost = Conflict(field="titel", kept="a", lost="b")
    base = msgspec.structs.replace(BASE, conflicts=(lost,), told=("k",), tellings=3)
    other = seen(espocrm=espocrm(betnr=10002), bet_nr=10002, advoware=advoware(betNr=10002, name="Schön"), base=base)
    assert known(other) == Base(bet_nr=10002, conflicts=(lost,), told=("k",), tellings=3)
    todo = plan_party(other)
    assert todo.stammdaten.to_advoware == {"name": "Müßig"}
    assert [conflict.lost for conflict in todo.conflicts] == ["Schön"]
    assert todo.mark == PartySyncStatus.CONFLICT


@pytest.mark.parametrize(
    ("modified_at", "changed_at", "kept"),
    [
        ("2026-03-01 08:00:00", "2026-03-01T07:59:59.0000000Z", "Müßig"),
        ("2026-03-01 08:00:00", "2026-03-01T08:00:01.0000000Z", "Schön"),
        ("2026-03-01 08:00:00", "2026-03-01T08:30:00+01:00", "Müßig"),
        ("2026-03-01 08:00:00", "", "Müßig"),
        ("", "2026-03-01T08:00:01.0000000Z", "Müßig"),
        ("2026-03-01 08:00:00", "gestern", "Müßig"),
    ],
)
def test_at_the_first_sync_the_newer_record_wins(modified_at: str, changed_at: str, kept: str) -> None:
    """By both instants, in UTC; without two that can be read, EspoCRM's."""
    todo = plan_party(
        seen(
            espocrm=espocrm(modifiedAt=modified_at),
            advoware=advoware(name="Schön", geaendertAm=changed_at),
            base=None,
        )
    )
    assert (todo.stammdaten.to_espocrm or {"lastName": "Müßig"})["lastName"] == kept
    assert (todo.stammdaten.to_advoware or {"name": "Schön"})["name"] == kept


def test_without_anybody_to_tell_a_notice_waits() -> None:
    """No assignee and no user in the settings: nothing is told, and it is news once there is somebody."""
    deaf = seen(
        espocrm=espocrm(registergericht="Hannover"),
        base=msgspec.structs.replace(
            BASE, stammdaten=AgreedStammdaten(values=VALUES, ignored={"registergericht": "Hannover"})
        ),
    )
    assert plan_party(msgspec.structs.replace(deaf, can_tell=False)).notices == ()
    todo = plan_party(deaf)
    assert [notice.kind for notice in todo.notices] == [NoticeKind.FIELD_IGNORED]
    assert todo.reason == Reason.TOLD
    assert todo.remember is not None
    assert plan_party(msgspec.structs.replace(deaf, base=todo.remember)).notices == ()


def test_news_that_is_over_may_come_again() -> None:
    """What no longer stands is forgotten, so that the same thing is told again one day."""
    stale = msgspec.structs.replace(BASE, told=("field_ignored-123",))
    todo = plan_party(seen(base=stale))
    assert todo.remember == BASE


def test_the_loser_is_remembered_before_anything_is_written() -> None:
    """P2: once the writes are done, nobody could tell any more what has lost."""
    found = seen(espocrm=espocrm(lastName="Schön"), advoware=advoware(name="Weiß"))
    todo = plan_party(found)
    base = noted(todo, found)
    assert base.conflicts == (Conflict(field="lastName", kept="Schön", lost="Weiß"),)
    assert base.told == (todo.notices[0].key,)
    assert base.tellings == 1
    assert base.stammdaten == BASE.stammdaten


def test_only_the_last_fifty_losers_are_remembered() -> None:
    """P12: a snapshot does not grow for ever."""
    many = tuple(Conflict(field="titel", kept="a", lost=str(number)) for number in range(60))
    found = seen(
        espocrm=espocrm(lastName="Schön"),
        advoware=advoware(name="Weiß"),
        base=msgspec.structs.replace(BASE, conflicts=many),
    )
    kept = noted(plan_party(found), found).conflicts
    assert len(kept) == 50
    assert kept[-1].lost == "Weiß"


# How a run ends.


def end(before: Seen, after: Seen) -> Ending:
    return conclude(plan_party(before), before, after)


def test_a_run_that_has_brought_both_in_step_ends_clean() -> None:
    """State, row id and last sync, and both values remembered."""
    before = seen(espocrm=espocrm(lastName="Schön", syncStatus="dirty"))
    after = seen(espocrm=espocrm(lastName="Schön", syncStatus="syncing"), advoware=advoware(name="Schön", rowId="R2"))
    ending = end(before, after)
    assert ending.final == {"syncStatus": "clean", "advowareRowId": "R2", "advowareLastSync": "2027-01-15 08:00:00"}
    assert (ending.base.row_id, ending.base.stammdaten.values["name"]) == ("R2", "Schön")
    assert (ending.notices, ending.stuck) == ((), ())


def test_a_run_that_somebody_overtook_ends_dirty() -> None:
    """Staff went on typing while we wrote: the next run looks, and EspoCRM says that there will be one."""
    before = seen(espocrm=espocrm(lastName="Schön"))
    after = seen(espocrm=espocrm(lastName="Weiß", syncStatus="dirty"), advoware=advoware(name="Schön", rowId="R2"))
    ending = end(before, after)
    assert "syncStatus" not in ending.final
    assert plan_party(msgspec.structs.replace(after, base=ending.base)).stammdaten.to_advoware == {"name": "Weiß"}


def test_a_field_that_advoware_ignored_ends_clean_with_a_notice() -> None:
    """P5: told in the same run, not sent again in the next."""
    before = seen(espocrm=espocrm(registergericht="Hannover"))
    after = seen(espocrm=espocrm(registergericht="Hannover", syncStatus="syncing"), advoware=advoware(rowId="R2"))
    ending = end(before, after)
    assert ending.final["syncStatus"] == "clean"
    assert [notice.kind for notice in ending.notices] == [NoticeKind.FIELD_IGNORED]
    assert ending.stuck == ()


def test_a_write_to_espocrm_that_is_not_there_afterwards_is_stuck() -> None:
    """It is a failure of this party and not a loop."""
    before = seen(advoware=advoware(name="Schön"))
    after = seen(espocrm=espocrm(syncStatus="syncing"), advoware=advoware(name="Schön"))
    assert end(before, after).stuck == ("stammdaten",)


def test_contacts_that_are_not_there_afterwards_are_stuck() -> None:
    """The same for mails and phones."""
    mail = Kontakt(kind="mail", value="j@example.org", primary=True)
    with_mail = msgspec.structs.replace(espocrm(), kontakte=(mail,))
    before = seen(espocrm=with_mail)
    assert plan_party(before).writes == {"kommunikation_post": 1}
    assert end(before, before).stuck == ("kommunikation",)
