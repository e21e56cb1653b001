"""Which trace a run belongs to: that of whoever published its event, or one of its own that is linked to it. Pure."""

from collections.abc import Mapping, Sequence

from shared.contracts.envelope import Envelope
from shared.contracts.subjects import E
from shared.telemetry.traces import Trace, parse_traceparent

SCHEDULER = "Nats-Scheduler"
"""The broker's header on what a schedule has published. Source: ADR-51 of nats-io/nats-architecture-and-design."""
LATE_S = 600.0
_ROUNDS = frozenset(("sweep", "audit", "calendar_worker"))
"""Sources that ask for a whole family at once: one trace of all that would be too large to be kept or read."""


def lineage(
    envelope: Envelope[E], headers: Mapping[str, str], *, delivered: int, age_s: float | None
) -> tuple[Trace | None, Sequence[Trace]]:
    """Parent and links. A run that continues a trace links to its publisher all the same, as the conventions ask.

    It begins a trace of its own when it is a replay, when a schedule has published it, when it comes once more after
    LATE_S, and when a sweep, an audit or the sync of all calendars asks for it among many.
    """
    before = parse_traceparent(envelope.traceparent)
    if before is None:
        return None, ()
    is_own = (
        envelope.replay_of is not None
        or SCHEDULER in headers
        or (delivered > 1 and age_s is not None and age_s > LATE_S)
        or envelope.event.source in _ROUNDS
    )
    return None if is_own else before, (before,)
