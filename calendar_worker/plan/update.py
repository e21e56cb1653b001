"""A pair that both sides have: which parts go where, who wins, and what is remembered of what lost."""

from typing import Literal

import msgspec

from calendar_worker.model.appointment import Shown, What, When, print_of
from calendar_worker.model.memory import Conflict, Row, Side
from calendar_worker.model.plan import Seen, Update
from calendar_worker.model.sides import Event, Termin
from calendar_worker.plan.agree import agreed
from calendar_worker.plan.decide import PartVerdict, merge
from calendar_worker.plan.states import (
    NO_FORM,
    Pair,
    event_prints,
    is_writable,
    origin_of,
    says_all,
    termin_prints,
)

_TO_GOOGLE: tuple[PartVerdict, ...] = ("to_google", "advoware_wins")
_TO_ADVOWARE: tuple[PartVerdict, ...] = ("to_advoware", "google_wins")


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of it. Without a write, `row` is what is remembered."""

    update: Update | None
    row: Row
    conflicts: tuple[Conflict, ...] = ()


def merged(pair: Pair, seen: Seen) -> Merged:
    """Compares part by part with what both sides last agreed on."""
    termin, event = pair.termin, pair.event
    assert termin is not None
    origin, generation = origin_of(pair, seen.kuerzel)
    shown, made_private = wanted_shown(pair, termin, origin, seen)
    when, what = _when(pair, termin, origin, seen), _what(pair, termin, origin, seen)
    hides = what in _TO_GOOGLE and not seen.terms.full and origin == "google"
    speaks_again = shown.full and not says_all(pair)
    update = Update(
        termin=termin,
        event_id=pair.event_id,
        event=event,
        row=pair.row,
        origin=origin,
        generation=generation,
        google_when=termin.when if when in _TO_GOOGLE else None,
        google_what=termin.what if speaks_again or (what in _TO_GOOGLE and shown.full and not hides) else None,
        shown=shown,
        made_private=made_private,
        shows_anew=not _shows(pair, shown),
        advoware_when=event.when if when in _TO_ADVOWARE and event and isinstance(event.when, When) else None,
        advoware_what=event.what if what in _TO_ADVOWARE and event else None,
        keeps_what=hides,
    )
    row = agreed(
        termin,
        event,
        pair.row,
        event_id=pair.event_id,
        origin=origin,
        generation=generation,
        shown=shown,
        made_private=made_private,
        keeps_what=hides,
    )
    lost = [
        _lost(pair, part, verdict, seen) for part, verdict in (("when", when), ("what", "agree" if hides else what))
    ]
    return Merged(
        update=update if update.to_google or update.to_advoware else None,
        row=row,
        conflicts=tuple(one for one in lost if one is not None),
    )


def wanted_shown(pair: Pair, termin: Termin, origin: Side, seen: Seen) -> tuple[Shown, bool]:
    """How Google shall show it, and whether it is private because somebody wants it so there.

    What was entered in Google keeps its own text, whatever the mode: it has been there all the time.
    """
    full = seen.terms.full if origin == "advoware" else says_all(pair)
    made_private = _made_private(pair, termin)
    suffix = termin.suffix if full and seen.terms.full else ""
    shown = Shown(suffix=suffix, private=termin.private or made_private, full=full)
    return shown, made_private


def _made_private(pair: Pair, termin: Termin) -> bool:
    row, event = pair.row, pair.event
    if event is None or not says_all(pair):
        return row.made_private if row is not None else False
    if row is None:
        return event.private and not termin.private
    return event.private and (row.made_private or not row.private)


def _shows(pair: Pair, shown: Shown) -> bool:
    """Whether Google shows it so already, as far as we know."""
    event = pair.event
    if event is None:
        return pair.row is not None and pair.row.shown == print_of(shown)
    link = event.link
    if link is None or link.fr_nr != pair.fr_nr:
        return False
    is_private = shown.private or not shown.full
    return (link.suffix, link.full, event.private) == (shown.suffix, shown.full, is_private)


def _when(pair: Pair, termin: Termin, origin: Side, seen: Seen) -> PartVerdict:
    row, event = pair.row, pair.event
    here = termin_prints(termin).when
    there = event_prints(event).when if event is not None else row.google.when if row is not None else ""
    writable = is_writable(pair, seen)
    if there == NO_FORM and writable:
        return "agree"  # nobody's rule is overwritten because we cannot read it
    return merge(
        advoware=row is None or here != row.advoware.when,
        google=row is None or there != row.google.when,
        equal=here == there,
        writable=writable,
        newer=newer(termin, event, origin, seen),
    )


def _what(pair: Pair, termin: Termin, origin: Side, seen: Seen) -> PartVerdict:
    row, event = pair.row, pair.event
    if not says_all(pair):
        return "agree"  # the fixed text is nobody's
    here = termin_prints(termin).what
    there = event_prints(event).what if event is not None else row.google.what if row is not None else ""
    return merge(
        advoware=row is None or here != row.advoware.what,
        google=row is None or there != row.google.what,
        equal=here == there,
        writable=is_writable(pair, seen),
        newer=newer(termin, event, origin, seen),
    )


def newer(termin: Termin, event: Event | None, origin: Side, seen: Seen) -> Literal["advoware", "google"]:
    """Who wins where both have changed the same."""
    if seen.terms.policy == "source_system_wins" or event is None:
        return origin
    if termin.changed_at is None or event.updated is None or termin.changed_at == event.updated:
        return origin
    return "advoware" if termin.changed_at > event.updated else "google"


def _lost(pair: Pair, part: str, verdict: PartVerdict, seen: Seen) -> Conflict | None:
    if verdict == "agree" or not verdict.endswith("_wins"):
        return None
    loser: Side = "google" if verdict == "advoware_wins" else "advoware"
    side: Termin | Event | None = pair.event if loser == "google" else pair.termin
    return conflict(pair, "when" if part == "when" else "what", loser, side, seen)


def conflict(
    pair: Pair, part: Literal["when", "what"], loser: Side, side: Termin | Event | None, seen: Seen
) -> Conflict | None:
    """What is kept of a part that lost. A time that has no form is kept as Google has it."""
    if side is None:
        return None
    content: When | What | object = side.when if part == "when" else side.what
    if part == "when" and not isinstance(content, When):
        content = {name: side.record.get(name) for name in ("start", "end", "recurrence")}
    return Conflict(
        fr_nr=pair.fr_nr,
        event_id=pair.event_id,
        part=part,
        at=seen.now,
        loser=loser,
        content=msgspec.json.encode(content).decode(),
    )
