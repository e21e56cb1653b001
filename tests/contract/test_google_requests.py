"""Every request of our client is one that Google has published: method, path, parameters, body."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.clients.google_auth import SCOPE
from shared.clients.google_calendar import GoogleCalendar as Client
from simulators.google_calendar import Switches
from tests.support.google import (
    RecordingGoogle,
    Sent,
    google,
    published_method,
    unpublished,
)

TERMIN: dict[str, Any] = {
    "summary": "Besprechung",
    "description": "Zimmer 3",
    "location": "Kanzlei",
    "start": {"dateTime": "2026-03-12T10:00:00", "timeZone": "Europe/Berlin"},
    "end": {"dateTime": "2026-03-12T11:00:00", "timeZone": "Europe/Berlin"},
    "recurrence": ["RRULE:FREQ=WEEKLY"],
    "visibility": "private",
    "transparency": "opaque",
    "reminders": {"useDefault": False, "overrides": [{"method": "popup", "minutes": 10}]},
    "extendedProperties": {"private": {"advoware_frnr": "4711"}},
}


@contextlib.asynccontextmanager
async def recorded(**switches: Any) -> AsyncIterator[tuple[RecordingGoogle, Client]]:
    recorder = RecordingGoogle(switches=Switches(**switches))
    async with google(simulator=recorder) as (_, client):
        yield recorder, client


def names(vendor: RecordingGoogle) -> list[str]:
    """The published methods that were called."""
    return [published_method(one)[0] for one in vendor.sent]


async def test_every_request_is_published() -> None:
    """All that the client can say, with full bodies, over several pages, and after a token's end."""
    async with recorded(page_limit=1, empty_pages=1) as (vendor, client):
        calendar = await client.create_calendar("AW-SB", "Europe/Berlin")
        await client.enlist(calendar)
        assert await client.find_calendars("AW-SB") == [calendar]
        await client.share(calendar, "sb@kanzlei.example", "writer")
        await client.rules(calendar)
        await client.unshare(calendar, "sb@kanzlei.example")
        made = await client.insert_event(calendar, {"id": "abcde", **TERMIN})
        await client.insert_event(calendar, TERMIN)
        token = (await client.list_events(calendar)).sync_token
        changed = await client.patch_event(
            calendar, "abcde", {"location": None, "end": {**TERMIN["end"], "date": None}}, made["etag"]
        )
        await client.list_events(calendar, token)
        vendor.expire_sync_tokens()
        await client.list_events(calendar, token)
        await client.event(calendar, "abcde")
        await client.delete_event(calendar, "abcde", changed["etag"])
        assert [what for one in vendor.sent for what in unpublished(one)] == []
        assert set(names(vendor)) == {
            "acl.delete",
            "acl.insert",
            "acl.list",
            "calendarList.insert",
            "calendarList.list",
            "calendars.insert",
            "events.delete",
            "events.get",
            "events.insert",
            "events.list",
            "events.patch",
        }


async def test_pages_of_one_list_are_asked_for_with_the_same_words() -> None:
    """The guide's rule: only `pageToken` comes and goes, `syncToken` stays on every page of its list."""
    async with recorded(page_limit=1) as (vendor, client):
        calendar = await client.create_calendar("AW-SB", "Europe/Berlin")
        token = (await client.list_events(calendar)).sync_token
        for _ in range(3):
            await client.insert_event(calendar, TERMIN)
        vendor.sent.clear()
        await client.list_events(calendar)
        await client.list_events(calendar, token)
        asked = [dict(one.query) for one in vendor.sent]
        pages = [words.pop("pageToken", None) is not None for words in asked]
    common = {"singleEvents": "false", "maxResults": "2500"}
    assert asked == [common] * 3 + [{**common, "syncToken": token}] * 3
    assert pages == [False, True, True] * 2


async def test_nobody_gets_a_mail_and_no_write_is_blind() -> None:
    """`sendUpdates=none` and `sendNotifications=false` are said, and what changes or deletes an event has If-Match."""
    async with recorded() as (vendor, client):
        calendar = await client.create_calendar("AW-SB", "Europe/Berlin")
        await client.share(calendar, "sb@kanzlei.example", "writer")
        made = await client.insert_event(calendar, TERMIN)
        made = await client.patch_event(calendar, made["id"], {"summary": "B"}, made["etag"])
        await client.delete_event(calendar, made["id"], made["etag"])
        assert vendor.mails() == []
    by_name = {published_method(one)[0]: one for one in vendor.sent}
    for name in ("events.insert", "events.patch", "events.delete"):
        assert by_name[name].query == [("sendUpdates", "none")]
    assert by_name["acl.insert"].query == [("sendNotifications", "false")]
    assert by_name["events.delete"].if_match == made["etag"]
    assert [name for name, one in by_name.items() if one.if_match] == ["events.patch", "events.delete"]


@pytest.mark.parametrize(
    "identifier", ["a/b", "../acl", "a?b=c", "a#b", "%2e%2e", "a%2Fb", "ä", " ", "_R20260312", "."]
)
async def test_an_odd_id_stays_in_its_place(identifier: str) -> None:
    """An id from a list or a memory cannot become another path."""
    async with recorded() as (vendor, client):
        calendar = await client.create_calendar("AW-SB", "Europe/Berlin")
        vendor.sent.clear()
        assert await client.event(calendar, identifier) is None
        await client.delete_event(calendar, identifier, '"1"')
        await client.unshare(calendar, identifier)
        assert await client.event(identifier, "abcde") is None
    expected = ["events.get", "events.delete", "acl.delete", "events.get"]
    assert names(vendor) == (["acl.delete"] if identifier == "." else expected)
    assert "%2e%2e" not in [one.path.rpartition("/")[2] for one in vendor.sent]


def test_the_scope_is_published_and_allows_every_method() -> None:
    """One scope for all that we do."""
    document = published_method(Sent("POST", "calendars", [], None, None))[1]
    assert SCOPE.rpartition("/")[2] in document["scopes"]


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        (Sent("GET", "calendars/c/event", [], None, None), "no such method"),
        (Sent("GET", "calendars/c/events", [("singleEvent", "true")], None, None), "unknown parameter"),
        (Sent("GET", "calendars/c/events", [("singleEvents", "True")], None, None), "no boolean"),
        (Sent("GET", "calendars/c/events", [("maxResults", "0")], None, None), "no number"),
        (Sent("GET", "calendars/c/events", [("syncToken", "t"), ("timeMin", "2026")], None, None), "beside syncToken"),
        (Sent("GET", "calendars/c/events", [("pageToken", "t"), ("pageToken", "u")], None, None), "twice"),
        (Sent("DELETE", "calendars/c/events/e", [("sendUpdates", "nobody")], None, None), "none of its words"),
        (Sent("DELETE", "calendars/c/events/e", [], None, {}), "has a body"),
        (Sent("POST", "calendars/c/events", [], None, {"start": {}}), "lacks end"),
        (Sent("POST", "calendars/c/events", [], None, {**TERMIN, "end": None}), "lacks end"),
        (Sent("POST", "calendars/c/events", [], None, {**TERMIN, "title": "x"}), "title is unknown"),
        (Sent("POST", "calendars/c/events", [], None, {**TERMIN, "start": {"day": "x"}}), "day is unknown"),
        (Sent("POST", "calendars/c/events", [], None, {**TERMIN, "recurrence": "RRULE"}), "recurrence is no list"),
        (Sent("PATCH", "calendars/c/events/e", [], None, {"extendedProperties": {"private": {"a": 1}}}), "no string"),
        (Sent("POST", "calendars/c/acl", [], None, {"role": "reader", "scope": {}}), "lacks scope.type"),
        (Sent("POST", "calendars", [], None, None), "has no body"),
    ],
)
def test_the_check_finds_what_is_wrong(sent: Sent, wrong: str) -> None:
    """Each rule of it catches its case: a check that passes everything says nothing."""
    assert wrong in " ".join(unpublished(sent))
