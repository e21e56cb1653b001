"""Termine of Advoware, row by row: when they are, what they say, whose they are, and what is written."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from calendar_worker.model.appointment import AllDay, Recurrence, Timed, What, When
from calendar_worker.model.sides import Unreadable
from calendar_worker.translate.termin import changed_termin, new_termin, read_termin
from tests.unit.calendar_worker.strategies import BERLIN, RUBRUM, SUFFIX, Json, termin_of

BASE: Json = {"frNr": 7, "anwalt": "SB", "sb": "AI", "datum": "2026-05-05", "text": "Besprechung"}


def at(start: str, end: str) -> Timed:
    return Timed(start=datetime.fromisoformat(start), end=datetime.fromisoformat(end))


def whole(first: str, last: str) -> AllDay:
    return AllDay(first=date.fromisoformat(first), last=date.fromisoformat(last))


def row(datum: str, von: object = None, datum_bis: str | None = None, bis: object = None, **more: object) -> Json:
    return {**BASE, "datum": datum, "uhrzeitVon": von, "datumBis": datum_bis, "uhrzeitBis": bis, **more}


@pytest.mark.parametrize(
    ("record", "span"),
    [
        # forms of days and times
        (row("2026-05-05", "09:15:00", "2026-05-05", "10:45:00"), at("2026-05-05T09:15", "2026-05-05T10:45")),
        (row("2026-05-05T09:15:00", "09:15", None, "10:45"), at("2026-05-05T09:15", "2026-05-05T10:45")),
        (
            row("2026-05-05T00:00:00", "9:15", "2026-05-05T00:00:00", "10:45"),
            at("2026-05-05T09:15", "2026-05-05T10:45"),
        ),
        (
            row("2026-05-05T08:00:00", "09:15", "2026-05-05T11:00:00", "10:45"),
            at("2026-05-05T09:15", "2026-05-05T10:45"),
        ),
        (
            row("2026-05-05 08:00", "0001-01-01T09:15:00", None, "10:45:59.5"),
            at("2026-05-05T09:15", "2026-05-05T10:45"),
        ),
        # the time behind the day counts where there is none beside it
        (row("2026-05-05T14:00:00", None, "2026-05-05T15:00:00"), at("2026-05-05T14:00", "2026-05-05T15:00")),
        # no start: 9 o'clock; no end: 10 o'clock or half an hour
        (row("2026-05-05"), at("2026-05-05T09:00", "2026-05-05T10:00")),
        (row("2026-05-05T00:00:00"), at("2026-05-05T09:00", "2026-05-05T10:00")),
        (row("2026-05-05", None, "2026-05-07"), at("2026-05-05T09:00", "2026-05-07T10:00")),
        (row("2026-05-05", None, None, "12:00"), at("2026-05-05T09:00", "2026-05-05T12:00")),
        (row("2026-05-05", None, None, "08:00"), at("2026-05-05T09:00", "2026-05-05T09:00")),
        (row("2026-05-05", "14:00"), at("2026-05-05T14:00", "2026-05-05T14:30")),
        (row("2026-05-05", "23:45"), at("2026-05-05T23:45", "2026-05-06T00:15")),
        (row("2026-05-05", "14:00", "2026-05-07"), at("2026-05-05T14:00", "2026-05-07T14:30")),
        (row("2026-05-05", "14:00", "", ""), at("2026-05-05T14:00", "2026-05-05T14:30")),
        # times that are none
        (row("2026-05-05", "25:00", None, "24:00"), at("2026-05-05T09:00", "2026-05-05T10:00")),
        (row("2026-05-05", 9, None, {"h": 1}), at("2026-05-05T09:00", "2026-05-05T10:00")),
        (row("2026-05-05", "09:15", "0001-01-01T00:00:00", "10:45"), at("2026-05-05T09:15", "2026-05-05T10:45")),
        # zero length, midnight at either end, an end before the start
        (row("2026-05-05", "14:00", None, "14:00"), at("2026-05-05T14:00", "2026-05-05T14:00")),
        (row("2026-05-05", "00:00", None, "00:00"), at("2026-05-05T00:00", "2026-05-05T00:00")),
        (row("2026-05-05", "00:00", "2026-05-06", "00:00"), at("2026-05-05T00:00", "2026-05-06T00:00")),
        (row("2026-05-05", "22:00", "2026-05-06", "00:00"), at("2026-05-05T22:00", "2026-05-06T00:00")),
        (row("2026-05-05", "14:00", None, "13:00"), at("2026-05-05T14:00", "2026-05-05T14:00")),
        (row("2026-05-05", "14:00", "2026-05-04", "15:00"), at("2026-05-05T14:00", "2026-05-05T15:00")),
        # whole days
        (row("2026-05-05", "00:00", None, "23:59"), whole("2026-05-05", "2026-05-05")),
        (row("2026-05-05", "00:00:00", "2026-05-08", "23:59:59"), whole("2026-05-05", "2026-05-08")),
        (row("2026-05-05", abwesenheit=1), whole("2026-05-05", "2026-05-05")),
        (row("2026-05-05", "08:00", "2026-05-08", "12:00", abwesenheit=1), whole("2026-05-05", "2026-05-08")),
        (row("2026-05-05", "00:00", "2026-05-05", "23:58"), at("2026-05-05T00:00", "2026-05-05T23:58")),
        (row("2024-02-29", abwesenheit=1), whole("2024-02-29", "2024-02-29")),
        # the hour that spring skips, the hour that autumn has twice
        (row("2026-03-29", "02:30", None, "03:30"), at("2026-03-29T03:30", "2026-03-29T03:30")),
        (row("2026-03-29", "02:00", None, "02:45"), at("2026-03-29T03:00", "2026-03-29T03:45")),
        (row("2026-03-29", "01:30", None, "03:00"), at("2026-03-29T01:30", "2026-03-29T03:00")),
        (row("2026-10-25", "02:30", None, "02:45"), at("2026-10-25T02:30", "2026-10-25T02:45")),
        # far away
        (row("1899-12-30", "08:00", None, "09:00"), at("1899-12-30T08:00", "1899-12-30T09:00")),
        (row("0002-01-01", "08:00", None, "09:00"), at("0002-01-01T08:00", "0002-01-01T09:00")),
        (row("9997-12-30", "23:45"), at("9997-12-30T23:45", "9997-12-31T00:15")),
    ],
)
def test_round_trip_of_times_as_advoware_shows_them(record: Json, span: Timed | AllDay) -> None:
    """Invariant 15: the times of a row, and what we would write for them reads the same."""
    when = termin_of(record).when
    assert when == When(span=span)
    assert termin_of({"frNr": 7, **new_termin(when, What(), kuerzel="SB", private=False)}).when == when


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({**BASE, "datum": None}, "no day that can be read"),
        ({**BASE, "datum": "05.05.2026"}, "no day that can be read"),
        ({**BASE, "datum": "2026-02-29"}, "no day that can be read"),
        ({**BASE, "datum": 20260505}, "no day that can be read"),
        ({**BASE, "datum": "0001-01-01T00:00:00"}, "no day that can be read"),
        ({**BASE, "datum": "9999-12-31"}, "no day that can be read"),
        # an hour wrong would be worse than none
        ({**BASE, "datum": "2026-05-05T07:00:00Z"}, "no day that can be read"),
        ({**BASE, "datum": "2026-05-05T09:00:00+02:00"}, "no day that can be read"),
        ({**BASE, "datumBis": "9999-12-31"}, "no last day that can be read"),
        ({**BASE, "datumBis": "soon"}, "no last day that can be read"),
        ({**BASE, "frNr": None}, "no number"),
        ({**BASE, "frNr": 0}, "no number"),
        ({**BASE, "frNr": True}, "no number"),
        ({**BASE, "frNr": 7.0}, "no number"),
        ({}, "no number"),
    ],
)
def test_what_cannot_be_read_says_so(record: Json, reason: str) -> None:
    """The reason names no value, since it is logged and shown."""
    assert read_termin(record, kuerzel="SB", timezone=BERLIN) == Unreadable(reason=reason)


def series(**more: object) -> Json:
    usual = {"dauertermin": 1, "turnus": 2, "turnusArt": 2}
    return row("2026-05-05", "09:00", "2026-06-30", "10:00", **{**usual, **more})


@pytest.mark.parametrize(
    ("record", "recurrence"),
    [
        (series(turnusArt=1), Recurrence(freq="DAILY", interval=2, until=date(2026, 6, 30))),
        (series(turnusArt=2), Recurrence(freq="WEEKLY", interval=2, until=date(2026, 6, 30))),
        (series(turnusArt=3, turnus=1), Recurrence(freq="MONTHLY", interval=1, until=date(2026, 6, 30))),
        (series(turnusArt=4, turnus=999), Recurrence(freq="YEARLY", interval=999, until=date(2026, 6, 30))),
        (series(turnusArt="4", turnus="1"), Recurrence(freq="YEARLY", interval=1, until=date(2026, 6, 30))),
        (series(datumBis="2036-12-31"), Recurrence(freq="WEEKLY", interval=2, until=date(2036, 12, 31))),
        (series(datumBis="2037-01-01"), Recurrence(freq="WEEKLY", interval=2)),
        (series(datumBis="2037-12-31T10:00:00"), Recurrence(freq="WEEKLY", interval=2)),
        (series(datumBis="2099-12-31"), Recurrence(freq="WEEKLY", interval=2)),
        (series(datumBis="9999-12-31T00:00:00"), Recurrence(freq="WEEKLY", interval=2)),
        (series(datumBis="0001-01-01T00:00:00"), Recurrence(freq="WEEKLY", interval=2, until=date(2026, 5, 5))),
        (series(datumBis="2026-05-01"), Recurrence(freq="WEEKLY", interval=2, until=date(2026, 5, 5))),
        (series(datumBis=None), Recurrence(freq="WEEKLY", interval=2, until=date(2026, 5, 5))),
        # numbers that say no series
        (series(turnus=0), None),
        (series(turnus=-1), None),
        (series(turnus=1000), None),
        (series(turnus=None), None),
        (series(turnusArt=0), None),
        (series(turnusArt=5), None),
        (series(turnusArt=[]), None),
        (series(dauertermin=0, datumBis=None), None),
    ],
)
def test_round_trip_of_series_as_advoware_has_them(record: Json, recurrence: Recurrence | None) -> None:
    """Invariant 16: the rule of a series; each occurrence ends on its day, and bad numbers make one appointment."""
    when = termin_of(record).when
    assert when == When(span=at("2026-05-05T09:00", "2026-05-05T10:00"), recurrence=recurrence)
    assert termin_of({"frNr": 7, **new_termin(when, What(), kuerzel="SB", private=False)}).when == when


@pytest.mark.parametrize(
    ("record", "span"),
    [
        (series(uhrzeitBis=None), at("2026-05-05T09:00", "2026-05-05T09:30")),
        (series(uhrzeitVon=None, uhrzeitBis=None), at("2026-05-05T09:00", "2026-05-05T10:00")),
        (series(uhrzeitVon="23:45", uhrzeitBis=None), at("2026-05-05T23:45", "2026-05-05T23:59")),
        (series(uhrzeitVon="22:00", uhrzeitBis="02:00"), at("2026-05-05T22:00", "2026-05-05T22:00")),
        (series(uhrzeitVon="00:00", uhrzeitBis="23:59"), whole("2026-05-05", "2026-05-05")),
        (series(abwesenheit=1), whole("2026-05-05", "2026-05-05")),
    ],
)
def test_an_occurrence_ends_on_its_day(record: Json, span: Timed | AllDay) -> None:
    """Invariant 16: whatever times stand there, and `datumBis` is the end of the series."""
    when = termin_of(record).when
    assert when.span == span
    assert when.last_day == date(2026, 6, 30)


@pytest.mark.parametrize(
    ("more", "private", "writable"),
    [
        ({"anwalt": "SB"}, False, True),
        ({"anwalt": " sb "}, False, True),
        ({"anwalt": ""}, False, False),
        ({"anwalt": None}, False, False),
        ({"anwalt": "ALLE"}, False, False),
        ({"anwalt": "Allgemein"}, False, False),
        ({"anwalt": "AI", "sb": "SB"}, False, False),
        ({"anwalt": "SB", "privat": 1}, True, True),
        ({"anwalt": "AI", "sb": "sb", "privat": 1}, True, False),
        ({"anwalt": "SB", "privat": True}, True, True),
        ({"anwalt": "SB", "privat": "0"}, False, True),
        ({"anwalt": "SB", "privat": None}, False, True),
        ({"anwalt": "SB", "privat": "yes"}, True, True),
    ],
)
def test_whose_it_is(more: Json, private: bool, writable: bool) -> None:
    """Invariant 17: only the employee's own is written; what may be private is."""
    termin = termin_of({**BASE, **more})
    assert (termin.private, termin.writable) == (private, writable)


@pytest.mark.parametrize(
    "more",
    [
        {"frNr": -7},
        {"frNr": "-7"},
        {"frNr": -7, "datum": None},
        {"privat": 1, "anwalt": "AI", "sb": "RO"},
        {"privat": 1, "anwalt": "", "sb": "RO"},
        {"privat": 1, "anwalt": "ALLE", "sb": None},
        {"privat": "ja", "anwalt": "AI"},
        {"privat": 1, "anwalt": "AI", "sb": "RO", "datum": None},
    ],
)
def test_virtual_and_foreign_private_ones_are_ignored(more: Json) -> None:
    """Invariant 17."""
    assert read_termin({**BASE, **more}, kuerzel="SB", timezone=BERLIN) is None


@pytest.mark.parametrize(
    ("more", "text", "suffix"),
    [
        ({"text": "Besprechung"}, "Besprechung", ""),
        ({"text": f"Besprechung{SUFFIX}", "nr": 3, "azRubrum": RUBRUM}, "Besprechung", SUFFIX),
        # one alone comes without it, and is shown like the one in the list
        ({"text": "Besprechung", "nr": 3, "azRubrum": RUBRUM}, "Besprechung", SUFFIX),
        # a client wrote it back, once or more
        ({"text": f"Besprechung{SUFFIX}{SUFFIX}", "nr": 3, "azRubrum": RUBRUM}, "Besprechung", SUFFIX),
        ({"text": SUFFIX, "nr": 3, "azRubrum": RUBRUM}, "", SUFFIX),
        ({"text": f"Zu{SUFFIX} Anruf", "nr": 3, "azRubrum": RUBRUM}, f"Zu{SUFFIX} Anruf", SUFFIX),
        ({"text": "Anruf (7/26  A )", "nr": 3, "azRubrum": "7/26  A "}, "Anruf", " (7/26  A )"),
        ({"text": f"Anruf{SUFFIX}", "nr": 0, "azRubrum": RUBRUM}, f"Anruf{SUFFIX}", ""),
        ({"text": "Anruf ()", "nr": 3, "azRubrum": " "}, "Anruf ()", ""),
        ({"text": "Anruf", "nr": 3, "azRubrum": None}, "Anruf", ""),
        # too long for a property of Google's: taken out all the same, and not shown
        ({"text": f"Anruf ({'x' * 1100})", "nr": 3, "azRubrum": "x" * 1100}, "Anruf", ""),
        ({"text": None}, "", ""),
        ({"text": 5}, "", ""),
        ({"text": " Prüfung \r\n Größe 😀\t\r\n"}, "Prüfung\n Größe 😀", ""),
    ],
)
def test_text_without_the_reference_of_the_akte(more: Json, text: str, suffix: str) -> None:
    """The reference is for show: it is not compared, and Google shows it for every Termin of an Akte."""
    termin = termin_of({**BASE, **more})
    assert (termin.what.text, termin.suffix) == (text, suffix)


def test_notiz_and_ort() -> None:
    """Both are in the compared form."""
    termin = termin_of({**BASE, "notiz": "Zeile 1  \r\n\r\nZeile 2\x07\r\n", "ort": " Saal 3 "})
    assert termin.what == What(text="Besprechung", notiz="Zeile 1\n\nZeile 2", ort="Saal 3")


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-05-05T09:00:00.1234567Z", datetime(2026, 5, 5, 9, 0, 0, 123456, tzinfo=UTC)),
        ("2026-05-05T09:00:00", datetime(2026, 5, 5, 9, tzinfo=UTC)),
        ("2026-05-05T09:00:00+02:00", datetime(2026, 5, 5, 7, tzinfo=UTC)),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
        (17, None),
        (None, None),
    ],
)
def test_when_it_was_changed(value: object, moment: datetime | None) -> None:
    """In UTC, and None rather than a guess."""
    assert termin_of({**BASE, "zuletztGeaendertAm": value}).changed_at == moment


# What is written


def test_a_new_one() -> None:
    """Every member that the employee's own Termin needs, and no other."""
    when = When(
        span=at("2026-05-05T09:15", "2026-05-05T10:45"), recurrence=Recurrence(freq="MONTHLY", interval=3, until=None)
    )
    assert new_termin(when, What(text="Größe", notiz="a\nb", ort="Köln"), kuerzel="SB", private=True) == {
        "text": "Größe",
        "notiz": "a\r\nb",
        "ort": "Köln",
        "datum": "2026-05-05T09:15:00",
        "uhrzeitVon": "09:15:00",
        "datumBis": "2037-12-31T10:45:00",
        "uhrzeitBis": "10:45:00",
        "dauertermin": 1,
        "turnus": 3,
        "turnusArt": 3,
        "abwesenheit": 0,
        "anwalt": "SB",
        "privat": 1,
    }


def test_new_whole_days_end_a_minute_before_midnight() -> None:
    """Invariant 15: Advoware's end is inclusive."""
    body = new_termin(When(span=whole("2026-05-05", "2026-05-07")), What(), kuerzel="SB", private=False)
    assert (body["datum"], body["uhrzeitVon"]) == ("2026-05-05T00:00:00", "00:00:00")
    assert (body["datumBis"], body["uhrzeitBis"]) == ("2026-05-07T23:59:00", "23:59:00")
    assert (body["abwesenheit"], body["dauertermin"], body["privat"]) == (1, 0, 0)


def test_an_endless_series_that_starts_late_still_ends_after_its_start() -> None:
    """The year that means endless may lie behind the start."""
    when = When(span=whole("2040-05-05", "2040-05-05"), recurrence=Recurrence(freq="YEARLY", interval=1))
    body = new_termin(when, What(), kuerzel="SB", private=False)
    assert body["datumBis"] == "2040-12-31T23:59:00"


LINKED: Json = row(
    "2026-05-05",
    None,
    "2026-05-05",
    None,
    text=f"Besprechung {SUFFIX}",
    notiz="a \r\nb",
    ort="Köln ",
    nr=3,
    azRubrum=RUBRUM,
    turnus=4,
    unknown={"x": [1]},
)


@pytest.mark.parametrize(
    ("when", "what", "differs"),
    [
        (None, None, {"text": "Besprechung"}),
        (When(span=at("2026-05-05T09:00", "2026-05-05T10:00")), None, {"text": "Besprechung"}),
        (None, What(text="Besprechung", notiz="a\nb", ort="Köln"), {"text": "Besprechung"}),
        (None, What(text="Besprechung", notiz="a\nc", ort="Köln"), {"text": "Besprechung", "notiz": "a\r\nc"}),
        (None, What(text="Neu", notiz="a\nb", ort=""), {"text": "Neu", "ort": ""}),
        (
            When(span=at("2026-05-05T09:00", "2026-05-05T11:00")),
            None,
            {
                "text": "Besprechung",
                "datum": "2026-05-05T09:00:00",
                "uhrzeitVon": "09:00:00",
                "datumBis": "2026-05-05T11:00:00",
                "uhrzeitBis": "11:00:00",
                "dauertermin": 0,
            },
        ),
        (
            When(span=whole("2026-05-06", "2026-05-06"), recurrence=Recurrence(freq="DAILY", interval=2, until=None)),
            None,
            {
                "text": "Besprechung",
                "datum": "2026-05-06T00:00:00",
                "uhrzeitVon": "00:00:00",
                "datumBis": "2037-12-31T23:59:00",
                "uhrzeitBis": "23:59:00",
                "dauertermin": 1,
                "turnus": 2,
                "turnusArt": 1,
                "abwesenheit": 1,
            },
        ),
    ],
)
def test_a_put_is_the_whole_record_with_only_what_differs(when: When | None, what: What | None, differs: Json) -> None:
    """Invariant 18: what we do not know survives; the reference is never written into the text."""
    assert changed_termin(termin_of(LINKED), when=when, what=what) == {**LINKED, **differs}


@pytest.mark.parametrize(
    ("record", "span", "abwesenheit"),
    [
        (row("2026-05-05", abwesenheit=1), whole("2026-05-06", "2026-05-06"), 1),
        (row("2026-05-05", "00:00", None, "23:59", abwesenheit=0), whole("2026-05-06", "2026-05-06"), 0),
        (row("2026-05-05", abwesenheit=1), at("2026-05-05T09:00", "2026-05-05T10:00"), 0),
        (row("2026-05-05", abwesenheit=0), whole("2026-05-05", "2026-05-05"), 1),
    ],
)
def test_an_absence_stays_one_while_it_is_whole_days(record: Json, span: Any, abwesenheit: int) -> None:
    """`abwesenheit` is written only where whole days begin or cease."""
    body = changed_termin(termin_of(record), when=When(span=span))
    assert body["abwesenheit"] == abwesenheit
    assert termin_of(body).when == When(span=span)


def test_a_put_leaves_the_termin_alone() -> None:
    """The record that was read is not the body that is sent."""
    termin = termin_of(LINKED)
    changed_termin(termin, what=What(text="Neu"))
    assert termin.record == LINKED
