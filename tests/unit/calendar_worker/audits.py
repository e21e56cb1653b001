"""Helpers of the audits' tests."""

import copy
from typing import Any

import msgspec

from calendar_worker.model.audit import Audited, Finding
from calendar_worker.model.plan import Terms, Window
from calendar_worker.plan.audit.duplicates import duplicates
from calendar_worker.plan.audit.orphans import orphans
from calendar_worker.plan.audit.verify import drift
from calendar_worker.translate.event import event_id
from tests.unit.calendar_worker.world import TERMS, World

DELETE, PERSON, SYNC = "delete", "person", "sync"


def seen_whole(world: World, how: Terms = TERMS, window: Window | None = None, **more: Any) -> Audited:
    """As an audit sees it."""
    return Audited(seen=world.seen(whole=True, terms=how, window=window), **more)


def told(findings: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    """Kind, cure and reason."""
    return [(one.kind, one.cure, one.reason) for one in findings]


def all_of(audited: Audited) -> list[tuple[str, str, str]]:
    """What all three find."""
    found = drift(audited), duplicates(audited).findings, orphans(audited).findings
    return [one for findings in found for one in told(findings)]


def copied(world: World, event: str, **members: Any) -> str:
    """A copy as Google makes it: with the hidden link of its original."""
    item = copy.deepcopy(world.events[event])
    return world.add_event(
        **{name: one for name, one in item.items() if name not in ("id", "etag", "updated")} | members
    )


def linked(world: World, event: str, number: int, **members: str) -> None:
    """Gives an event a link of its own, as if we had."""
    private = {"advoware_frnr": str(number), "hub_link": event, "hub_content": "full", **members}
    world.change_event(event, extendedProperties={"private": private})


def forget(world: World, *events: str) -> None:
    """Takes pairs out of the memory."""
    rows = {name: row for name, row in world.memory.rows.items() if name not in events}
    world.memory = msgspec.structs.replace(world.memory, rows=rows)


def a_pair() -> tuple[World, int, str]:
    """One Termin and its event, in step."""
    world = World()
    number = world.add_termin()
    world.run()
    return world, number, event_id("SB", number, 1)
