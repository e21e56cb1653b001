"""What is remembered of a pair once both sides are as they shall be."""

from calendar_worker.model.appointment import Shown, print_of
from calendar_worker.model.memory import Prints, Row, Side
from calendar_worker.model.sides import Event, Termin
from calendar_worker.plan.states import event_prints, termin_prints


def agreed(
    termin: Termin,
    event: Event | None,
    before: Row | None,
    *,
    event_id: str,
    origin: Side,
    generation: int,
    shown: Shown,
    made_private: bool = False,
    keeps_what: bool = False,
) -> Row:
    """The row. `event` None: Google's side is as remembered."""
    assert event is not None or before is not None
    advoware = termin_prints(termin)
    google = event_prints(event) if event is not None else before.google if before is not None else advoware
    if keeps_what:
        # Without a row before, nothing was ever agreed on: no print is that of any text.
        advoware = Prints(when=advoware.when, what=before.advoware.what if before is not None else "")
        google = Prints(when=google.when, what=before.google.what if before is not None else "")
    return Row(
        event_id=event_id,
        fr_nr=termin.fr_nr,
        origin=origin,
        generation=generation,
        advoware=advoware,
        google=google,
        shown=print_of(shown),
        full=shown.full,
        private=shown.private,
        made_private=made_private,
        writable=termin.writable,
        etag=event.etag if event is not None else before.etag if before is not None else "",
        first=termin.when.first_day,
        last=termin.when.last_day,
        # What was typed in Google meanwhile is looked at when texts are compared again.
        unseen=keeps_what and event is not None and event_prints(event).what != google.what,
    )
