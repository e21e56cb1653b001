"""Two vendors as dictionaries, and what `apply` does to them: the plan's own world, without a network."""

import copy
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from calendar_worker.model.appointment import Shown
from calendar_worker.model.memory import Memory, Row
from calendar_worker.model.plan import Plan, Policy, Seen, Terms, Window
from calendar_worker.model.sides import Event, Termin, Unreadable
from calendar_worker.plan.agree import agreed
from calendar_worker.plan.employee import plan_employee
from calendar_worker.translate.event import changed_event, event_id, link_patch, new_event, read_event
from calendar_worker.translate.termin import changed_termin, new_termin, read_termin

Json = dict[str, Any]
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
TERMS = Terms(
    policy="source_system_wins", advoware_write=True, full=True, force=False, max_changes=1_000, max_share=1.0
)


class World:
    """Advoware's Termine and Google's events of SB. Every write moves an instant and an etag."""

    def __init__(self) -> None:
        self.termine: dict[int, Json] = {}
        self.events: dict[str, Json] = {}
        self.memory = Memory(calendar_id="c")
        self.window = Window(first=date(2026, 1, 1), last=date(2026, 12, 31))
        self.written: list[str] = []
        self._changed: set[str] = set()
        self._clock = 0
        self._number = 100

    # What staff does.

    def add_termin(self, **fields: Any) -> int:
        """A Termin of SB unless said; its number."""
        self._number += 1
        usual = {
            "text": "Besprechung",
            "notiz": "",
            "ort": "",
            "datum": "2026-05-06T09:00:00",
            "uhrzeitVon": "09:00:00",
            "datumBis": "2026-05-06T10:00:00",
            "uhrzeitBis": "10:00:00",
            "anwalt": "SB",
            "sb": "SB",
            "privat": 0,
        }
        self.termine[self._number] = {**usual, **fields, "frNr": self._number, "zuletztGeaendertAm": self._tick()}
        return self._number

    def change_termin(self, number: int, **fields: Any) -> None:
        """Some of its fields."""
        self.termine[number] |= {**fields, "zuletztGeaendertAm": self._tick()}

    def add_event(self, **members: Any) -> str:
        """An event that somebody has entered; its id."""
        self._number += 1
        usual = {
            "summary": "Mittagessen",
            "start": {"dateTime": "2026-05-07T12:00:00+02:00"},
            "end": {"dateTime": "2026-05-07T13:00:00+02:00"},
        }
        self._put({**usual, **members, "id": f"event{self._number}"})
        return f"event{self._number}"

    def change_event(self, event: str, **members: Any) -> None:
        """Some of its members."""
        self._put({**self.events[event], **copy.deepcopy(members)})

    def delete_event(self, event: str) -> None:
        """A tombstone stays."""
        self._put({"id": event, "status": "cancelled"})

    def live(self) -> list[Event]:
        """Google's side as read."""
        read = (read_event(item, timezone=BERLIN) for item in self.events.values())
        return [event for event in read if not event.cancelled]

    def read(self) -> dict[int, Termin]:
        """Advoware's side as read."""
        return {number: one for number in self.termine if isinstance(one := self._termin(number), Termin)}

    # A run.

    def seen(self, *, whole: bool = False, terms: Terms = TERMS, window: Window | None = None) -> Seen:
        """As `load` sees it."""
        window = window or self.window
        listed = {
            number: one for number, one in self.read().items() if window.meets(one.when.first_day, one.when.last_day)
        }
        rows = self.memory.rows
        asked = {row.fr_nr for row in rows.values() if window.meets(row.first, row.last)} - listed.keys()
        events = {event.id: event for event in self._listed(whole)}
        unseen = {row.event_id for row in rows.values() if row.unseen and row.fr_nr in listed} - events.keys()
        if not whole:
            events |= {one: read_event(self.events[one], timezone=BERLIN) for one in unseen}
        asked |= {one.link.fr_nr for one in events.values() if one.link and one.id not in rows} - listed.keys()
        read = {number: self._termin(number) for number in sorted(asked) if number in self.termine}
        return Seen(
            kuerzel="SB",
            now=NOW,
            terms=terms,
            window=window,
            memory=self.memory,
            calendar_id="c",
            whole=whole,
            sync_token=str(self._clock),
            events=events,
            termine={**listed, **{number: one for number, one in read.items() if isinstance(one, Termin)}},
            listed=len(listed),
            gone=frozenset(asked - self.termine.keys()),
            foreign=frozenset(
                number for number in self.termine if self._termin(number) is None and number not in listed
            ),
            unreadable={
                number: one.reason for number in self.termine if isinstance(one := self._termin(number), Unreadable)
            },
        )

    def run(self, *, whole: bool = False, terms: Terms = TERMS, window: Window | None = None) -> Plan:
        """Sees, plans, carries out."""
        seen = self.seen(whole=whole, terms=terms, window=window)
        todo = plan_employee(seen)
        assert todo.refused is None, todo.refused
        if todo.remember is not None:
            self._changed.clear()
            self._carry_out(todo, todo.remember)
        return todo

    def _carry_out(self, todo: Plan, memory: Memory) -> None:
        rows = dict(memory.rows)
        for making in todo.make_events:
            generation = making.generation
            while (wanted := event_id("SB", making.termin.fr_nr, generation)) in self.events:
                generation += 1
            termin, shown = making.termin, making.shown
            body = new_event(
                event_id=wanted,
                fr_nr=termin.fr_nr,
                when=termin.when,
                what=termin.what,
                shown=shown,
                timezone=BERLIN,
            )
            after = self._write_event("POST", wanted, body)
            rows.pop(making.key, None)
            rows[wanted] = agreed(
                termin, after, None, event_id=wanted, origin="advoware", generation=generation, shown=shown
            )
        for one in todo.make_termine:
            number = self.add_termin(**new_termin(one.when, one.what, kuerzel="SB", private=one.event.private), sb="")
            self.written.append("advoware POST")
            shown = Shown(private=one.event.private)
            body = changed_event(one.event, shown=shown, timezone=BERLIN)
            body |= link_patch(event_id=one.event.id, fr_nr=number, shown=shown)
            after = self._write_event("PATCH", one.event.id, body)
            rows[one.event.id] = agreed(
                self.read()[number], after, None, event_id=one.event.id, origin="google", generation=0, shown=shown
            )
        for deletion in todo.delete_events:
            self.written.append("google DELETE")
            self.delete_event(deletion.event_id)
            rows.pop(deletion.event_id, None)
        for deletion in todo.delete_termine:
            self.written.append("advoware DELETE")
            del self.termine[deletion.fr_nr]
            rows.pop(deletion.event_id, None)
        self._update(todo, rows)
        self.memory = msgspec.structs.replace(memory, rows=rows)

    def _update(self, todo: Plan, rows: dict[str, Row]) -> None:
        for update in todo.updates:
            event, termin = update.event, update.termin
            if update.to_google:
                event = event or read_event(self.events[update.event_id], timezone=BERLIN)
                body = changed_event(
                    event,
                    shown=update.shown,
                    timezone=BERLIN,
                    when=update.google_when,
                    what=update.google_what,
                )
                if event.link is None or event.link.fr_nr != termin.fr_nr:
                    body |= link_patch(event_id=event.id, fr_nr=termin.fr_nr, shown=update.shown)
                assert body, "a planned write writes nothing"
                event = self._write_event("PATCH", event.id, body)
            if update.to_advoware:
                self.written.append("advoware PUT")
                self.change_termin(
                    termin.fr_nr, **changed_termin(termin, when=update.advoware_when, what=update.advoware_what)
                )
                termin = self.read()[termin.fr_nr]
            rows[update.event_id] = agreed(
                termin,
                event,
                update.row,
                event_id=update.event_id,
                origin=update.origin,
                generation=update.generation,
                shown=update.shown,
                made_private=update.made_private,
                keeps_what=update.keeps_what,
            )

    def _write_event(self, method: str, event: str, body: Json) -> Event:
        self.written.append(f"google {method}")
        self._put(_merged(self.events.get(event, {}) if method == "PATCH" else {}, {"id": event, **body}))
        return read_event(self.events[event], timezone=BERLIN)

    def _put(self, item: Json) -> None:
        self.events[item["id"]] = {**item, "etag": f'"{self._tick()}"', "updated": self._tick()}
        self._changed.add(item["id"])

    def _listed(self, whole: bool) -> list[Event]:
        items = [self.events[one] for one in self.events if whole or one in self._changed]
        read = [read_event(item, timezone=BERLIN) for item in items]
        return [event for event in read if not (whole and event.cancelled)]

    def _termin(self, number: int) -> Termin | Unreadable | None:
        return read_termin(self.termine[number], kuerzel="SB", timezone=BERLIN)

    def _tick(self) -> str:
        self._clock += 1
        return (NOW + timedelta(seconds=self._clock)).isoformat().replace("+00:00", "Z")


def _merged(before: Json, patch: Json) -> Json:
    after = dict(before)
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict):
            after[name] = _merged(after.get(name, {}), value)
        else:
            after[name] = value
    return after


def terms(
    *, policy: Policy = "source_system_wins", advoware_write: bool = True, full: bool = True, force: bool = False
) -> Terms:
    """Terms with these differences."""
    return msgspec.structs.replace(TERMS, policy=policy, advoware_write=advoware_write, full=full, force=force)
