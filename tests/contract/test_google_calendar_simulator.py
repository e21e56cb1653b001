"""The simulated Google Calendar answers as the reference says, refuses as it does, has open questions both ways."""

import asyncio
import base64
import datetime as dt
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from yarl import URL

from simulators.faults import Fault
from simulators.google_calendar import GoogleCalendar, ServiceAccount, Switches, new_account, read_account
from simulators.google_calendar.keys import AUDIENCE, assertion, signed
from simulators.google_calendar.listing import NOT_WITH_SYNC_TOKEN
from simulators.google_calendar.methods import COMMON, METHODS, SCOPES, scope
from simulators.harness import serve

SAMPLES = Path(__file__).parents[1] / "samples" / "google_calendar"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
NOW = "2026-03-10T10:00:00Z"
USER = "sb@kanzlei.example"
CALENDAR, EVENTS = scope("calendar"), scope("calendar.events")
DAY_S = 86_400.0
BERLIN = {"timeZone": "Europe/Berlin"}
TERMIN = {
    "summary": "Besprechung",
    "start": {"dateTime": "2026-03-12T10:00:00+01:00"},
    "end": {"dateTime": "2026-03-12T11:00:00+01:00"},
}
URLAUB = {"summary": "Urlaub", "start": {"date": "2026-03-16"}, "end": {"date": "2026-03-18"}}
SERIE = {
    "summary": "Jour fixe",
    "start": {"dateTime": "2026-03-23T09:00:00", **BERLIN},
    "end": {"dateTime": "2026-03-23T09:30:00", **BERLIN},
    "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"],
}


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


class Client:
    """As few lines as a client can have; every call answers (status, JSON or text)."""

    def __init__(self, session: aiohttp.ClientSession, google: GoogleCalendar, url: str) -> None:
        self.session = session
        self.google = google
        self.url = url
        self.headers: dict[str, str] = {}

    async def call(self, method: str, path: str, *, etag: str | None = None, **more: Any) -> tuple[int, Any]:
        """`path` is below /calendar/v3, segments encoded, unless it begins with a slash."""
        whole = f"{self.url}{path}" if path.startswith("/") else f"{self.url}/calendar/v3/{path}"
        headers = {**self.headers, **({"If-Match": etag} if etag else {}), **more.pop("headers", {})}
        async with self.session.request(method, URL(whole, encoded=True), headers=headers, **more) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if answer.content_type.endswith("json") and text else text

    async def ok(self, method: str, path: str, **more: Any) -> Any:
        status, body = await self.call(method, path, **more)
        assert status == 200, body
        return body

    async def reason(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        status, body = await self.call(method, path, **more)
        return status, body["error"]["errors"][0]["reason"] if isinstance(body, dict) and "error" in body else ""

    async def token(self, jwt: str | None = None, **form: str) -> tuple[int, Any]:
        data = {"grant_type": GRANT, "assertion": jwt or self.google.assertion(CALENDAR), **form}
        return await self.call("POST", "/token", data={key: text for key, text in data.items() if text})

    async def log_in(self, *scopes: str, subject: str | None = None) -> None:
        status, body = await self.token(self.google.assertion(*(scopes or (CALENDAR,)), subject=subject))
        assert status == 200, body
        self.headers = {"Authorization": f"Bearer {body['access_token']}"}

    async def page(self, calendar: str, **query: Any) -> Any:
        return await self.ok("GET", f"calendars/{calendar}/events", params=query)

    async def every(self, calendar: str, *, begun: str | None = None, **query: Any) -> tuple[list[Any], str]:
        """All pages, or those after one that has `begun`, and the sync token of the last."""
        items: list[Any] = []
        page: Any = {"nextPageToken": begun}
        while "nextPageToken" in page:
            more = {"pageToken": page["nextPageToken"]} if page["nextPageToken"] else {}
            page = await self.page(calendar, **query, **more)
            items += page["items"]
        return items, page.get("nextSyncToken", "")

    async def insert(self, calendar: str, body: dict[str, Any], **query: Any) -> Any:
        return await self.ok("POST", f"calendars/{calendar}/events", json=body, params=query)


@pytest.fixture(scope="module")
def account() -> ServiceAccount:
    return new_account()


@pytest.fixture
def google(account: ServiceAccount) -> GoogleCalendar:
    made = GoogleCalendar(account=account, users=[USER], delegated=[CALENDAR])
    made.set_clock(NOW)
    return made


@pytest.fixture
async def stranger(google: GoogleCalendar) -> AsyncIterator[Client]:
    async with serve(google) as url, aiohttp.ClientSession() as session:
        yield Client(session, google, url)


@pytest.fixture
async def client(stranger: Client) -> Client:
    await stranger.log_in()
    return stranger


@pytest.fixture
async def cal(client: Client) -> str:
    made = await client.ok("POST", "calendars", json={"summary": "AW-SB", "timeZone": "Europe/Berlin"})
    return str(made["id"]).replace("@", "%40")


def plain(calendar: str) -> str:
    return calendar.replace("%40", "@")


# The discovery document


def test_every_method_is_the_one_of_the_discovery_document() -> None:
    """Verb, path, parameters and scopes of each method that is served, and the common parameters."""
    document = sample("discovery")
    assert sorted(METHODS) == sorted(document["methods"])
    for name, method in METHODS.items():
        told = document["methods"][name]
        assert (method.verb, method.path) == (told["httpMethod"], f"/{told['path']}"), name
        assert sorted(method.parameters) == told["query"], name
        assert sorted(one.removeprefix(document["scopePrefix"]) for one in method.scopes) == told["scopes"], name
    assert sorted(COMMON) == document["commonParameters"]
    assert {one.removeprefix(document["scopePrefix"]) for one in SCOPES} == set(document["scopes"])
    assert set(NOT_WITH_SYNC_TOKEN) == set(document["notWithSyncToken"])


async def test_required_members_are_required(client: Client, cal: str) -> None:
    """A body that lacks a member which the document marks as required is 400 `required`."""
    whole: dict[str, dict[str, Any]] = {
        "calendars.insert": {"summary": "B"},
        "calendarList.insert": {"id": plain(cal)},
        "acl.insert": {"role": "reader", "scope": {"type": "user", "value": "pm@kanzlei.example"}},
        "acl.update": {"role": "reader", "scope": {"type": "user", "value": "pm@kanzlei.example"}},
        "events.insert": TERMIN,
        "events.import": {**TERMIN, "iCalUID": "a@b"},
        "events.update": TERMIN,
    }
    event = (await client.insert(cal, TERMIN))["id"]
    places = {"{calendarId}": cal, "{eventId}": event, "{ruleId}": "user:pm@kanzlei.example"}
    for name, body in whole.items():
        path = METHODS[name].path.removeprefix("/")
        for place, value in places.items():
            path = path.replace(place, value)
        assert (await client.call(METHODS[name].verb, path, json=body))[0] == 200, name
        for member in sample("discovery")["methods"][name]["required_body"]:
            lacking = {key: value for key, value in body.items() if key != member.partition(".")[0]}
            assert await client.reason(METHODS[name].verb, path, json=lacking) == (400, "required"), (name, member)


async def test_answers_have_members_of_the_schemas_only(client: Client, cal: str) -> None:
    """What is answered is named as the document names it."""
    members = sample("discovery")["members"]
    event = await client.insert(cal, {**SERIE, "extendedProperties": {"private": {"a": "b"}}})
    shown: dict[str, Any] = {
        "Event": event,
        "Events": await client.page(cal),
        "Calendar": await client.ok("GET", f"calendars/{cal}"),
        "CalendarList": await client.ok("GET", "users/me/calendarList"),
        "CalendarListEntry": await client.ok("GET", f"users/me/calendarList/{cal}"),
        "Acl": await client.ok("GET", f"calendars/{cal}/acl"),
    }
    shown["AclRule"] = shown["Acl"]["items"][0]
    shown["EventDateTime"] = event["start"]
    for schema, body in shown.items():
        assert body.keys() <= set(members[schema]), schema
    kinds = {name: body["kind"] for name, body in shown.items() if "kind" in body}
    assert kinds["Event"] == "calendar#event"
    assert kinds["Events"] == "calendar#events"


async def test_errors_have_the_shape_of_the_guide(client: Client, google: GoogleCalendar, cal: str) -> None:
    """Each error that the page on errors shows is answered word for word."""
    told = sample("errors")
    made = await client.insert(cal, {**TERMIN, "id": "abcde"})
    path, one = f"calendars/{cal}/events", f"calendars/{cal}/events/abcde"
    window = {"timeMin": "2026-01-02T00:00:00Z", "timeMax": "2026-01-01T00:00:00Z"}
    seen = {
        "400": await client.call("GET", path, params=window),
        "404": await client.call("GET", f"calendars/{cal}/events/nothing"),
        "409": await client.call("POST", path, json={**TERMIN, "id": "abcde"}),
        "412": await client.call("PATCH", one, json={"summary": "x"}, etag='"1"'),
        "410 updatedMinTooLongAgo": await client.call("GET", path, params={"updatedMin": "2025-01-01T00:00:00Z"}),
    }
    assert (await client.call("DELETE", one, etag=made["etag"]))[0] == 204
    seen["410 deleted"] = await client.call("DELETE", one)
    token = (await client.page(cal))["nextSyncToken"]
    google.expire_sync_tokens()
    seen["410 fullSyncRequired"] = await client.call("GET", path, params={"syncToken": token})
    for reason in ("userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded"):
        google.switches = msgspec.structs.replace(google.switches, reason_of_403=reason)
        google.faults.add(Fault(kind="error", status=403))
        seen[f"403 {reason}"] = await client.call("GET", path)
    for kind in ("429", "500"):
        google.faults.add(Fault(kind="rate_limited" if kind == "429" else "error", status=500))
        seen[kind] = await client.call("GET", path)
    google.expire_tokens()
    seen["401"] = await client.call("GET", path)
    assert seen == {name: (int(name[:3]), body) for name, body in told.items() if name != "source"}


# Token endpoint


async def test_a_signed_jwt_is_worth_a_token(stranger: Client, google: GoogleCalendar) -> None:
    """An access token with its type and lifetime; it opens the API, and ends by the clock."""
    status, body = await stranger.token()
    assert status == 200
    assert body.keys() == {"access_token", "expires_in", "token_type"}
    assert (body["expires_in"], body["token_type"]) == (3599, "Bearer")
    stranger.headers = {"Authorization": f"Bearer {body['access_token']}"}
    assert (await stranger.call("GET", "users/me/calendarList"))[0] == 200
    google.advance(3601)
    assert await stranger.reason("GET", "users/me/calendarList") == (401, "authError")
    google.switches = Switches(token_lifetime_s=60)
    assert (await stranger.token())[1]["expires_in"] == 59
    assert google.token_requests() == 2


async def test_both_audiences_are_right(stranger: Client, google: GoogleCalendar, account: ServiceAccount) -> None:
    """Google's own endpoint, which a common library fixes, and the simulator's; no other."""
    for audience, status in ((AUDIENCE, 200), (f"{stranger.url}/token", 200), ("https://example.com/token", 400)):
        jwt = assertion(account, scopes=[CALENDAR], now=google.now(), audience=audience)
        given, body = await stranger.token(jwt)
        assert given == status, body
    assert body["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"iss": "nobody@demo.iam.gserviceaccount.com"}, "invalid_grant"),
        ({"iat": "soon"}, "invalid_grant"),
        ({"exp": None}, "invalid_grant"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, "invalid_scope"),
        ({"sub": "nobody@kanzlei.example"}, "invalid_grant"),
        ({"aud": None}, "invalid_grant"),
    ],
)
async def test_a_wrong_claim_is_refused(
    stranger: Client, google: GoogleCalendar, account: ServiceAccount, changes: dict[str, Any], error: str
) -> None:
    """400 in OAuth's shape, with the error's word and a sentence."""
    now = int(google.now())
    claims = {"iss": account.client_email, "scope": CALENDAR, "aud": AUDIENCE, "iat": now, "exp": now + 3600}
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    status, body = await stranger.token(signed(account, {"alg": "RS256", "typ": "JWT"}, claims))
    assert (status, body["error"]) == (400, error)
    assert body["error_description"]


@pytest.mark.parametrize(
    ("off_s", "lifetime_s", "status"),
    [
        (0, 3600, 200),
        (0, 3601, 400),
        (0, 0, 400),
        (290, 3600, 200),
        (310, 3600, 400),
        (-3500, 3600, 200),
        (-4000, 3600, 400),
    ],
)
async def test_a_jwt_is_short_lived_and_of_this_hour(
    stranger: Client, google: GoogleCalendar, account: ServiceAccount, off_s: int, lifetime_s: int, status: int
) -> None:
    """At most an hour long, not over, and not from more than five minutes ahead: a skewed clock is `invalid_grant`."""
    jwt = assertion(account, scopes=[CALENDAR], now=google.now() + off_s, lifetime_s=lifetime_s)
    given, body = await stranger.token(jwt)
    assert given == status
    if status == 400:
        assert body["error"] == "invalid_grant"
        assert "short-lived token" in body["error_description"]


async def test_the_signature_is_verified(stranger: Client, google: GoogleCalendar, account: ServiceAccount) -> None:
    """Another key, another algorithm, another key id, changed claims and no JWT at all are `invalid_grant`."""
    right = google.assertion(CALENDAR)
    head, body, seal = right.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = msgspec.structs.replace(new_account(), private_key_id=account.private_key_id)
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "sub": USER}).encode()).rstrip(b"=").decode()
    for wrong in (
        assertion(other, scopes=[CALENDAR], now=google.now()),
        signed(account, {"alg": "none", "typ": "JWT"}, claims),
        signed(account, {"alg": "RS256", "kid": "0" * 40}, claims),
        f"{head}.{forged}.{seal}",
        f"{head}.{body}.",
        f"{head}.{body}",
        "ä.ö.ü",
    ):
        status, answer = await stranger.token(wrong)
        assert (status, answer["error"]) == (400, "invalid_grant"), wrong
    assert (await stranger.token(right))[0] == 200


async def test_the_form_is_checked(stranger: Client) -> None:
    """A missing field is `invalid_request`, another grant type `unsupported_grant_type`."""
    jwt = stranger.google.assertion(CALENDAR)
    assert (await stranger.token(jwt, grant_type="refresh_token"))[1]["error"] == "unsupported_grant_type"
    assert (await stranger.token(jwt, grant_type=""))[1]["error"] == "invalid_request"
    assert (await stranger.call("POST", "/token", data={"grant_type": GRANT}))[1]["error"] == "invalid_request"
    assert (await stranger.call("POST", "/token", json={"grant_type": GRANT}))[1]["error"] == "invalid_request"


async def test_delegation_is_per_scope(stranger: Client, google: GoogleCalendar) -> None:
    """In a user's name only where an administrator granted each scope: else 401 `unauthorized_client`."""
    status, body = await stranger.token(google.assertion(EVENTS, subject=USER))
    assert (status, body["error"]) == (401, "unauthorized_client")
    await stranger.log_in(CALENDAR, subject=USER)
    (own,) = (await stranger.ok("GET", "users/me/calendarList"))["items"]
    assert (own["id"], own["primary"]) == (USER, True)
    google.delegate()
    assert (await stranger.token(google.assertion(CALENDAR, subject=USER)))[0] == 401
    assert (await stranger.token(google.assertion(CALENDAR)))[0] == 200


async def test_a_key_file_is_one_of_googles(stranger: Client, google: GoogleCalendar, tmp_path: Path) -> None:
    """All members, readable for its owner only; what was written can be read, and no other file passes."""
    path = tmp_path / "key.json"
    google.write_key_file(path, stranger.url)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    told = json.loads(path.read_text())
    assert told == google.key_file(stranger.url)
    assert told.keys() == {
        *("type", "project_id", "private_key_id", "private_key", "client_email", "client_id"),
        *("auth_uri", "token_uri", "universe_domain"),
    }
    assert (told["type"], told["token_uri"]) == ("service_account", f"{stranger.url}/token")
    assert read_account(path) == google.account
    assert (await stranger.ok("GET", "/_sim/key_file")) == told
    path.write_text('{"type": "service_account"}')
    with pytest.raises(ValueError, match="no key file"):
        read_account(path)


async def test_a_key_file_is_left_where_it_was_asked_for(account: ServiceAccount, tmp_path: Path) -> None:
    """Its key outlives the simulator, its token_uri follows the port."""
    path = tmp_path / "key.json"
    first = GoogleCalendar(key_path=path, account=account)
    first.leave_key_file("http://127.0.0.1:1")
    second = GoogleCalendar(key_path=path, account=read_account(path))
    second.leave_key_file("http://127.0.0.1:2")
    told = json.loads(path.read_text())
    assert (told["private_key"], told["token_uri"]) == (account.private_key, "http://127.0.0.1:2/token")
    GoogleCalendar(account=account).leave_key_file("http://127.0.0.1:3")


async def test_more_than_one_account(stranger: Client, google: GoogleCalendar) -> None:
    """A further account has its own key file, and nobody's calendars but its own."""
    await stranger.log_in()
    made = await stranger.ok("POST", "calendars", json={"summary": "A"})
    told = await stranger.ok("POST", "/_sim/service_accounts", json={"client_email": "b@demo.example"})
    other = msgspec.convert({k: v for k, v in told.items() if k in ServiceAccount.__struct_fields__}, ServiceAccount)
    status, body = await stranger.token(assertion(other, scopes=[CALENDAR], now=google.now()))
    assert status == 200
    stranger.headers = {"Authorization": f"Bearer {body['access_token']}"}
    assert await stranger.reason("GET", f"calendars/{made['id']}") == (404, "notFound")


# Rights


async def test_without_a_right_token_nothing_opens(client: Client) -> None:
    """No header, another scheme and an unknown token are 401."""
    for headers, reason in (
        ({}, "required"),
        ({"Authorization": "Basic x"}, "authError"),
        ({"Authorization": "Bearer x"}, "authError"),
    ):
        client.headers = headers
        assert await client.reason("GET", "users/me/calendarList") == (401, reason)


async def test_a_scope_opens_its_methods_only(client: Client, cal: str) -> None:
    """403 insufficientPermissions for a method that none of the token's scopes names."""
    await client.log_in(EVENTS)
    assert (await client.call("GET", f"calendars/{cal}/events"))[0] == 200
    assert await client.reason("GET", f"calendars/{cal}/acl") == (403, "insufficientPermissions")
    assert await client.reason("POST", "calendars", json={"summary": "A"}) == (403, "insufficientPermissions")
    await client.log_in(scope("calendar.readonly"))
    assert await client.reason("POST", f"calendars/{cal}/events", json=TERMIN) == (403, "insufficientPermissions")
    await client.log_in(scope("calendar.app.created"))
    assert (await client.call("GET", f"calendars/{cal}/events"))[0] == 200


async def test_narrow_scopes_reach_their_calendars_only(client: Client, google: GoogleCalendar) -> None:
    """`app.created` reaches what the app made, `events.owned` what the caller owns."""
    foreign = google.staff.add_calendar("Fremd", USER)
    google.staff.share(foreign, google.account.client_email, "writer")
    await client.log_in(scope("calendar.app.created"))
    assert (await client.call("GET", f"calendars/{foreign}/events"))[0] == 403
    await client.log_in(scope("calendar.events.owned"))
    assert (await client.call("POST", f"calendars/{foreign}/events", json=TERMIN))[0] == 403
    google.staff.share(foreign, google.account.client_email, "owner")
    assert (await client.call("POST", f"calendars/{foreign}/events", json=TERMIN))[0] == 200


async def test_a_calendar_without_access_is_not_there(client: Client, google: GoogleCalendar) -> None:
    """404, not 403; with too low a role 403 that names the role which is needed."""
    foreign = google.staff.add_calendar("Fremd", USER)
    assert await client.reason("GET", f"calendars/{foreign}/events") == (404, "notFound")
    assert await client.reason("GET", "calendars/nothing%40x/events") == (404, "notFound")
    google.staff.share(foreign, google.account.client_email, "reader")
    assert (await client.page(foreign))["accessRole"] == "reader"
    assert await client.reason("POST", f"calendars/{foreign}/events", json=TERMIN) == (403, "requiredAccessLevel")
    google.staff.share(foreign, google.account.client_email, "writer")
    assert (await client.insert(foreign, TERMIN))["creator"]["email"] == google.account.client_email
    assert await client.reason("PATCH", f"calendars/{foreign}", json={"summary": "x"}) == (403, "requiredAccessLevel")
    google.staff.share(foreign, google.account.client_email, "none")
    assert await client.reason("GET", f"calendars/{foreign}/events") == (404, "notFound")


async def test_private_events_hide_their_details(client: Client, google: GoogleCalendar) -> None:
    """A reader, and a writer without private access, sees when and not what, and the latter cannot change it."""
    foreign = google.staff.add_calendar("Fremd", USER)
    event = google.staff.add_event(foreign, summary="Arzt", start="2026-03-12T10:00:00Z", visibility="private")
    path = f"calendars/{foreign}/events/{event}"
    for role in ("reader", "writerWithoutPrivateAccess"):
        google.staff.share(foreign, google.account.client_email, role)
        shown = await client.ok("GET", path)
        assert "summary" not in shown
        assert (shown["visibility"], shown["start"]["dateTime"]) == ("private", "2026-03-12T11:00:00+01:00")
    assert await client.reason("PATCH", path, json={"summary": "x"}) == (403, "requiredAccessLevel")
    google.staff.share(foreign, google.account.client_email, "writer")
    assert (await client.ok("GET", path))["summary"] == "Arzt"


# Calendars, their lists and their rules


async def test_a_calendar_has_a_life(client: Client, google: GoogleCalendar) -> None:
    """Inserted, looked at, changed in part and as a whole, deleted; every write moves its etag."""
    made = await client.ok("POST", "calendars", json={"summary": "AW-PM", "description": "x", **BERLIN})
    path = f"calendars/{made['id']}"
    assert (made["timeZone"], made["dataOwner"]) == ("Europe/Berlin", google.account.client_email)
    assert await client.ok("GET", path) == made
    assert (await client.call("GET", path, headers={"If-None-Match": made["etag"]})) == (304, "")
    patched = await client.ok("PATCH", path, json={"description": None, "location": "Büro"})
    assert patched["etag"] != made["etag"]
    assert "description" not in patched
    put = await client.ok("PUT", path, json={"summary": "AW-PM 2"}, etag=patched["etag"])
    assert ("location" in put, put["summary"], put["timeZone"]) == (False, "AW-PM 2", "Europe/Berlin")
    assert (await client.call("DELETE", path, etag=patched["etag"]))[0] == 412
    assert (await client.call("DELETE", path))[0] == 204
    assert (await client.call("GET", path))[0] == 404
    assert (await client.ok("POST", "calendars", json={"summary": "ohne Zone"}))["timeZone"] == "UTC"
    for wrong in ({}, {"summary": ""}, {"summary": 1}, {"summary": "A", "timeZone": "Nirgendwo"}):
        assert (await client.call("POST", "calendars", json=wrong))[0] == 400


async def test_only_a_primary_calendar_is_cleared_and_never_deleted(client: Client, google: GoogleCalendar) -> None:
    """clear empties the caller's own; delete of it is 403, clear of another 400."""
    await client.insert("primary", TERMIN)
    assert [one["summary"] for one in google.events(google.account.client_email)] == ["Besprechung"]
    assert (await client.call("POST", "calendars/primary/clear"))[0] == 204
    assert (await client.page("primary"))["items"] == []
    assert (await client.call("DELETE", "calendars/primary"))[0] == 403
    other = (await client.ok("POST", "calendars", json={"summary": "A"}))["id"]
    assert (await client.call("POST", f"calendars/{other}/clear"))[0] == 400


async def test_sharing_puts_nothing_on_a_list(client: Client, google: GoogleCalendar) -> None:
    """A shared calendar opens by its id; only calendarList.insert puts it on the caller's list."""
    foreign = google.staff.add_calendar("Fremd", USER)
    google.staff.share(foreign, google.account.client_email, "reader")

    async def listed(**query: Any) -> list[str]:
        body = await client.ok("GET", "users/me/calendarList", params=query)
        return [one["id"] for one in body["items"]]

    assert foreign not in await listed()
    assert (await client.call("GET", f"users/me/calendarList/{foreign}"))[0] == 404
    entry = await client.ok("POST", "users/me/calendarList", json={"id": foreign, "summaryOverride": "F"})
    assert (entry["accessRole"], entry["summary"], entry["summaryOverride"]) == ("reader", "Fremd", "F")
    assert foreign in await listed()
    assert foreign not in await listed(minAccessRole="writer")
    await client.ok("PATCH", f"users/me/calendarList/{foreign}", json={"hidden": True})
    assert foreign not in await listed()
    assert foreign in await listed(showHidden="true")
    await client.ok("PUT", f"users/me/calendarList/{foreign}", json={"selected": True})
    assert foreign in await listed()
    assert (await client.call("DELETE", f"users/me/calendarList/{foreign}"))[0] == 204
    assert foreign not in await listed()
    assert foreign in await listed(showDeleted="true")
    assert (await client.call("GET", f"calendars/{foreign}"))[0] == 200
    assert (await client.call("POST", "users/me/calendarList", json={"id": "nothing@x"}))[0] == 404


async def test_the_calendar_list_has_pages_and_increments(client: Client, google: GoogleCalendar) -> None:
    """maxResults cuts pages; a sync token tells of new, changed and lost calendars."""
    for number in range(3):
        await client.ok("POST", "calendars", json={"summary": f"K{number}"})
    first = await client.ok("GET", "users/me/calendarList", params={"maxResults": "2"})
    query = {"maxResults": "2", "pageToken": first["nextPageToken"]}
    second = await client.ok("GET", "users/me/calendarList", params=query)
    assert len(first["items"]) == len(second["items"]) == 2  # three and the primary one
    token = second["nextSyncToken"]
    (gone,) = google.calendar_ids("K0")
    google.staff.delete_calendar(gone)
    google.staff.change_calendar(google.calendar_ids("K1")[0], summary="K1 neu")
    body = await client.ok("GET", "users/me/calendarList", params={"syncToken": token})
    assert {one.get("summary", "deleted") for one in body["items"]} == {"K1 neu", "deleted"}
    query = {"syncToken": body["nextSyncToken"], "minAccessRole": "owner"}
    assert (await client.call("GET", "users/me/calendarList", params=query))[0] == 400


async def test_rules_say_who_may_what(client: Client, google: GoogleCalendar, cal: str) -> None:
    """Granted, changed, taken back; ids are made of scope and value; the last owner cannot leave."""
    path, mail = f"calendars/{cal}/acl", "pm@kanzlei.example"
    rule = await client.ok("POST", path, json={"role": "reader", "scope": {"type": "user", "value": mail}})
    assert (rule["id"], rule["kind"]) == (f"user:{mail}", "calendar#aclRule")
    one = f"{path}/user%3A{mail.replace('@', '%40')}"
    assert await client.ok("GET", one) == rule
    assert (await client.ok("PATCH", one, json={"role": "writer"}))["role"] == "writer"
    put = {"role": "owner", "scope": rule["scope"]}
    assert (await client.ok("PUT", one, json=put))["role"] == "owner"
    assert (await client.call("PUT", one, json=put, etag=rule["etag"]))[0] == 412
    assert google.roles(plain(cal)) == {f"user:{google.account.client_email}": "owner", f"user:{mail}": "owner"}
    token = (await client.ok("GET", path))["nextSyncToken"]
    assert (await client.call("DELETE", one))[0] == 204
    assert (await client.call("GET", one))[0] == 404
    (gone,) = (await client.ok("GET", path, params={"syncToken": token}))["items"]
    assert (gone["id"], gone["role"]) == (f"user:{mail}", "none")
    own = f"{path}/user%3A{google.account.client_email}"
    assert await client.reason("DELETE", own) == (403, "cannotChangeOwnAcl")
    for wrong in (
        {"role": "boss", "scope": {"type": "user", "value": mail}},
        {"role": "reader", "scope": {"type": "planet", "value": mail}},
        {"role": "reader", "scope": {"type": "user"}},
        {"role": "reader", "scope": {"type": "user", "value": "pm"}},
    ):
        assert (await client.call("POST", path, json=wrong))[0] == 400, wrong
    everybody = await client.ok("POST", path, json={"role": "reader", "scope": {"type": "default"}})
    assert (everybody["id"], everybody["scope"]) == ("default", {"type": "default"})


async def test_sharing_mails_unless_told_otherwise(client: Client, google: GoogleCalendar, cal: str) -> None:
    """acl.insert's sendNotifications is true by default."""
    rule = {"role": "reader", "scope": {"type": "user", "value": "pm@kanzlei.example"}}
    await client.ok("POST", f"calendars/{cal}/acl", json=rule, params={"sendNotifications": "false"})
    assert google.mails() == []
    await client.ok("POST", f"calendars/{cal}/acl", json=rule)
    assert [mail.to for mail in google.mails()] == ["pm@kanzlei.example"]


# One event


async def test_an_event_has_a_life(client: Client, cal: str) -> None:
    """Inserted, read, replaced, patched, deleted; each write moves etag and updated."""
    made = await client.insert(cal, {**TERMIN, "description": "Akte mitbringen", "location": "Büro"})
    path = f"calendars/{cal}/events/{made['id']}"
    assert (made["status"], made["sequence"], made["eventType"]) == ("confirmed", 0, "default")
    assert (made["iCalUID"], made["reminders"]) == (f"{made['id']}@google.com", {"useDefault": True})
    assert (made["organizer"]["email"], made["organizer"]["self"]) == (plain(cal), True)
    assert made["start"] == {"dateTime": "2026-03-12T10:00:00+01:00", **BERLIN}
    assert made["etag"].startswith('"')
    assert await client.ok("GET", path) == made
    patched = await client.ok("PATCH", path, json={"description": None, "summary": "Termin"})
    assert ("description" in patched, patched["location"]) == (False, "Büro")
    put = await client.ok("PUT", path, json=TERMIN)
    assert ("location" in put, put["summary"]) == (False, "Besprechung")
    assert len({one["etag"] for one in (made, patched, put)}) == 3
    assert made["created"] == put["created"]
    assert made["updated"] <= patched["updated"] <= put["updated"]
    assert (await client.call("DELETE", path)) == (204, "")
    assert (await client.ok("GET", path))["status"] == "cancelled"


@pytest.mark.parametrize("wrong", ["abcd", "ABCDE", "abcdw", "abc-de", "a" * 1025, 12345, "ä" * 6])
async def test_an_id_is_base32hex(client: Client, cal: str, wrong: object) -> None:
    """5 to 1024 of a-v and 0-9, else 400."""
    assert await client.reason("POST", f"calendars/{cal}/events", json={**TERMIN, "id": wrong}) == (400, "invalid")


async def test_an_id_is_there_once_and_for_ever(client: Client, google: GoogleCalendar, cal: str) -> None:
    """409 for a living, a deleted and a purged id; in another calendar it is free; not together with an iCalUID."""
    path = f"calendars/{cal}/events"
    for event_id in ("a" * 5, "v0" * 512):
        assert (await client.insert(cal, {**TERMIN, "id": event_id}))["id"] == event_id
        assert await client.reason("POST", path, json={**TERMIN, "id": event_id}) == (409, "duplicate")
    await client.call("DELETE", f"{path}/aaaaa")
    assert await client.reason("POST", path, json={**TERMIN, "id": "aaaaa"}) == (409, "duplicate")
    google.staff.purge_event(plain(cal), "aaaaa")
    assert (await client.call("GET", f"{path}/aaaaa"))[0] == 404
    assert await client.reason("POST", path, json={**TERMIN, "id": "aaaaa"}) == (409, "duplicate")
    assert (await client.insert("primary", {**TERMIN, "id": "aaaaa"}))["id"] == "aaaaa"
    both = {**TERMIN, "id": "bbbbb", "iCalUID": "b@example"}
    assert await client.reason("POST", path, json=both) == (400, "invalid")
    assert (await client.insert(cal, {**TERMIN, "iCalUID": "b@example"}))["iCalUID"] == "b@example"
    assert await client.reason("POST", path, json={**TERMIN, "iCalUID": "b@example"}) == (409, "duplicate")


async def test_a_second_delete_is_410(client: Client, cal: str) -> None:
    """And a delete of what never was is 404."""
    made = await client.insert(cal, TERMIN)
    path = f"calendars/{cal}/events/{made['id']}"
    assert (await client.call("DELETE", path))[0] == 204
    assert await client.reason("DELETE", path) == (410, "deleted")
    assert await client.reason("DELETE", f"calendars/{cal}/events/nothing") == (404, "notFound")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_reviving_goes_both_ways(client: Client, google: GoogleCalendar, cal: str, method: str) -> None:
    """403 forbidden by default, since some get that; with the switch the tombstone lives again under its id."""
    made = await client.insert(cal, TERMIN)
    path = f"calendars/{cal}/events/{made['id']}"
    await client.call("DELETE", path)
    revived = {**TERMIN, "status": "confirmed"}
    assert await client.reason(method, path, json=revived) == (403, "forbidden")
    google.switches = Switches(revive="ok")
    assert (await client.ok(method, path, json=revived))["status"] == "confirmed"
    (only,) = (await client.page(cal))["items"]
    assert only["id"] == made["id"]


async def test_a_status_of_cancelled_is_a_delete(client: Client, cal: str) -> None:
    """PUT or PATCH with it leaves a tombstone; insert refuses it."""
    made = await client.insert(cal, TERMIN)
    path = f"calendars/{cal}/events/{made['id']}"
    assert (await client.ok("PATCH", path, json={"status": "cancelled"}))["status"] == "cancelled"
    assert await client.reason("DELETE", path) == (410, "deleted")
    assert (await client.call("POST", f"calendars/{cal}/events", json={**TERMIN, "status": "cancelled"}))[0] == 400


async def test_if_match_guards_every_write(client: Client, cal: str) -> None:
    """412 for another version in PUT, PATCH and DELETE; the current one, `*` and none pass."""
    made = await client.insert(cal, TERMIN)
    path = f"calendars/{cal}/events/{made['id']}"
    current = await client.ok("PATCH", path, json={"summary": "neu"}, etag=made["etag"])
    for method, body in (("PUT", TERMIN), ("PATCH", {"summary": "x"}), ("DELETE", None)):
        assert await client.reason(method, path, json=body, etag=made["etag"]) == (412, "conditionNotMet")
    assert await client.ok("GET", path) == current
    assert (await client.call("GET", path, headers={"If-None-Match": current["etag"]})) == (304, "")
    assert (await client.call("GET", path, headers={"If-None-Match": made["etag"]}))[0] == 200
    current = await client.ok("PUT", path, json=TERMIN, etag="*")
    current = await client.ok("PATCH", path, json={"summary": "y"}, etag=current["etag"])
    assert (await client.call("DELETE", path, etag=current["etag"]))[0] == 204


async def test_two_writers_and_one_version(client: Client, cal: str) -> None:
    """Of two updates at once with one etag exactly one wins."""
    made = await client.insert(cal, TERMIN)
    path = f"calendars/{cal}/events/{made['id']}"
    writes = [client.call("PATCH", path, json={"summary": str(one)}, etag=made["etag"]) for one in range(5)]
    assert sorted(status for status, _ in await asyncio.gather(*writes)) == [200, 412, 412, 412, 412]


async def test_sequence_never_goes_back(client: Client, cal: str) -> None:
    """New times raise it, new words do not; a lower one is 400, and an omitted one in a PUT counts as 0."""
    made = await client.insert(cal, TERMIN)
    path = f"calendars/{cal}/events/{made['id']}"
    assert (await client.ok("PATCH", path, json={"summary": "x"}))["sequence"] == 0
    later = {"end": {"dateTime": "2026-03-12T12:00:00+01:00"}}
    moved = await client.ok("PATCH", path, json=later)
    assert moved["sequence"] == 1
    assert (await client.ok("PUT", path, json=moved))["sequence"] == 1
    for wrong in ({**TERMIN}, {**TERMIN, "sequence": 0}, {**moved, "sequence": -1}, {**moved, "sequence": "1"}):
        status, body = await client.call("PUT", path, json=wrong)
        assert (status, body["error"]["message"]) == (400, "Invalid sequence value.")
    assert (await client.call("PATCH", path, json={"sequence": 0}))[0] == 400
    assert (await client.ok("PATCH", path, json={"sequence": 7}))["sequence"] == 7
    again = await client.ok("GET", path)
    again["end"] = TERMIN["end"]
    assert (await client.ok("PUT", path, json=again))["sequence"] == 8


async def test_a_read_event_can_be_put_back(client: Client, cal: str) -> None:
    """A PUT of what GET answered changes nothing but etag and updated."""
    for body in (TERMIN, URLAUB, {**SERIE, "description": "x", "colorId": "5", "visibility": "private"}):
        made = await client.insert(cal, body)
        put = await client.ok("PUT", f"calendars/{cal}/events/{made['id']}", json=made)
        assert {**put, "etag": "", "updated": ""} == {**made, "etag": "", "updated": ""}


async def test_patch_merges_and_null_deletes(client: Client, cal: str) -> None:
    """Objects merge, arrays are replaced whole, null takes out, also inside extended properties."""
    overrides = [{"method": "popup", "minutes": 10}, {"method": "email", "minutes": 60}]
    body = {
        **TERMIN,
        "extendedProperties": {"private": {"a": "1", "b": "2"}, "shared": {"c": "3"}},
        "reminders": {"useDefault": False, "overrides": overrides},
    }
    made = await client.insert(cal, body)
    path = f"calendars/{cal}/events/{made['id']}"
    patch: dict[str, Any] = {"extendedProperties": {"private": {"a": None, "d": "4"}}}
    patched = await client.ok("PATCH", path, json=patch)
    assert patched["extendedProperties"] == {"private": {"b": "2", "d": "4"}, "shared": {"c": "3"}}
    patch = {"reminders": {"overrides": overrides[:1]}}
    assert (await client.ok("PATCH", path, json=patch))["reminders"]["overrides"] == overrides[:1]
    assert "extendedProperties" not in await client.ok("PUT", path, json=TERMIN)


async def test_reminders_do_not_move_updated(client: Client, google: GoogleCalendar, cal: str) -> None:
    """A change of reminders moves the etag and shows up in an increment, and `updated` stays."""
    made = await client.insert(cal, TERMIN)
    token = (await client.page(cal))["nextSyncToken"]
    google.advance(60)
    reminders = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]}
    changed = await client.ok("PATCH", f"calendars/{cal}/events/{made['id']}", json={"reminders": reminders})
    assert (changed["updated"], changed["etag"] == made["etag"]) == (made["updated"], False)
    assert [one["id"] for one in (await client.page(cal, syncToken=token))["items"]] == [made["id"]]


# Times


@pytest.mark.parametrize(
    ("start", "end", "status"),
    [
        ({"date": "2026-05-05"}, {"date": "2026-05-06"}, 200),
        ({"date": "2026-05-05"}, {"date": "2026-05-05"}, 400),
        ({"date": "2026-05-05"}, {"date": "2026-05-04"}, 400),
        ({"date": "2026-05-05"}, {"dateTime": "2026-05-05T10:00:00Z"}, 400),
        ({"dateTime": "2026-05-05T10:00:00Z"}, {"date": "2026-05-06"}, 400),
        ({"dateTime": "2026-05-05T10:00:00Z"}, {"dateTime": "2026-05-05T10:00:00Z"}, 200),
        ({"dateTime": "2026-05-05T10:00:00Z"}, {"dateTime": "2026-05-05T09:59:59Z"}, 400),
        ({"dateTime": "2026-05-05T10:00:00Z"}, {"dateTime": "2026-05-05T12:00:00+02:00"}, 200),
        ({"dateTime": "2026-05-05T10:00:00"}, {"dateTime": "2026-05-05T11:00:00"}, 400),
        ({"dateTime": "2026-05-05T10:00:00", **BERLIN}, {"dateTime": "2026-05-05T11:00:00", **BERLIN}, 200),
        ({"dateTime": "2026-05-05T10:00:00.123Z"}, {"dateTime": "2026-05-05T11:00:00Z"}, 200),
        ({"dateTime": "2026-05-05T10:00:00Z", "timeZone": "Mars"}, {"dateTime": "2026-05-05T11:00:00Z"}, 400),
        ({"dateTime": "2026-05-05 10:00"}, {"dateTime": "2026-05-05T11:00:00Z"}, 400),
        ({"date": "2026-02-30"}, {"date": "2026-03-01"}, 400),
        ({"date": "20260505"}, {"date": "20260506"}, 400),
        ({"date": "2026-05-05", "dateTime": "2026-05-05T10:00:00Z"}, {"date": "2026-05-06"}, 400),
        ({}, {"date": "2026-05-06"}, 400),
        (None, {"date": "2026-05-06"}, 400),
        ("2026-05-05", {"date": "2026-05-06"}, 400),
        ({"date": "2026-05-05"}, None, 400),
    ],
)
async def test_starts_and_ends(client: Client, cal: str, start: Any, end: Any, status: int) -> None:
    """Both days or both instants, an exclusive end, an offset or a zone; everything else is 400."""
    body = {"summary": "x", "start": start, "end": end}
    assert (await client.call("POST", f"calendars/{cal}/events", json=body))[0] == status


async def test_times_come_back_with_an_offset(client: Client, cal: str) -> None:
    """In the calendar's zone, or the one asked for; the zone that was written stays; a day has no zone."""
    body = {
        "start": {"dateTime": "2026-07-01T08:00:00", "timeZone": "America/New_York"},
        "end": {"dateTime": "2026-07-01T13:00:00Z"},
    }
    made = await client.insert(cal, body)
    assert made["start"] == {"dateTime": "2026-07-01T14:00:00+02:00", "timeZone": "America/New_York"}
    assert made["end"] == {"dateTime": "2026-07-01T15:00:00+02:00", **BERLIN}
    shown = await client.ok("GET", f"calendars/{cal}/events/{made['id']}", params={"timeZone": "UTC"})
    assert shown["start"] == {"dateTime": "2026-07-01T12:00:00Z", "timeZone": "America/New_York"}
    day = await client.insert(cal, {**URLAUB, "start": {"date": "2026-03-16", "timeZone": "Asia/Tokyo"}})
    assert (day["start"], day["end"]) == ({"date": "2026-03-16"}, {"date": "2026-03-18"})
    assert (await client.call("GET", f"calendars/{cal}/events", params={"timeZone": "Mars"}))[0] == 400


async def test_the_hours_that_clocks_skip_and_repeat(client: Client, cal: str) -> None:
    """A local time in the gap is taken with the offset before it, one in the fold as the first of the two."""
    for local, shown in (("2026-03-29T02:30:00", "2026-03-29T03:30:00+02:00"), ("2026-10-25T02:30:00",) * 2):
        when = {"dateTime": local, **BERLIN}
        made = await client.insert(cal, {"start": when, "end": when})
        assert made["start"]["dateTime"].startswith(shown)
    assert made["start"]["dateTime"].endswith("+02:00")


async def test_from_timed_to_all_day_takes_a_null(client: Client, google: GoogleCalendar, cal: str) -> None:
    """Patch merges start and end, so the old kind must be taken out; the empty day goes both ways by switch."""
    made = await client.insert(cal, TERMIN)
    path = f"calendars/{cal}/events/{made['id']}"
    day = {"start": {"date": "2026-03-12"}, "end": {"date": "2026-03-13"}}
    assert (await client.call("PATCH", path, json=day))[0] == 400
    day = {name: {**value, "dateTime": None, "timeZone": None} for name, value in day.items()}  # type: ignore[dict-item]
    assert (await client.ok("PATCH", path, json=day))["start"] == {"date": "2026-03-12"}
    google.switches = Switches(empty_all_day="ok")
    empty = {**URLAUB, "end": URLAUB["start"]}
    assert (await client.insert(cal, empty))["end"] == URLAUB["start"]


# What an event may hold


@pytest.mark.parametrize(
    "wrong",
    [
        {"summary": 5},
        {"status": "maybe"},
        {"visibility": "secret"},
        {"transparency": "glass"},
        {"eventType": "outOfOffice"},
        {"guestsCanModify": "yes"},
        {"reminders": {"useDefault": True, "overrides": [{"method": "popup", "minutes": 1}]}},
        {"reminders": {"overrides": [{"method": "popup", "minutes": 1}] * 6}},
        {"reminders": {"overrides": [{"method": "popup", "minutes": 40_321}]}},
        {"reminders": {"overrides": [{"method": "pigeon", "minutes": 1}]}},
        {"extendedProperties": {"private": {"a": 1}}},
        {"extendedProperties": {"private": {f"k{n}": "" for n in range(301)}}},
        {"extendedProperties": {"shared": {f"k{n}": "x" * 1024 for n in range(32)}}},
        {"source": {"url": "ftp://example.com"}},
        {"recurrence": "RRULE:FREQ=DAILY"},
        {"sequence": -1},
    ],
)
async def test_a_wrong_member_is_400(client: Client, cal: str, wrong: dict[str, Any]) -> None:
    """Kinds, words, limits of reminders and of extended properties; nothing is stored."""
    assert (await client.call("POST", f"calendars/{cal}/events", json={**TERMIN, **wrong}))[0] == 400
    assert (await client.page(cal))["items"] == []


async def test_a_body_that_is_no_json_is_400(client: Client, cal: str) -> None:
    """`parseError`; members that nobody knows are left out in silence."""
    path = f"calendars/{cal}/events"
    for body in (b"{", b"[]", b'"x"', b"\xff"):
        assert await client.reason("POST", path, data=body) == (400, "parseError")
    assert "colour" not in await client.insert(cal, {**TERMIN, "colour": "red", "etag": "x", "created": "x"})


async def test_what_is_the_default_is_not_shown(client: Client, cal: str) -> None:
    """Empty texts, opaque and default visibility are left out of answers."""
    body = {**TERMIN, "description": "", "transparency": "opaque", "visibility": "default"}
    made = await client.insert(cal, body)
    assert {"description", "transparency", "visibility"}.isdisjoint(made)
    made = await client.insert(cal, {**TERMIN, "transparency": "transparent", "visibility": "public"})
    assert (made["transparency"], made["visibility"]) == ("transparent", "public")


async def test_extended_properties_are_cut_in_silence(client: Client, google: GoogleCalendar, cal: str) -> None:
    """A key above 44 characters is dropped, a value above 1024 cut; with the switch both are 400."""
    long = {"k" * 44: "v" * 1024, "k" * 45: "dropped", "cut": "ü" * 1025}
    body = {**TERMIN, "extendedProperties": {"private": long}}
    kept = (await client.insert(cal, body))["extendedProperties"]["private"]
    assert kept == {"k" * 44: "v" * 1024, "cut": "ü" * 1024}
    google.switches = Switches(oversized_properties="refused")
    assert (await client.call("POST", f"calendars/{cal}/events", json=body))[0] == 400


async def test_a_bare_service_account_invites_nobody(client: Client, google: GoogleCalendar, cal: str) -> None:
    """403 forbiddenForServiceAccounts; with delegation guests are kept, and mailed only where that is asked for."""
    guests = {**TERMIN, "attendees": [{"email": "gast@example.com"}]}
    path = f"calendars/{cal}/events"
    status, body = await client.call("POST", path, json=guests)
    assert (status, body["error"]["errors"][0]["reason"]) == (403, "forbiddenForServiceAccounts")
    assert body["error"]["errors"][0]["domain"] == "calendar"
    event = google.staff.add_event(plain(cal), **guests)
    assert (await client.ok("PATCH", f"{path}/{event}", json={"summary": "x"}))["attendees"]
    read = await client.ok("GET", f"{path}/{event}")
    assert (await client.ok("PUT", f"{path}/{event}", json=read))["attendees"] == read["attendees"]
    google.staff.share(plain(cal), USER, "writer")
    await client.log_in(subject=USER)
    made = await client.insert(cal, guests, sendUpdates="none")
    assert made["attendees"] == [{"responseStatus": "needsAction", "email": "gast@example.com"}]
    assert google.mails() == []
    await client.insert(cal, guests, sendUpdates="all")
    assert [mail.to for mail in google.mails()] == ["gast@example.com"]
    assert (await client.call("POST", path, json=guests, params={"sendUpdates": "some"}))[0] == 400
    assert await client.reason("POST", path, json={**TERMIN, "attendees": [{}]}) == (400, "required")


async def test_guests_may_be_left_out(client: Client, google: GoogleCalendar, cal: str) -> None:
    """maxAttendees says so with attendeesOmitted; a write that sends the flag back loses nobody."""
    people = [{"email": f"gast{n}@example.com"} for n in range(3)]
    event = google.staff.add_event(plain(cal), **TERMIN, attendees=people)
    path = f"calendars/{cal}/events/{event}"
    read = await client.ok("GET", path, params={"maxAttendees": "2"})
    assert (read["attendees"], read["attendeesOmitted"]) == ([], True)
    assert len((await client.ok("PUT", path, json=read))["attendees"]) == 3


async def test_conference_and_attachments_need_their_parameters(client: Client, cal: str) -> None:
    """Without conferenceDataVersion=1 or supportsAttachments=true they are neither written nor lost."""
    more: dict[str, Any] = {
        "conferenceData": {"conferenceId": "abc"},
        "attachments": [{"fileUrl": "https://example.com/a"}],
    }
    made = await client.insert(cal, {**TERMIN, **more})
    assert more.keys().isdisjoint(made)
    query = {"conferenceDataVersion": "1", "supportsAttachments": "true"}
    path = f"calendars/{cal}/events/{made['id']}"
    assert more.items() <= (await client.ok("PUT", path, json={**TERMIN, **more}, params=query)).items()
    assert more.items() <= (await client.ok("PUT", path, json=TERMIN)).items()
    assert more.keys().isdisjoint(await client.ok("PUT", path, json=TERMIN, params=query))
    many = {**TERMIN, "attachments": more["attachments"] * 26}
    assert (await client.call("PUT", path, json=many, params=query))[0] == 400


async def test_import_and_move(client: Client, cal: str) -> None:
    """import knows an event by its iCalUID; move leaves no more than a cancelled id behind."""
    path = f"calendars/{cal}/events"
    made = await client.ok("POST", f"{path}/import", json={**TERMIN, "iCalUID": "x@example"})
    again = await client.ok("POST", f"{path}/import", json={**TERMIN, "summary": "neu", "iCalUID": "x@example"})
    assert (again["id"], again["summary"]) == (made["id"], "neu")
    assert [one["id"] for one in (await client.page(cal, iCalUID="x@example"))["items"]] == [made["id"]]
    token = (await client.page(cal))["nextSyncToken"]
    moved = await client.ok("POST", f"{path}/{made['id']}/move", params={"destination": "primary"})
    assert (moved["id"], moved["status"], moved["iCalUID"]) == (made["id"], "confirmed", "x@example")
    (gone,) = (await client.page(cal, syncToken=token, showDeleted="true"))["items"]
    assert gone.keys() == {"kind", "etag", "id", "status"}
    assert await client.reason("POST", f"{path}/{made['id']}/move") == (400, "required")
    assert (await client.call("PUT", f"{path}/{made['id']}", json=TERMIN))[0] == 403


# Lists


async def test_a_window_is_open_at_both_ends(client: Client, cal: str) -> None:
    """timeMin bounds the end and timeMax the start, both exclusively; days count in the calendar's zone."""
    timed, day = await client.insert(cal, TERMIN), await client.insert(cal, URLAUB)

    async def found(low: str | None, high: str | None) -> set[str]:
        query = {name: value for name, value in (("timeMin", low), ("timeMax", high)) if value}
        return {one["id"] for one in (await client.page(cal, **query))["items"]}

    assert await found("2026-03-12T11:00:00+01:00", None) == {day["id"]}
    assert await found("2026-03-12T10:59:59+01:00", "2026-03-13T00:00:00Z") == {timed["id"]}
    assert await found(None, "2026-03-12T10:00:00+01:00") == set()
    assert await found("2026-03-17T23:00:00Z", None) == set()
    assert await found("2026-03-17T22:59:59Z", None) == {day["id"]}
    assert await found(None, "2026-03-15T23:00:00Z") == {timed["id"]}
    assert await found(None, "2026-03-15T23:00:01Z") == {timed["id"], day["id"]}


@pytest.mark.parametrize(
    "query",
    [
        {"timeMin": "2026-03-12"},
        {"timeMin": "2026-03-12T10:00:00"},
        {"timeMin": "2026-03-12T10:00:00 01:00"},
        {"timeMax": "morgen"},
        {"updatedMin": "1"},
        {"timeMin": "2026-03-12T10:00:00Z", "timeMax": "2026-03-12T10:00:00Z"},
        {"maxResults": "0"},
        {"maxResults": "viele"},
        {"singleEvents": "yes"},
        {"showDeleted": "1"},
        {"orderBy": "summary"},
        {"orderBy": "startTime"},
        {"eventTypes": "party"},
        {"privateExtendedProperty": "a"},
        {"pageToken": "x"},
        {"syncToken": "x"},
        {"colour": "red"},
    ],
)
async def test_a_wrong_parameter_is_400(client: Client, cal: str, query: dict[str, str]) -> None:
    """Each parameter is checked; one that the method does not have is refused unless a switch ignores it."""
    assert (await client.call("GET", f"calendars/{cal}/events", params=query))[0] == 400
    client.google.switches = Switches(unknown_parameters="ignored")
    ignored = 200 if "colour" in query else 400
    assert (await client.call("GET", f"calendars/{cal}/events", params=query))[0] == ignored


async def test_filters(client: Client, google: GoogleCalendar, cal: str) -> None:
    """Private properties (all or any of several by switch), iCalUID, words, event types."""
    for name, own in (("a", {"k": "1"}), ("b", {"k": "1", "l": "2"}), ("c", {"l": "2", "m": "x=y"})):
        await client.insert(cal, {**TERMIN, "summary": f"Termin {name}", "extendedProperties": {"private": own}})

    async def found(*pairs: tuple[str, str]) -> str:
        items = (await client.ok("GET", f"calendars/{cal}/events", params=list(pairs)))["items"]
        return "".join(sorted(one["summary"][-1] for one in items))

    private = "privateExtendedProperty"
    assert await found((private, "k=1")) == "ab"
    assert await found((private, "m=x=y")) == "c"
    assert await found((private, "k=1"), (private, "l=2")) == "b"
    assert await found(("sharedExtendedProperty", "k=1")) == ""
    assert await found(("q", "termin C")) == "c"
    assert await found(("eventTypes", "default"), ("eventTypes", "birthday")) == "abc"
    assert await found(("eventTypes", "birthday")) == ""
    google.switches = Switches(property_filter="any")
    assert await found((private, "k=1"), (private, "l=2")) == "abc"


async def test_pages_are_cut_and_only_the_token_counts(client: Client, google: GoogleCalendar, cal: str) -> None:
    """maxResults, a shorter page and empty pages by switch: the same events, and one sync token, on the last page."""
    ids = {(await client.insert(cal, TERMIN))["id"] for _ in range(7)}
    for switches, query in (
        (Switches(), {}),
        (Switches(), {"maxResults": "3"}),
        (Switches(page_limit=2), {"maxResults": "3"}),
        (Switches(page_limit=2, empty_pages=2), {}),
        (Switches(list_order="scattered", page_limit=1), {}),
    ):
        google.switches = switches
        pages: list[Any] = [await client.page(cal, **query)]
        while "nextPageToken" in pages[-1]:
            pages.append(await client.page(cal, **query, pageToken=pages[-1]["nextPageToken"]))
        shown = [one["id"] for page in pages for one in page["items"]]
        assert (set(shown), len(shown)) == (ids, 7)
        assert ["nextSyncToken" in page for page in pages] == [False] * (len(pages) - 1) + [True]
    google.switches = Switches(page_limit=2, empty_pages=2)
    first = await client.page(cal)
    assert (first["items"], "nextPageToken" in first) == ([], True)


async def test_the_order_is_stable_and_may_be_any(client: Client, google: GoogleCalendar, cal: str) -> None:
    """By creation, scattered, by `updated`, or by start: who counts on an order asks for it."""
    later = await client.insert(cal, TERMIN)
    sooner = {"start": {"dateTime": "2026-03-11T10:00:00Z"}, "end": {"dateTime": "2026-03-11T11:00:00Z"}}
    sooner = await client.insert(cal, {**sooner, "id": "00000"})

    async def ids(**query: str) -> list[str]:
        return [one["id"] for one in (await client.page(cal, **query))["items"]]

    created = [later["id"], sooner["id"]]
    assert await ids() == created
    assert await ids(orderBy="startTime", singleEvents="true") == created[::-1]
    google.advance(5)
    await client.ok("PATCH", f"calendars/{cal}/events/{later['id']}", json={"summary": "x"})
    assert await ids(orderBy="updated") == created[::-1]
    assert "nextSyncToken" not in await client.page(cal, orderBy="updated")
    for _ in range(20):
        await client.insert(cal, TERMIN)
    listed = await ids()
    google.switches = Switches(list_order="scattered")
    assert (await ids(), sorted(await ids())) != (listed, sorted(listed))
    assert await ids() == await ids()
    assert sorted(await ids()) == sorted(listed)


async def test_tombstones_are_listed_when_asked_for(client: Client, google: GoogleCalendar, cal: str) -> None:
    """Not plainly; with showDeleted or updatedMin yes, with details; after a month they are gone and 404."""
    made = await client.insert(cal, {**TERMIN, "summary": "geheim"})
    await client.call("DELETE", f"calendars/{cal}/events/{made['id']}")
    assert (await client.page(cal))["items"] == []
    for query in ({"showDeleted": "true"}, {"updatedMin": "2026-03-10T00:00:00Z"}):
        (gone,) = (await client.page(cal, **query))["items"]
        assert (gone["status"], gone["summary"]) == ("cancelled", "geheim")
    google.switches = Switches(cancelled_details="never")
    (gone,) = (await client.page(cal, showDeleted="true"))["items"]
    assert gone.keys() == {"kind", "etag", "id", "status"}
    google.advance(31 * DAY_S)
    await client.log_in()
    assert (await client.page(cal, showDeleted="true"))["items"] == []
    assert (await client.call("GET", f"calendars/{cal}/events/{made['id']}"))[0] == 404
    assert (await client.call("POST", f"calendars/{cal}/events", json={**TERMIN, "id": made["id"]}))[0] == 409


async def test_updated_min_is_bound_to_a_month(client: Client, google: GoogleCalendar, cal: str) -> None:
    """Changes since then, deleted ones too; further back is 410 updatedMinTooLongAgo."""
    await client.insert(cal, TERMIN)
    google.advance(1800)
    new = await client.insert(cal, URLAUB)
    assert [one["id"] for one in (await client.page(cal, updatedMin="2026-03-10T10:20:00Z"))["items"]] == [new["id"]]
    old = {"updatedMin": "2026-02-01T00:00:00Z"}
    assert await client.reason("GET", f"calendars/{cal}/events", params=old) == (410, "updatedMinTooLongAgo")


# Increments


async def test_an_increment_has_what_changed(client: Client, google: GoogleCalendar, cal: str) -> None:
    """New, changed and deleted events once each; deleted ones bare; then nothing, with a token again."""
    kept, changed, dropped = [await client.insert(cal, {**TERMIN, "summary": name}) for name in "abc"]
    _, token = await client.every(cal)
    await client.ok("PATCH", f"calendars/{cal}/events/{changed['id']}", json={"summary": "B"})
    await client.call("DELETE", f"calendars/{cal}/events/{dropped['id']}")
    new = await client.insert(cal, URLAUB)
    items, after = await client.every(cal, syncToken=token)
    shown = {one["id"]: one for one in items}
    assert shown.keys() == {changed["id"], dropped["id"], new["id"]}
    assert kept["id"] not in shown
    assert shown[changed["id"]]["summary"] == "B"
    assert shown[dropped["id"]].keys() == {"kind", "etag", "id", "status"}
    assert (await client.every(cal, syncToken=after))[0] == []
    assert len((await client.every(cal, syncToken=token))[0]) == 3
    asked = {one["id"]: one for one in (await client.every(cal, syncToken=token, showDeleted="true"))[0]}
    assert asked[dropped["id"]]["summary"] == "c"


async def test_an_increment_has_pages_too(client: Client, google: GoogleCalendar, cal: str) -> None:
    """Each page repeats the sync token; without it, or with other parameters, a page token is 400."""
    token = (await client.page(cal))["nextSyncToken"]
    ids = {(await client.insert(cal, TERMIN))["id"] for _ in range(5)}
    google.switches = Switches(page_limit=2, empty_pages=1)
    items, _ = await client.every(cal, syncToken=token)
    assert {one["id"] for one in items} == ids
    page = (await client.page(cal, syncToken=token))["nextPageToken"]
    path = f"calendars/{cal}/events"
    for wrong in ({}, {"syncToken": token, "singleEvents": "true"}, {"timeMin": NOW}):
        assert (await client.call("GET", path, params={"pageToken": page, **wrong}))[0] == 400
    assert (await client.call("GET", "calendars/primary/events", params={"pageToken": page}))[0] == 400


async def test_no_page_is_a_snapshot(client: Client, google: GoogleCalendar, cal: str) -> None:
    """What changes while a list is paged stands on a page or in the next increment, never nowhere."""
    ids = [(await client.insert(cal, TERMIN))["id"] for _ in range(4)]
    google.switches = Switches(page_limit=2)
    first = await client.page(cal)
    google.staff.change_event(plain(cal), ids[0], summary="spät")
    google.staff.delete_event(plain(cal), ids[1])
    new = google.staff.add_event(plain(cal), **TERMIN)
    rest, token = await client.every(cal, begun=first["nextPageToken"])
    assert {one["id"] for one in rest} == {ids[2], ids[3], new}
    items, _ = await client.every(cal, syncToken=token)
    assert {ids[0], ids[1]} <= {one["id"] for one in items}


async def test_an_initial_list_may_have_a_window(client: Client, cal: str) -> None:
    """It still ends in a sync token, and increments know no window."""
    await client.insert(cal, {**URLAUB, "start": {"date": "2020-01-01"}, "end": {"date": "2020-01-02"}})
    items, token = await client.every(cal, timeMin="2026-01-01T00:00:00Z")
    assert items == []
    old = await client.insert(cal, {**URLAUB, "start": {"date": "2020-02-01"}, "end": {"date": "2020-02-02"}})
    assert [one["id"] for one in (await client.every(cal, syncToken=token))[0]] == [old["id"]]


@pytest.mark.parametrize("name", NOT_WITH_SYNC_TOKEN)
async def test_a_sync_token_allows_no_restrictions(client: Client, cal: str, name: str) -> None:
    """Each of the eight parameters together with it is 400, and so is showDeleted=false."""
    value = {"orderBy": "updated", "q": "x", "iCalUID": "x"}.get(name, "a=b" if "Property" in name else NOW)
    token = (await client.page(cal))["nextSyncToken"]
    path = f"calendars/{cal}/events"
    assert (await client.call("GET", path, params={"syncToken": token, name: value}))[0] == 400
    assert (await client.call("GET", path, params={"syncToken": token, "showDeleted": "false"}))[0] == 400
    assert (await client.call("GET", path, params={"syncToken": token, "maxResults": "5"}))[0] == 200


async def test_other_parameters_stay_the_same(client: Client, google: GoogleCalendar, cal: str) -> None:
    """singleEvents and the like must be those of the first list; with the switch the difference is ignored."""
    token = (await client.page(cal, singleEvents="true"))["nextSyncToken"]
    path = f"calendars/{cal}/events"
    assert (await client.call("GET", path, params={"syncToken": token}))[0] == 400
    assert (await client.call("GET", path, params={"syncToken": token, "singleEvents": "true"}))[0] == 200
    google.switches = Switches(other_parameters="ignored")
    assert (await client.call("GET", path, params={"syncToken": token}))[0] == 200


async def test_sync_tokens_end(client: Client, google: GoogleCalendar, cal: str) -> None:
    """By age, by a change of rights, by command, by reset, and in other hands: always 410 fullSyncRequired."""
    path = f"calendars/{cal}/events"

    async def tried(token: str, path: str = path) -> tuple[int, str]:
        return await client.reason("GET", path, params={"syncToken": token})

    gone = (410, "fullSyncRequired")
    token = (await client.page(cal))["nextSyncToken"]
    assert await tried(token, "calendars/primary/events") == gone
    google.staff.share(plain(cal), USER, "writer")
    assert await tried(token) == gone
    token = (await client.page(cal))["nextSyncToken"]
    await client.log_in(subject=USER)
    assert await tried(token) == gone
    await client.log_in()
    google.switches = Switches(acl_change_ends_sync_tokens=False)
    google.staff.share(plain(cal), USER, "reader")
    assert await tried(token) == (200, "")
    google.advance(31 * DAY_S)
    await client.log_in()
    assert await tried(token) == gone
    token = (await client.page(cal))["nextSyncToken"]
    assert (await client.ok("DELETE", "/_sim/sync_tokens"))["expired"] >= 1
    assert await tried(token) == gone
    token = (await client.page("primary"))["nextSyncToken"]
    google.reset()
    await client.log_in()
    assert await tried(token, "calendars/primary/events") == gone


async def test_after_a_410_no_tombstones_come(client: Client, google: GoogleCalendar, cal: str) -> None:
    """A full list does not tell what was deleted meanwhile."""
    made = await client.insert(cal, TERMIN)
    google.expire_sync_tokens()
    google.staff.delete_event(plain(cal), made["id"])
    assert (await client.every(cal))[0] == []


# Series


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=DAILY;COUNT=3", "0323 0324 0325"),
        ("FREQ=DAILY;INTERVAL=10;UNTIL=20260412T070000Z", "0323 0402 0412"),
        ("FREQ=DAILY;INTERVAL=10;UNTIL=20260412T065959Z", "0323 0402"),
        ("FREQ=DAILY;BYDAY=MO,FR;COUNT=4", "0323 0327 0330 0403"),
        ("FREQ=WEEKLY;COUNT=2", "0323 0330"),
        ("FREQ=WEEKLY;BYDAY=TU,TH;COUNT=4", "0323 0324 0326 0331"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;COUNT=4", "0323 0329 0406 0412"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU;COUNT=4", "0323 0405 0406 0419"),
        ("FREQ=MONTHLY;COUNT=3", "0323 0423 0523"),
        ("FREQ=MONTHLY;BYDAY=4MO;COUNT=3", "0323 0427 0525"),
        ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "0323 0327 0424"),
        ("FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3", "0323 0331 0531"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", "0323 0331 0430"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3", "0323 1113 0813"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3", "0323 0331 0430"),
        ("FREQ=YEARLY;COUNT=2", "0323 0323"),
        ("FREQ=YEARLY;BYMONTH=3,5;COUNT=3", "0323 0523 0323"),
        ("FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10;COUNT=2", "0323 1025"),
        ("FREQ=YEARLY;BYDAY=1MO;COUNT=2", "0323 0104"),
    ],
)
async def test_rules_of_rfc_5545(client: Client, cal: str, rule: str, days: str) -> None:
    """Frequencies, intervals, ends and BY parts; the start is the first occurrence, on its wall clock."""
    made = await client.insert(cal, {**SERIE, "recurrence": [f"RRULE:{rule}"]})
    query = {"timeMax": "2030-01-01T00:00:00Z"}
    found = (await client.ok("GET", f"calendars/{cal}/events/{made['id']}/instances", params=query))["items"]
    starts = [dt.datetime.fromisoformat(one["start"]["dateTime"]) for one in found]
    assert " ".join(f"{one:%m%d}" for one in starts) == days
    assert {f"{one:%H:%M}" for one in starts} == {"09:00"}
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    "lines",
    [
        ["FREQ=DAILY"],
        ["RRULE:FREQ=SOMETIMES"],
        ["RRULE:FREQ=HOURLY"],
        ["RRULE:COUNT=2"],
        ["RRULE:FREQ=DAILY;COUNT=0"],
        ["RRULE:FREQ=DAILY;INTERVAL=-1"],
        ["RRULE:FREQ=DAILY;COUNT=2;UNTIL=20260401T000000Z"],
        ["RRULE:FREQ=DAILY;UNTIL=20260401"],
        ["RRULE:FREQ=DAILY;UNTIL=20260401T000000"],
        ["RRULE:FREQ=WEEKLY;BYDAY=XX"],
        ["RRULE:FREQ=WEEKLY;BYDAY=2MO"],
        ["RRULE:FREQ=DAILY;FREQ=DAILY"],
        ["DTSTART:20260323T090000Z", "RRULE:FREQ=DAILY"],
        ["EXDATE:20260323T080000Z"],
        ["RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20260324"],
        ["RRULE:FREQ=DAILY", "EXDATE;TZID=Mars:20260324T090000"],
        [5],
    ],
)
async def test_a_wrong_recurrence_is_400(client: Client, cal: str, lines: list[Any]) -> None:
    """No DTSTART, no unknown part, UNTIL of the start's kind and in UTC, not beside COUNT, and something recurs."""
    assert (await client.call("POST", f"calendars/{cal}/events", json={**SERIE, "recurrence": lines}))[0] == 400


async def test_a_timed_series_needs_a_zone(client: Client, google: GoogleCalendar, cal: str) -> None:
    """400 `required` without one; UNTIL of another kind passes by switch; a series of days needs neither."""
    path = f"calendars/{cal}/events"
    zoneless = {**TERMIN, "recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]}
    assert await client.reason("POST", path, json=zoneless) == (400, "required")
    days = {**URLAUB, "recurrence": ["RRULE:FREQ=DAILY;INTERVAL=7;UNTIL=20260330"]}
    assert len((await client.page(cal, singleEvents="true"))["items"]) == 0
    await client.insert(cal, days)
    shown = [one["start"]["date"] for one in (await client.page(cal, singleEvents="true"))["items"]]
    assert shown == ["2026-03-16", "2026-03-23", "2026-03-30"]
    assert (await client.call("POST", path, json={**days, "recurrence": ["RRULE:FREQ=DAILY;UNTIL=20260330T000000Z"]}))[
        0
    ] == 400
    google.switches = Switches(until="any")
    await client.insert(cal, {**SERIE, "recurrence": ["RRULE:FREQ=DAILY;UNTIL=20260324"]})


async def test_added_and_left_out_dates(client: Client, cal: str) -> None:
    """RDATE adds, EXDATE and EXRULE take out, in UTC, in a named zone, or in the event's own."""
    lines = [
        "RRULE:FREQ=DAILY;COUNT=6",
        "EXRULE:FREQ=DAILY;INTERVAL=4;COUNT=2",
        "EXDATE;TZID=Europe/Berlin:20260324T090000,20260325T090000",
        "EXDATE:20260329T070000Z",
        "RDATE:20260401T150000",
    ]
    made = await client.insert(cal, {**SERIE, "recurrence": lines})
    assert made["recurrence"] == lines
    found = (await client.ok("GET", f"calendars/{cal}/events/{made['id']}/instances"))["items"]
    assert [one["start"]["dateTime"][5:16] for one in found] == ["03-26T09:00", "03-28T09:00", "04-01T15:00"]


async def test_occurrences_follow_the_wall_clock(client: Client, cal: str) -> None:
    """Nine o'clock stays nine o'clock over the change to summer time, and instance ids say the instant in UTC."""
    made = await client.insert(cal, SERIE)
    items = (await client.page(cal, singleEvents="true"))["items"]
    assert [one["id"].removeprefix(made["id"]) for one in items] == [
        "_20260323T080000Z",
        "_20260330T070000Z",
        "_20260406T070000Z",
    ]
    for one in items:
        assert one["recurringEventId"] == made["id"]
        assert one["originalStartTime"] == one["start"]
        assert one["iCalUID"] == made["iCalUID"]
        assert "recurrence" not in one
        assert one["start"]["dateTime"][11:16] == "09:00"
        assert await client.ok("GET", f"calendars/{cal}/events/{one['id']}") == one
    assert (await client.call("GET", f"calendars/{cal}/events/{made['id']}_20260324T080000Z"))[0] == 404
    (only,) = (await client.page(cal))["items"]
    assert (only["id"], only["recurrence"]) == (made["id"], SERIE["recurrence"])


async def test_a_series_counts_by_any_occurrence(client: Client, cal: str) -> None:
    """A window of a list without singleEvents has a series when one of its occurrences lies in it."""
    await client.insert(cal, SERIE)
    for low, count in (("2026-04-06T07:00:00Z", 1), ("2026-04-06T07:30:00Z", 0)):
        assert len((await client.page(cal, timeMin=low))["items"]) == count
    assert len((await client.page(cal, timeMin="2026-03-24T00:00:00Z", timeMax="2026-04-01T00:00:00Z"))["items"]) == 1
    endless = {**SERIE, "recurrence": ["RRULE:FREQ=DAILY"]}
    await client.insert(cal, endless)
    window = {"timeMin": "2040-01-01T00:00:00Z", "timeMax": "2040-01-03T00:00:00Z"}
    assert len((await client.page(cal, **window))["items"]) == 1
    assert len((await client.page(cal, **window, singleEvents="true"))["items"]) == 2


async def test_an_endless_series_has_a_horizon(client: Client, google: GoogleCalendar, cal: str) -> None:
    """As single events it is shown that far and no further."""
    google.switches = Switches(horizon_days=15)
    await client.insert(cal, {**SERIE, "recurrence": ["RRULE:FREQ=WEEKLY"]})
    assert len((await client.page(cal, singleEvents="true"))["items"]) == 1
    assert len((await client.page(cal, singleEvents="true", timeMin="2026-04-01T00:00:00Z"))["items"]) == 2


async def test_an_occurrence_becomes_an_exception(client: Client, cal: str) -> None:
    """Moved or renamed it is an event of its own that knows its series and its original start."""
    made = await client.insert(cal, SERIE)
    path = f"calendars/{cal}/events/{made['id']}_20260330T070000Z"
    token = (await client.page(cal))["nextSyncToken"]
    moved = {"dateTime": "2026-03-31T15:00:00+02:00"}
    changed = await client.ok("PATCH", path, json={"start": moved, "end": moved, "summary": "verlegt"})
    assert changed["originalStartTime"]["dateTime"] == "2026-03-30T09:00:00+02:00"
    assert (changed["recurringEventId"], changed["summary"]) == (made["id"], "verlegt")
    (only,) = (await client.page(cal, syncToken=token))["items"]
    assert only == changed
    assert [one["id"] for one in (await client.page(cal))["items"]] == [made["id"], changed["id"]]
    singles = (await client.page(cal, singleEvents="true", orderBy="startTime"))["items"]
    assert [one["summary"] for one in singles] == ["Jour fixe", "verlegt", "Jour fixe"]
    found = await client.ok(
        "GET",
        f"calendars/{cal}/events/{made['id']}/instances",
        params={"originalStart": "2026-03-30T09:00:00+02:00"},
    )
    assert [one["id"] for one in found["items"]] == [changed["id"]]
    put = await client.ok("PUT", path, json={**changed, "recurrence": ["RRULE:FREQ=DAILY"], "summary": "nochmals"})
    assert ("recurrence" in put, put["summary"]) == (False, "nochmals")


async def test_a_cancelled_occurrence_stays_known(client: Client, cal: str) -> None:
    """A list of series shows the hole though deleted events are not asked for; of single events it is just missing."""
    made = await client.insert(cal, SERIE)
    path = f"calendars/{cal}/events/{made['id']}_20260330T070000Z"
    assert (await client.call("DELETE", path))[0] == 204
    assert await client.reason("DELETE", path) == (410, "deleted")
    _, hole = (await client.page(cal))["items"]
    assert hole.keys() == {"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"}
    assert len((await client.page(cal, singleEvents="true"))["items"]) == 2
    shown = (await client.page(cal, singleEvents="true", showDeleted="true"))["items"]
    assert [one["status"] for one in shown].count("cancelled") == 1
    instances = f"calendars/{cal}/events/{made['id']}/instances"
    assert len((await client.ok("GET", instances))["items"]) == 2
    assert len((await client.ok("GET", instances, params={"showDeleted": "true"}))["items"]) == 3


async def test_the_end_of_a_series_ends_its_occurrences(client: Client, cal: str) -> None:
    """As series one tombstone and one for each exception; as single events one for each occurrence."""
    made = await client.insert(cal, SERIE)
    path = f"calendars/{cal}/events/{made['id']}"
    await client.ok("PATCH", f"{path}_20260330T070000Z", json={"summary": "anders"})
    plain_token = (await client.page(cal))["nextSyncToken"]
    single_token = (await client.page(cal, singleEvents="true"))["nextSyncToken"]
    await client.call("DELETE", path)
    gone = (await client.page(cal, syncToken=plain_token))["items"]
    assert [one["id"] for one in gone] == [made["id"], f"{made['id']}_20260330T070000Z"]
    gone = (await client.page(cal, syncToken=single_token, singleEvents="true"))["items"]
    assert (len(gone), {one["status"] for one in gone}) == (3, {"cancelled"})
    assert (await client.page(cal))["items"] == []
    assert (await client.page(cal, singleEvents="true"))["items"] == []


async def test_a_changed_series_tells_what_it_lost(client: Client, google: GoogleCalendar, cal: str) -> None:
    """Who lists single events hears of vanished occurrences; exceptions off the new rule are cancelled."""
    made = await client.insert(cal, SERIE)
    path = f"calendars/{cal}/events/{made['id']}"
    await client.ok("PATCH", f"{path}_20260406T070000Z", json={"summary": "anders"})
    token = (await client.page(cal, singleEvents="true"))["nextSyncToken"]
    changed = await client.ok("PATCH", path, json={"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=1"]})
    assert changed["sequence"] == 1
    states = {
        one["id"][-16:]: one["status"]
        for one in (await client.page(cal, syncToken=token, singleEvents="true"))["items"]
    }
    assert states == {
        "20260323T080000Z": "confirmed",
        "20260330T070000Z": "cancelled",
        "20260406T070000Z": "cancelled",
    }
    assert [one["id"] for one in (await client.page(cal))["items"]] == [made["id"]]
    await client.ok("PATCH", path, json={"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"]})
    assert len((await client.page(cal, singleEvents="true"))["items"]) == 2
    await client.ok("PATCH", path, json={"recurrence": None})
    (single,) = (await client.page(cal))["items"]
    assert "recurrence" not in single


async def test_a_stale_series_is_412(client: Client, google: GoogleCalendar, cal: str) -> None:
    """A rule that staff changed meanwhile guards itself by its etag, as any other change."""
    made = await client.insert(cal, SERIE)
    google.staff.change_event(plain(cal), made["id"], recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
    path = f"calendars/{cal}/events/{made['id']}"
    assert (await client.call("PUT", path, json=made, etag=made["etag"]))[0] == 412


# Limits and faults


async def test_each_reason_of_a_403_can_be_had(client: Client, google: GoogleCalendar) -> None:
    """The three that mean waiting and those that do not; by switch for an injected 403."""
    for reason in (
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "quotaExceeded",
        "forbidden",
        "insufficientPermissions",
    ):
        await client.ok("PUT", "/_sim/switches", json={"reason_of_403": reason})
        google.faults.add(Fault(kind="error", status=403))
        assert await client.reason("GET", "users/me/calendarList") == (403, reason)
    assert (await client.call("GET", "users/me/calendarList"))[0] == 200


async def test_limits_per_minute(client: Client, google: GoogleCalendar, cal: str) -> None:
    """Of requests by user, as 403 or 429, and of writes by calendar; a minute later they go on."""
    google.switches = Switches(requests_per_minute=2)
    statuses = [await client.reason("GET", f"calendars/{cal}/events") for _ in range(3)]
    assert [status for status, _ in statuses].count(200) <= 2
    assert statuses[-1] == (403, "userRateLimitExceeded")
    google.switches = Switches(requests_per_minute=2, limit_status=429)
    assert await client.reason("GET", f"calendars/{cal}/events") == (429, "rateLimitExceeded")
    google.advance(61)
    google.switches = Switches(calendar_writes_per_minute=1)
    await client.insert(cal, TERMIN)
    assert await client.reason("POST", f"calendars/{cal}/events", json=TERMIN) == (403, "quotaExceeded")
    assert (await client.call("GET", f"calendars/{cal}/events"))[0] == 200
    await client.insert("primary", TERMIN)
    google.advance(61)
    await client.insert(cal, TERMIN)


async def test_a_server_error_comes_before_the_work(client: Client, google: GoogleCalendar, cal: str) -> None:
    """As JSON, or as a page of the front end by switch; nothing was written."""
    google.faults.add(Fault(kind="error", status=503, method="POST"))
    status, body = await client.call("POST", f"calendars/{cal}/events", json=TERMIN)
    assert (status, body["error"]["errors"][0]["reason"]) == (503, "backendError")
    google.switches = Switches(server_errors="html")
    google.faults.add(Fault(kind="error", status=502, method="POST"))
    status, body = await client.call("POST", f"calendars/{cal}/events", json=TERMIN)
    assert (status, body[:9]) == (502, "<!DOCTYPE")
    assert google.events(plain(cal)) == []


async def test_a_server_error_may_come_after_the_work(client: Client, google: GoogleCalendar, cal: str) -> None:
    """500 or 503 and the event is there all the same: the outcome of a failed write is unknown."""
    path = f"calendars/{cal}/events"
    google.late_errors.add(Fault(kind="error", status=503, method="POST"))
    assert await client.reason("POST", path, json={**TERMIN, "id": "abcde"}) == (503, "backendError")
    assert await client.reason("POST", path, json={**TERMIN, "id": "abcde"}) == (409, "duplicate")
    await client.ok("POST", "/_sim/late_errors", json={"kind": "error", "status": 500, "method": "DELETE"})
    assert await client.reason("DELETE", f"{path}/abcde") == (500, "backendError")
    assert await client.reason("DELETE", f"{path}/abcde") == (410, "deleted")
    assert google.log.rows()[-2].status == 500
    for wrong in ({"kind": "lost"}, {"kind": "error", "path": "("}, {"kind": "x"}):
        assert (await client.call("POST", "/_sim/late_errors", json=wrong))[0] == 400
    await client.ok("POST", "/_sim/late_errors", json={"kind": "error"})
    assert len(await client.ok("GET", "/_sim/late_errors")) == 1
    assert await client.ok("DELETE", "/_sim/late_errors") == []


@pytest.mark.parametrize("kind", ["lost", "cut_answer"])
async def test_a_lost_answer_comes_after_the_work(client: Client, google: GoogleCalendar, cal: str, kind: Any) -> None:
    """The event is there, and the same insert again is a 409 that says so."""
    google.faults.add(Fault(kind=kind, method="POST"))
    with pytest.raises(aiohttp.ClientError):
        await client.call("POST", f"calendars/{cal}/events", json={**TERMIN, "id": "abcde"})
    assert await client.reason("POST", f"calendars/{cal}/events", json={**TERMIN, "id": "abcde"}) == (409, "duplicate")
    assert len(google.events(plain(cal))) == 1


async def test_lost_tokens_and_late_answers(stranger: Client, google: GoogleCalendar) -> None:
    """Faults hit the token endpoint too; a token that expires by fault is 401 once."""
    google.faults.add(Fault(kind="lost", path="/token"))
    with pytest.raises(aiohttp.ClientError):
        await stranger.token()
    await stranger.log_in()
    google.faults.add(Fault(kind="expired"))
    assert await stranger.reason("GET", "users/me/calendarList") == (401, "authError")
    google.faults.add(Fault(kind="late", delay_s=0.05))
    assert (await stranger.call("GET", "users/me/calendarList"))[0] == 200


async def test_the_log_tells_zero_writes(client: Client, google: GoogleCalendar, cal: str) -> None:
    """Lists and reads are no writes; a token request and each write are."""
    google.log.clear()
    await client.page(cal)
    await client.ok("GET", f"calendars/{cal}")
    assert google.log.writes() == []
    await client.insert(cal, TERMIN)
    assert [(row.method, row.status) for row in google.log.writes()] == [("POST", 200)]
    assert await client.ok("GET", "/_sim/log", params={"writes": "1"})


@pytest.mark.parametrize(
    "path", ["calendars/x/events/watch", "calendars/x/events/quickAdd", "channels/stop", "freeBusy"]
)
async def test_what_is_not_imitated_says_so(client: Client, path: str) -> None:
    """501, so that nobody takes silence for success; the batch endpoint too."""
    assert await client.reason("POST", path, json={}) == (501, "notImplemented")
    assert (await client.call("POST", "/batch/calendar/v3"))[0] == 501


# Staff


async def test_staff_do_everything_past_the_api(client: Client, google: GoogleCalendar) -> None:
    """Create, edit, move, delete, restore, copy, move to another calendar, empty; the API sees each."""
    staff = google.staff
    one, other = staff.add_calendar("Eins"), staff.add_calendar("Zwei")
    _, token = await client.every(one)
    event = staff.add_event(one, summary="A", start="2026-03-12T10:00:00Z")
    assert google.event(one, event)["end"] == {"dateTime": "2026-03-12T12:00:00+01:00", **BERLIN}
    assert google.event(one, event)["creator"]["email"] == "nutzer@kanzlei.example"
    staff.change_event(one, event, description="neu", extendedProperties={"private": {"k": "v"}})
    staff.move_event(one, event, "2026-03-13T10:00:00Z")
    moved = google.event(one, event)
    assert (moved["sequence"], moved["end"]["dateTime"]) == (1, "2026-03-13T12:00:00+01:00")
    staff.change_event(one, event, start="2026-03-13", end="2026-03-14")
    assert google.event(one, event)["start"] == {"date": "2026-03-13"}
    staff.delete_event(one, event)
    staff.restore_event(one, event)
    copy = staff.copy_event(one, event)
    assert google.event(one, copy)["extendedProperties"] == {"private": {"k": "v"}}
    assert "extendedProperties" not in google.event(one, staff.copy_event(one, event, with_properties=False))
    staff.move_to_calendar(one, copy, other)
    assert google.event(other, copy)["status"] == "confirmed"
    etag = google.event(one, event)["etag"]
    staff.touch_event(one, event)
    assert google.event(one, event)["etag"] != etag
    assert len((await client.every(one, syncToken=token))[0]) == 3
    assert staff.empty_calendar(one) == 2
    assert google.events(one) == []
    assert len(google.events(one, deleted=True)) == 3


async def test_staff_and_series(google: GoogleCalendar) -> None:
    """One occurrence is changed, moved or deleted, or the series is split, as the screen offers it."""
    staff = google.staff
    cal = staff.add_calendar("Eins")
    series = staff.add_event(cal, **{**SERIE, "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=6"]})
    staff.change_occurrence(cal, series, "2026-03-30T07:00:00Z", summary="anders")
    moved = staff.move_occurrence(cal, series, "2026-04-06T07:00:00Z", "2026-04-07T07:00:00Z")
    staff.delete_occurrence(cal, series, "2026-04-13T07:00:00Z")
    assert google.event(cal, moved)["start"]["dateTime"] == "2026-04-07T09:00:00+02:00"
    assert [one["status"] for one in google.events(cal, deleted=True)].count("cancelled") == 1
    after = staff.split_series(cal, series, "2026-04-20T07:00:00Z", summary="neu")
    assert after == f"{series}_R20260420T070000"
    assert google.event(cal, series)["recurrence"] == ["RRULE:FREQ=WEEKLY;UNTIL=20260420T065959Z"]
    assert google.event(cal, after)["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=2"]
    assert google.event(cal, f"{after}_20260427T070000Z")["summary"] == "neu"
    with pytest.raises(ValueError, match="left"):
        staff.split_series(cal, series, "2026-03-23T08:00:00Z")


async def test_staff_refuses_what_no_screen_would_take(google: GoogleCalendar) -> None:
    """Wrong values are ValueError, unknown ids KeyError: a wrong test fails loudly."""
    staff = google.staff
    cal = staff.add_calendar("Eins")
    event = staff.add_event(cal, **TERMIN)
    for wrong in ({"start": "gestern"}, {}, {"start": "2026-03-12", "summary": 5}, {**TERMIN, "end": "2026-03-01"}):
        with pytest.raises(ValueError, match=r"\w"):
            staff.add_event(cal, **wrong)
    with pytest.raises(ValueError, match="all-day"):
        staff.move_event(cal, event, "2026-03-12")
    with pytest.raises(ValueError, match="title"):
        staff.change_calendar(cal, summary=None)
    for calendar, one in (("x", event), (cal, "x"), (cal, f"{event}_20260101")):
        with pytest.raises(KeyError):
            staff.delete_event(calendar, one)
    staff.delete_event(cal, event)
    with pytest.raises(KeyError):
        staff.change_event(cal, event, summary="x")


async def test_staff_over_http(client: Client, google: GoogleCalendar) -> None:
    """Every deed of staff is a POST below /_sim/staff with its arguments; what is wrong is 400 or 404."""

    async def do(deed: str, **arguments: Any) -> tuple[int, Any]:
        return await client.call("POST", f"/_sim/staff/{deed}", json=arguments)

    cal = (await do("add_calendar", summary="Eins"))[1]["made"]
    event = (await do("add_event", calendar_id=cal, **TERMIN))[1]["made"]
    assert await do("change_event", calendar_id=cal, event_id=event, summary="x") == (200, {"made": None})
    assert await do("empty_calendar", calendar_id=cal) == (200, {"made": 1})
    for deed, arguments, status in (
        ("explode", {}, 404),
        ("_live", {}, 404),
        ("delete_event", {"calendar_id": cal, "event_id": event}, 404),
        ("delete_event", {}, 400),
        ("add_event", {"calendar_id": cal}, 400),
    ):
        assert (await do(deed, **arguments))[0] == status, deed
    assert all("/_sim" not in row.path for row in google.log.rows())


# Control


async def test_switches_and_clock_over_http(client: Client, google: GoogleCalendar) -> None:
    """PUT changes the named switches and leaves the others; the clock can be set and moved; nonsense is 400."""
    assert (await client.call("PUT", "/_sim/switches", json={"revive": "ok"}))[0] == 200
    await client.call("PUT", "/_sim/switches", json={"page_limit": 3})
    assert google.switches == Switches(revive="ok", page_limit=3)
    for wrong in ({"revive": "x"}, {"colour": "red"}, {"page_limit": 0}, {"empty_pages": -1}):
        assert (await client.call("PUT", "/_sim/switches", json=wrong))[0] == 400
    assert await client.ok("GET", "/_sim/switches") == msgspec.to_builtins(google.switches)
    body = await client.ok("POST", "/_sim/clock", json={"now": "2026-05-01T10:00:00Z", "advance_s": 60})
    assert body["now"].startswith("2026-05-01T10:01:0")
    for wrong in ({"now": "gestern"}, {"sooner": 1}):
        assert (await client.call("POST", "/_sim/clock", json=wrong))[0] == 400


async def test_people_over_http(client: Client, google: GoogleCalendar) -> None:
    """Users and delegation can be had from outside, and access tokens ended."""
    await client.ok("POST", "/_sim/users", json={"email": "pm@kanzlei.example"})
    await client.ok("PUT", "/_sim/delegation", json={"scopes": [EVENTS]})
    assert (await client.token(google.assertion(EVENTS, subject="pm@kanzlei.example")))[0] == 200
    assert (await client.token(google.assertion(CALENDAR, subject="pm@kanzlei.example")))[0] == 401
    assert (await client.ok("DELETE", "/_sim/tokens"))["expired"] >= 1
    assert (await client.call("GET", "users/me/calendarList"))[0] == 401


async def test_seed_state_and_reset(client: Client, google: GoogleCalendar) -> None:
    """Seed puts people, calendars and events in, state shows all, reset empties; accounts stay."""
    seed: dict[str, Any] = {
        "users": ["ai@kanzlei.example"],
        "calendars": [
            {"summary": "AW-AI", "share": {"ai@kanzlei.example": "writer"}, "events": [TERMIN], "event_count": 30}
        ],
    }
    made = await client.ok("POST", "/_sim/seed", json=seed)
    (cal,) = made["calendars"]
    assert (len(made["events"][0]), len(google.events(cal))) == (31, 31)
    assert google.roles(cal)["user:ai@kanzlei.example"] == "writer"
    state = await client.ok("GET", "/_sim/state")
    assert (len(state["calendars"]), state["calendars"][0]["acl"][0]["role"]) == (1, "owner")
    assert "ai@kanzlei.example" in state["users"]
    assert "private_key" not in json.dumps(state)
    wrong: dict[str, Any]
    for wrong in ({"colour": []}, {"calendars": [{}]}, {"calendars": [{"summary": "A", "events": [{}]}]}):
        assert (await client.call("POST", "/_sim/seed", json=wrong))[0] == 400
    await client.ok("POST", "/_sim/reset")
    assert google.calendars() == []
    assert (await client.call("GET", f"calendars/{cal}"))[0] == 401
    await client.log_in()
    assert (await client.call("GET", f"calendars/{cal}"))[0] == 404


async def test_ids_with_odd_letters_are_path_segments(client: Client, google: GoogleCalendar) -> None:
    """Percent-encoded calendar and event ids arrive as they are."""
    cal = google.staff.add_calendar("Eins")
    series = google.staff.add_event(cal, **SERIE)
    encoded = cal.replace("@", "%40").replace("_", "%5F")
    assert (await client.ok("GET", f"calendars/{encoded}/events/{series}%5F20260330T070000Z"))[
        "recurringEventId"
    ] == series


async def test_everything_follows_from_the_seed(account: ServiceAccount) -> None:
    """The same seed gives the same ids, so that a failing run can be repeated."""

    def ids(seed: int) -> tuple[str, str]:
        staff = GoogleCalendar(account=account, seed=seed).staff
        cal = staff.add_calendar("A")
        return cal, staff.add_event(cal, **TERMIN)

    assert ids(1) == ids(1) != ids(2)
