"""Google Calendar: calendars and whom they are shared with, and their events.

Source: https://developers.google.com/workspace/calendar/api/v3/reference and the guides beside it (sync, errors,
versioned resources).
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import msgspec

from shared.clients.google_auth import Key, is_fit_for_secrets, read_key
from shared.clients.google_reading import Duplicate, Stale
from shared.clients.google_session import Session
from shared.clients.http import Tools
from shared.outcomes.errors import NotFound, Refused, Rejected, Unavailable

__all__ = ["Duplicate", "GoogleCalendar", "GoogleCalendarSettings", "Listing", "Record", "Stale"]

Record = dict[str, Any]
"""Members as Google spells them."""
T = TypeVar("T")

_PAGES_MAX = 1_000
_ROWS_MAX = 200_000
_SMALL_PAGE = "250"
_EVENTS_PAGE = "2500"
_GONE = 410
_QUIETLY = [("sendUpdates", "none")]
"""Nobody gets a mail because a computer has written something down."""


class GoogleCalendarSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach Google Calendar."""

    google_calendar_service_account_path: Annotated[
        str, msgspec.Meta(description="Key file of the service account; its `token_uri` counts.")
    ]
    google_calendar_subject: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^(\S+@\S+)?$",
            description="User in whose name the service account acts (domain-wide delegation); empty: its own.",
        ),
    ] = ""
    google_calendar_base_url: Annotated[
        str, msgspec.Meta(description="Of the API; plain http only on this machine.")
    ] = "https://www.googleapis.com/calendar/v3"

    def __post_init__(self) -> None:
        self.key()
        if not is_fit_for_secrets(self.google_calendar_base_url):
            raise ValueError("GOOGLE_CALENDAR_BASE_URL is malformed: expected https, or http at this machine")

    def key(self) -> Key:
        """What the key file holds. Raises ValueError, without a value in it."""
        try:
            return read_key(Path(self.google_calendar_service_account_path).read_bytes())
        except OSError as wrong:
            raise ValueError(f"GOOGLE_CALENDAR_SERVICE_ACCOUNT_PATH cannot be read: {wrong.strerror}") from None
        except ValueError as wrong:
            raise ValueError(f"GOOGLE_CALENDAR_SERVICE_ACCOUNT_PATH {wrong}") from None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Events of a calendar: all that live when it is `whole`, else those that changed, deleted ones as `cancelled`.

    `sync_token` asks for the next changes; empty when Google gave none, and then the next listing is whole.
    """

    items: list[Record]
    sync_token: str
    whole: bool


class _Page(msgspec.Struct, frozen=True, rename="camel"):
    items: list[Record] = []
    next_page_token: str = ""
    next_sync_token: str = ""


class _Calendar(msgspec.Struct, frozen=True):
    id: str


class GoogleCalendar:
    """Google Calendar as the hub uses it. Every method raises the words of `outcomes/errors`, Stale and Duplicate.

    A POST or PATCH is never repeated by itself, but for a 401, after which nothing was done: when no answer came, look.
    A calendar that is not shared with us is NotFound, as one that does not exist.
    """

    def __init__(self, settings: GoogleCalendarSettings, tools: Tools) -> None:
        """Raises ValueError when the key file has become unreadable since the settings were loaded."""
        subject = settings.google_calendar_subject
        self._session = Session(settings.google_calendar_base_url, settings.key(), tools, subject=subject)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["GoogleCalendar"]:
        """Holds the connections open."""
        async with self._session.open():
            yield self

    # Calendars

    async def find_calendars(self, summary: str) -> list[str]:
        """Ids of the calendars on our list that have exactly this title and that we own; titles need not be unique."""
        params = {"minAccessRole": "owner", "showHidden": "true", "maxResults": _SMALL_PAGE}
        rows, _ = await self._pages("users/me/calendarList", "list calendars", params)
        return [row["id"] for row in rows if row.get("summary") == summary and isinstance(row.get("id"), str)]

    async def create_calendar(self, summary: str, timezone: str) -> str:
        """Makes a calendar, which is on our list at once; its id. Not repeatable: make it through the journal."""
        body = {"summary": summary, "timeZone": timezone}
        made = await self._call("POST", "calendars", "create calendar", _Calendar, json=body)
        return made.id

    async def enlist(self, calendar_id: str) -> None:
        """Puts a calendar on our list that is shared with us: find_calendars() does not see it otherwise."""
        with contextlib.suppress(Duplicate):
            await self._send("POST", "users/me/calendarList", "enlist calendar", json={"id": calendar_id})

    async def rules(self, calendar_id: str) -> dict[str, str]:
        """Whom the calendar is shared with: role by mail address in lower case, users only, its owner too."""
        rows, _ = await self._pages(_calendar(calendar_id, "acl"), "list rules", {"maxResults": _SMALL_PAGE})
        found = {}
        for row in rows:
            scope, role = row.get("scope"), row.get("role")
            if isinstance(scope, dict) and scope.get("type") == "user" and isinstance(role, str) and role != "none":
                found[str(scope.get("value", "")).lower()] = role
        return found

    async def share(self, calendar_id: str, mail: str, role: str) -> None:
        """Gives a user a role, in place of the one that user has; without a mail to that user."""
        body = {"role": role, "scope": {"type": "user", "value": mail.lower()}}
        path = _calendar(calendar_id, "acl")
        await self._send("POST", path, "share calendar", params=[("sendNotifications", "false")], json=body)

    async def unshare(self, calendar_id: str, mail: str) -> None:
        """Takes a user's role away; one that is gone is fine."""
        with contextlib.suppress(NotFound):
            await self._send("DELETE", _calendar(calendar_id, "acl", f"user:{mail.lower()}"), "unshare calendar")

    # Events

    async def list_events(self, calendar_id: str, sync_token: str | None = None) -> Listing:
        """What changed since the listing that gave `sync_token`, or everything: without one, or when it has ended.

        Series come as such, not as their occurrences. Raises NotFound when the calendar is gone or not shared with us.
        """
        path = _calendar(calendar_id, "events")
        params = {"singleEvents": "false", "maxResults": _EVENTS_PAGE}
        if sync_token:
            with contextlib.suppress(_TokenEnded):
                rows, token = await self._increment(path, {**params, "syncToken": sync_token})
                return Listing(items=rows, sync_token=token, whole=False)
        rows, token = await self._pages(path, "list events", params)
        return Listing(items=rows, sync_token=token, whole=True)

    async def event(self, calendar_id: str, event_id: str) -> Record | None:
        """One event, a deleted one with `status` cancelled; None when there is none of that id, or no calendar."""
        try:
            return await self._call("GET", _calendar(calendar_id, "events", event_id), "get event", Record)
        except NotFound:
            return None

    async def insert_event(self, calendar_id: str, body: Mapping[str, Any]) -> Record:
        """A new event as Google has stored it. Raises Duplicate when its id was ever used."""
        path = _calendar(calendar_id, "events")
        return await self._call("POST", path, "insert event", Record, params=_QUIETLY, json=body)

    async def patch_event(self, calendar_id: str, event_id: str, body: Mapping[str, Any], etag: str) -> Record:
        """Changes the members named, null removes one; the event after it. Raises Stale when it has another etag."""
        path = _calendar(calendar_id, "events", event_id)
        return await self._call("PATCH", path, "patch event", Record, params=_QUIETLY, json=body, etag=etag)

    async def delete_event(self, calendar_id: str, event_id: str, etag: str) -> None:
        """Deletes an event; one that is gone is fine. Raises Stale when it has another etag."""
        try:
            path = _calendar(calendar_id, "events", event_id)
            await self._send("DELETE", path, "delete event", params=_QUIETLY, etag=etag)
        except Rejected as refused:
            if refused.status not in (404, _GONE):
                raise

    async def _increment(self, path: str, params: dict[str, str]) -> tuple[list[Record], str]:
        """Raises _TokenEnded when Google does not take the token any more."""
        try:
            return await self._pages(path, "list changed events", params)
        except Rejected as refused:
            # 410 is the documented one. 400 too: a token goes with the parameters of its listing, and a later version
            # of ours may have others. In both cases the whole list is the way on.
            if refused.status in (400, _GONE):
                raise _TokenEnded from None
            raise

    async def _pages(self, path: str, operation: str, params: dict[str, str]) -> tuple[list[Record], str]:
        """All rows of a list and its sync token. A page may be empty and have another after it."""
        rows: list[Record] = []
        page = _Page()
        for _ in range(_PAGES_MAX):
            more = {"pageToken": page.next_page_token} if page.next_page_token else {}
            page = await self._call("GET", path, operation, _Page, params={**params, **more})
            rows.extend(page.items)
            if len(rows) > _ROWS_MAX:
                raise Refused(f"google {operation}: more than {_ROWS_MAX} entries")
            if not page.next_page_token:
                return rows, page.next_sync_token
        # What is missing in half a list would be taken for deleted.
        raise Unavailable(f"google {operation}: no end after {_PAGES_MAX} pages")

    async def _call(self, method: str, path: str, operation: str, wanted: type[T], **more: Any) -> T:
        body = await self._send(method, path, operation, **more)
        try:
            return msgspec.json.decode(body, type=wanted)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # Not a refusal: what was asked for may well have been done.
            raise Unavailable(f"google {operation}: the answer cannot be read") from None

    async def _send(self, method: str, path: str, operation: str, **more: Any) -> bytes:
        answer = await self._session.call(method, path, operation=operation, **more)
        return answer.body


class _TokenEnded(Exception):
    """The sync token is worth nothing any more."""


def _calendar(calendar_id: str, *inner: str) -> str:
    """The path of something in a calendar: a fixed word, and the id in it."""
    return "/".join(["calendars", _segment(calendar_id), *inner[:1], *map(_segment, inner[1:])])


def _segment(identifier: str) -> str:
    """An id as one segment of a path. Raises NotFound for one that would be another path: nothing has such an id."""
    if identifier in ("", ".", ".."):
        raise NotFound("google: an id that none can have")
    return quote(identifier, safe="")
