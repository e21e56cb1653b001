"""A pair: what we remember, what each side has, and in which state that makes each side."""

import msgspec

from calendar_worker.model.appointment import What, When, print_of
from calendar_worker.model.memory import Prints, Row, Side
from calendar_worker.model.plan import Seen
from calendar_worker.model.sides import Event, Termin
from calendar_worker.plan.decide import Advoware, Google
from calendar_worker.translate.event import event_id as own_id

NO_FORM = "no form"
"""In place of the fingerprint of a time that Advoware cannot express."""
_GENERATIONS = 32


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A Termin and an event that stand for the same appointment; at least one of the three is there."""

    fr_nr: int = 0
    event_id: str = ""
    row: Row | None = None
    termin: Termin | None = None
    event: Event | None = None


def key_of(pair: Pair) -> str:
    """What a failure of it is remembered by."""
    return pair.event_id or termin_key(pair.fr_nr)


def termin_key(fr_nr: int) -> str:
    """The key of a Termin that has no event."""
    return f"frNr {fr_nr}"


def termin_prints(termin: Termin) -> Prints:
    """Advoware's side."""
    return Prints(when=print_of(termin.when), what=print_of(termin.what))


def event_prints(event: Event) -> Prints:
    """Google's side."""
    when = print_of(event.when) if isinstance(event.when, When) else NO_FORM
    return Prints(when=when, what=print_of(event.what))


def says_all(pair: Pair) -> bool:
    """Whether the event says what the Termin says, or the fixed text."""
    if pair.event is not None and pair.event.link is not None:
        return pair.event.link.full
    return pair.row.full if pair.row is not None else True


def advoware_state(pair: Pair, seen: Seen) -> Advoware:
    """Of the Termin."""
    if pair.fr_nr == 0:
        return "never"
    if pair.fr_nr in seen.gone:
        return "gone"
    if pair.fr_nr in seen.foreign:
        return "foreign"
    if pair.fr_nr in seen.unreadable:
        return "unreadable"
    if pair.termin is None:
        return "outside"
    return "same" if pair.row is not None and termin_prints(pair.termin) == pair.row.advoware else "changed"


def google_state(pair: Pair, seen: Seen) -> Google:
    """Of the event."""
    event, row = pair.event, pair.row
    if event is None:
        if row is None:
            return "never"
        if seen.whole:
            return "gone"
        return "unseen" if row.unseen else "same"
    if event.cancelled:
        return "gone"
    if row is None:
        return "changed"
    prints = event_prints(event)
    same = prints.when == row.google.when and (not says_all(pair) or prints.what == row.google.what)
    return "same" if same else "changed"


def is_writable(pair: Pair, seen: Seen) -> bool:
    """Whether Advoware's side may be written. The fixed text can never become a Termin."""
    if pair.termin is not None:
        return seen.terms.advoware_write and pair.termin.writable
    own = pair.row.writable if pair.row is not None else origin_of(pair, seen.kuerzel)[0] == "google"
    has_form = pair.event is None or isinstance(pair.event.when, When)
    return seen.terms.advoware_write and own and has_form and says_all(pair)


def origin_of(pair: Pair, kuerzel: str) -> tuple[Side, int]:
    """Where the pair comes from, and the generation of its event's id; told by the id where nothing is remembered."""
    if pair.row is not None:
        return pair.row.origin, pair.row.generation
    for generation in range(1, _GENERATIONS + 1):
        if pair.fr_nr and pair.event_id == own_id(kuerzel, pair.fr_nr, generation):
            return "advoware", generation
    return "google", 0


def content_of(pair: Pair) -> str:
    """Both sides in short: a refused write is tried again when this has changed."""
    sides: list[Prints | None] = [
        termin_prints(pair.termin) if pair.termin is not None else None,
        event_prints(pair.event) if pair.event is not None else pair.row.google if pair.row is not None else None,
    ]
    return ".".join(f"{one.when}.{one.what}" if one is not None else "-" for one in sides)


def without_suffix(event: Event, termin: Termin) -> Event:
    """An event whose link somebody has taken away still shows the reference behind its text."""
    if event.link is not None or not termin.suffix or not event.what.text.endswith(termin.suffix):
        return event
    text = event.what.text.removesuffix(termin.suffix)
    what = What(text=text, notiz=event.what.notiz, ort=event.what.ort)
    return msgspec.structs.replace(event, what=what)
