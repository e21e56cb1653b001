"""Lists in pages and increments, by the guide "Synchronize resources": of events, of rules, of calendar lists."""

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from simulators.google_calendar.answers import JsonObject, Reason, Refused, bad
from simulators.google_calendar.marks import Asked, Key, PageMark, SyncMark
from simulators.google_calendar.query import Query
from simulators.google_calendar.state import State

_Row = TypeVar("_Row")

FULL_SYNC = Reason(
    "fullSyncRequired", "Sync token is no longer valid, a full sync is required.", "calendar", "parameter", "syncToken"
)


class Listing(NamedTuple):
    """Which list it is. `same` are the parameters that an increment must repeat, `rules_changed` ends its tokens."""

    scope: str
    same: Asked
    rules_changed: int = 0


class Begun(NamedTuple):
    """Where a page begins. `since` is the change up to which an increment is known, None for a whole list."""

    listing: Listing
    asked: Asked
    token: str | None
    since: int | None
    base: int
    after: Key | None
    blank: int


class Lists:
    """Begins pages and ends them with the one of both tokens that is due."""

    def __init__(self, state: State) -> None:
        self._state = state

    def begin(self, query: Query, listing: Listing) -> Begun:
        """Checks both tokens of the query. Raises Refused with 400 or 410."""
        token = query.text("syncToken")
        since = None if token is None else self._since(token, listing)
        if since is not None and query.flag("showDeleted") is False:
            raise bad("showDeleted must not be false with a sync token.", "badRequest", parameter="showDeleted")
        asked, page = query.asked(), query.text("pageToken")
        if page is None:
            blank = self._state.switches.empty_pages
            return Begun(listing, asked, token, since, self._state.change, None, blank)
        mark = self._state.marks.page(page)
        if mark is None or (mark.scope, mark.asked, mark.since) != (listing.scope, asked, token):
            raise bad("Invalid page token value.", parameter="pageToken")
        return Begun(listing, asked, token, since, mark.base, mark.after, mark.blank)

    def end(
        self, begun: Begun, rows: Iterable[tuple[Key, _Row]], limit: int, *, syncs: bool = True
    ) -> tuple[list[_Row], JsonObject]:
        """One page of the rows by their keys, and its token: `nextPageToken`, or on the last page `nextSyncToken`.

        A row that changes while others page shows up in its place, or in the next increment, which begins where this
        list began: no page is ever a snapshot.
        """
        if begun.blank:
            return [], self._more(begun, begun.after, begun.blank - 1)
        limit = min(limit, self._state.switches.page_limit or limit)
        left = sorted((row for row in rows if begun.after is None or row[0] > begun.after), key=lambda row: row[0])
        page = [row for _, row in left[:limit]]
        if len(left) > limit:
            return page, self._more(begun, left[limit - 1][0], 0)
        if not syncs:
            return page, {}
        mark = SyncMark(
            scope=begun.listing.scope,
            asked=begun.listing.same,
            change=begun.base,
            rules_changed=begun.listing.rules_changed,
            issued_at=self._state.clock.now(),
        )
        return page, {"nextSyncToken": self._state.marks.put_sync(mark)}

    def _more(self, begun: Begun, after: Key | None, blank: int) -> JsonObject:
        mark = PageMark(
            scope=begun.listing.scope,
            asked=begun.asked,
            since=begun.token,
            base=begun.base,
            after=after,
            blank=blank,
        )
        return {"nextPageToken": self._state.marks.put_page(mark)}

    def _since(self, token: str, listing: Listing) -> int:
        """The change up to which the token's list is known: of this list, young enough, under the same rights."""
        switches = self._state.switches
        try:
            mark = self._state.marks.sync(token)
        except KeyError:
            raise bad("Invalid sync token value.", parameter="syncToken") from None
        if mark is None or mark.scope != listing.scope:
            raise Refused(410, FULL_SYNC)
        if self._state.clock.now() - mark.issued_at > switches.memory_days * 86_400:
            raise Refused(410, FULL_SYNC)
        if switches.acl_change_ends_sync_tokens and mark.rules_changed != listing.rules_changed:
            raise Refused(410, FULL_SYNC)
        if switches.other_parameters == "refused" and mark.asked != listing.same:
            raise bad("The parameters differ from those of the initial synchronization.", parameter="syncToken")
        return mark.change
