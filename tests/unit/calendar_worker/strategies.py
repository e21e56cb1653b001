"""Appointments, records of both vendors however odd, and the two vendors' own reading of what we write."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from calendar_worker.model.appointment import AllDay, Freq, Recurrence, Shown, Timed, What, When
from calendar_worker.model.sides import Event, Termin
from calendar_worker.translate.event import link_patch, new_event, read_event
from calendar_worker.translate.termin import new_termin, read_termin
from calendar_worker.translate.text import clean
from simulators.advoware import Advoware, shown
from simulators.advoware.fields import TERMIN
from simulators.google_calendar import GoogleCalendar, new_account

Json = dict[str, Any]
BERLIN = ZoneInfo("Europe/Berlin")
PLAIN = Shown()
RUBRUM = "101/26 Müller ./. Groß"
SUFFIX = f" ({RUBRUM})"
_TERMIN_FIELDS = {field.name for field in TERMIN}

# The compared form

days = st.dates(date(1894, 1, 1), date(2090, 12, 31)) | st.sampled_from(
    [date(2026, 3, 29), date(2026, 10, 25), date(2024, 2, 29), date(1969, 12, 31), date(2037, 1, 1), date(2026, 1, 31)]
)
times = st.times().map(lambda one: one.replace(second=0, microsecond=0)) | st.sampled_from(
    [time(0, 0), time(0, 1), time(2, 0), time(2, 30), time(3, 0), time(23, 30), time(23, 59)]
)
texts = st.text() | st.text("aß😀é<>&;/ \n\t\r\x00\x0b\xa0\u2028\"'=#pbr()", max_size=30)
whats = st.builds(What, text=texts.map(clean), notiz=texts.map(clean), ort=texts.map(clean))
showns = st.builds(Shown, suffix=st.sampled_from(["", SUFFIX, " (7/26)"]), private=st.booleans(), full=st.booleans())


def _timed(start: datetime, end: datetime) -> Timed | AllDay:
    if start.time() == time(0, 0) and end.time() == time(23, 59):
        return AllDay(first=start.date(), last=end.date())
    return Timed(start=start, end=end)


@st.composite
def spans(draw: st.DrawFn, *, one_day: bool = False) -> Timed | AllDay:
    first = draw(days)
    last = first if one_day else first + timedelta(days=draw(st.integers(0, 20) | st.just(0)))
    if draw(st.booleans()):
        return AllDay(first=first, last=last)
    begin, end = (
        datetime.combine(*one)
        for one in sorted([(first, draw(times)), (last, draw(times))], key=lambda one: datetime.combine(*one))
    )
    # Minutes that the firm's clock skips are left to the tables.
    moved = [one if _exists(one) else one.replace(hour=12) for one in (begin, end)]
    return _timed(min(moved), max(moved))


def _exists(moment: datetime) -> bool:
    """Whether the minute exists: there and back through UTC it is the same."""
    back = moment.replace(tzinfo=BERLIN).astimezone(UTC).astimezone(BERLIN)
    return back.replace(tzinfo=None, fold=0) == moment


@st.composite
def series(draw: st.DrawFn) -> When:
    span = draw(spans(one_day=True))
    first = When(span=span).first_day
    last = first + timedelta(days=draw(st.integers(0, 4000)))
    until = last if draw(st.booleans()) and last.year < 2037 else None
    freq: Freq = draw(st.sampled_from(get_args(Freq)))
    return When(span=span, recurrence=Recurrence(freq=freq, interval=draw(st.integers(1, 999)), until=until))


whens = st.builds(When, span=spans()) | series()

# Records

scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
odd = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
_good_days = st.sampled_from(["2026-05-05", "2026-05-05T00:00:00", "2026-05-05T09:00:00", "2026-03-29T02:30:00"])
_bad_days = st.sampled_from(
    [
        "2026-05-05T09:00:00.1234567",
        "2026-05-05T09:00:00Z",
        "0001-01-01T00:00:00",
        "0002-01-01T00:00:00+14:00",
        "9997-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "2026-02-30",
        "2026-05-05T25:00:00",
        "-2026-05-05",
        "٢٠٢٦-٠٥-٠٥",
    ]
)
_clock = st.sampled_from(
    ["09:00", "09:00:00", "9:5", "24:00", "23:59:59", "00:00", "02:30", "", "09:00Z", "٠٩:٠٠", None]
)


def _record(known: dict[str, st.SearchStrategy[Any]], *, spoilt: int = 3) -> st.SearchStrategy[Json]:
    """Plausible members, some of them missing or replaced by anything at all, and others beside them."""
    names = st.sampled_from(sorted(known))
    return st.builds(
        lambda whole, missing, other, named: {
            **{name: value for name, value in whole.items() if name not in missing},
            **other,
            **named,
        },
        st.fixed_dictionaries(known),
        st.sets(names, max_size=spoilt),
        st.dictionaries(texts, odd, max_size=1),
        st.dictionaries(names, odd | _bad_days, max_size=spoilt),
    )


odd_termine = _record(
    {
        "frNr": st.integers(1, 99_999) | st.sampled_from(["7", -7]),
        "datum": _good_days,
        "datumBis": _good_days,
        "uhrzeitVon": _clock,
        "uhrzeitBis": _clock,
        "dauertermin": st.integers(0, 1),
        "turnus": st.integers(-1, 1000),
        "turnusArt": st.integers(-1, 5),
        "anwalt": st.sampled_from(["SB", "sb", "", "ALLE", "AI"]),
        "sb": st.sampled_from(["SB", "AI"]),
        "privat": st.integers(0, 1),
        "abwesenheit": st.integers(0, 1),
        "nr": st.integers(0, 5),
        "azRubrum": st.just(RUBRUM),
        "text": st.just(f"Besprechung{SUFFIX}"),
        "notiz": texts,
        "zuletztGeaendertAm": _good_days,
    }
)
_bounds = st.sampled_from(
    [
        ({"date": "2026-05-05"}, {"date": "2026-05-06"}),
        ({"date": "2026-05-05"}, {"date": "2026-05-08"}),
        ({"dateTime": "2026-05-05T09:00:00+02:00"}, {"dateTime": "2026-05-05T10:00:00+02:00"}),
        ({"dateTime": "2026-03-29T02:30:00"}, {"dateTime": "2026-03-29T02:45:00"}),
        ({"dateTime": "2026-05-05T00:00:00"}, {"dateTime": "2026-05-05T23:59:59"}),
        ({"dateTime": "2026-05-05T22:00:00Z"}, {"dateTime": "2026-05-06T22:00:00Z"}),
    ]
)
_zones = st.sampled_from(
    [None, "Europe/Berlin", "Europe/London", "America/New_York", "UTC", "", "../etc", "a\x00b", "Mars"]
)
_times_of = st.builds(
    lambda bounds, zone, spoilt: {
        name: {**side, **({} if zone is None else {"timeZone": zone}), **spoilt}
        for name, side in zip(("start", "end"), bounds, strict=True)
    },
    _bounds,
    _zones,
    st.just({}) | st.dictionaries(st.sampled_from(["date", "dateTime", "timeZone"]), odd | _bad_days, max_size=1),
)
_lines = st.sampled_from(
    [
        "RRULE:FREQ=DAILY",
        "RRULE:FREQ=MONTHLY;COUNT=999999999",
        "RRULE:FREQ=DAILY;INTERVAL=0;COUNT=3",
        "RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=00010101T000000Z",
        "RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20260630T215959Z",
        "RRULE:FREQ=YEARLY;UNTIL=99991231",
        "RRULE:FREQ=YEARLY;UNTIL=20261345",
        "RRULE:",
        "RRULE",
        "RRULE:=;;=;FREQ",
        "EXDATE:20260505",
    ]
)
_link = _record(
    {
        "advoware_frnr": st.just("7"),
        "hub_link": st.just("abcde"),
        "hub_content": st.sampled_from(["full", "anonymous"]),
        "hub_suffix": st.sampled_from([SUFFIX, "", " "]),
    },
    spoilt=1,
)
odd_events = st.builds(
    lambda times, record: {**times, **record},
    _times_of,
    _record(
        {
            "id": st.just("abcde"),
            "status": st.sampled_from(["confirmed", "cancelled"]),
            "recurrence": st.just([]) | st.lists(_lines, max_size=2) | st.lists(odd, max_size=1),
            "summary": st.sampled_from([f"Besprechung{SUFFIX}", "Besprechung", "Advoware blocked"]),
            "description": st.sampled_from(["<p>", "</p></p>", "<a href>", "&#99999999;", "<a", "<!--", "<p x='>"])
            | texts,
            "location": texts,
            "visibility": st.sampled_from(["private", "public", "default"]),
            "updated": _good_days,
            "extendedProperties": st.builds(lambda link: {"private": link}, _link),
        }
    ),
)

# The vendors


class Google:
    """A calendar of the simulator: what we would send is checked as Google checks it, and shown as Google shows it."""

    def __init__(self) -> None:
        self._google = GoogleCalendar(account=new_account())
        self._calendar = self._google.staff.add_calendar("AW-SB")

    def insert(self, body: Json) -> Event:
        """The server gives the id here, so the link is set afterwards, where there is one."""
        event_id = self._google.staff.add_event(self._calendar, **body)
        link = body.get("extendedProperties", {}).get("private", {})
        if "hub_link" in link:
            self.patch(event_id, {"extendedProperties": {"private": {"hub_link": event_id}}})
        return self.read(event_id)

    def made(self, when: When, what: What, shown: Shown) -> Event:
        return self.insert(new_event(event_id="later", fr_nr=7, when=when, what=what, shown=shown, timezone=BERLIN))

    def patch(self, event_id: str, body: Json) -> Event:
        self._google.staff.change_event(self._calendar, event_id, **body)
        return self.read(event_id)

    def link(self, event_id: str, shown: Shown) -> Event:
        return self.patch(event_id, link_patch(event_id=event_id, fr_nr=7, shown=shown))

    def copy(self, event_id: str) -> Event:
        return self.read(self._google.staff.copy_event(self._calendar, event_id))

    def read(self, event_id: str) -> Event:
        return read_event(self._google.event(self._calendar, event_id), timezone=BERLIN)


class Akten:
    """An Advoware with one Akte."""

    def __init__(self) -> None:
        self._advoware = Advoware()
        aktenzeichen, kurz_rubrum = RUBRUM.split(" ", 1)
        self.akte = self._advoware.staff.add_akte(aktenzeichen=aktenzeichen, kurzRubrum=kurz_rubrum)

    def look(self, datum: Literal["date_time", "midnight", "date"], rubrum: Literal["list", "always", "never"]) -> None:
        """How Termine are shown from now on."""
        changed = {"termin_datum": datum, "rubrum_in_text": rubrum}
        self._advoware.switches = type(self._advoware.switches)(**changed)  # type: ignore[arg-type]

    def post(self, body: Json) -> Termin:
        return self.read(self._advoware.staff.add_termin(**body))

    def made(self, when: When, what: What, *, private: bool = False, nr: int = 0) -> Termin:
        return self.post({**new_termin(when, what, kuerzel="SB", private=private), "nr": nr})

    def put(self, fr_nr: int, body: Json) -> Termin:
        stored = {name: value for name, value in body.items() if name in _TERMIN_FIELDS}
        self._advoware.staff.change_termin(fr_nr, **stored)
        return self.read(fr_nr)

    def record(self, fr_nr: int, *, in_list: bool = True) -> Json:
        state = self._advoware._state
        return shown.termin(state, state.termine[fr_nr], in_list=in_list)

    def read(self, fr_nr: int, *, in_list: bool = True) -> Termin:
        return termin_of(self.record(fr_nr, in_list=in_list))


def termin_of(record: Json) -> Termin:
    """A record that is a Termin of SB."""
    found = read_termin(record, kuerzel="SB", timezone=BERLIN)
    assert isinstance(found, Termin)
    return found


def event_of(item: Json) -> Event:
    """An event read in the firm's zone."""
    return read_event(item, timezone=BERLIN)
