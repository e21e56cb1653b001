"""The state behind all routes: calendars, lists, people, the clock, and the counters that order every change."""

import random
import string

from simulators.clock import Clock
from simulators.google_calendar.answers import JsonObject
from simulators.google_calendar.directory import Directory
from simulators.google_calendar.keys import ServiceAccount
from simulators.google_calendar.marks import Marks
from simulators.google_calendar.records import Calendar, Entry, Mail, Rule
from simulators.google_calendar.switches import Switches
from simulators.google_calendar.tokens import Tokens

_BASE32HEX = string.digits + "abcdefghijklmnopqrstuv"
_HEX = "0123456789abcdef"
DEFAULT_ZONE = "UTC"


class State:
    """One Google under one clock and one set of switches. Every change happens at once or not at all."""

    def __init__(self, switches: Switches, account: ServiceAccount | None, seed: int) -> None:
        self.switches = switches
        self.clock = Clock()
        self.directory = Directory(account)
        self._dice = random.Random(seed)
        self.tokens = Tokens(self._dice)
        self.marks = Marks(self._dice)
        self._change = 0
        self._etag = 0
        self._empty()

    def forget(self) -> None:
        """Drops calendars, mails and tokens; people stay. A sync token from before is 410 from now on."""
        self.tokens.forget()
        self.marks.expire_sync()
        self._empty()

    def _empty(self) -> None:
        self.calendars: dict[str, Calendar] = {}
        self.lists: dict[str, dict[str, Entry]] = {}
        self.mails: list[Mail] = []

    def next_change(self) -> int:
        """The number of a change, greater than all before."""
        self._change += 1
        return self._change

    @property
    def change(self) -> int:
        """The number of the latest change."""
        return self._change

    def next_etag(self) -> str:
        """A new etag, quoted as it travels; it looks like twice the microseconds, as Google's do."""
        self._etag = max(self._etag + 2, int(self.clock.now() * 1000) * 2000)
        return f'"{self._etag}"'

    def event_id(self) -> str:
        """An id as Google gives one: 26 letters of base32hex."""
        return "".join(self._dice.choices(_BASE32HEX, k=26))

    def add_calendar(self, values: JsonObject, *, owner: str, made_by: str | None = None) -> Calendar:
        """A secondary calendar of an owner, on the owner's list."""
        calendar_id = "c_" + "".join(self._dice.choices(_HEX, k=64)) + "@group.calendar.google.com"
        return self._put(calendar_id, values, owner, made_by, is_primary=False)

    def primary(self, email: str) -> Calendar:
        """A person's own calendar, whose id is the person's address; it is there as soon as somebody looks."""
        found = self.calendars.get(email)
        return found or self._put(email, {"summary": email}, email, None, is_primary=True)

    def _put(
        self, calendar_id: str, values: JsonObject, owner: str, made_by: str | None, *, is_primary: bool
    ) -> Calendar:
        change = self.next_change()
        calendar = Calendar(
            id=calendar_id,
            values={"timeZone": DEFAULT_ZONE, **values},
            etag=self.next_etag(),
            change=change,
            updated=self.clock.now(),
            owner=owner,
            made_by=made_by,
            is_primary=is_primary,
        )
        self.calendars[calendar_id] = calendar
        self.set_rule(calendar, "user", owner, "owner")
        calendar.rules_changed = 0
        self.list_of(owner)[calendar_id] = Entry(
            calendar_id=calendar_id, values={"selected": True}, etag=self.next_etag(), change=change
        )
        return calendar

    def change_calendar(self, calendar: Calendar, values: JsonObject) -> None:
        """New title, description, place or zone."""
        calendar.values = values
        calendar.etag, calendar.change, calendar.updated = self.next_etag(), self.next_change(), self.clock.now()

    def delete_calendar(self, calendar: Calendar) -> None:
        """From now on 404 for everybody; it leaves all lists."""
        del self.calendars[calendar.id]
        for entries in self.lists.values():
            if calendar.id in entries:
                self.drop_entry(entries[calendar.id])

    def list_of(self, email: str) -> dict[str, Entry]:
        """A person's calendar list by calendar id, left ones included."""
        return self.lists.setdefault(email, {})

    def put_entry(self, email: str, calendar: Calendar, values: JsonObject) -> Entry:
        """Puts a calendar on a person's list, or changes what the list says of it."""
        entry = Entry(calendar_id=calendar.id, values=values, etag=self.next_etag(), change=self.next_change())
        self.list_of(email)[calendar.id] = entry
        return entry

    def drop_entry(self, entry: Entry) -> None:
        entry.is_deleted = True
        entry.etag, entry.change = self.next_etag(), self.next_change()

    def set_rule(self, calendar: Calendar, scope_type: str, value: str, role: str, *, deleted: bool = False) -> Rule:
        """Grants a role or takes it back. What depends on rights, sync tokens among it, takes notice."""
        change = self.next_change()
        rule = Rule(
            role=role,
            scope_type=scope_type,
            scope_value=value,
            etag=self.next_etag(),
            change=change,
            is_deleted=deleted,
        )
        calendar.rules[rule.id] = rule
        calendar.rules_changed = change
        return rule

    def mail(self, to: str, about: str, calendar: Calendar) -> None:
        """Remembers a mail that Google would have sent."""
        self.mails.append(Mail(to=to, about=about, calendar_id=calendar.id))
