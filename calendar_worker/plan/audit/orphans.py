"""What has lost its other half, and a sync leaves alone or would not see.

A sync that goes by changes looks only at events that have changed, and at pairs whose days are kept in step. So these
stay: events of ours that are not remembered or lie outside those days, whose Termin is gone (`termin_gone`); events
whose Termin is another person's now (`termin_of_another`); events that have lost their link (`link_lost`); copies of an
event that says only the fixed text (`copied_blank`); pairs both of whose sides are gone (`both_gone`); and Termine
without an event that are just as another one that has one (`unlinked_double`). An event that a person entered and whose
Termin is gone is none: a sync that sees it makes the Termin again.
"""

from collections.abc import Iterator

from calendar_worker.model.appointment import When
from calendar_worker.model.audit import Audited, Decided, Finding, Removal
from calendar_worker.model.sides import Event
from calendar_worker.plan.audit.common import (
    Key,
    content_key,
    is_own_form,
    live_events,
    numbers_of,
    what_is_lost,
    why_not_hubs,
)
from calendar_worker.plan.pairing import pair_up
from calendar_worker.plan.states import Pair, google_state
from calendar_worker.translate.event import ANONYMOUS_TEXT

Found = tuple[Finding, Removal | None]


def orphans(audited: Audited) -> Decided:
    """All of them; events first, then pairs, then Termine."""
    found = [*_events(audited), *_blanks(audited), *_rows(audited), *_termine(audited)]
    return Decided(
        findings=tuple(finding for finding, _ in found),
        removals=tuple(removal for _, removal in found if removal is not None),
    )


def _events(audited: Audited) -> Iterator[Found]:
    seen = audited.seen
    numbers = numbers_of(audited)
    foreign, gone = seen.foreign | audited.foreign, seen.gone | audited.gone
    adopted = {pair.event_id for pair in pair_up(seen).pairs if pair.fr_nr}
    for event in live_events(seen):
        number = numbers[event.id]
        if number in foreign:
            yield _event("termin_of_another", event, number, audited)
        elif number in gone:
            yield from _of_gone(event, number, audited)
        elif not number and is_own_form(event.id) and event.id not in adopted:
            yield _unlinked(event, audited)


def _of_gone(event: Event, number: int, audited: Audited) -> Iterator[Found]:
    """Of a pair whose days are kept in step the sync decides; so it does of what a person entered."""
    seen = audited.seen
    row = seen.memory.rows.get(event.id)
    if row is None and is_own_form(event.id):
        yield _event("termin_gone", event, number, audited)
    elif row is not None and not seen.window.meets(row.first, row.last):
        pair = Pair(fr_nr=number, event_id=event.id, row=row, event=event)
        reason = "changed in Google" if google_state(pair, seen) == "changed" else ""
        yield _event("termin_gone", event, number, audited, reason=reason)


def _unlinked(event: Event, audited: Audited) -> Found:
    """Its number cannot be told: only of days that were listed it is certain that the Termin is not there."""
    when = event.when
    is_listed = isinstance(when, When) and audited.seen.window.meets(when.first_day, when.last_day)
    return _event("link_lost", event, 0, audited, reason="" if is_listed else "outside the days that are kept in step")


def _event(kind: str, event: Event, number: int, audited: Audited, *, reason: str = "") -> Found:
    finding = Finding(
        kind=kind,
        cure="person" if reason else "delete",
        fr_nrs=(number,) if number else (),
        event_ids=(event.id,),
        deletes=() if reason else (f"events/{event.id}",),
        reason=reason,
    )
    forget = event.id if event.id in audited.seen.memory.rows else ""
    removal = Removal(event=event, forget=forget, conflicts=what_is_lost(event, number, audited))
    return finding, None if reason else removal


def _blanks(audited: Audited) -> Iterator[Found]:
    """A sync never makes Termine of them. They are a person's copies, so a person decides."""
    for event_id, event in sorted(audited.seen.events.items()):
        properties = (event.record.get("extendedProperties") or {}).get("private") or {}
        is_copy = event.link is None and not event.eligible and properties.get("hub_content") == "anonymous"
        is_single = not event.cancelled and not event.record.get("recurringEventId")
        if is_copy and is_single and event.what.text == ANONYMOUS_TEXT:
            yield Finding(kind="copied_blank", cure="person", event_ids=(event_id,), reason="a person's copy"), None


def _rows(audited: Audited) -> Iterator[Found]:
    seen = audited.seen
    gone = seen.gone | audited.gone
    for event_id, row in sorted(seen.memory.rows.items()):
        event = seen.events.get(event_id)
        if row.fr_nr in gone and (event is None or event.cancelled):
            finding = Finding(
                kind="both_gone",
                cure="delete",
                fr_nrs=(row.fr_nr,),
                event_ids=(event_id,),
                deletes=("what is remembered",),
            )
            yield finding, Removal(forget=event_id)


def _termine(audited: Audited) -> Iterator[Found]:
    """The sync would make an event for each, and then there were two of both."""
    pairs = pair_up(audited.seen).pairs
    of_key: dict[Key, Pair] = {}
    for pair in pairs:
        key = content_key(pair)
        if key is not None and pair.fr_nr and pair.event is not None and not pair.event.cancelled:
            of_key.setdefault(key, pair)
    for pair in pairs:
        key = content_key(pair)
        other = of_key.get(key) if key is not None else None
        termin = pair.termin
        if other is None or termin is None or pair.event_id:
            continue
        reason = why_not_hubs(termin, None, audited)
        finding = Finding(
            kind="unlinked_double",
            cure="person" if reason else "delete",
            fr_nrs=(other.fr_nr, pair.fr_nr),
            event_ids=(other.event_id,),
            keeps=f"frNr {other.fr_nr}",
            deletes=() if reason else (f"Termine?frnr={pair.fr_nr}",),
            reason=reason,
        )
        yield finding, None if reason else Removal(termin=termin)
