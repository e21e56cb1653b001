"""Webhook subscriptions: what may be subscribed to, and by whom."""

from simulators.espocrm.answers import Refused
from simulators.espocrm.fields import Values
from simulators.espocrm.records import Records, Row
from simulators.espocrm.service import Actor

EVENT_TYPES = ("create", "update", "delete", "fieldUpdate")
LINK_EVENTS = ("Entity.link", "Entity.unlink")
MAX_PER_USER = 50  # webhookMaxCountPerUser


class Webhooks:
    """Classes/RecordHooks/Webhook of 9.2.7. The same event and url may be subscribed to many times."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def create(self, body: Values, actor: Actor) -> Row:
        """`POST Webhook`; the answer's secretKey signs what is sent."""
        entity_type, kind, field = self._checked_event(str(body.get("event") or ""))
        if not actor.is_admin and len(self.of(actor)) >= MAX_PER_USER:
            raise Refused(403, "Webhook number per user exceeded the limit.")
        owner = None if actor.is_admin else actor.id
        return self.add({**body, "id": None, "secretKey": None}, (entity_type, kind, field), actor.id, owner)

    def seeded(self, data: Values, actor: Actor) -> Row:
        """A webhook with an id and secret of one's own choice, so that a receiver can know them beforehand."""
        return self.add(data, self._checked_event(str(data.get("event") or "")), actor.id, actor.id)

    def add(self, values: Values, event: tuple[str, str, str | None], actor_id: str, owner_id: str | None) -> Row:
        ids, now = self._records.ids, self._records.now_text()
        entity_type, kind, field = event
        row: Row = {
            "id": str(values.get("id") or ids.next()),
            "deleted": False,
            "event": values["event"],
            "url": values.get("url"),
            "isActive": bool(values.get("isActive", True)),
            "entityType": entity_type,
            "type": kind,
            "field": field,
            "secretKey": str(values.get("secretKey") or ids.secret()),
            # Without an owner there is nobody whose events could be skipped.
            "skipOwn": bool(values.get("skipOwn")) and owner_id is not None,
            "createdAt": now,
            "modifiedAt": now,
            "createdById": actor_id,
            "userId": owner_id,
        }
        self._records.rows["Webhook"][str(row["id"])] = row
        return row

    def update(self, webhook_id: str, body: Values, actor: Actor) -> Row:
        """url, isActive and skipOwn may change; a new event is silently dropped."""
        row = self.find(webhook_id, actor, "not found.")
        row.update({name: body[name] for name in ("url", "isActive", "skipOwn") if name in body})
        row["modifiedAt"] = self._records.now_text()
        row["modifiedById"] = actor.id
        return row

    def find(self, webhook_id: str, actor: Actor, missing: str = "does not exist.") -> Row:
        """One's own webhooks; the admin sees all."""
        row = self._records.find("Webhook", webhook_id)
        if row is None:
            raise Refused(404, f"Record {webhook_id} {missing}")
        if not actor.is_admin and row.get("userId") != actor.id:
            raise Refused(403, "No 'read' access.")
        return row

    def of(self, actor: Actor) -> list[Row]:
        return [w for w in self._records.alive("Webhook") if actor.is_admin or w.get("userId") == actor.id]

    def _checked_event(self, event: str) -> tuple[str, str, str | None]:
        if event in LINK_EVENTS and self._records.schema.link_hook:
            return ("Entity", event.removeprefix("Entity."), None)
        parts = event.split(".")
        if not event:
            raise Refused(403, "Event is empty.")
        if len(parts) not in (2, 3):
            raise Refused(403, "Not supported event.")
        shape = self._records.shapes.get(parts[0])
        if shape is None or not shape.type.is_object:
            raise Refused(403, "Entity type is not available for Webhooks.")
        if parts[1] not in EVENT_TYPES:
            raise Refused(403, "Not supported event.")
        if parts[1] != "fieldUpdate":
            return (parts[0], parts[1], None)
        if len(parts) < 3:
            raise Refused(403, "Field is empty.")
        if parts[2] not in shape.fields and not (parts[2] in shape.links and shape.links[parts[2]].multiple):
            raise Refused(403, "Field does not exist.")
        return (parts[0], "fieldUpdate", parts[2])
