"""The states of a party in EspoCRM: what a failure makes of it, and when it is worth another try."""

from collections.abc import Mapping
from typing import Any

from beteiligte_worker.fields.names import AUTO_RESET, ERROR, NEXT_RETRY, RETRIES, STATUS, stamp
from beteiligte_worker.model.party import Bookkeeping
from shared.contracts.vocabulary import PartySyncStatus
from shared.outcomes.reason import Reason

RETRY_MINUTES = (1, 5, 15, 60, 240)
"""After the first, second, … failure. The fifth failure gives up, so the last one is never waited for."""
TRIES = len(RETRY_MINUTES)
AUTO_RESET_HOURS = 24


def rests(keeping: Bookkeeping, now: float) -> Reason | None:
    """Why a party is left alone for now; None: it is not. A change in EspoCRM makes it `dirty` and so ends the rest."""
    if keeping.status == PartySyncStatus.FAILED and (keeping.next_retry or 0.0) > now:
        return Reason.RETRY_NOT_DUE
    if keeping.status == PartySyncStatus.PERMANENTLY_FAILED and (keeping.auto_reset or 0.0) > now:
        return Reason.GIVEN_UP
    return None


def after_failure(keeping: Bookkeeping, text: str, now: float, *, final: bool) -> dict[str, Any]:
    """The bookkeeping after a failed run, by our names.

    `final` is a failure of this party's own, which counts; a vendor's outage does not: the event itself waits for
    its end, and nobody is given up because of it.
    """
    if not final:
        return {STATUS: PartySyncStatus.FAILED, ERROR: text}
    before = 0 if keeping.status == PartySyncStatus.PERMANENTLY_FAILED else keeping.retries
    tries = before + 1
    if tries >= TRIES:
        return {
            STATUS: PartySyncStatus.PERMANENTLY_FAILED,
            ERROR: text,
            RETRIES: TRIES,
            NEXT_RETRY: None,
            AUTO_RESET: stamp(now + AUTO_RESET_HOURS * 3600),
        }
    return {
        STATUS: PartySyncStatus.FAILED,
        ERROR: text,
        RETRIES: tries,
        NEXT_RETRY: stamp(now + RETRY_MINUTES[tries - 1] * 60),
        AUTO_RESET: None,
    }


def reset(keeping: Bookkeeping, now: float) -> dict[str, Any]:
    """What a sweep writes when the day of a given-up party is over; empty when it is not."""
    if keeping.status != PartySyncStatus.PERMANENTLY_FAILED or (keeping.auto_reset or 0.0) > now:
        return {}
    return {STATUS: PartySyncStatus.FAILED, RETRIES: 0, NEXT_RETRY: None, AUTO_RESET: None}


def settled(status: PartySyncStatus = PartySyncStatus.CLEAN) -> Mapping[str, Any]:
    """The bookkeeping of a party that is in step."""
    return {STATUS: status, ERROR: None, RETRIES: 0, NEXT_RETRY: None, AUTO_RESET: None}
