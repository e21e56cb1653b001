"""What the audits share: who owns an event, which Termin it stands for, and what can be told of it."""

import re
from collections.abc import Iterator

from calendar_worker.model.appointment import When, print_of
from calendar_worker.model.audit import Audited
from calendar_worker.model.memory import Conflict
from calendar_worker.model.plan import Seen
from calendar_worker.model.sides import Event, Termin
from calendar_worker.plan.states import Pair, event_prints, google_state, origin_of, says_all, termin_prints
from calendar_worker.plan.update import conflict
from calendar_worker.translate.event import event_id as own_id

_OWN_FORM = re.compile(f"[0-9a-v]{{{len(own_id('', 1, 1))}}}")
_GENERATIONS = 8
Key = tuple[str, str, str, str]


def is_own_form(event_id: str) -> bool:
    """Whether it looks like an id that we choose; Google's own are shorter."""
    return _OWN_FORM.fullmatch(event_id) is not None


def is_ours(event: Event, seen: Seen) -> bool:
    """Whether the hub made it, or stands by it with a link or in its memory. A copy carries another event's link."""
    return event.link is not None or is_own_form(event.id) or event.id in seen.memory.rows


def live_events(seen: Seen) -> Iterator[Event]:
    """Those that may stand for a Termin, by id."""
    for event_id in sorted(seen.events):
        event = seen.events[event_id]
        if not event.cancelled and (event.eligible or event.link is not None):
            yield event


def numbers_of(audited: Audited) -> dict[str, int]:
    """The Termin that each live event stands for: as remembered, as it says, as the journal says, or by its id."""
    seen = audited.seen
    rows = seen.memory.rows
    known = {*seen.termine, *seen.gone, *seen.foreign, *(row.fr_nr for row in rows.values())}
    of_id = {own_id(seen.kuerzel, number, one): number for number in known for one in range(1, _GENERATIONS + 1)}
    found = {}
    for event in live_events(seen):
        linked = event.link.fr_nr if event.link is not None else seen.made.get(event.id) or of_id.get(event.id, 0)
        found[event.id] = rows[event.id].fr_nr if event.id in rows else linked
    return found


def content_key(pair: Pair) -> Key | None:
    """Equal for appointments that nobody can tell apart; None for what cannot be compared.

    Of Termine only the employee's own count: everybody's and other people's are theirs to tidy.
    """
    termin, event = pair.termin, pair.event
    if termin is not None:
        prints = termin_prints(termin)
        return (prints.when, prints.what, termin.suffix, _akte(termin)) if termin.writable else None
    if event is None or pair.fr_nr or not event.eligible or not says_all(pair) or not isinstance(event.when, When):
        return None
    return print_of(event.when), print_of(event.what), "", ""


def why_not_hubs(termin: Termin, event: Event | None, audited: Audited) -> str:
    """Why a Termin is not taken for one that the hub made and nobody has touched; empty: it is proven.

    Proof is the journal's receipt, or the link of an event that a person entered in Google.
    """
    seen = audited.seen
    if not seen.terms.advoware_write:
        return "Advoware's Termine may not be written"
    is_receipted = termin.fr_nr in audited.receipts.values()
    if not is_receipted and not (event is not None and _is_made_of(event, termin, seen)):
        return "entered in Advoware, as far as the hub knows"
    return "" if not _akte(termin) else "belongs to an Akte"


def what_is_lost(event: Event, number: int, audited: Audited) -> tuple[Conflict, ...]:
    """What the event says and was never agreed on: what a sync keeps when it deletes such an event."""
    seen = audited.seen
    pair = Pair(fr_nr=number, event_id=event.id, row=seen.memory.rows.get(event.id), event=event)
    if google_state(pair, seen) != "changed":
        return ()
    kept = [conflict(pair, "when", "google", event, seen)]
    kept += [conflict(pair, "what", "google", event, seen)] if says_all(pair) else []
    return tuple(one for one in kept if one is not None)


def in_step(pair: Pair) -> bool:
    """Whether both sides of a pair say the same."""
    assert pair.termin is not None
    assert pair.event is not None
    here, there = termin_prints(pair.termin), event_prints(pair.event)
    return here.when == there.when and (not says_all(pair) or here.what == there.what)


def created(event: Event | None) -> str:
    """For the order of age; what has none comes last."""
    instant = event.record.get("created") if event is not None else None
    return instant if isinstance(instant, str) else "9999"


def _is_made_of(event: Event, termin: Termin, seen: Seen) -> bool:
    if event.link is None or event.link.fr_nr != termin.fr_nr:
        return False
    row = seen.memory.rows.get(event.id)
    return origin_of(Pair(fr_nr=termin.fr_nr, event_id=event.id, row=row), seen.kuerzel)[0] == "google"


def _akte(termin: Termin) -> str:
    """The Akte it belongs to, which the hub never writes; "" without one."""
    number = termin.record.get("nr")
    return "" if number in (None, 0, "", "0") else str(number)
