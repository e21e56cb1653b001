"""A plan as the list of writes it stands for: the dry run. Each line is what a request log would show."""

from document_worker.fields import DocumentNames
from document_worker.model import OwnerPlan, OwnerSeen, Plan, Seen

_NEW_FILE = "<new file>"


def document_writes(todo: Plan, seen: Seen, names: DocumentNames) -> list[str]:
    """The writes of a document's plan, in their order."""
    record = f"espocrm PUT {names.document_entity}/{seen.entity_id}"
    file_id = todo.file_id or _NEW_FILE
    lines = [f"nats publish {owner.entity_type} {owner.id} update" for owner in todo.ask_owners]
    if todo.mark_pending:
        lines.append(f"{record} ({names.document_status_field})")
    if todo.upload:
        lines.append("xai POST /v1/files")
    lines += [f"xai POST /v1/collections/{cid}/documents/{file_id}" for cid in todo.attach]
    lines += [f"xai PATCH /v1/collections/{cid}/documents/{file_id}" for cid in todo.reindex]
    lines += [f"xai DELETE /v1/collections/{pair.collection_id}/documents/{pair.file_id}" for pair in todo.detach]
    if todo.write_back:
        lines.append(f"{record} ({', '.join(sorted(names.changes(todo.write_back)))})")
    return lines


def owner_writes(todo: OwnerPlan, seen: OwnerSeen, names: DocumentNames) -> list[str]:
    """The writes of an owner's plan, in their order."""
    kind = names.owner_kind(seen.entity_type)
    lines = ["xai POST /v1/collections"] if todo.create else []
    if (todo.create or todo.store_id) and kind is not None:
        lines.append(f"espocrm PUT {seen.entity_type}/{seen.entity_id} ({kind.collection_field})")
    if todo.delete is not None:
        lines.append(f"xai DELETE /v1/collections/{todo.delete} (its documents first)")
    lines += [f"nats publish {names.document_entity} {document_id} update" for document_id in todo.tell]
    return lines
