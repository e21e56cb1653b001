"""What is known of one Termin or one event, on both sides and in the memory. States and ids; no texts."""

from calendar_worker.model.audit import Audited, Finding
from calendar_worker.plan.audit.common import numbers_of
from calendar_worker.plan.states import Pair, advoware_state, google_state, termin_key


def of_number(number: int, audited: Audited) -> dict[str, str]:
    """All that there is of a Termin; empty: this employee's calendars know nothing of it."""
    numbers = numbers_of(audited)
    rows = audited.seen.memory.rows
    events = {event_id for event_id, one in numbers.items() if one == number}
    events |= {row.event_id for row in rows.values() if row.fr_nr == number}
    facts = _termin(number, audited)
    for event_id in sorted(events):
        facts |= _event(event_id, number, audited)
    return facts


def of_event(event_id: str, audited: Audited) -> dict[str, str]:
    """All that there is of an event; empty: this employee's calendars know nothing of it."""
    row = audited.seen.memory.rows.get(event_id)
    number = row.fr_nr if row is not None else numbers_of(audited).get(event_id, 0)
    facts = _event(event_id, number, audited)
    return facts | (_termin(number, audited) if number else {})


def concerning(wanted: str, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those about a number or an id."""
    return tuple(one for one in findings if wanted in (*map(str, one.fr_nrs), *one.event_ids))


def _termin(number: int, audited: Audited) -> dict[str, str]:
    seen = audited.seen
    facts = {}
    termin = seen.termine.get(number)
    if termin is not None:
        facts[f"frNr {number}"] = "there, the employee's own" if termin.writable else "there, never written by the hub"
    elif number in seen.gone | audited.gone:
        facts[f"frNr {number}"] = "gone"
    elif number in seen.foreign | audited.foreign:
        facts[f"frNr {number}"] = "another person's"
    elif number in seen.unreadable:
        facts[f"frNr {number}"] = f"cannot be read: {seen.unreadable[number]}"
    elif number in audited.there:
        facts[f"frNr {number}"] = "there, outside the days that are kept in step"
    if (failure := seen.memory.failed.get(termin_key(number))) is not None:
        facts["refused"] = f"{failure.attempts} tries: {failure.reason}"
    if lost := sum(one.fr_nr == number for one in seen.memory.conflicts):
        facts["conflicts kept"] = str(lost)
    return facts


def _event(event_id: str, number: int, audited: Audited) -> dict[str, str]:
    seen = audited.seen
    row, event = seen.memory.rows.get(event_id), seen.events.get(event_id)
    if row is None and event is None:
        return {}
    pair = Pair(fr_nr=number, event_id=event_id, row=row, termin=seen.termine.get(number), event=event)
    facts = {f"events/{event_id}": "there" if event is not None and not event.cancelled else "gone"}
    if event is not None and not event.cancelled:
        facts["link"] = f"frNr {event.link.fr_nr}" if event.link is not None else "none of its own"
    if row is None:
        facts["remembered"] = "no"
    else:
        facts["remembered"] = f"frNr {row.fr_nr}, origin {row.origin}, generation {row.generation}"
        facts["since the last agreement"] = f"advoware {advoware_state(pair, seen)}, google {google_state(pair, seen)}"
    if (failure := seen.memory.failed.get(event_id)) is not None:
        facts["refused"] = f"{failure.attempts} tries: {failure.reason}"
    if reason := seen.memory.left.get(event_id):
        facts["left in Google"] = reason
    return facts
