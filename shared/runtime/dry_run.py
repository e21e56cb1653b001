"""A worker's dry run: what a run would write now, for whoever asks over NATS and for its own command line."""

import argparse
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from shared.contracts.events import EntityEvent
from shared.contracts.operator import PlanAnswer, PlanQuestion
from shared.outcomes.errors import HubError
from shared.outcomes.reason import Reason
from shared.runtime.operator import Planner

E = TypeVar("E")

Preview = Callable[[E], Awaitable[tuple[Reason, list[str]]]]
"""The reason, and exactly the writes that a real run would make now. Writes nothing."""


def entity_of(question: PlanQuestion) -> EntityEvent:
    """The event of an entity. Raises ValidationError for an id that none can have."""
    return msgspec.convert({"entity_type": question.entity_type, "entity_id": question.entity_id}, EntityEvent)


def planner(service: str, event_of: Callable[[PlanQuestion], E], preview: Preview[E]) -> Planner:
    """Answers questions for plans; `event_of` raises ValidationError."""

    async def plan(question: PlanQuestion) -> PlanAnswer:
        reason, writes = await preview(event_of(question))
        return PlanAnswer(service=service, reason=reason, writes=tuple(writes))

    return plan


async def show(name: str, looked: Awaitable[tuple[Reason, list[str]]]) -> None:
    """A dry run, or why there is none, on standard output."""
    try:
        reason, writes = await looked
        lines = [f"{name}: {reason}", *(writes or ["nothing to write"])]
    except HubError as failed:
        lines = [f"{name}: {type(failed).__name__}", failed.reason]
    sys.stdout.write("\n  ".join(lines) + "\n")


def wanted(service: str, entity_types: Sequence[str], *, others: bool = False) -> EntityEvent | None:
    """The event whose plan the command line asks for; None: the service shall work. Exits 2 where it is neither.

    `others`: settings may bring further entity types.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {service}")
    plan = parser.add_subparsers(dest="command").add_parser(
        "plan", help="print the writes that a run of one entity would make now; write nothing"
    )
    plan.add_argument("entity_type", help=" or ".join(entity_types), choices=None if others else entity_types)
    plan.add_argument("entity_id")
    given = parser.parse_args()
    if given.command is None:
        return None
    try:
        return msgspec.convert({"entity_id": given.entity_id, "entity_type": given.entity_type}, EntityEvent)
    except msgspec.ValidationError:
        parser.error("entity_type is a name; entity_id is 1 to 36 of A-Z a-z 0-9 _ -")
