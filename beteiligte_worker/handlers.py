"""One function per thing that happens, and the ROUTES table: everything this service reacts to."""

import functools

from beteiligte_worker.effects.accounts import ask_owner_of, load_account, remember_account
from beteiligte_worker.effects.apply import apply
from beteiligte_worker.effects.deps import Deps
from beteiligte_worker.effects.failure import show_failure
from beteiligte_worker.effects.keys import event_key, sweep_key
from beteiligte_worker.effects.load import load
from beteiligte_worker.effects.sweep import apply_sweep, load_sweep
from beteiligte_worker.effects.tell import ask_party
from beteiligte_worker.plan.party import plan_party
from beteiligte_worker.plan.preview import party_writes
from beteiligte_worker.plan.sweep import plan_sweep
from shared.clients.espocrm import PAGE_MAX
from shared.contracts.events import AuditEvent, EntityEvent, SweepEvent
from shared.contracts.subjects import (
    BANKVERBINDUNGEN_CREATE,
    BANKVERBINDUNGEN_DELETE,
    BANKVERBINDUNGEN_SYNC_CHECK,
    BANKVERBINDUNGEN_UPDATE,
    BETEILIGTE_AUDIT,
    BETEILIGTE_CREATE,
    BETEILIGTE_DELETE,
    BETEILIGTE_SWEEP,
    BETEILIGTE_SYNC_CHECK,
    BETEILIGTE_UPDATE,
    Subject,
)
from shared.outcomes.outcome import Done, Outcome, Skip
from shared.outcomes.reason import Reason
from shared.runtime.audit import Family, audit, audit_key, numbered_page, piece_of
from shared.runtime.route import Route, Routes


async def on_party(event: EntityEvent, deps: Deps) -> Outcome:
    """Something happened to a party, or may have: which and where does not matter."""
    seen = await load(event, deps)
    todo = plan_party(seen)
    if not todo.writes and todo.remember is None and todo.refused is None:
        return Skip(todo.reason)
    await apply(todo, seen, event, deps)
    return Done(todo.reason, todo.writes) if todo.writes else Skip(todo.reason)


async def on_account(event: EntityEvent, deps: Deps) -> Outcome:
    """Something happened to an account: its party's sync looks at all of a party's accounts."""
    owners = await load_account(event, deps)
    if not owners.to_ask:
        return Skip(Reason.NO_PARTY)
    await ask_owner_of(owners, event, deps)
    await remember_account(owners, event, deps)
    return Done(Reason.PARTY_ASKED, {"parties": len(owners.to_ask)})


async def on_sweep(event: SweepEvent, deps: Deps) -> Outcome:
    """Time to look for what webhooks have missed, and at Advoware, which has none."""
    seen = await load_sweep(deps)
    todo = plan_sweep(seen, max_changes=deps.guard_max_changes, max_share=deps.guard_max_share, force=event.force)
    await apply_sweep(todo, seen, deps)
    return Done(Reason.SWEPT, todo.writes) if todo.writes else Skip(Reason.IN_STEP)


async def on_audit(event: AuditEvent, deps: Deps) -> Outcome:
    """Time to compare all parties on both sides."""
    entity_type = BETEILIGTE_SYNC_CHECK.defaults["entity_type"]
    listed = functools.partial(deps.espocrm.ids, deps.names.beteiligte_entity)
    family = Family(
        name="beteiligte",
        subject=BETEILIGTE_AUDIT,
        page=lambda after: numbered_page(after, entity_type, listed, size=PAGE_MAX),
        look=lambda entity: preview(EntityEvent(entity_type=entity[0], entity_id=entity[1]), deps),
        ask=lambda entity: ask_party(entity[1], "audit", deps),
    )
    return await audit(event, family, snapshots=deps.snapshots, publisher=deps.publisher, clock=deps.clock)


async def preview(event: EntityEvent, deps: Deps) -> tuple[Reason, list[str]]:
    """The dry run: the reason and exactly the writes that a real run would make now. Writes nothing."""
    seen = await load(event, deps)
    todo = plan_party(seen)
    return todo.reason, party_writes(todo, seen, deps.names)


def _party(subject: Subject[EntityEvent]) -> Route[EntityEvent, Deps]:
    return Route(subject=subject, handler=on_party, lock=event_key, failed=show_failure)


def _account(subject: Subject[EntityEvent]) -> Route[EntityEvent, Deps]:
    return Route(subject=subject, handler=on_account, lock=event_key)


ROUTES: Routes[Deps] = (
    _party(BETEILIGTE_CREATE),
    _party(BETEILIGTE_UPDATE),
    _party(BETEILIGTE_DELETE),
    _party(BETEILIGTE_SYNC_CHECK),
    Route(subject=BETEILIGTE_SWEEP, handler=on_sweep, lock=sweep_key),
    Route(subject=BETEILIGTE_AUDIT, handler=on_audit, lock=audit_key, coalesce=piece_of),
    _account(BANKVERBINDUNGEN_CREATE),
    _account(BANKVERBINDUNGEN_UPDATE),
    _account(BANKVERBINDUNGEN_DELETE),
    _account(BANKVERBINDUNGEN_SYNC_CHECK),
)
