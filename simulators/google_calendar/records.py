"""What the simulator holds, before it is shown."""

import msgspec

from simulators.google_calendar.answers import JsonObject
from simulators.google_calendar.series import Recurrence
from simulators.google_calendar.times import When


class Event(msgspec.Struct, kw_only=True):
    """A single event, a recurring one, or an exception of one.

    `values` are the plain members of the resource as they were written; `change` is the state's counter at the last
    change, and `order` the counter at the first. An occurrence that nobody touched is no Event of its own.
    """

    id: str
    values: JsonObject
    start: When
    end: When
    status: str
    sequence: int
    etag: str
    order: int
    change: int
    created: float
    updated: float
    creator: str
    i_cal_uid: str
    recurrence: Recurrence | None = None
    recurring_event_id: str | None = None
    original_start: When | None = None
    moved_away: bool = False
    """Only its id is left: it lives in another calendar now."""

    @property
    def is_cancelled(self) -> bool:
        return self.status == "cancelled"

    @property
    def is_exception(self) -> bool:
        return self.recurring_event_id is not None


class Rule(msgspec.Struct, kw_only=True):
    """Who may do what with a calendar. `none` is also what a deleted one says."""

    role: str
    scope_type: str
    scope_value: str
    etag: str
    change: int
    is_deleted: bool = False

    @property
    def id(self) -> str:
        return self.scope_type if self.scope_type == "default" else f"{self.scope_type}:{self.scope_value}"


class Entry(msgspec.Struct, kw_only=True):
    """A calendar on somebody's list."""

    calendar_id: str
    values: JsonObject
    etag: str
    change: int
    is_deleted: bool = False


class Calendar(msgspec.Struct, kw_only=True):
    """A calendar with its rules and events by id. `made_by` is the service account that made it, if one did."""

    id: str
    values: JsonObject
    etag: str
    change: int
    updated: float
    owner: str
    made_by: str | None = None
    is_primary: bool = False
    rules: dict[str, Rule] = {}
    rules_changed: int = 0
    events: dict[str, Event] = {}
    used_ids: set[str] = set()
    """Ids that no insert gets again, those of purged events among them."""

    vanished: dict[str, Event] = {}
    """Occurrences that a recurring event had before it was changed, as cancelled events."""

    @property
    def zone(self) -> str:
        return str(self.values["timeZone"])


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that Google would have sent."""

    to: str
    about: str
    calendar_id: str
