"""The Google Calendar client against the simulator: calls, tokens, lists, limits, lost answers, and no secret out."""

import asyncio
import contextlib
import io
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import msgspec
import pytest
from aiohttp import web
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.clients.google_calendar import Duplicate, GoogleCalendarSettings, Stale
from shared.clients.google_calendar import GoogleCalendar as Client
from shared.clients.http import Tools
from shared.outcomes.errors import (
    Halt,
    HubError,
    NotFound,
    RateLimited,
    Refused,
    Rejected,
    Unauthorized,
    Unavailable,
)
from shared.runtime.service import serve as serve_app
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Tracer
from simulators.faults import Fault
from simulators.google_calendar import GoogleCalendar, new_account
from tests.support.advoware_process import MovableClock
from tests.support.google import google_account, google_calendar, google_client, google_settings

ZONE = "Europe/Berlin"
USER = "sb@kanzlei.example"
API = "/calendar/v3/.*"
EVENTS = ".*/events(/.*)?"
TERMIN: dict[str, Any] = {
    "summary": "Besprechung",
    "start": {"dateTime": "2026-03-12T10:00:00", "timeZone": ZONE},
    "end": {"dateTime": "2026-03-12T11:00:00", "timeZone": ZONE},
}


class Line(NamedTuple):
    """A client with its own calendar, the vendor at the other end, and a clock that moves both."""

    vendor: GoogleCalendar
    client: Client
    clock: MovableClock
    metrics: Metrics
    calendar: str
    settings: GoogleCalendarSettings

    def pass_s(self, seconds: float) -> None:
        self.clock.ahead_s += seconds
        self.vendor.advance(seconds)

    def asked(self) -> list[str]:
        """`METHOD status` of what the vendor heard, token requests too."""
        rows = self.vendor.log.rows()
        return [f"{'token' if row.path == '/token' else row.method} {row.status}" for row in rows]

    async def insert(self, **members: Any) -> dict[str, Any]:
        return await self.client.insert_event(self.calendar, {**TERMIN, **members})


@contextlib.asynccontextmanager
async def opened(**how: Any) -> AsyncIterator[Line]:
    clock = MovableClock()
    metrics = Metrics("test", "0")
    tools = Tools(clock=clock, tracer=Tracer(), metrics=metrics)
    async with google_calendar(**how) as (vendor, settings), google_client(settings, tools=tools) as client:
        calendar = await client.create_calendar("AW-SB", ZONE)
        vendor.log.clear()
        yield Line(vendor, client, clock, metrics, calendar, settings)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """In the account's own name."""
    async with opened() as ready:
        yield ready


def switch(vendor: GoogleCalendar, **changes: Any) -> None:
    vendor.switches = msgspec.structs.replace(vendor.switches, **changes)


# Calendars


async def test_calendars_are_found_by_their_exact_title(line: Line) -> None:
    """Also when there are two; not by a part of the title, not deleted ones, not other people's."""
    assert await line.client.find_calendars("AW-SB") == [line.calendar]
    second = await line.client.create_calendar("AW-SB", ZONE)
    for other in ("AW-S", "AW-SBX", "aw-sb"):
        await line.client.create_calendar(other, ZONE)
    assert sorted(await line.client.find_calendars("AW-SB")) == sorted([line.calendar, second])
    line.vendor.staff.delete_calendar(second)
    assert await line.client.find_calendars("AW-SB") == [line.calendar]
    assert await line.client.find_calendars("") == []


async def test_a_new_calendar_has_its_zone(line: Line) -> None:
    """Series are expanded in it."""
    [made] = [one for one in line.vendor.calendars() if one["id"] == line.calendar]
    assert (made["summary"], made["timeZone"]) == ("AW-SB", ZONE)


async def test_a_calendar_that_was_shared_with_us_is_found_when_it_is_enlisted(line: Line) -> None:
    """Sharing alone puts nothing on a service account's list; enlisting twice does no harm."""
    line.vendor.add_user(USER)
    shared = line.vendor.staff.add_calendar("AW-PM", USER)
    line.vendor.staff.share(shared, google_account().client_email, "owner")
    assert await line.client.find_calendars("AW-PM") == []
    for _ in range(2):
        await line.client.enlist(shared)
    assert await line.client.find_calendars("AW-PM") == [shared]
    line.vendor.staff.share(shared, google_account().client_email, "reader")
    assert await line.client.find_calendars("AW-PM") == []
    with pytest.raises(NotFound):
        await line.client.enlist("c_nix@group.calendar.google.com")


async def test_a_hidden_calendar_is_found(line: Line) -> None:
    """Somebody has hidden it at the screen of the user in whose name we act: still no reason to make another."""
    path = f"users/me/calendarList/{line.calendar}"
    await line.client._session.call("PATCH", path, operation="hide", json={"hidden": True})
    assert await line.client.find_calendars("AW-SB") == [line.calendar]


async def test_many_calendars_are_paged_through(line: Line) -> None:
    """More than one page of the list."""
    for number in range(260):
        line.vendor.staff.add_calendar(f"AW-{number}", google_account().client_email)
    assert len(await line.client.find_calendars("AW-259")) == 1


async def test_sharing(line: Line) -> None:
    """Given, changed, taken, taken again; in lower case; nobody gets a mail; other kinds of rule are not shown."""
    own = google_account().client_email
    await line.client.share(line.calendar, "SB@Kanzlei.example", "reader")
    assert await line.client.rules(line.calendar) == {own: "owner", USER: "reader"}
    await line.client.share(line.calendar, USER, "writer")
    line.vendor.staff.share(line.calendar, "PM@kanzlei.example", "reader")
    assert await line.client.rules(line.calendar) == {own: "owner", USER: "writer", "pm@kanzlei.example": "reader"}
    for _ in range(2):
        await line.client.unshare(line.calendar, "SB@kanzlei.example")
    assert USER not in await line.client.rules(line.calendar)
    assert [mail for mail in line.vendor.mails() if mail.to == USER] == []
    await line.client.share(line.calendar, USER, "none")
    assert USER not in await line.client.rules(line.calendar)


# Events


async def test_an_event_comes_changes_and_goes(line: Line) -> None:
    """As Google has stored it each time; members that a patch does not name survive, null removes one."""
    made = await line.insert(id="abcde", location="Zimmer 3", colorId="5")
    assert made == await line.client.event(line.calendar, "abcde")
    changed = await line.client.patch_event(
        line.calendar, "abcde", {"summary": "B", "location": None}, etag=made["etag"]
    )
    assert (changed["summary"], changed["colorId"], "location" in changed) == ("B", "5", False)
    assert changed["etag"] != made["etag"]
    await line.client.delete_event(line.calendar, "abcde", changed["etag"])
    gone = await line.client.event(line.calendar, "abcde")
    assert gone is not None
    assert gone["status"] == "cancelled"
    assert await line.client.event(line.calendar, "fffff") is None
    assert await line.client.event("nix@group.calendar.google.com", "abcde") is None


async def test_an_id_is_used_once(line: Line) -> None:
    """P2: for a living event, a deleted one, and one whose tombstone has gone too."""
    made = await line.insert(id="abcde")
    with pytest.raises(Duplicate) as refused:
        await line.insert(id="abcde")
    assert (refused.value.status, refused.value.reason) == (409, "google insert event: 409")
    await line.client.delete_event(line.calendar, "abcde", made["etag"])
    with pytest.raises(Duplicate):
        await line.insert(id="abcde")
    line.vendor.staff.purge_event(line.calendar, "abcde")
    with pytest.raises(Duplicate):
        await line.insert(id="abcde")


async def test_no_lost_update(line: Line) -> None:
    """What somebody else has changed meanwhile is neither patched nor deleted."""
    made = await line.insert()
    line.vendor.staff.change_event(line.calendar, made["id"], summary="vom Bildschirm")
    with pytest.raises(Stale):
        await line.client.patch_event(line.calendar, made["id"], {"summary": "B"}, made["etag"])
    with pytest.raises(Stale):
        await line.client.delete_event(line.calendar, made["id"], made["etag"])
    [event] = line.vendor.events(line.calendar)
    assert event["summary"] == "vom Bildschirm"


async def test_deleting_what_is_gone_is_fine(line: Line) -> None:
    """410 for a deleted event, 404 for one that never was, both are what we want; a patch says so."""
    made = await line.insert()
    line.vendor.staff.delete_event(line.calendar, made["id"])
    await line.client.delete_event(line.calendar, made["id"], made["etag"])
    await line.client.delete_event(line.calendar, "fffff", made["etag"])
    assert line.asked()[-2:] == ["DELETE 410", "DELETE 404"]
    with pytest.raises(NotFound):
        await line.client.patch_event(line.calendar, "fffff", {"summary": "B"}, made["etag"])


async def test_what_google_does_not_take_is_rejected(line: Line) -> None:
    """One bad event is a refusal with Google's words for staff, none of them in the reason."""
    with pytest.raises(Rejected) as refused:
        await line.insert(end={"dateTime": "2026-03-11T10:00:00", "timeZone": ZONE})
    assert (refused.value.status, refused.value.reason) == (400, "google insert event: 400")
    assert refused.value.detail


# Lists


async def everything(line: Line, token: str | None = None) -> tuple[list[str], bool]:
    listing = await line.client.list_events(line.calendar, token)
    return sorted(one["id"] for one in listing.items), listing.whole


@pytest.mark.parametrize("empty_pages", [0, 3])
@pytest.mark.parametrize("page_limit", [None, 1, 2, 7])
async def test_all_pages_are_read(line: Line, page_limit: int | None, empty_pages: int) -> None:
    """P12: whole and changed lists, short pages, empty ones, exact multiples."""
    switch(line.vendor, page_limit=page_limit, empty_pages=empty_pages, list_order="scattered")
    listing = await line.client.list_events(line.calendar)
    assert (listing.items, listing.whole) == ([], True)
    made = sorted([(await line.insert())["id"] for _ in range(4)])
    assert await everything(line) == (made, True)
    assert await everything(line, listing.sync_token) == (made, False)


async def test_an_increment_is_what_changed(line: Line) -> None:
    """Deleted ones as cancelled, nothing when nothing happened, and each gives the token of the next."""
    kept, gone = [await line.insert() for _ in range(2)]
    first = await line.client.list_events(line.calendar)
    quiet = await line.client.list_events(line.calendar, first.sync_token)
    assert (quiet.items, quiet.whole) == ([], False)
    line.vendor.staff.delete_event(line.calendar, gone["id"])
    later = await line.client.list_events(line.calendar, quiet.sync_token)
    assert [(one["id"], one["status"]) for one in later.items] == [(gone["id"], "cancelled")]
    assert (await everything(line)) == ([kept["id"]], True)


@pytest.mark.parametrize("token", ["", None])
async def test_without_a_token_the_list_is_whole(line: Line, token: str | None) -> None:
    """One request."""
    made = await line.insert()
    line.vendor.log.clear()
    assert await everything(line, token) == ([made["id"]], True)
    assert line.asked() == ["GET 200"]


@pytest.mark.parametrize("page_limit", [None, 1])
@pytest.mark.parametrize("end", ["expired", "rubbish", "rights", "age", "foreign"])
async def test_a_token_that_has_ended_means_a_whole_list(line: Line, end: str, page_limit: int | None) -> None:
    """410 by command, by age and by changed rights, 400 for one that never was: the same call brings everything."""
    made = [await line.insert() for _ in range(2)]
    token = (await line.client.list_events(line.calendar)).sync_token
    switch(line.vendor, page_limit=page_limit)
    if end == "expired":
        line.vendor.expire_sync_tokens()
    elif end == "rubbish":
        token = "zeisig+/=&?"
    elif end == "rights":
        line.vendor.staff.share(line.calendar, USER)
    elif end == "age":
        line.pass_s(40 * 86_400.0)
    else:
        token = (await line.client.list_events(await line.client.create_calendar("AW-PM", ZONE))).sync_token
    line.vendor.staff.delete_event(line.calendar, made[0]["id"])
    line.vendor.log.clear()
    assert await everything(line, token) == ([made[1]["id"]], True)
    assert "GET 410" in line.asked() or "GET 400" in line.asked()


async def test_a_token_that_ends_between_two_pages(line: Line) -> None:
    """What was read of the changes is forgotten: the whole list has it all."""
    token = (await line.client.list_events(line.calendar)).sync_token
    made = sorted([(await line.insert())["id"] for _ in range(3)])
    switch(line.vendor, page_limit=1)
    line.vendor.faults.add(Fault(kind="late", path=EVENTS))
    line.vendor.faults.add(Fault(kind="error", status=410, path=EVENTS))
    assert await everything(line, token) == (made, True)
    assert line.asked()[-5:] == ["GET 200", "GET 410", "GET 200", "GET 200", "GET 200"]


async def test_a_calendar_that_is_gone_has_no_empty_list(line: Line) -> None:
    """P9: deleted or shared away is NotFound, with and without a token; never zero events."""
    token = (await line.client.list_events(line.calendar)).sync_token
    line.vendor.staff.delete_calendar(line.calendar)
    for known in (None, token):
        with pytest.raises(NotFound):
            await line.client.list_events(line.calendar, known)
    with pytest.raises(NotFound):
        await line.client.rules(line.calendar)


async def test_half_a_list_is_none(line: Line) -> None:
    """P12: an error on the second page is an error of the call, and a later one is complete."""
    made = sorted([(await line.insert())["id"] for _ in range(3)])
    switch(line.vendor, page_limit=1)
    for kind, more in (("error", {"status": 403}), ("rate_limited", {}), ("error", {"status": 404})):
        line.vendor.faults.add(Fault(kind="late", path=EVENTS))
        line.vendor.faults.add(Fault(kind=kind, path=EVENTS, **more))  # type: ignore[arg-type]
        with pytest.raises(HubError):
            await line.client.list_events(line.calendar)
        line.pass_s(100)
    assert await everything(line) == (made, True)


async def test_series_come_as_such(line: Line) -> None:
    """One row with its rule; a changed occurrence and a hole beside it."""
    made = await line.insert(recurrence=["RRULE:FREQ=WEEKLY"])
    line.vendor.staff.move_occurrence(
        line.calendar, made["id"], "2026-03-19T10:00:00+01:00", "2026-03-20T10:00:00+01:00"
    )
    line.vendor.staff.delete_occurrence(line.calendar, made["id"], "2026-03-26T10:00:00+01:00")
    rows = (await line.client.list_events(line.calendar)).items
    assert sorted(one.get("recurringEventId", "") for one in rows) == ["", made["id"], made["id"]]
    assert sorted(one["status"] for one in rows) == ["cancelled", "confirmed", "confirmed"]


# Tokens


async def test_one_token_serves_many_calls(line: Line) -> None:
    """Asked for once, by however many calls at once."""
    async with google_client(line.settings, clock=line.clock) as other:
        before = line.vendor.token_requests()
        await asyncio.gather(*(other.event(line.calendar, "abcde") for _ in range(20)))
        assert line.vendor.token_requests() == before + 1


async def test_a_token_is_renewed_before_it_ends(line: Line) -> None:
    """No call is refused for its age."""
    for seconds in (3000.0, 400.0, 100.0, 3500.0):
        line.pass_s(seconds)
        await line.client.list_events(line.calendar)
    assert line.asked() == ["GET 200", "GET 200", "token 200", "GET 200", "token 200", "GET 200"]


@pytest.mark.parametrize("method", ["read", "insert", "patch", "delete"])
async def test_a_401_costs_one_token_and_no_write(line: Line, method: str) -> None:
    """A token that was taken back: another one, the call once more, done once; a POST too, since nothing was done."""
    made = await line.insert()
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "read": lambda: line.client.list_events(line.calendar),
        "insert": line.insert,
        "patch": lambda: line.client.patch_event(line.calendar, made["id"], {"summary": "B"}, made["etag"]),
        "delete": lambda: line.client.delete_event(line.calendar, made["id"], made["etag"]),
    }
    line.vendor.expire_tokens()
    line.vendor.log.clear()
    await calls[method]()
    verb = {"read": "GET", "insert": "POST", "patch": "PATCH", "delete": "DELETE"}[method]
    done = {"read": 200, "insert": 200, "patch": 200, "delete": 204}[method]
    assert line.asked() == [f"{verb} 401", "token 200", f"{verb} {done}"]


async def test_many_401s_cost_one_token(line: Line) -> None:
    """P12: who waits behind the one that asks takes what it gets."""
    before = line.vendor.token_requests()
    line.vendor.expire_tokens()
    await asyncio.gather(*(line.client.event(line.calendar, "abcde") for _ in range(20)))
    assert line.vendor.token_requests() == before + 1


async def test_a_second_401_halts(line: Line) -> None:
    """A fresh token that is not accepted either: one more request, no loop."""
    line.vendor.faults.add(Fault(kind="expired", path=API, times=None))
    with pytest.raises(Unauthorized):
        await line.client.list_events(line.calendar)
    assert line.asked() == ["GET 401", "token 200", "GET 401"]
    line.vendor.faults.clear()
    await line.client.list_events(line.calendar)


async def test_in_a_users_name() -> None:
    """Domain-wide delegation: the calendars are that user's."""
    async with opened(subject=USER) as line:
        [made] = [one for one in line.vendor.calendars() if one["id"] == line.calendar]
        assert made["dataOwner"] == USER


@pytest.mark.parametrize("case", ["not delegated", "unknown user", "other key", "clock"])
async def test_a_refused_log_in_halts(case: str) -> None:
    """Nobody's event is at fault; the reason says what to look at."""
    users = [USER] if case == "not delegated" else []
    vendor = GoogleCalendar(account=google_account(), users=users)
    clock = MovableClock()
    subject = USER if case in ("not delegated", "unknown user") else ""
    async with google_calendar(simulator=vendor) as (_, plain):
        settings = msgspec.structs.replace(plain, google_calendar_subject=subject)
        if case == "clock":
            clock.ahead_s = 3600.0
        if case == "other key":
            vendor.add_account(msgspec.structs.replace(new_account(), client_email=google_account().client_email))
        async with google_client(settings, clock=clock) as client:
            for _ in range(2):
                with pytest.raises(Halt) as refused:
                    await client.find_calendars("AW-SB")
    assert type(refused.value) is Unauthorized
    assert refused.value.reason == {
        "not delegated": "google token: 401 unauthorized_client (domain-wide delegation of the scope)",
    }.get(case, "google token: 400 invalid_grant (key, clock or GOOGLE_CALENDAR_SUBJECT)")
    assert refused.value.detail == ""
    assert vendor.token_requests() == 2


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (Fault(kind="lost", path="/token"), Unavailable),
        (Fault(kind="cut_answer", path="/token"), Unavailable),
        (Fault(kind="error", status=503, path="/token"), Unavailable),
        (Fault(kind="rate_limited", retry_after_s=5, path="/token"), RateLimited),
        (Fault(kind="error", status=404, path="/token"), Unauthorized),
    ],
)
async def test_a_token_endpoint_in_trouble(line: Line, fault: Fault, word: type[HubError]) -> None:
    """Asked once, nothing is sent with the old token, and the next call gets through."""
    line.pass_s(3600)
    line.vendor.faults.add(fault)
    with pytest.raises(word):
        await line.client.list_events(line.calendar)
    assert len(line.asked()) == 1
    line.pass_s(10)
    await line.client.list_events(line.calendar)


async def test_google_away_costs_one_time_out_for_all(line: Line) -> None:
    """Those who wait for the same token share the failure."""
    line.pass_s(3600)
    line.vendor.faults.add(Fault(kind="error", status=503, path="/token", times=None))
    calls = (line.client.event(line.calendar, "abcde") for _ in range(20))
    failures = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(one, Unavailable) for one in failures)
    assert line.asked() == ["token 503"]


# Limits


@pytest.mark.parametrize(("reason", "pause_s"), [("rateLimitExceeded", 30.0), ("userRateLimitExceeded", 60.0)])
async def test_a_limit_pauses_the_client(line: Line, reason: str, pause_s: float) -> None:
    """403 by its reason: later, and nothing else is sent meanwhile."""
    switch(line.vendor, reason_of_403=reason)
    line.vendor.faults.add(Fault(kind="error", status=403, path=EVENTS))
    with pytest.raises(RateLimited) as limited:
        await line.insert()
    assert limited.value.after_s == pause_s
    with pytest.raises(RateLimited):
        await line.client.list_events(line.calendar)
    assert line.asked() == ["POST 403"]
    line.pass_s(pause_s + 1)
    await line.insert()


async def test_a_429_pauses_the_client(line: Line) -> None:
    """As long as Google says, where it does."""
    line.vendor.faults.add(Fault(kind="rate_limited", retry_after_s=7))
    with pytest.raises(RateLimited) as limited:
        await line.client.list_events(line.calendar)
    assert limited.value.after_s == 7
    line.pass_s(8)
    await line.client.list_events(line.calendar)


async def test_a_full_calendar_holds_up_no_other(line: Line) -> None:
    """quotaExceeded is about writes to one calendar: come back later with this one, go on with the others."""
    switch(line.vendor, calendar_writes_per_minute=1)
    other = await line.client.create_calendar("AW-PM", ZONE)
    await line.insert()
    with pytest.raises(RateLimited) as limited:
        await line.insert()
    assert limited.value.after_s >= 60
    assert "quotaExceeded" in limited.value.reason
    await line.client.insert_event(other, TERMIN)
    await line.client.list_events(line.calendar)


@pytest.mark.parametrize(
    ("reason", "word"),
    [("forbidden", Rejected), ("forbiddenForNonOrganizer", Rejected), ("insufficientPermissions", Unauthorized)],
)
async def test_a_403_that_waiting_does_not_help(line: Line, reason: str, word: type[HubError]) -> None:
    """A refusal of this one thing, or of everything; neither costs a token, neither is repeated."""
    switch(line.vendor, reason_of_403=reason)
    line.vendor.faults.add(Fault(kind="error", status=403, path=EVENTS))
    with pytest.raises(word):
        await line.insert()
    assert line.asked() == ["POST 403"]
    await line.insert()


# Lost answers


@pytest.mark.parametrize("pages", ["json", "html"])
@pytest.mark.parametrize("how", ["lost", "cut", "late error", "late 500"])
async def test_a_write_whose_answer_is_lost_is_not_repeated(line: Line, how: str, pages: str) -> None:
    """P2: done once, and the caller finds that out by its own id; a patch by its etag."""
    switch(line.vendor, server_errors=pages)

    def trouble(method: str) -> None:
        if how == "late error":
            line.vendor.late_errors.add(Fault(kind="error", status=503, method=method))
        elif how == "late 500":
            line.vendor.late_errors.add(Fault(kind="error", status=500, method=method))
        else:
            line.vendor.faults.add(Fault(kind="lost" if how == "lost" else "cut_answer", method=method))

    trouble("POST")
    with pytest.raises(Unavailable):
        await line.insert(id="abcde")
    assert len(line.vendor.log.writes()) == 1
    made = await line.client.event(line.calendar, "abcde")
    assert made is not None
    trouble("PATCH")
    with pytest.raises(Unavailable):
        await line.client.patch_event(line.calendar, "abcde", {"summary": "B"}, made["etag"])
    assert len(line.vendor.log.writes()) == 2
    with pytest.raises(Stale):
        await line.client.patch_event(line.calendar, "abcde", {"summary": "B"}, made["etag"])


async def test_a_delete_whose_answer_is_lost_is_done(line: Line) -> None:
    """It may be repeated: the second one is told that it is gone."""
    made = await line.insert()
    line.vendor.late_errors.add(Fault(kind="error", status=503, method="DELETE"))
    await line.client.delete_event(line.calendar, made["id"], made["etag"])
    assert line.vendor.events(line.calendar) == []
    assert line.asked()[-2:] == ["DELETE 503", "DELETE 410"]


@pytest.mark.parametrize("kind", ["lost", "cut_answer"])
async def test_a_read_is_repeated(line: Line, kind: Any) -> None:
    """Once the answer comes it is whole."""
    made = await line.insert()
    line.vendor.faults.add(Fault(kind=kind, method="GET", times=2))
    assert await everything(line) == ([made["id"]], True)


@pytest.mark.parametrize("pages", ["json", "html"])
async def test_google_out_of_order(line: Line, pages: str) -> None:
    """5xx without end, in JSON or as a page: Unavailable after a bounded number of tries."""
    switch(line.vendor, server_errors=pages)
    line.vendor.faults.add(Fault(kind="error", status=503, path=API, times=None))
    with pytest.raises(Unavailable) as failed:
        await line.client.list_events(line.calendar)
    assert failed.value.reason == "google list events: 503"
    assert line.asked() == ["GET 503"] * 3
    with pytest.raises(Unavailable):
        await line.client.create_calendar("AW-PM", ZONE)
    assert line.asked()[3:] == ["POST 503"]


async def test_nobody_there(line: Line) -> None:
    """A closed port is Unavailable, by name only."""
    base = msgspec.structs.replace(line.settings, google_calendar_base_url="http://127.0.0.1:9/calendar/v3")
    async with google_client(base) as client:
        with pytest.raises(Unavailable) as failed:
            await client.create_calendar("AW-SB", ZONE)
    assert failed.value.reason == "google create calendar: no answer (ClientConnectorError)"


# A vendor that answers what it should not


class Odd:
    """Answers every call with one body; the token endpoint works."""

    def __init__(self) -> None:
        self.body: object = {}
        self.heard = 0

    async def token(self, _request: web.Request) -> web.Response:
        """POST /token."""
        return web.json_response({"access_token": "t", "expires_in": 3599})

    async def anything(self, _request: web.Request) -> web.Response:
        """Every call of the API."""
        self.heard += 1
        if isinstance(self.body, bytes):
            return web.Response(body=self.body, content_type="text/html")
        return web.json_response(self.body)


@contextlib.asynccontextmanager
async def odd(tmp_path: Any) -> AsyncIterator[tuple[Odd, Client]]:
    vendor = Odd()
    app = web.Application()
    app.router.add_post("/token", vendor.token)
    app.router.add_route("*", "/{path:.*}", vendor.anything)
    async with contextlib.AsyncExitStack() as stack:
        port = await stack.enter_async_context(serve_app(app, "127.0.0.1", 0))
        keys = GoogleCalendar(account=google_account())
        settings = google_settings(keys, f"http://127.0.0.1:{port}", tmp_path)
        yield vendor, await stack.enter_async_context(google_client(settings))


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b"null", b"\xff", b"[" * 100_000, {"items": 7, "id": 7}])
async def test_a_success_that_cannot_be_read(tmp_path: Any, body: object) -> None:
    """Not a refusal: a write may well have been done."""
    async with odd(tmp_path) as (vendor, client):
        vendor.body = body
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: client.list_events("c"),
            lambda: client.list_events("c", "token"),
            lambda: client.find_calendars("AW-SB"),
            lambda: client.rules("c"),
            lambda: client.create_calendar("AW-SB", ZONE),
        ]
        if not isinstance(body, dict):
            calls += [lambda: client.event("c", "e"), lambda: client.insert_event("c", TERMIN)]
        for call in calls:
            with pytest.raises(Unavailable, match="the answer cannot be read"):
                await call()


async def test_a_list_without_end(tmp_path: Any) -> None:
    """P12: bounded in pages and in rows; never taken for a whole list."""
    async with odd(tmp_path) as (vendor, client):
        vendor.body = {"items": [], "nextPageToken": "again"}
        with pytest.raises(Unavailable, match="no end after 1000 pages"):
            await client.list_events("c")
        assert vendor.heard == 1000
        vendor.body = {"items": [{}] * 2500, "nextPageToken": "again"}
        with pytest.raises(Refused, match="more than 200000 entries"):
            await client.list_events("c")
        assert vendor.heard == 1081


async def test_a_list_without_a_token_for_the_next(tmp_path: Any) -> None:
    """Rows without what we look for are no error; the next listing is whole then."""
    async with odd(tmp_path) as (vendor, client):
        vendor.body = {"items": [{"id": "e"}, {"scope": 7, "role": "x", "summary": "AW-SB", "id": 5}]}
        listing = await client.list_events("c")
        assert (len(listing.items), listing.sync_token, listing.whole) == (2, "", True)
        assert await client.find_calendars("AW-SB") == []
        assert await client.rules("c") == {}


# Privacy


SUMMARY, PLACE, TEXT = "stieglitz-summary", "fink-ort", "drossel-notiz"
MAIL = "zeisig@kanzlei.example"


class Watched(NamedTuple):
    """A client whose spans are recorded and whose errors are kept."""

    spans: InMemorySpanExporter
    metrics: Metrics
    clock: MovableClock
    errors: list[HubError]

    @property
    def tools(self) -> Tools:
        """To make a client with."""
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.spans))
        return Tools(clock=self.clock, tracer=Tracer(provider), metrics=self.metrics)

    async def fails(self, call: Callable[[], Awaitable[object]], word: type[HubError]) -> None:
        """The call fails with this word."""
        with pytest.raises(word) as failed:
            await call()
        self.errors.append(failed.value)

    def ways_out(self, lines: io.StringIO) -> dict[str, str]:
        """All that somebody else than Google and EspoCRM gets to see."""
        return {
            "logs": lines.getvalue(),
            "spans": "\n".join(span.to_json() for span in self.spans.get_finished_spans()),
            "reasons": "\n".join(error.reason for error in self.errors),
            "tracebacks": "\n".join("".join(traceback.format_exception(error)) for error in self.errors),
            "metrics": self.metrics.render().decode(),
        }


def watched() -> Watched:
    return Watched(InMemorySpanExporter(), Metrics("test", "0"), MovableClock(), [])


def found(ways: dict[str, str], canaries: list[str]) -> set[tuple[str, str]]:
    return {(way, canary) for way, text in ways.items() for canary in canaries if canary.lower() in text.lower()}


def secrets(tokens: list[str]) -> list[str]:
    """The private key in pieces, assertions, tokens."""
    key = google_account().private_key.splitlines()[1:-1]
    return [*key, "PRIVATE KEY", "Bearer", "eyJ0eXAi", "eyJhbGci", *tokens, *(token[:12] for token in tokens)]


async def test_nothing_personal_and_no_secret_leaves_the_client(lines: io.StringIO) -> None:
    """P10: success and every way to fail: no text, mail, calendar id, key, assertion or token in any way out."""
    watch = watched()
    body = {**TERMIN, "summary": SUMMARY, "location": PLACE, "description": TEXT}
    async with google_calendar() as (vendor, settings), google_client(settings, tools=watch.tools) as client:
        calendar = await client.create_calendar("AW-ZEISIG", ZONE)
        await client.share(calendar, MAIL, "writer")
        made = await client.insert_event(calendar, {**body, "id": "abcde"})
        tokens = list(vendor._state.tokens._live)

        async def insert() -> object:
            return await client.insert_event(calendar, body)

        for fault, word in (
            (Fault(kind="lost", path=API), Unavailable),
            (Fault(kind="cut_answer", path=API), Unavailable),
            (Fault(kind="cut_request", path=API), Unavailable),
            (Fault(kind="error", status=400, path=API), Rejected),
            (Fault(kind="error", status=500, path=API), Unavailable),
            (Fault(kind="expired", path=API, times=2), Unauthorized),
            (Fault(kind="rate_limited", path=API), RateLimited),
        ):
            vendor.faults.add(fault)
            await watch.fails(insert, word)
            tokens += list(vendor._state.tokens._live)
        watch.clock.ahead_s += 100
        vendor.advance(100)
        await watch.fails(lambda: client.patch_event(calendar, "abcde", body, '"1"'), Stale)
        await watch.fails(lambda: client.insert_event(calendar, {**body, "id": "abcde"}), Duplicate)
        await watch.fails(lambda: client.list_events(MAIL), NotFound)
        await watch.fails(lambda: client.insert_event(calendar, {**body, "recurrence": [SUMMARY]}), Rejected)
        await client.delete_event(calendar, "abcde", made["etag"])
        vendor.expire_tokens()
        vendor.faults.add(Fault(kind="error", status=503, path="/token"))
        await watch.fails(insert, Unavailable)
        other = msgspec.structs.replace(settings, google_calendar_subject=MAIL)
        async with google_client(other, tools=watch.tools) as refused:
            await watch.fails(lambda: refused.find_calendars("AW-SB"), Unauthorized)
    ways = watch.ways_out(lines)
    assert "google insert event" in ways["spans"]
    assert "google token" in ways["reasons"]
    assert len(tokens) > 5
    personal = [SUMMARY, PLACE, TEXT, "zeisig", calendar, calendar[:20]]
    assert found(ways, [*secrets(tokens), *personal]) == set()
    assert found({"repr": repr(settings)}, secrets(tokens)) == set()


class Parrot:
    """Answers every request with what was in it, in each of Google's shapes of an error."""

    def __init__(self) -> None:
        self.status = 400
        self.token_status = 200
        self.shape = "calendar"

    def error(self, status: int, text: str) -> web.Response:
        """The text wherever an error may have one."""
        detail = {"domain": text, "reason": text, "message": text, "location": text}
        bodies: dict[str, Any] = {
            "calendar": {"error": {"errors": [detail], "code": status, "message": text}},
            "oauth": {"error": text, "error_description": text},
            "status": {"error": {"code": status, "status": text, "details": [detail]}},
        }
        return web.json_response(bodies[self.shape], status=status)

    async def token(self, request: web.Request) -> web.Response:
        """POST /token."""
        if self.token_status == 200:
            return web.json_response({"access_token": "ya29.c.c4n4ry", "expires_in": 3599})
        return self.error(self.token_status, f"{(await request.post())['assertion']!s} {MAIL}")

    async def anything(self, request: web.Request) -> web.Response:
        """Every call of the API."""
        return self.error(self.status, f"{request.headers['Authorization']} {request.path} {await request.text()}")


@pytest.mark.parametrize("shape", ["calendar", "oauth", "status"])
async def test_a_vendor_that_quotes_us_is_not_quoted(lines: io.StringIO, tmp_path: Any, shape: str) -> None:
    """P10: our token and our assertion in the answer's every member: neither gets out, not even in a detail."""
    watch, parrot, app = watched(), Parrot(), web.Application()
    parrot.shape = shape
    app.router.add_post("/token", parrot.token)
    app.router.add_route("*", "/{path:.*}", parrot.anything)
    async with contextlib.AsyncExitStack() as stack:
        port = await stack.enter_async_context(serve_app(app, "127.0.0.1", 0))
        settings = google_settings(GoogleCalendar(account=google_account()), f"http://127.0.0.1:{port}", tmp_path)
        client = await stack.enter_async_context(google_client(settings, tools=watch.tools))
        for status in (400, 401, 403, 404, 409, 410, 412, 429, 500, 503):
            parrot.status = status
            await watch.fails(lambda: client.insert_event(MAIL, {"summary": SUMMARY}), HubError)
            watch.clock.ahead_s += 4000
        for status in (400, 401, 403, 404, 409, 429, 500, 503):
            parrot.token_status = status
            watch.clock.ahead_s += 4000
            await watch.fails(lambda: client.insert_event(MAIL, {"summary": SUMMARY}), HubError)
    ways = watch.ways_out(lines)
    assert found(ways, [*secrets([]), "c4n4ry", "zeisig", SUMMARY]) == set()
    details = {"details": "\n".join(error.detail for error in watch.errors)}
    assert found(details, [*secrets([])[:-3], "c4n4ry", "eyJ0eXAi", "eyJhbGci"]) == set()
