"""Which Termin and which event stand for the same appointment.

By what is remembered; else by the link in the event, a receipt of the journal, the id that we choose; and at last by
content, so that a Termin whose POST was never answered is met again and not made twice.
"""

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from calendar_worker.model.appointment import What, When, print_of
from calendar_worker.model.memory import Row
from calendar_worker.model.plan import Seen
from calendar_worker.model.sides import Event, Termin
from calendar_worker.plan.states import Pair, event_prints, origin_of, says_all, termin_prints, without_suffix
from calendar_worker.translate.event import event_id as own_id

_GENERATIONS = 4
"""How often an event can have been made anew and still be known by its id alone."""
_OWN_ID_LENGTH = len(own_id("", 1, 1))


class Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of both sides, each in exactly one place."""

    pairs: tuple[Pair, ...]
    surplus: tuple[Event, ...] = ()
    """Events that say the same as another one of the same Termin."""


def pair_up(seen: Seen) -> Pairing:
    """Pairs all Termine and events; those that stand alone are pairs of one."""
    pairs = [_remembered(row, seen) for row in seen.memory.rows.values()]
    by_number = {pair.fr_nr: pair for pair in pairs}
    free: list[Event] = []
    surplus: list[Event] = []
    for event in _not_remembered(seen):
        number = _number_of(event, seen)
        first = by_number.get(number)
        if not number:
            free += [event] if event.eligible else []
        elif first is None:
            termin = seen.termine.get(number)
            pair = Pair(fr_nr=number, event_id=event.id, termin=termin, event=_read_with(event, termin))
            by_number[number] = pair
            pairs.append(pair)
        elif first.event_id != event.id:
            _aside(event, first, surplus, free)
    alone = [termin for number, termin in seen.termine.items() if number not in by_number]
    pairs += _by_content(sorted(alone, key=lambda one: one.fr_nr), free)
    return Pairing(pairs=tuple(sorted(pairs, key=lambda one: (one.fr_nr, one.event_id))), surplus=tuple(surplus))


def _aside(event: Event, first: Pair, surplus: list[Event], free: list[Event]) -> None:
    """A second event of a Termin, such as one taken out of the bin: surplus when nothing in it is new, else new."""
    if _says_the_same(event, first):
        surplus.append(event)
    elif event.eligible:
        free.append(event)


def _remembered(row: Row, seen: Seen) -> Pair:
    termin = seen.termine.get(row.fr_nr)
    event = seen.events.get(row.event_id)
    return Pair(
        fr_nr=row.fr_nr,
        event_id=row.event_id,
        row=row,
        termin=termin,
        event=_read_with(event, termin) if event is not None else None,
    )


def _not_remembered(seen: Seen) -> Iterator[Event]:
    """By id, so that the order of a list decides nothing."""
    for event_id in sorted(seen.events):
        event = seen.events[event_id]
        if event_id not in seen.memory.rows and not event.cancelled and (event.eligible or event.link is not None):
            yield event


def _number_of(event: Event, seen: Seen) -> int:
    """The Termin that an event says it stands for; 0: none."""
    if event.link is not None:
        number = event.link.fr_nr
        # Somebody has moved it here out of the calendar of the Termin's owner, where it is deleted: here it is new.
        moved_here = number in seen.foreign and origin_of(Pair(fr_nr=number, event_id=event.id), seen.kuerzel)[1] == 0
        return 0 if moved_here else number
    if event.id in seen.made:
        return seen.made[event.id]
    if len(event.id) == _OWN_ID_LENGTH:
        for number in seen.termine:
            if any(event.id == own_id(seen.kuerzel, number, one) for one in range(1, _GENERATIONS + 1)):
                return number
    return 0


def _read_with(event: Event, termin: Termin | None) -> Event:
    return without_suffix(event, termin) if termin is not None else event


def _says_the_same(event: Event, pair: Pair) -> bool:
    """The fixed text is nobody's, at whatever time it stands."""
    if pair.termin is None:
        return False
    return not says_all(Pair(event=event)) or event_prints(event) == termin_prints(pair.termin)


def _by_content(termine: list[Termin], events: list[Event]) -> Iterator[Pair]:
    """Of several that are all alike, which goes with which does not matter."""
    waiting: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in reversed(events):
        waiting[_content(event.when, event.what)].append(event)
    for termin in termine:
        shown = What(text=termin.what.text + termin.suffix, notiz=termin.what.notiz, ort=termin.what.ort)
        keys = (_content(termin.when, termin.what), _content(termin.when, shown)) if termin.writable else ()
        found = next((waiting[key].pop() for key in keys if waiting.get(key)), None)
        if found is None:
            yield Pair(fr_nr=termin.fr_nr, termin=termin)
        else:
            yield Pair(fr_nr=termin.fr_nr, event_id=found.id, termin=termin, event=_read_with(found, termin))
    for left in waiting.values():
        yield from (Pair(event_id=event.id, event=event) for event in left)


def _content(when: object, what: What) -> tuple[str, str]:
    return (print_of(when) if isinstance(when, When) else "", print_of(what))
