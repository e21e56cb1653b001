"""The tables of a page, for tests that run their rows; and the notation of those on addresses and accounts."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from beteiligte_worker.model.notice import Conflict, Notice, NoticeKind
from tests.house.repo import bare, read, rows, section
from tests.support.party_parts import Adressen, Konten

_K = NoticeKind
_NEWS = {_K.CONFLICT, _K.READONLY_FIELD_CONFLICT, _K.IBAN_CHANGED}


def table(page: str, heading: str, width: int) -> list[list[str]]:
    """The rows of that many cells below a heading."""
    found = [[bare(cell) for cell in row] for row in rows(section(read(page), heading)) if len(row) == width]
    assert found, heading
    return found


def cases(page: str, heading: str, width: int) -> list[list[str]]:
    """The same where `;` parts cases: a row for each. A cell with one part holds for all; no case is there twice."""
    found: list[list[str]] = []
    assert {len(row) for row in rows(section(read(page), heading))} == {width}, heading
    for row in table(page, heading, width):
        cells = [cell.split("; ") for cell in row]
        count = len(cells[0])
        assert all(len(parts) in (1, count) for parts in cells), f"not as many cases in each cell: {row}"
        found += [[parts[at % len(parts)] for parts in cells] for at in range(count)]
    assert len({tuple(case[1:4]) for case in found}) == len(found), f"{heading}: two cases are one"
    return found


class One(NamedTuple):
    """An entry of a cell. The n-th ones of a case's cells belong together."""

    letter: str
    digit: str
    is_on: bool
    has_other_block: bool
    is_marked: bool


_ONE = re.compile(r"(?P<off>\()?(?P<letter>[abcxA-])(?P<digit>[0-3])(?P<block>~)?(?P<mark>\*)?(?(off)\))")


def entries(cell: str) -> list[tuple[int, One]]:
    """The entries of a cell, counted from 0."""
    found = [_ONE.fullmatch(told) for told in cell.replace("–", "").split()]
    assert all(found), cell
    return [
        (at, One(one["letter"], one["digit"], not one["off"], bool(one["block"]), bool(one["mark"])))
        for at, one in enumerate(found)
        if one is not None
    ]


# Running a case

_BY_HAND = {
    "fill in or delete": "Bitte ausfüllen oder löschen.",
    "remove one": "Bitte die überzählige (Adresse )?entfernen.",
    "complete it": "Bitte in EspoCRM ergänzen.",
    "enter it in EspoCRM if it is right": "Bitte prüfen und, wenn sie stimmt, dort eintragen.",
    "check both": "Bitte prüfen und angleichen.",
    "remove it in Advoware": "Bitte in Advoware von Hand entfernen.",
}
"""What a task of that kind asks for, and how it says so."""
_SIDES = {
    _K.CONFLICT: "Advoware",
    _K.READONLY_FIELD_CONFLICT: "EspoCRM",
    _K.VALUE_REFUSED: "Advoware",
    _K.ADDRESS_FIELD_UPDATE_REQUIRED: "EspoCRM",
    _K.IBAN_CHANGED: "Advoware",
}
"""Whose values the table names behind the kind."""
Words = Mapping[str, Mapping[str, str]]
"""What a task shows of a letter or a digit, by label."""


def holds(case: list[str], world: Adressen | Konten, content: Callable[[], tuple[str, str]], words: Words) -> None:
    """Both sides, the status and the tasks are as the case says, and a second run writes nothing."""
    _, espocrm, advoware, agreed, then_espocrm, then_advoware, task = case
    assert content() == (espocrm, advoware), "the case says something that cannot be"
    ran = world.run()
    wanted = then_espocrm.removesuffix("!")
    assert (ran.is_espocrm_written, ran.is_advoware_written) == (wanted != "=", then_advoware != "=")
    assert content() == (espocrm if wanted == "=" else wanted, advoware if then_advoware == "=" else then_advoware)
    never_told = agreed == "–" and any(not one.is_on for _, one in entries(espocrm))
    status = [None if never_told else "clean" for _ in world.records]
    if then_espocrm.endswith("!"):
        status[-1] = "unclean"
    assert [record["syncStatus"] for record in world.records.values()] == status
    assert [_told(one, words, ran.conflicts) for one in ran.notices] == ([] if task == "–" else [task])
    if agreed != "–" and (then_espocrm, then_advoware, task) == ("=", "=", "–"):
        assert ran.writes == {}
    again = world.run()
    assert again.writes == {}
    assert again.conflicts == ()
    assert [one.key for one in again.notices] == [one.key for one in ran.notices if one.kind not in _NEWS]


def _told(notice: Notice, words: Words, conflicts: tuple[Conflict, ...]) -> str:
    """A task as the table has it: what to do, or which values it shows; of a conflict, those that have lost."""
    if notice.kind is _K.GENERAL_MANUAL_ACTION:
        text = dict(notice.details)["Aufgabe"]
        return f"by hand: {next(word for word, end in _BY_HAND.items() if re.search(f'{end}$', text))}"
    if notice.kind not in _SIDES:
        return notice.kind
    end = f" in {_SIDES[notice.kind]}"
    shown = {label.removesuffix(end): value for label, value in notice.details if label.endswith(end)}
    shown.pop("Nummer der Adresse", None)
    assert len(shown) == len(notice.fields) > 0
    if notice.kind in (_K.CONFLICT, _K.READONLY_FIELD_CONFLICT):
        assert [*shown.values()] == [one.lost for field in notice.fields for one in conflicts if one.field == field]
    return " ".join([notice.kind, *(name for name, one in words.items() if shown.items() <= one.items())])
