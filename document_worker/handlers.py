"""One function per thing that happens, and the ROUTES table: everything this service reacts to."""

import functools

import msgspec

from document_worker.effects.deps import Deps
from document_worker.effects.documents import apply, load, show_failure, snapshot_key
from document_worker.effects.owners import apply_owner, load_owner, owner_key
from document_worker.effects.sweep import apply_sweep, load_sweep
from document_worker.effects.tell import ask_document
from document_worker.plan.documents import plan_document
from document_worker.plan.owners import plan_owner
from document_worker.plan.preview import document_writes, owner_writes
from document_worker.plan.sweep import plan_sweep
from shared.clients.espocrm import PAGE_MAX
from shared.contracts.events import AuditEvent, EntityEvent, SweepEvent
from shared.contracts.keys import key
from shared.contracts.subjects import (
    ACCOUNT_CREATE,
    ACCOUNT_DELETE,
    ACCOUNT_UPDATE,
    BETEILIGTE_CREATE,
    BETEILIGTE_DELETE,
    BETEILIGTE_UPDATE,
    DOCUMENT_AUDIT,
    DOCUMENT_CREATE,
    DOCUMENT_DELETE,
    DOCUMENT_SWEEP,
    DOCUMENT_UPDATE,
    RAEUMUNGSKLAGE_CREATE,
    RAEUMUNGSKLAGE_DELETE,
    RAEUMUNGSKLAGE_UPDATE,
    Subject,
)
from shared.outcomes.outcome import Done, Outcome, Skip
from shared.outcomes.reason import Reason
from shared.runtime.audit import Family, audit, audit_key, numbered_page, piece_of
from shared.runtime.route import Route, Routes


async def on_document(event: EntityEvent, deps: Deps) -> Outcome:
    """A document was created, changed, linked, unlinked or deleted: which of these does not matter."""
    world = await load(event, deps)
    todo = plan_document(world.seen)
    if not todo.writes and todo.remember is None:
        return Skip(todo.reason)
    await apply(todo, world, event, deps)
    return Done(todo.reason, todo.writes) if todo.writes else Skip(todo.reason)


async def on_owner(event: EntityEvent, deps: Deps) -> Outcome:
    """Something happened to a record that owns a collection."""
    seen = await load_owner(event, deps)
    todo = plan_owner(seen)
    if not todo.writes and todo.remember is None:
        return Skip(todo.reason)
    await apply_owner(todo, seen, event, deps)
    return Done(todo.reason, todo.writes) if todo.writes else Skip(todo.reason)


async def on_sweep(event: SweepEvent, deps: Deps) -> Outcome:
    """Time to look for what webhooks have missed."""
    seen = await load_sweep(deps)
    todo = plan_sweep(seen, max_changes=deps.guard_max_changes, max_share=deps.guard_max_share, force=event.force)
    await apply_sweep(todo, deps)
    return Done(Reason.SWEPT, todo.writes) if todo.writes else Skip(Reason.IN_STEP)


async def on_audit(event: AuditEvent, deps: Deps) -> Outcome:
    """Time to compare all documents with xAI."""
    entity_type = DOCUMENT_UPDATE.defaults["entity_type"]
    listed = functools.partial(deps.espocrm.ids, deps.names.document_entity)
    family = Family(
        name="documents",
        subject=DOCUMENT_AUDIT,
        page=lambda after: numbered_page(after, entity_type, listed, size=PAGE_MAX),
        look=lambda entity: preview(EntityEvent(entity_type=entity[0], entity_id=entity[1]), deps),
        ask=lambda entity: ask_document(entity[1], "audit", deps),
    )
    return await audit(event, family, snapshots=deps.snapshots, publisher=deps.publisher, clock=deps.clock)


async def preview(event: EntityEvent, deps: Deps) -> tuple[Reason, list[str]]:
    """The dry run: the reason and exactly the writes that a real run would make now. Writes nothing."""
    if event.entity_type in (DOCUMENT_UPDATE.defaults["entity_type"], deps.names.document_entity):
        event = msgspec.structs.replace(event, entity_type=DOCUMENT_UPDATE.defaults["entity_type"])
        seen = (await load(event, deps)).seen
        todo = plan_document(seen)
        return todo.reason, document_writes(todo, seen, deps.names)
    owner = await load_owner(event, deps)
    for_owner = plan_owner(owner)
    return for_owner.reason, owner_writes(for_owner, owner, deps.names)


def sweep_key(event: SweepEvent) -> str:
    """One sweep at a time."""
    return key("document_sync", event.entity_type, event.entity_id)


def _document(subject: Subject[EntityEvent]) -> Route[EntityEvent, Deps]:
    return Route(subject=subject, handler=on_document, lock=snapshot_key, failed=show_failure)


def _owner(subject: Subject[EntityEvent]) -> Route[EntityEvent, Deps]:
    return Route(subject=subject, handler=on_owner, lock=owner_key)


ROUTES: Routes[Deps] = (
    _document(DOCUMENT_CREATE),
    _document(DOCUMENT_UPDATE),
    _document(DOCUMENT_DELETE),
    Route(subject=DOCUMENT_SWEEP, handler=on_sweep, lock=sweep_key),
    Route(subject=DOCUMENT_AUDIT, handler=on_audit, lock=audit_key, coalesce=piece_of),
    _owner(RAEUMUNGSKLAGE_CREATE),
    _owner(RAEUMUNGSKLAGE_UPDATE),
    _owner(RAEUMUNGSKLAGE_DELETE),
    _owner(ACCOUNT_CREATE),
    _owner(ACCOUNT_UPDATE),
    _owner(ACCOUNT_DELETE),
    _owner(BETEILIGTE_CREATE),
    _owner(BETEILIGTE_UPDATE),
    _owner(BETEILIGTE_DELETE),
)
