"""Events of Google: when they are, what they say, what they are linked to, and what is written."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from calendar_worker.model.appointment import AllDay, Recurrence, Shown, Timed, What, When
from calendar_worker.model.sides import Link, Unreadable
from calendar_worker.translate.event import ANONYMOUS_TEXT, changed_event, event_id, link_patch, new_event
from tests.unit.calendar_worker.strategies import BERLIN, PLAIN, SUFFIX, Google, Json, event_of

BASE: Json = {
    "id": "abcde",
    "etag": '"1"',
    "status": "confirmed",
    "eventType": "default",
    "start": {"dateTime": "2026-05-05T09:00:00+02:00", "timeZone": "Europe/Berlin"},
    "end": {"dateTime": "2026-05-05T10:00:00+02:00", "timeZone": "Europe/Berlin"},
}
NO_START = "no start that can be read"
OTHER_KIND = "start and end of different kinds"
DRIFTS = "series in another time zone"


def at(start: str, end: str) -> Timed:
    return Timed(start=datetime.fromisoformat(start), end=datetime.fromisoformat(end))


def whole(first: str, last: str) -> AllDay:
    return AllDay(first=date.fromisoformat(first), last=date.fromisoformat(last))


NINE = When(span=at("2026-05-05T09:00", "2026-05-05T10:00"))


def lasting(start: object, end: object, zone: str | None = None, **more: object) -> Json:
    """Days or moments, by their form; anything else stands there as it is."""
    return {**BASE, "start": _side(start, zone), "end": _side(end, zone), **more}


def _side(value: object, zone: str | None) -> object:
    if not isinstance(value, str):
        return value
    return {"date": value} if "T" not in value else {"dateTime": value, **({"timeZone": zone} if zone else {})}


@pytest.fixture(scope="module")
def google() -> Google:
    return Google()


@pytest.mark.parametrize(
    ("item", "span"),
    [
        (BASE, at("2026-05-05T09:00", "2026-05-05T10:00")),
        # whichever offset, zone or fraction: what the firm's clock shows, to the minute
        (lasting("2026-05-05T07:00:00Z", "2026-05-05T08:00:00.000Z"), at("2026-05-05T09:00", "2026-05-05T10:00")),
        (lasting("2026-05-05T08:00:00+01:00", "2026-05-05T09:00:00+01:00", "Europe/London"), NINE.span),
        (lasting("2026-05-05T03:00:00-04:00", "2026-05-05T04:00:00-04:00", "America/New_York"), NINE.span),
        (lasting("2026-05-05T03:00:00", "2026-05-05T04:00:00", "America/New_York"), NINE.span),
        (lasting("2026-05-05T09:00:00", "2026-05-05T10:00:00", "Europe/Berlin"), NINE.span),
        (lasting("2026-05-05T09:00:00", "2026-05-05T10:00:00"), NINE.span),
        (lasting("2026-05-05T09:00:00", "2026-05-05T10:00:00", "Mars/Base"), NINE.span),
        (lasting("2026-05-05T09:00:59+02:00", "2026-05-05T10:00:01+02:00"), NINE.span),
        (lasting("2026-12-05T09:00:00+01:00", "2026-12-05T10:00:00+01:00"), at("2026-12-05T09:00", "2026-12-05T10:00")),
        (lasting("2026-05-05T23:30:00Z", "2026-05-06T00:30:00Z"), at("2026-05-06T01:30", "2026-05-06T02:30")),
        # the hour that spring skips, the hour that autumn has twice
        (lasting("2026-03-29T02:30:00+01:00", "2026-03-29T03:45:00+02:00"), at("2026-03-29T03:30", "2026-03-29T03:45")),
        (
            lasting("2026-03-29T02:30:00", "2026-03-29T03:45:00", "Europe/Berlin"),
            at("2026-03-29T03:30", "2026-03-29T03:45"),
        ),
        (lasting("2026-10-25T02:30:00+02:00", "2026-10-25T02:45:00+02:00"), at("2026-10-25T02:30", "2026-10-25T02:45")),
        (lasting("2026-10-25T02:30:00+01:00", "2026-10-25T02:45:00+01:00"), at("2026-10-25T02:30", "2026-10-25T02:45")),
        (lasting("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"), at("2026-10-25T02:30", "2026-10-25T02:30")),
        (lasting("2026-10-25T02:45:00+02:00", "2026-10-25T02:15:00+01:00"), at("2026-10-25T02:45", "2026-10-25T02:45")),
        # zero length, no end, midnight, several days
        (lasting("2026-05-05T09:00:00+02:00", "2026-05-05T09:00:00+02:00"), at("2026-05-05T09:00", "2026-05-05T09:00")),
        (lasting("2026-05-05T09:00:00+02:00", None), at("2026-05-05T09:00", "2026-05-05T09:00")),
        (lasting("2026-05-05T09:00:00+02:00", {}), at("2026-05-05T09:00", "2026-05-05T09:00")),
        (lasting("2026-05-05T22:00:00+02:00", "2026-05-06T00:00:00+02:00"), at("2026-05-05T22:00", "2026-05-06T00:00")),
        (lasting("2026-05-05T00:00:00+02:00", "2026-05-06T00:00:00+02:00"), at("2026-05-05T00:00", "2026-05-06T00:00")),
        (lasting("2026-05-05T09:00:00+02:00", "2026-05-07T10:00:00+02:00"), at("2026-05-05T09:00", "2026-05-07T10:00")),
        # whole days, whose end is exclusive; 00:00 to 23:59 is the same
        (lasting("2026-05-05", "2026-05-06"), whole("2026-05-05", "2026-05-05")),
        (lasting("2026-05-05", "2026-05-09"), whole("2026-05-05", "2026-05-08")),
        (lasting("2026-05-05", "2026-05-05"), whole("2026-05-05", "2026-05-05")),
        (lasting("2026-05-05", None), whole("2026-05-05", "2026-05-05")),
        (lasting("2026-12-31", "2027-01-01"), whole("2026-12-31", "2026-12-31")),
        (lasting("2024-02-29", "2024-03-01"), whole("2024-02-29", "2024-02-29")),
        (lasting("2026-05-05T00:00:00+02:00", "2026-05-06T23:59:00+02:00"), whole("2026-05-05", "2026-05-06")),
        # far away
        (lasting("1969-12-31T23:30:00Z", "1969-12-31T23:45:00Z"), at("1970-01-01T00:30", "1970-01-01T00:45")),
        (lasting("1899-12-30", "1899-12-31"), whole("1899-12-30", "1899-12-30")),
        (lasting("9997-12-29", "9997-12-31"), whole("9997-12-29", "9997-12-30")),
    ],
)
def test_round_trip_of_times_as_google_shows_them(item: Json, span: Timed | AllDay) -> None:
    """Invariant 15: one form for all strings that mean the same, and what we would write for it reads the same."""
    assert event_of(item).when == When(span=span)
    again = new_event(event_id="x", fr_nr=1, when=When(span=span), what=What(), shown=PLAIN, timezone=BERLIN)
    assert event_of(again).when == When(span=span)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"id": "abcde"}, NO_START),
        (lasting(None, None), NO_START),
        (lasting({}, {}), NO_START),
        (lasting("2026-02-30", "2026-03-01"), NO_START),
        (lasting("2026-05-05T25:00:00Z", "2026-05-05T26:00:00Z"), NO_START),
        (lasting("0001-01-01T00:00:00+14:00", "0001-01-01T01:00:00Z"), NO_START),
        (lasting("9999-12-31", "9999-12-31"), NO_START),
        (lasting({"dateTime": 5}, {}), NO_START),
        (lasting("2026-05-05", "2026-05-05T09:00:00Z"), OTHER_KIND),
        (lasting("2026-05-05T09:00:00Z", "2026-05-06"), OTHER_KIND),
    ],
)
def test_times_that_cannot_be_read_say_so(item: Json, reason: str) -> None:
    """The reason names no value, since it is logged and shown."""
    assert event_of(item).when == Unreadable(reason=reason)


@pytest.mark.parametrize(
    ("zone", "start", "end", "expected"),
    [
        ("Europe/Berlin", "2026-05-05T09:00:00+02:00", "2026-05-05T10:00:00+02:00", True),
        (None, "2026-05-05T09:00:00+02:00", "2026-05-05T10:00:00+02:00", True),
        ("Europe/Vienna", "2026-05-05T09:00:00+02:00", "2026-05-05T10:00:00+02:00", True),
        ("Europe/London", "2026-05-05T09:00:00+02:00", "2026-05-05T10:00:00+02:00", True),
        ("Europe/London", "2026-05-05T08:00:00", "2026-05-05T09:00:00", True),
        ("America/New_York", "2026-05-05T09:00:00+02:00", "2026-05-05T10:00:00+02:00", False),
        ("UTC", "2026-05-05T07:00:00Z", "2026-05-05T08:00:00Z", False),
        ("Mars/Base", "2026-05-05T07:00:00Z", "2026-05-05T08:00:00Z", False),
    ],
)
def test_a_series_of_another_zone_is_expressible_where_it_keeps_step(
    zone: str | None, start: str, end: str, expected: bool
) -> None:
    """Invariant 16: elsewhere it drifts around the changes of the clock, which no turnus says."""
    event = event_of(lasting(start, end, zone, recurrence=["RRULE:FREQ=WEEKLY;BYDAY=TU"]))
    weekly = When(span=NINE.span, recurrence=Recurrence(freq="WEEKLY", interval=1))
    assert event.when == (weekly if expected else Unreadable(reason=DRIFTS))


def test_a_whole_day_that_recurs() -> None:
    """Invariant 16: whole days have no zone to drift in."""
    item = lasting("2026-05-05", "2026-05-06", recurrence=["RRULE:FREQ=YEARLY;COUNT=3"])
    yearly = Recurrence(freq="YEARLY", interval=1, until=date(2028, 5, 5))
    assert event_of(item).when == When(span=whole("2026-05-05", "2026-05-05"), recurrence=yearly)


@pytest.mark.parametrize(
    ("more", "eligible"),
    [
        ({}, True),
        ({"eventType": None}, True),
        ({"status": "tentative"}, True),
        ({"status": "cancelled"}, False),
        ({"eventType": "outOfOffice"}, False),
        ({"eventType": "birthday"}, False),
        ({"recurringEventId": "abcdf"}, False),
        ({"id": None}, False),
        ({"extendedProperties": {"private": {"hub_content": "anonymous", "hub_link": "fghij"}}}, True),
        (
            {
                "summary": ANONYMOUS_TEXT,
                "extendedProperties": {"private": {"hub_content": "anonymous", "hub_link": "fghij"}},
            },
            False,
        ),
        # stripped of its properties
        ({"summary": f"{ANONYMOUS_TEXT} "}, False),
    ],
)
def test_what_may_become_a_termin(more: Json, eligible: bool) -> None:
    """Invariant 16 and 17: no exception of a series, no other type, and no fixed text that has lost its link."""
    assert event_of({**BASE, **more}).eligible == eligible


def test_a_cancelled_one_needs_nothing_but_its_id() -> None:
    """Google promises no more of it."""
    event = event_of({"id": "abcde", "status": "cancelled"})
    assert (event.id, event.cancelled, event.eligible, event.link) == ("abcde", True, False, None)


def test_the_plain_members() -> None:
    """In the compared form, a description without its HTML."""
    event = event_of(
        {
            **BASE,
            "summary": " Größe 😀\u0007 ",
            "description": "<p>a</p><p>b &amp; c</p>",
            "location": "Köln\r\nSaal 3",
            "visibility": "confidential",
            "updated": "2026-05-05T09:00:00.123Z",
        }
    )
    assert event.what == What(text="Größe 😀", notiz="a\nb & c", ort="Köln\nSaal 3")
    assert (event.etag, event.private) == ('"1"', True)
    assert event.updated == datetime(2026, 5, 5, 9, 0, 0, 123000, tzinfo=UTC)


# The link


def linked(**properties: object) -> Json:
    usual = {"advoware_frnr": "7", "hub_link": "abcde", "hub_content": "full", "hub_suffix": SUFFIX}
    return {**BASE, "summary": f"Anruf{SUFFIX}", "extendedProperties": {"private": {**usual, **properties}}}


@pytest.mark.parametrize(
    ("item", "link", "text"),
    [
        (linked(), Link(fr_nr=7, event_id="abcde", full=True, suffix=SUFFIX), "Anruf"),
        (linked(hub_suffix=None), Link(fr_nr=7, event_id="abcde", full=True, suffix=""), f"Anruf{SUFFIX}"),
        (linked(hub_content="anonymous"), Link(fr_nr=7, event_id="abcde", full=False, suffix=SUFFIX), "Anruf"),
        # who stripped the property may have stripped it off the fixed text
        (linked(hub_content=None), Link(fr_nr=7, event_id="abcde", full=False, suffix=SUFFIX), "Anruf"),
        (linked(hub_link="fghij"), None, f"Anruf{SUFFIX}"),
        (linked(hub_link=None), None, f"Anruf{SUFFIX}"),
        (linked(advoware_frnr="-7"), None, f"Anruf{SUFFIX}"),
        (linked(advoware_frnr="x"), None, f"Anruf{SUFFIX}"),
        (linked(advoware_frnr="0"), None, f"Anruf{SUFFIX}"),
        (linked(advoware_frnr=7), None, f"Anruf{SUFFIX}"),
        (BASE, None, ""),
    ],
)
def test_the_link_of_an_event(item: Json, link: Link | None, text: str) -> None:
    """It counts where it names the event's own id; what it does not say is taken for anonymous."""
    event = event_of(item)
    assert event.link == link
    assert event.what.text == text


def test_a_copied_event_is_not_linked(google: Google) -> None:
    """Invariant 20: the copy carries the link of its original, whose id is another."""
    original = google.made(NINE, What(text="Anruf"), Shown(suffix=SUFFIX))
    copy = google.copy(original.id)
    assert original.link is not None
    assert copy.link is None
    assert copy.eligible
    # It belongs to no Akte, so that its text keeps the reference.
    assert copy.what.text == f"Anruf{SUFFIX}"


def test_a_copied_event_that_says_nothing_stays_in_google(google: Google) -> None:
    """Invariant 17: the fixed text never gets to Advoware, not even by a copy; a text of the user's own does."""
    original = google.made(NINE, What(text="Anruf"), Shown(full=False))
    copy = google.copy(original.id)
    assert not copy.eligible
    assert google.patch(copy.id, {"summary": "Mittag"}).eligible


# What is written


@pytest.mark.parametrize("kuerzel", ["SB", " sb", "Sb "])
def test_ids_stay_the_same(kuerzel: str) -> None:
    """Another id for the same Termin would make every event anew."""
    assert event_id(kuerzel, 7, 0) == "6r8u028q337vrlkus0p5u7pkl813jt6i797da74o4pon1loj0gm0"


def test_ids_are_what_google_takes() -> None:
    """base32hex, 5 to 1024 characters, another one for each Termin and generation."""
    ids = [
        event_id(kuerzel, fr_nr, generation)
        for kuerzel in ("SB", "ÄÖ", "S|1")
        for fr_nr in (1, 11)
        for generation in (0, 1)
    ]
    assert len(set(ids)) == len(ids)
    assert all(set(one) <= set("0123456789abcdefghijklmnopqrstuv") and 5 <= len(one) <= 1024 for one in ids)


def test_a_new_one() -> None:
    """Of a linked Termin, whole, in a series."""
    body = new_event(
        event_id="abcde",
        fr_nr=7,
        when=When(span=NINE.span, recurrence=Recurrence(freq="WEEKLY", interval=2, until=date(2026, 6, 30))),
        what=What(text="Anruf", notiz="a\n<b>b</b>", ort="Köln"),
        shown=Shown(suffix=SUFFIX, private=True),
        timezone=BERLIN,
    )
    assert body == {
        "id": "abcde",
        "summary": f"Anruf{SUFFIX}",
        "description": "a\n&lt;b&gt;b&lt;/b&gt;",
        "location": "Köln",
        "start": {"dateTime": "2026-05-05T09:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-05-05T10:00:00", "timeZone": "Europe/Berlin"},
        "recurrence": ["RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20260630T215959Z"],
        "visibility": "private",
        "extendedProperties": {
            "private": {"advoware_frnr": "7", "hub_link": "abcde", "hub_suffix": SUFFIX, "hub_content": "full"}
        },
    }


def test_a_new_anonymous_one_says_nothing() -> None:
    """Invariant 17: neither text nor place, nor the names in the reference of the Akte, not even in a property."""
    body = new_event(
        event_id="abcde",
        fr_nr=7,
        when=When(span=whole("2026-05-05", "2026-05-06")),
        what=What(text="Anruf", notiz="geheim", ort="Köln"),
        shown=Shown(suffix=SUFFIX, full=False),
        timezone=BERLIN,
    )
    assert body == {
        "id": "abcde",
        "summary": "Advoware blocked",
        "start": {"date": "2026-05-05"},
        "end": {"date": "2026-05-07"},
        "visibility": "private",
        "extendedProperties": {"private": {"advoware_frnr": "7", "hub_link": "abcde", "hub_content": "anonymous"}},
    }


FULL: Json = {
    **BASE,
    "summary": f"Anruf{SUFFIX}",
    "description": "<b>a</b><br>b",
    "location": "Köln ",
    "transparency": "transparent",
    "colorId": "3",
    "extendedProperties": linked()["extendedProperties"],
}
SAYS = What(text="Anruf", notiz="a\nb", ort="Köln")
SHOWN = Shown(suffix=SUFFIX)
FIXED: Json = {
    **BASE,
    "summary": ANONYMOUS_TEXT,
    "visibility": "private",
    "extendedProperties": {"private": {"advoware_frnr": "7", "hub_link": "abcde", "hub_content": "anonymous"}},
}
HIDDEN = Shown(suffix=SUFFIX, full=False)


def hub(content: str, suffix: str | None) -> Json:
    return {"private": {"hub_suffix": suffix, "hub_content": content}}


@pytest.mark.parametrize(
    ("item", "shown", "what", "body"),
    [
        (FULL, SHOWN, None, {}),
        (FULL, SHOWN, SAYS, {}),
        # only the members that differ: a formatted description survives a new subject
        (FULL, SHOWN, What(text="Neu", notiz="a\nb", ort="Köln"), {"summary": f"Neu{SUFFIX}"}),
        (FULL, SHOWN, What(text="Anruf", notiz="c", ort=""), {"description": "c", "location": None}),
        (FULL, SHOWN, What(), {"summary": SUFFIX.strip(), "description": None, "location": None}),
        # whom staff has taken the reference away from the subject gets it back with the next text only
        ({**FULL, "summary": "Anruf"}, SHOWN, SAYS, {}),
        ({**FULL, "summary": "Anruf"}, SHOWN, What(text="X", notiz="a\nb", ort="Köln"), {"summary": f"X{SUFFIX}"}),
        # another Akte, or none
        (
            FULL,
            Shown(suffix=" (7/26)"),
            None,
            {"summary": "Anruf (7/26)", "extendedProperties": hub("full", " (7/26)")},
        ),
        (FULL, Shown(), SAYS, {"summary": "Anruf", "extendedProperties": hub("full", None)}),
        # visibility: `public` is none of our business as long as it is not private
        (FULL, Shown(suffix=SUFFIX, private=True), None, {"visibility": "private"}),
        ({**FULL, "visibility": "private"}, SHOWN, None, {"visibility": "default"}),
        ({**FULL, "visibility": "public"}, SHOWN, None, {}),
        ({**FULL, "visibility": "confidential"}, Shown(suffix=SUFFIX, private=True), None, {}),
        # becoming anonymous, staying so, and becoming full again, which needs the text
        (
            FULL,
            HIDDEN,
            None,
            {
                "summary": ANONYMOUS_TEXT,
                "description": None,
                "location": None,
                "visibility": "private",
                "extendedProperties": hub("anonymous", None),
            },
        ),
        ({**FIXED, "description": "<i></i>"}, HIDDEN, SAYS, {"description": None}),
        (FIXED, HIDDEN, None, {}),
        (FIXED, HIDDEN, SAYS, {}),
        ({**FIXED, "summary": "von Hand"}, HIDDEN, None, {}),
        ({**FIXED, "summary": "von Hand"}, HIDDEN, SAYS, {"summary": ANONYMOUS_TEXT}),
        (FIXED, Shown(suffix=SUFFIX, private=True), None, {}),
        (
            FIXED,
            SHOWN,
            SAYS,
            {
                "summary": f"Anruf{SUFFIX}",
                "description": "a\nb",
                "location": "Köln",
                "visibility": "default",
                "extendedProperties": hub("full", SUFFIX),
            },
        ),
    ],
)
def test_a_patch_of_text_and_show(item: Json, shown: Shown, what: What | None, body: Json) -> None:
    """Invariant 17 and 18: nothing that is not to leave the house, and no member that we do not mean."""
    assert changed_event(event_of(item), shown=shown, timezone=BERLIN, what=what) == body


@pytest.mark.parametrize(
    ("item", "when", "body"),
    [
        (BASE, NINE, {}),
        (lasting("2026-05-05T07:00:00Z", "2026-05-05T08:00:00Z", "Europe/London"), NINE, {}),
        (
            BASE,
            When(span=whole("2026-05-05", "2026-05-05")),
            {
                "start": {"date": "2026-05-05", "dateTime": None, "timeZone": None},
                "end": {"date": "2026-05-06", "dateTime": None, "timeZone": None},
            },
        ),
        (
            lasting("2026-05-05", "2026-05-06", recurrence=["RRULE:FREQ=DAILY"]),
            NINE,
            {
                "start": {"date": None, "dateTime": "2026-05-05T09:00:00", "timeZone": "Europe/Berlin"},
                "end": {"date": None, "dateTime": "2026-05-05T10:00:00", "timeZone": "Europe/Berlin"},
                "recurrence": None,
            },
        ),
        (
            {**BASE, "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO,TU"]},
            When(span=NINE.span, recurrence=Recurrence(freq="DAILY", interval=1)),
            {
                "start": {"date": None, "dateTime": "2026-05-05T09:00:00", "timeZone": "Europe/Berlin"},
                "end": {"date": None, "dateTime": "2026-05-05T10:00:00", "timeZone": "Europe/Berlin"},
                "recurrence": ["RRULE:FREQ=DAILY;INTERVAL=1"],
            },
        ),
    ],
)
def test_a_patch_of_the_times(item: Json, when: When, body: Json) -> None:
    """Times and rule are written together, and neither where they mean the same already."""
    assert changed_event(event_of(item), shown=PLAIN, timezone=BERLIN, when=when) == body


def test_a_patch_leaves_alone_what_we_do_not_know(google: Google) -> None:
    """Invariant 18."""
    own: dict[str, Any] = {
        "colorId": "3",
        "transparency": "transparent",
        "attendees": [{"email": "a@x.example", "responseStatus": "needsAction"}],
        "reminders": {"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]},
        "extendedProperties": {"private": {"other": "1"}, "shared": {"more": "2"}},
    }
    event = google.insert({"start": BASE["start"], "end": BASE["end"], "summary": "Anruf", **own})
    event = google.link(event.id, SHOWN)
    event = google.patch(
        event.id,
        changed_event(
            event, shown=HIDDEN, timezone=BERLIN, when=When(span=whole("2026-05-06", "2026-05-06")), what=SAYS
        ),
    )
    assert event.what == What(text=ANONYMOUS_TEXT)
    assert {name: event.record[name] for name in ("colorId", "transparency", "attendees", "reminders")} == {
        name: own[name] for name in ("colorId", "transparency", "attendees", "reminders")
    }
    assert event.record["extendedProperties"]["private"]["other"] == "1"
    assert event.record["extendedProperties"]["shared"] == {"more": "2"}


def test_linking_an_event_of_googles_own(google: Google) -> None:
    """Afterwards it says by itself which Termin it stands for; a link that is set again has no old suffix."""
    event = google.insert({"start": BASE["start"], "end": BASE["end"], "summary": "Anruf"})
    assert event.link is None
    event = google.link(event.id, SHOWN)
    assert event.link == Link(fr_nr=7, event_id=event.id, full=True, suffix=SUFFIX)
    event = google.link(event.id, PLAIN)
    assert event.link == Link(fr_nr=7, event_id=event.id, full=True, suffix="")


def test_a_link_is_whole() -> None:
    """A suffix that is none is deleted."""
    assert link_patch(event_id="abcde", fr_nr=7, shown=PLAIN) == {
        "extendedProperties": {
            "private": {"advoware_frnr": "7", "hub_link": "abcde", "hub_suffix": None, "hub_content": "full"}
        }
    }
