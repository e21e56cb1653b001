"""From how a delivery ended to what the broker is told: one pure, total function."""

from typing import assert_never

import msgspec

from shared.outcomes.backoff import busy_delay_s, retry_delay_s
from shared.outcomes.errors import Busy, Halt, HubError, Malformed, RateLimited, Refused, Retry, Terminal
from shared.outcomes.outcome import Done, Outcome, Skip

RETRIES_MAX = 500
"""At delays of up to ten minutes: a vendor may be away for three days before events become dead letters."""
BUGS_MAX = 5
CRASHES_MAX = 10
"""The worker has died this often over one event: it is not tried once more."""
SUSPECT_AFTER_CRASHES = 3
NAK_DELAY_MAX_S = 60.0
"""A delayed nak holds a slot of max_ack_pending; longer waits go through a schedule."""
HALT_DELAY_S = 15.0


class Attempts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the earlier deliveries of one event."""

    failures: int = 0
    """Tries that failed, whatever the failure."""
    bugs: int = 0
    """Those among them that were errors in our own code."""
    handed_back: int = 0
    """Deliveries given back untried because the entity was busy."""
    crashes: int = 0
    """Runs that were begun and never ended: the worker died over them. The first delivery's is not counted."""


class Ack(msgspec.Struct, frozen=True):
    """Finished. `worked` tells a success that reached its vendors from a skip, which proves nothing about them."""

    worked: bool


class Nak(msgspec.Struct, frozen=True):
    """Deliver again after `delay_s`."""

    delay_s: float


class Later(msgspec.Struct, frozen=True):
    """Publish again after `delay_s` by a schedule, and ack this delivery."""

    delay_s: float


class Bury(msgspec.Struct, frozen=True):
    """Store as a dead letter, then term. `in_a_row` counts towards TooManyDead."""

    kind: str
    reason: str
    in_a_row: bool


class Stop(msgspec.Struct, frozen=True):
    """Hand back after `delay_s` and stop pulling."""

    kind: str
    reason: str
    delay_s: float


Settlement = Ack | Nak | Later | Bury | Stop


def settle(result: Outcome | BaseException, attempts: Attempts, dice: float) -> Settlement:
    """Decides. `attempts` does not yet count this delivery; `dice` is in [0, 1)."""
    match result:
        case Done():
            return Ack(worked=True)
        case Skip():
            return Ack(worked=False)
        case Busy():
            return Nak(busy_delay_s(attempts.handed_back, dice))
        case RateLimited():
            # The vendor is there and names its pace; however long that takes, it uses up no attempt.
            return _later(result.after_s + retry_delay_s(0, dice))
        case Retry():
            return _wait(result, attempts, retry_delay_s(attempts.failures, dice))
        case Terminal():
            fault_of_the_event = isinstance(result, (Malformed, Refused))
            return Bury(type(result).__name__, result.reason, in_a_row=not fault_of_the_event)
        case Halt():
            return Stop(type(result).__name__, result.reason, HALT_DELAY_S)
        case BaseException():
            return _bug(result, attempts, dice)
        case _:
            assert_never(result)


def _wait(failed: HubError, attempts: Attempts, delay_s: float) -> Settlement:
    if attempts.failures + 1 >= RETRIES_MAX:
        return Bury(type(failed).__name__, f"gave up after {RETRIES_MAX} tries: {failed.reason}", in_a_row=False)
    return _later(delay_s)


def _later(delay_s: float) -> Settlement:
    return Nak(delay_s) if delay_s <= NAK_DELAY_MAX_S else Later(delay_s)


def _bug(failed: BaseException, attempts: Attempts, dice: float) -> Settlement:
    if attempts.bugs + 1 >= BUGS_MAX:
        return Bury("Bug", f"{type(failed).__name__}; the traceback is in the log", in_a_row=True)
    return Nak(min(NAK_DELAY_MAX_S, retry_delay_s(attempts.bugs, dice)))
