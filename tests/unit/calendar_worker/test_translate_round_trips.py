"""Whatever one side holds reads the same on the other side, and writing the same again changes nothing."""

from datetime import date, time
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_worker.model.appointment import AllDay, Recurrence, Shown, What, When, print_of
from calendar_worker.model.sides import Event, Termin, Unreadable
from calendar_worker.translate.event import ANONYMOUS_TEXT, changed_event, read_event
from calendar_worker.translate.recurrence import to_lines
from calendar_worker.translate.termin import changed_termin, new_termin, read_termin
from tests.unit.calendar_worker import strategies as some
from tests.unit.calendar_worker.strategies import BERLIN, PLAIN, SUFFIX, Akten, Google, Json, termin_of

WHOLE_DAY = When(span=AllDay(first=date(2026, 5, 5), last=date(2026, 5, 5)))
Look = tuple[Literal["date_time", "midnight", "date"], Literal["list", "always", "never"]]
LOOKS: st.SearchStrategy[Look] = st.tuples(
    st.sampled_from(["date_time", "midnight", "date"]), st.sampled_from(["list", "always", "never"])
)


@pytest.fixture(scope="module")
def google() -> Google:
    return Google()


@pytest.fixture(scope="module")
def akten() -> Akten:
    return Akten()


@given(when=some.whens, what=some.whats, shown=some.showns)
def test_round_trip_through_google(google: Google, when: When, what: What, shown: Shown) -> None:
    """Invariant 15 and 16: a Termin made an event reads the same again."""
    event = google.made(when, what, shown)
    assert event.when == when
    assert event.link is not None
    assert event.link.fr_nr == 7
    assert event.link.full == shown.full
    assert event.what == (what if shown.full else What(text=ANONYMOUS_TEXT))
    assert event.link.suffix == (shown.suffix if shown.full else "")
    assert event.private == (shown.private or not shown.full)
    assert event.eligible


@given(when=some.whens, what=some.whats, private=st.booleans(), look=LOOKS, linked=st.booleans())
def test_round_trip_through_advoware(
    akten: Akten,
    when: When,
    what: What,
    private: bool,
    look: Look,
    linked: bool,
) -> None:
    """Invariant 15 and 16: an event made a Termin reads the same again, in a list and alone, however days are shown."""
    akten.look(*look)
    termin = akten.made(when, what, private=private, nr=akten.akte if linked else 0)
    alone = akten.read(termin.fr_nr, in_list=False)
    for one in (termin, alone):
        assert one.when == when
        assert one.what == what
        assert one.private == private
        assert one.suffix == (SUFFIX if linked else "")
        assert one.writable


@given(when=some.whens, what=some.whats, shown=some.showns)
def test_patching_the_same_is_nothing(google: Google, when: When, what: What, shown: Shown) -> None:
    """Invariant 1 and 9: an event that says it already is not written, whatever Google made of the strings."""
    event = google.made(when, what, shown)
    assert changed_event(event, shown=shown, timezone=BERLIN) == {}
    assert changed_event(event, shown=shown, timezone=BERLIN, when=when, what=what) == {}


@given(when=some.whens, what=some.whats, look=LOOKS)
def test_putting_the_same_changes_nothing(
    akten: Akten,
    when: When,
    what: What,
    look: Look,
) -> None:
    """Invariant 1: a PUT without a change stores what is stored, with the Akte's reference in the text or not."""
    akten.look(*look)
    termin = akten.made(when, what, nr=akten.akte)
    before = akten.record(termin.fr_nr)
    body = changed_termin(termin, when=termin.when, what=termin.what)
    assert body == changed_termin(termin)
    assert {**body, "text": termin.record["text"]} == termin.record
    akten.put(termin.fr_nr, body)
    after = akten.record(termin.fr_nr)
    assert {**after, **_moved_by_any_put(before)} == before
    assert termin_of(after).what == termin.what


def _moved_by_any_put(record: Json) -> dict[str, Any]:
    """What a PUT always moves, and the text, in which the reference of the Akte is no longer."""
    return {"text": record["text"], "zuletztGeaendertAm": record["zuletztGeaendertAm"]}


@given(whens=st.tuples(some.whens, some.whens), whats=st.tuples(some.whats, some.whats), data=st.data())
def test_a_patch_brings_an_event_there(
    google: Google, whens: tuple[When, When], whats: tuple[What, What], data: st.DataObject
) -> None:
    """Invariant 2 and 16: from any state to any other in one PATCH, after which there is nothing to write."""
    before, after = data.draw(st.tuples(some.showns, some.showns))
    event = google.made(whens[0], whats[0], before)
    event = google.patch(event.id, changed_event(event, shown=after, timezone=BERLIN, when=whens[1], what=whats[1]))
    assert event.when == whens[1]
    assert event.what == (whats[1] if after.full else What(text=ANONYMOUS_TEXT))
    assert event.link is not None
    assert (event.link.full, event.link.suffix) == (after.full, after.suffix if after.full else "")
    assert event.private == (after.private or not after.full)
    assert changed_event(event, shown=after, timezone=BERLIN, when=whens[1], what=whats[1]) == {}


@given(whens=st.tuples(some.whens, some.whens), whats=st.tuples(some.whats, some.whats), linked=st.booleans())
def test_a_put_brings_a_termin_there(
    akten: Akten, whens: tuple[When, When], whats: tuple[What, What], linked: bool
) -> None:
    """Invariant 2 and 16: from any state to any other in one PUT, which leaves alone what it does not name."""
    akten.look("date_time", "list")
    made = akten.made(whens[0], whats[0], nr=akten.akte if linked else 0)
    moved = akten.put(made.fr_nr, changed_termin(made, when=whens[1]))
    assert (moved.when, moved.what) == (whens[1], made.what)
    told = akten.put(made.fr_nr, changed_termin(moved, what=whats[1]))
    assert told.when == whens[1]
    assert told.what == whats[1]
    for name in ("anwalt", "privat", "nr", "sb", "erinnerung", "frNr"):
        assert told.record[name] == made.record[name]


@given(when=some.whens, what=some.whats)
def test_there_and_back_again(google: Google, akten: Akten, when: When, what: What) -> None:
    """Invariant 8: Termin, event, Termin: both sides have the same prints, so an echo is no change."""
    akten.look("date_time", "list")
    event = google.made(when, what, PLAIN)
    assert isinstance(event.when, When)
    termin = akten.made(event.when, event.what)
    assert print_of(termin.when) == print_of(event.when) == print_of(when)
    assert print_of(termin.what) == print_of(event.what) == print_of(what)


# Totality


@given(some.odd_termine | st.dictionaries(some.texts, some.odd), some.texts)
def test_any_record_of_advoware_is_read(record: Json, kuerzel: str) -> None:
    """Total: a form that is sound, ignored, or a reason; and the PUT of it says the same."""
    for own in ("SB", kuerzel):
        found = read_termin(record, kuerzel=own, timezone=BERLIN)
        assert found is None or isinstance(found, Termin | Unreadable)
        if isinstance(found, Termin):
            _is_sound(found.when)
            assert found.fr_nr > 0
            again = termin_of(changed_termin(found)) if own == "SB" else found
            assert (again.when, again.what, again.suffix) == (found.when, found.what, found.suffix)


@given(some.odd_events | st.dictionaries(some.texts, some.odd))
def test_any_event_is_read(item: Json) -> None:
    """Total: a form that is sound, or a reason; and it can be patched."""
    event = read_event(item, timezone=BERLIN)
    assert isinstance(event, Event)
    if isinstance(event.when, When):
        _is_sound(event.when)
        assert print_of(event.when)
    changed = changed_event(event, shown=PLAIN, timezone=BERLIN, when=WHOLE_DAY, what=What(text="x"))
    assert ("start" in changed) == (event.when != WHOLE_DAY)


@pytest.mark.parametrize("moment", ["0002-01-01T00:00:00+14:00", "9997-12-31T23:59:00-14:00"])
def test_a_moment_that_another_zone_takes_over_the_edge_is_unreadable(moment: str) -> None:
    """Invariant 15: what could be read and not be written would be half a Termin."""
    event = read_event({"id": "abcde", "start": {"dateTime": moment}, "end": {"dateTime": moment}}, timezone=BERLIN)
    assert isinstance(event.when, Unreadable)


@given(some.odd_events, some.whens)
def test_what_is_read_can_be_written(item: Json, other: When) -> None:
    """Invariant 15: an event that is expressible makes a Termin that says the same."""
    event = read_event(item, timezone=BERLIN)
    when = event.when if isinstance(event.when, When) else other
    record = {"frNr": 7, **new_termin(when, event.what, kuerzel="SB", private=event.private)}
    termin = termin_of(record)
    assert (termin.when, termin.what, termin.private) == (when, event.what, event.private)


def _is_sound(when: When) -> None:
    """The form is kept: in order, by the minute, whole days never as times, a series within its day."""
    span = when.span
    if isinstance(span, AllDay):
        assert span.first <= span.last
    else:
        assert span.start <= span.end
        assert span.start.tzinfo is None
        assert (span.start.second, span.end.second, span.start.fold) == (0, 0, 0)
        assert (span.start.time(), span.end.time()) != (time(0, 0), time(23, 59))
    if isinstance(when.recurrence, Recurrence):
        assert (span.last if isinstance(span, AllDay) else span.end.date()) == when.first_day
        assert when.recurrence.interval >= 1
        assert when.last_day is None or when.first_day <= when.last_day
    assert isinstance(to_lines(when.recurrence, span, BERLIN), list)


# Prints


@given(whens=st.tuples(some.whens, some.whens), whats=st.tuples(some.whats, some.whats))
def test_prints_differ_exactly_where_parts_do(whens: tuple[When, When], whats: tuple[What, What]) -> None:
    """Equal parts have equal prints, others do not."""
    for one, other in (whens, whats):
        assert (print_of(one) == print_of(other)) == (one == other)


def test_prints_stay_the_same() -> None:
    """They stand in memory for years: another value here makes every pair look changed on both sides."""
    assert print_of(WHOLE_DAY) == "1e52e32c0aa1d297"
    assert print_of(What(text="Größe")) == "0b989d48caab226b"
    assert print_of(Shown()) == "fc07572c4f6da42d"
