"""The decision tables of beteiligte_worker/README.md, run row by row against the code that they describe."""

import itertools
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from beteiligte_worker.fields.kommunikation import read_note, write_note
from beteiligte_worker.fields.names import AUTO_RESET, NEXT_RETRY, STATUS, bookkeeping, stamp
from beteiligte_worker.model.kommunikation import Agreed, Eintrag, Kontakt, Marker, Note
from beteiligte_worker.model.notice import NoticeKind
from beteiligte_worker.model.party import Advoware, Base, Bookkeeping, Espocrm, Seen
from beteiligte_worker.model.sweep import SweepBase, SweepSeen, SweptParty
from beteiligte_worker.plan.kommunikation import kommunikation_hash
from beteiligte_worker.plan.merge import NEVER, Never, Newer, merge
from beteiligte_worker.plan.party import plan_party
from beteiligte_worker.plan.states import after_failure, rests
from beteiligte_worker.plan.sweep import plan_sweep
from shared.contracts.vocabulary import PartySyncStatus
from tests.support.kommunikation import World
from tests.support.readme import table

_PAGE = "beteiligte_worker/README.md"
_NOW = 1_800_000_000.0
_NEWER: tuple[Newer, ...] = ("espocrm", "advoware")
_table = partial(table, _PAGE)


# Stammdaten

_MERGE = _table("Stammdaten", 5)
_Pattern = tuple[str, str, str, str]


def _pattern(base: str, espocrm: str, advoware: str, newer: str) -> _Pattern:
    """With values called a, b, c in the order in which they appear: which letters they are does not matter."""
    names: dict[str, str] = {}
    told = [
        one if one in ("never", "–") else names.setdefault(one, "abc"[len(names)]) for one in (base, espocrm, advoware)
    ]
    return told[0], told[1], told[2], newer


def _verdicts() -> dict[_Pattern, list[str]]:
    found: dict[_Pattern, list[str]] = {}
    for espocrm, advoware, bases, newer, verdict in _MERGE:
        for base, one in itertools.product(bases.split(", "), _NEWER if newer == "any" else (newer,)):
            found.setdefault(_pattern(base, espocrm, advoware, one), []).append(verdict)
    return found


@pytest.mark.parametrize("newer", _NEWER)
@pytest.mark.parametrize("base", ["never", "–", "a", "b", "c"])
@pytest.mark.parametrize("advoware", ["–", "a", "b", "c"])
@pytest.mark.parametrize("espocrm", ["–", "a", "b", "c"])
def test_the_table_of_a_field_is_complete_and_true(espocrm: str, advoware: str, base: str, newer: Newer) -> None:
    """Every pattern of equal, empty and never stands in exactly one row, and the code says the same."""
    values: dict[str, str | None] = {"–": None, "a": "a", "b": "b", "c": "c"}
    agreed: str | Never | None = NEVER if base == "never" else values[base]
    verdict = merge(values[espocrm], values[advoware], agreed, newer=newer)
    assert _verdicts()[_pattern(base, espocrm, advoware, newer)] == [verdict]


# Kommunikation

_VALUES = {letter: f"{letter}@muster.example" for letter in "abcde"} | {"x": "kein Postfach"}
_LETTERS = {value: letter for letter, value in _VALUES.items()} | {"": "-"}
_ENTRY = re.compile(r"(gone|-|[a-ex])(?:\[([a-e]?)\])?")


def _eintrag(number: int, told: str) -> tuple[Eintrag | None, Agreed | None]:
    """An entry, and what is remembered of it; None where there is none."""
    found = _ENTRY.fullmatch(told)
    assert found, told
    value, base = found[1], found[2]
    known = Agreed(id=number, kind="mail", value=_VALUES[base]) if base else None
    if value == "gone":
        return None, known
    marker = Marker(komm_kz=4, value=_VALUES[base] if base else None)
    bemerkung = None if base is None else write_note(Note(), marker)
    return Eintrag(id=number, komm_kz=4, tlf=_VALUES.get(value), bemerkung=bemerkung), known


def _shown(one: Eintrag) -> str:
    marker = read_note(one.bemerkung).marker
    return _LETTERS[one.tlf or ""] + ("" if marker is None else f"[{_LETTERS[marker.value] if marker.value else ''}]")


@pytest.mark.parametrize(
    ("variant", "espocrm", "advoware", "then_espocrm", "then_advoware", "task"), _table("Kommunikation", 6)
)
def test_the_table_of_mails_is_true(
    variant: str, espocrm: str, advoware: str, then_espocrm: str, then_advoware: str, task: str
) -> None:
    """Both sides and the tasks are as the row says, and a second run writes nothing."""
    pairs = [_eintrag(number, told) for number, told in enumerate(advoware.replace("–", "").split(), 1)]
    kontakte = [Kontakt(kind="mail", value=_VALUES[one]) for one in espocrm.replace("–", "").split()]
    world = World(kontakte, [one for one, _ in pairs if one is not None])
    is_first = variant.startswith("first sync")
    todo = world.plan(None if is_first else tuple(known for _, known in pairs if known is not None))
    world.apply(todo)
    mails = " ".join(_LETTERS[one.value] for one in world.kontakte()) or "–"
    entries = " ".join(_shown(one) for one in world.eintraege()) or "–"
    assert (then_espocrm == "=") == (todo.kontakte is None)
    assert (then_advoware == "=") == (not todo.put and not todo.post)
    assert sorted(mails) == sorted(espocrm if then_espocrm == "=" else then_espocrm)
    if then_advoware != "=":
        assert entries == then_advoware
    told = [f"{one.kind} {_LETTERS[dict(one.details)['Advoware']]}" for one in todo.notices]
    assert told == ([] if task == "–" else [task])
    assert world.plan(world.agree()).writes == {}


def test_the_table_of_mails_has_all_six_variants() -> None:
    """The firm numbers what can happen from 1 to 6."""
    named = " ".join(row[0].partition(":")[0] for row in _table("Kommunikation", 6))
    assert {number for number in "123456" if number in named} == set("123456")


# A whole party

_PARTY = "6b035efe9d2a9d82c"
_NUMBER = 10001
_KNOWN = tuple(Agreed(id=number, kind="mail", value=f"{number}@muster.example") for number in (1, 2, 3))
_BASE = Base(bet_nr=_NUMBER, row_id="R1", kommunikation=(), adressen=(), konten=())
_RECORD = {
    "lastName": "Müßig",
    "betnr": _NUMBER,
    "advowareRowId": "R1",
    "kommunikationHash": kommunikation_hash(()),
    "syncStatus": "clean",
}


def _espocrm(**changes: Any) -> Espocrm:
    record = _RECORD | changes
    return Espocrm(keeping=bookkeeping(record), record=record)


def _advoware(**changes: Any) -> Advoware:
    return Advoware(record={"betNr": _NUMBER, "rowId": "R1", "name": "Müßig", **changes})


def _seen(**changes: Any) -> Seen:
    whole = Seen(
        entity_id=_PARTY,
        now=_NOW,
        today="2027-01-15",
        espocrm=_espocrm(),
        bet_nr=_NUMBER,
        advoware=_advoware(),
        base=_BASE,
        can_tell=True,
    )
    return msgspec.structs.replace(whole, **changes)


def _once(seen: Seen) -> Seen:
    """The same after a run that had nothing to write: remembered, and our own fields put right."""
    todo = plan_party(seen)
    espocrm = seen.espocrm
    if espocrm is not None:
        record = {**espocrm.record, **todo.final}
        espocrm = msgspec.structs.replace(espocrm, record=record, keeping=bookkeeping(record))
    return msgspec.structs.replace(seen, espocrm=espocrm, base=todo.remember or seen.base)


def _failed(status: str) -> Seen:
    later = stamp(_NOW + 60)
    return _seen(espocrm=_espocrm(**{STATUS: status, NEXT_RETRY: later, AUTO_RESET: later}))


def _new(**changes: Any) -> Seen:
    return _seen(
        espocrm=_espocrm(betnr=None, syncStatus="pending_sync", **changes), bet_nr=None, advoware=None, base=None
    )


_SITUATIONS: dict[str, Callable[[], Seen]] = {
    "gone in EspoCRM, nothing remembered": lambda: _seen(espocrm=None, advoware=None, bet_nr=None, base=None),
    "gone in EspoCRM, dealt with": lambda: _once(_seen(espocrm=None)),
    "gone in EspoCRM, Advoware has it": lambda: _seen(espocrm=None),
    "the same, and no user for a task": lambda: _seen(espocrm=None, can_tell=False),
    "gone in EspoCRM, and in Advoware too": lambda: _seen(espocrm=None, advoware=None),
    "failed, and its next try is later; nobody asks for one": lambda: _failed("failed"),
    "permanently_failed, and its day is not over; nobody asks for a try": lambda: _failed("permanently_failed"),
    "has a number, Advoware does not know it": lambda: _seen(advoware=None),
    "the same, dealt with": lambda: _once(_seen(advoware=None)),
    "no number, no name": lambda: _new(lastName=None),
    "no number": _new,
    "at least three Kommunikation, Adressen or Bankverbindungen were agreed, and Advoware has none": lambda: _seen(
        base=msgspec.structs.replace(_BASE, kommunikation=_KNOWN)
    ),
    "both sides, something differs": lambda: _once_then(titel="Dr."),
    "both sides, only a task is to be made": lambda: _seen(
        espocrm=_espocrm(), advoware=_advoware(anrede="Firma"), base=_once(_seen()).base
    ),
    "both sides, only our own fields differ": lambda: _once_then(kommunikationHash=None),
    "both sides, nothing differs": lambda: _once(_seen()),
}


def _once_then(**changes: Any) -> Seen:
    return msgspec.structs.replace(_once(_seen()), espocrm=_espocrm(**changes))


_PARTIES = _table("A whole party", 3)


@pytest.mark.parametrize(("situation", "reason", "writes"), _PARTIES)
def test_the_table_of_parties_is_true(situation: str, reason: str, writes: str) -> None:
    """The reason is the row's; and something is written where the row says so."""
    todo = plan_party(_SITUATIONS[situation.replace("`", "")]())
    assert ("Refused" if todo.refused else todo.reason) == reason
    assert bool(todo.writes) == (writes != "–")


def test_the_table_of_parties_is_whole() -> None:
    """No row without its situation here, and none the other way."""
    assert [row[0].replace("`", "") for row in _PARTIES] == list(_SITUATIONS)


# States

_STATES = _table("States", 4)
_BEFORE, _AFTER = "2026-03-01 08:00:00", "2026-03-02 08:00:00"


def _is_asked_for(status: str, *, changed: bool, due: bool) -> bool:
    """Whether a sweep asks for a party whose own tries have failed, if any have."""
    instant = _NOW - 1 if due else _NOW + 1
    keeping = Bookkeeping(
        status=status, retries=1, next_retry=instant, auto_reset=instant, modified_at=_AFTER if changed else _BEFORE
    )
    party = SweptParty(id=_PARTY, keeping=keeping, base=msgspec.structs.replace(_BASE, modified_at=_BEFORE))
    seen = SweepSeen(
        now=_NOW,
        parties=(party,),
        parents=(),
        listed=(),
        due=(),
        checked=1,
        vanished=(),
        returned=(),
        progress=SweepBase(),
    )
    return plan_sweep(seen, max_changes=20, max_share=0.3, force=False).parties == (_PARTY,)


_ASKED = {"always": (True, True, True), "when changed": (False, True, False), "when due": (False, False, True)}
"""Not due and unchanged; changed; due."""


@pytest.mark.parametrize(("status", "_set_by", "rest", "asked"), _STATES)
def test_the_table_of_states_is_true(status: str, _set_by: str, rest: str, asked: str) -> None:
    """Which rest until their instant, and which a sweep asks for."""
    keeping = Bookkeeping(status=status, next_retry=_NOW + 1, auto_reset=_NOW + 1)
    assert (rests(keeping, _NOW) or "–") == rest
    assert rests(keeping, _NOW + 1) is None
    assert _ASKED[asked] == (
        _is_asked_for(status, changed=False, due=False),
        _is_asked_for(status, changed=True, due=False),
        _is_asked_for(status, changed=False, due=True),
    )


def test_the_table_of_states_is_whole() -> None:
    """All of EspoCRM's words, in their order."""
    assert [row[0] for row in _STATES] == list(PartySyncStatus)


@pytest.mark.parametrize(("tries", "status", "next_try"), _table("States", 3))
def test_the_table_of_retries_is_true(tries: str, status: str, next_try: str) -> None:
    """Status and instant after the failure that follows so many."""
    told = after_failure(Bookkeeping(status="failed", retries=int(tries)), "Text", _NOW, final=True)
    instant = stamp(_NOW + 60 * int(next_try.removesuffix(" min")))
    assert told[STATUS] == status
    assert instant in (told[NEXT_RETRY], told[AUTO_RESET])
    assert None in (told[NEXT_RETRY], told[AUTO_RESET])


def test_every_kind_of_task_is_explained() -> None:
    """What a person may find in EspoCRM stands in the table, and nothing else."""
    assert {row[0] for row in _table("Tasks", 3)} == set(NoticeKind)
