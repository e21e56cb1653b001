"""What people have typed into calendars, where, and whether the other side has shown it since."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from calendar_worker.model.memory import Conflict
from tests.stateful.calendar_values import (
    ANONYMOUS,
    link_of,
    what_of_event,
    what_of_termin,
    when_of_event,
    when_of_termin,
)
from tests.stateful.calendar_world import HUB_USER, KUERZEL, World

Key = tuple[str, str]
"""Side and number or id of something in a calendar."""
Sight = dict[Key, dict[str, Any]]
"""What lives, as people see it: texts and `when` of each."""
_ROOM = timedelta(days=10)
"""What is deleted so near to the end of the window may leave it before the hub sees it."""


class Typed(NamedTuple):
    """The last word of a person on something."""

    step: int
    value: Any
    """None: nothing that must be kept."""


def content_of_termin(record: dict[str, Any]) -> dict[str, Any]:
    """Texts, and `when`."""
    return {**what_of_termin(record), "when": when_of_termin(record)}


def content_of_event(event: dict[str, Any]) -> dict[str, Any]:
    """The same. What an anonymous event says is nobody's text; a time without a form is taken as it stands."""
    texts = {} if link_of(event)[2] else what_of_event(event)
    when = when_of_event(event)
    raw = (event["start"], event["end"], event.get("recurrence"))
    return {name: text for name, text in texts.items() if text != ANONYMOUS} | {"when": raw if when is None else when}


def is_without_form(value: object) -> bool:
    """Whether this is a time as it stands in Google, since Advoware has no form for it."""
    return isinstance(value, tuple) and isinstance(value[0], dict)


def is_locked(record: Mapping[str, Any]) -> bool:
    """Whether Advoware refuses to let the hub change a Termin: a private one that the hub's user has not entered."""
    return bool(record.get("privat")) and record["sb"] != HUB_USER


def concerns(world: World, record: dict[str, Any], kuerzel: str = KUERZEL) -> bool:
    """Whether a Termin belongs in somebody's calendar."""
    owner = str(record["anwalt"]).strip()
    if record["frNr"] < 0 or (record["privat"] and kuerzel not in (owner, record["sb"])):
        return False
    everybody = world.advoware.switches.everybodys_in_lists and owner.lower() in ("", "alle", "allgemein")
    return owner == kuerzel or everybody


class Memory:
    """Who typed what last, and what it went with."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.step = 0
        """Deeds and runs so far."""
        self.typed: dict[tuple[Key, str], Typed] = {}
        self.shown: dict[tuple[Key, str], int] = {}
        """When the other side had what was typed."""
        self.deleted: dict[Key, int] = {}
        """When a person took it away."""
        self.agreed = 0
        """The last run that left nothing to do."""
        self.expected_gone: dict[Key, int] = {}
        """The other half of what a person has deleted when both sides were in step."""
        self.links: set[tuple[Key, Key]] = set()
        self.mute: set[str] = set()
        """Anonymous events, also when they no longer say that they are."""
        self.left: dict[int, dict[str, Any]] = {}
        """Each Termin as people have left it."""
        self.conflicts: dict[str, Conflict] = {}
        """What the hub has ever kept of what lost, by content."""

    def look(self) -> Sight:
        """Both sides as they are now."""
        found: Sight = {}
        for number, record in self.world.termine().items():
            found["advoware", str(number)] = content_of_termin(record)
        for event in self.world.events():
            number, _, is_anonymous = link_of(event)
            if number:
                self.links.add((("advoware", str(number)), ("google", event["id"])))
                (self.mute.add if is_anonymous else self.mute.discard)(event["id"])
            told = content_of_event(event)
            found["google", event["id"]] = told if event["id"] not in self.mute else {"when": told["when"]}
        return found

    def note(self, before: Sight, *, racing: bool = False) -> Sight:
        """After a deed: what has changed was typed by a person. What there is now.

        What was typed in Advoware while a run was writing is not held against anybody: Advoware cannot tell a writer
        that it is late. Google can.
        """
        after = self.look()
        lost = [key for key in before if key not in after]
        for key in lost:
            self._expect(key, before, racing=racing)
            self.deleted[key] = self.step
        for key, fields in after.items():
            old = before.get(key, {})
            changed = [name for name, value in fields.items() if old.get(name) != value]
            for name in changed:
                is_held = fields[name] and not (racing and key[0] == "advoware")
                self.typed[key, name] = Typed(self.step, fields[name] if is_held else None)
                self.shown.pop((key, name), None)
            if changed:
                for one in self.group(key):
                    self.expected_gone.pop(one, None)
        records = self.world.termine()
        for number, record in records.items():
            if record != self._before.get(number):
                self.left[number] = record if not racing else {}
        if racing:
            self.expected_gone.clear()
        return after

    def begin(self) -> Sight:
        """Before a deed."""
        self.step += 1
        self._before = self.world.termine()
        return self.look()

    def note_run(self, *, in_step: bool) -> None:
        """After a run: what stands on both sides has been shown to everybody.

        A time without a form in Advoware is listed by the hub, and stays with its event, however that ends.
        """
        self.step += 1
        sight = self.look()
        for (key, name), typed in self.typed.items():
            if (key, name) in self.shown:
                continue
            others = [sight[one] for one in self.group(key) if one[0] != key[0] and one in sight]
            # An anonymous event stands for whatever the Termin says.
            is_shown = any(one.get(name, typed.value) == typed.value for one in others)
            if is_shown or is_without_form(typed.value):
                self.shown[key, name] = self.step
        if in_step:
            self.agreed = self.step

    def group(self, key: Key) -> set[Key]:
        """All that has ever stood for the same."""
        found = {key}
        while True:
            more = {one for pair in self.links if found.intersection(pair) for one in pair} - found
            if not more:
                return found
            found |= more

    def _expect(self, key: Key, before: Sight, *, racing: bool) -> None:
        """A deletion between two runs, of something that both sides agreed on, must go on to the other side."""
        group = self.group(key)
        halves = [one for one in group if one in before and one != key]
        steps = [typed.step for (one, _), typed in self.typed.items() if one in group]
        steps += [step for one, step in self.deleted.items() if one in group]
        if racing or len(halves) != 1 or halves[0][0] == key[0] or max(steps, default=0) > self.agreed:
            return
        [half] = halves
        number = int((key if key[0] == "advoware" else half)[1])
        record = self._before[number]
        first, last = self.world.clock.window()
        days = before[half]["when"]
        is_own = record["anwalt"] == KUERZEL and self.world.write and not is_locked(record)
        begin = (first + _ROOM).isoformat()
        inside = isinstance(days[1], str) and begin <= days[1][:10] <= last.isoformat()
        if is_own and inside and before[half]["when"] == before[key]["when"]:
            self.expected_gone[half] = self.step
