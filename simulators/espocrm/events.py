"""What goes into the webhook queue when something is saved: the event's name and its data."""

from simulators.espocrm import views
from simulators.espocrm.queue import Queue
from simulators.espocrm.records import Records, Row
from simulators.espocrm.schema import Attribute, Link, Shape

# Core/Webhook/Manager of 9.2: these changes alone fire nothing and are not told.
_SKIPPED = frozenset(
    {
        "isFollowed",
        "isStarred",
        "followersIds",
        "followersNames",
        "modifiedAt",
        "versionNumber",
        "streamUpdatedAt",
    }
)


class Events:
    """Hooks/Common/Webhook: one event per save, and one per changed field that somebody listens to."""

    def __init__(self, records: Records, queue: Queue) -> None:
        self._records = records
        self._queue = queue

    def created(self, shape: Shape, row: Row, user_id: str, held: Row) -> None:
        event = f"{shape.name}.create"
        if shape.type.is_object and self._queue.is_wanted(event):
            self._queue.add(event, shape.name, row, views.created_event(self._records, shape, row, held), user_id)

    def removed(self, shape: Shape, row: Row, user_id: str) -> None:
        event = f"{shape.name}.delete"
        if shape.type.is_object and self._queue.is_wanted(event):
            self._queue.add(event, shape.name, row, {"id": row["id"]}, user_id)

    def updated(self, shape: Shape, row: Row, before: Row, after: Row, user_id: str) -> None:
        """Only what changed, `id` last; nothing when nothing changed."""
        if not shape.type.is_object:
            return
        changed = {n: v for n, v in after.items() if n not in _SKIPPED and v != before.get(n)}
        if not changed:
            return
        event = f"{shape.name}.update"
        if self._queue.is_wanted(event):
            self._queue.add(event, shape.name, row, {**changed, "id": row["id"]}, user_id)
        for field, attributes in shape.by_field.items():
            self._field_updated(
                f"{shape.name}.fieldUpdate.{field}",
                shape,
                row,
                after=after,
                changed=changed,
                attributes=attributes,
                user_id=user_id,
            )

    def _field_updated(
        self,
        event: str,
        shape: Shape,
        row: Row,
        *,
        after: Row,
        changed: Row,
        attributes: list[Attribute],
        user_id: str,
    ) -> None:
        """`id` first, then all attributes of the field."""
        if not self._queue.is_wanted(event) or not any(a.name in changed for a in attributes):
            return
        data = {"id": row["id"], **{a.name: after[a.name] for a in attributes if a.name not in _SKIPPED}}
        self._queue.add(event, shape.name, row, data, user_id)

    def linked(self, verb: str, shape: Shape, record_id: str, link: Link, other_id: str, *, user_id: str) -> None:
        """The firm's link hook: for links between a document and another record, seen from either side."""
        schema = self._records.schema
        event = f"Entity.{verb}"
        if not schema.link_hook or link.kind != "manyMany" or not self._queue.is_wanted(event):
            return
        if shape.name == schema.document_type:
            owner_type, owner_id, document_id = link.entity, other_id, record_id
        elif link.entity == schema.document_type:
            owner_type, owner_id, document_id = shape.name, record_id, other_id
        else:
            return
        data: Row = {"entityType": owner_type, "entityId": owner_id, "documentId": document_id}
        owner = self._records.find(owner_type, owner_id, with_deleted=True)
        if owner is not None:
            self._queue.add(event, owner_type, owner, data, user_id)
