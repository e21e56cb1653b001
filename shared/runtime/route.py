"""What a service does with a subject: one row of its ROUTES table."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import msgspec

from shared.contracts.subjects import E, Subject
from shared.outcomes.errors import HubError
from shared.outcomes.outcome import Outcome

D = TypeVar("D")

Handler = Callable[[E, D], Awaitable[Outcome]]
"""Loads, plans, applies. No try, lock, retry, ack or logging: the consumer does these, the same way for all."""

Failed = Callable[[E, D, HubError], Awaitable[None]]
"""Shows a failure where people look. Called under the lock; its own failure is logged and changes nothing."""


class Route(msgspec.Struct, Generic[E, D], frozen=True, kw_only=True):
    """Subject, handler, and how its entity is locked."""

    subject: Subject[E]
    handler: Handler[E, D]
    lock: Callable[[E], str]
    """The lock's key, which is also the lane: one run at a time for each."""
    coalesce: Callable[[E], object] = lambda event: event.force
    """Events of one lane with equal answers here are equal: one run stands for all that wait."""
    failed: Failed[E, D] | None = None


Routes = tuple[Route[Any, D], ...]
