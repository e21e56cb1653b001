"""Appointments that are there twice.

`events_of_one_termin`: several live events stand for one Termin and say the same. `alike`: several appointments of the
employee's own that nobody can tell apart by time, text, note, place and Akte, each with an event.

The remembered one stays, else a linked one, else the oldest. What is no copy of the one that stays is left alone:
a sync makes a Termin of it.
"""

from collections import defaultdict
from collections.abc import Iterator

from calendar_worker.model.audit import Audited, Decided, Finding, Removal
from calendar_worker.model.plan import Seen
from calendar_worker.model.sides import Event
from calendar_worker.plan.audit.common import (
    content_key,
    created,
    in_step,
    is_ours,
    is_own_form,
    numbers_of,
    why_not_hubs,
)
from calendar_worker.plan.pairing import pair_up
from calendar_worker.plan.states import Pair, event_prints, says_all, termin_prints

_NO_NUMBER = 10**12


def duplicates(audited: Audited) -> Decided:
    """All of both kinds; an event or a Termin is taken away once."""
    found = [*_of_one_termin(audited), *_alike(audited)]
    return Decided(
        findings=tuple(finding for finding, _ in found),
        removals=tuple(removal for _, removal in found if removal is not None),
    )


def asks_receipts(seen: Seen) -> frozenset[str]:
    """Events that a person entered and that the journal is asked about: which Termin the hub made of them."""
    groups: dict[object, list[Pair]] = defaultdict(list)
    for pair in pair_up(seen).pairs:
        if (key := content_key(pair)) is not None:
            groups[key].append(pair)
    return frozenset(
        pair.event_id
        for group in groups.values()
        for pair in group
        if len(group) > 1 and pair.event_id and not is_own_form(pair.event_id)
    )


Found = tuple[Finding, Removal | None]


def _of_one_termin(audited: Audited) -> Iterator[Found]:
    for number, group in sorted(_by_number(audited).items()):
        first, *others = sorted(group, key=_rank)
        for other in others:
            reason = _why_event_kept(other, first, audited.seen)
            yield (
                Finding(
                    kind="events_of_one_termin",
                    cure="person" if reason else "delete",
                    fr_nrs=(number,),
                    event_ids=(first.event_id, other.event_id),
                    keeps=f"events/{first.event_id}",
                    deletes=() if reason else (f"events/{other.event_id}",),
                    reason=reason,
                ),
                None if reason else Removal(event=other.event, forget=_remembered(other), forget_first=True),
            )


def _why_event_kept(other: Pair, first: Pair, seen: Seen) -> str:
    assert other.event is not None
    if not _says_nothing_new(other, first):
        return "they say different things"
    return "" if is_ours(other.event, seen) else "entered by a person"


def _by_number(audited: Audited) -> dict[int, list[Pair]]:
    """Live events of the same Termin, where there are several."""
    paired = pair_up(audited.seen)
    numbers = numbers_of(audited)
    groups: dict[int, list[Pair]] = defaultdict(list)
    for pair in paired.pairs:
        if pair.fr_nr and pair.event is not None and not pair.event.cancelled:
            groups[pair.fr_nr].append(pair)
    for event in paired.surplus:
        number = numbers[event.id]
        termin = audited.seen.termine.get(number)
        groups[number].append(Pair(fr_nr=number, event_id=event.id, termin=termin, event=event))
    return {number: group for number, group in groups.items() if len(group) > 1}


def _says_nothing_new(other: Pair, first: Pair) -> bool:
    """Whether nothing in it is new beside the event that stays and the Termin."""
    assert other.event is not None
    assert first.event is not None
    here = event_prints(other.event)
    there = [event_prints(first.event)]
    there += [termin_prints(first.termin)] if first.termin is not None else []
    fixed = not says_all(other) or not says_all(first)
    return any(here.when == one.when and (fixed or here.what == one.what) for one in there)


def _alike(audited: Audited) -> Iterator[Found]:
    groups: dict[object, dict[int | str, Pair]] = defaultdict(dict)
    for pair in sorted(pair_up(audited.seen).pairs, key=lambda one: _age(one, audited)):
        key = content_key(pair)
        if key is not None and pair.event is not None and not pair.event.cancelled:
            groups[key].setdefault(pair.fr_nr or pair.event_id, pair)
    for group in groups.values():
        first, *others = group.values()
        for other in others:
            reason = _why_kept(other, audited)
            yield (
                Finding(
                    kind="alike",
                    cure="person" if reason else "delete",
                    fr_nrs=tuple(one.fr_nr for one in (first, other) if one.fr_nr),
                    event_ids=(first.event_id, other.event_id),
                    keeps=f"frNr {first.fr_nr}" if first.fr_nr else f"events/{first.event_id}",
                    deletes=() if reason else (f"events/{other.event_id}", f"Termine?frnr={other.fr_nr}"),
                    reason=reason,
                ),
                None if reason else Removal(event=other.event, termin=other.termin, forget=_remembered(other)),
            )


def _why_kept(pair: Pair, audited: Audited) -> str:
    """Why one of several alike is not deleted; empty: it is."""
    event, termin = pair.event, pair.termin
    assert event is not None
    if termin is None:
        return "entered by a person"
    if event.link is None or event.link.fr_nr != termin.fr_nr or not in_step(pair):
        return "not in step"
    return why_not_hubs(termin, event, audited) or _holds_more(event, audited.seen)


def _holds_more(event: Event, seen: Seen) -> str:
    """What would go with the event though no Termin has it."""
    if event.record.get("attendees"):
        return "has guests"
    if any(one.record.get("recurringEventId") == event.id for one in seen.events.values()):
        return "has occurrences of its own"
    return ""


def _remembered(pair: Pair) -> str:
    return pair.event_id if pair.row is not None else ""


def _rank(pair: Pair) -> tuple[object, ...]:
    event = pair.event
    return (pair.row is None, event is None or event.link is None, created(event), pair.event_id)


def _age(pair: Pair, audited: Audited) -> tuple[object, ...]:
    """Remembered before linked before others; what a person entered in Advoware before what the hub made; then age."""
    event, termin = pair.event, pair.termin
    is_hubs = termin is not None and why_not_hubs(termin, event, audited) == ""
    has_link = event is not None and event.link is not None
    return (pair.row is None, not has_link, is_hubs, pair.fr_nr or _NO_NUMBER, created(event), pair.event_id)
