"""Data put in past all checks: records with fixed ids, attachments, links, webhooks with known secrets."""

import base64
from collections.abc import Callable
from typing import Any

from simulators.espocrm.files import Content, Generated, Held
from simulators.espocrm.records import Records, Row
from simulators.espocrm.service import Actor, Service
from simulators.espocrm.webhooks import Webhooks

Attach = Callable[[Row, Content, str], str]


class Seeding:
    """What POST /_sim/seed does."""

    def __init__(
        self,
        records: Records,
        service: Service,
        webhooks: Webhooks,
        attach: Attach,
        actor: Callable[[str], Actor],
    ) -> None:
        self._records = records
        self._service = service
        self._webhooks = webhooks
        self._attach = attach
        self._actor = actor

    def seed(self, data: dict[str, Any]) -> dict[str, object]:
        """The ids made, in the order given. Webhooks and attachments come first, so that records can use them."""
        fire = bool(data.get("fire"))
        webhooks = [self._webhook(item) for item in data.get("webhooks", [])]
        attachments = [self._attachment(item) for item in data.get("attachments", [])]
        records = {
            entity_type: [self._record(entity_type, item, fire=fire) for item in items]
            for entity_type, items in data.get("records", {}).items()
        }
        for entity_type, record_id, link, other_id in data.get("links", []):
            self._link(entity_type, record_id, link, other_id, fire=fire)
        return {"webhooks": webhooks, "attachments": attachments, "records": records}

    def _webhook(self, item: Row) -> dict[str, object]:
        """Belongs to the API user named in `user`, by default the first there is."""
        first = next(row["userName"] for row in self._records.alive("User") if row["type"] == "api")
        row = self._webhooks.seeded(item, self._actor(str(item.get("user") or first)))
        return {"id": row["id"], "secretKey": row["secretKey"], "event": row["event"]}

    def _attachment(self, item: dict[str, Any]) -> str:
        content: Content
        if "sizeBytes" in item:
            content = Generated(int(item["sizeBytes"]), int(item.get("seed", 0)))
        else:
            content = Held(base64.b64decode(item.get("content", "")))
        schema = self._records.schema
        place = {"field": schema.file_field, "relatedType": schema.document_type}
        return self._attach({**place, **item}, content, "admin")

    def _record(self, entity_type: str, item: Row, *, fire: bool) -> str:
        shape = self._records.shape(entity_type)
        actor = self._actor("admin")
        now = self._records.now_text()
        row: Row = {"id": self._records.ids.next(), "deleted": False, **shape.defaults}
        made = {"createdAt": now, "modifiedAt": now, "streamUpdatedAt": now}
        for name, value in {**made, "createdById": actor.id, "versionNumber": 1}.items():
            if name in shape.attributes:
                row[name] = value
        row.update({name: value for name, value in item.items() if name in shape.stored})
        self._records.rows[entity_type][str(row["id"])] = row
        self._service.adopt_files(shape, row, item)
        held = self._service.store_contacts(shape, row, item, {})
        if fire:
            self._service.tell_created(shape, row, actor, held)
        return str(row["id"])

    def _link(self, entity_type: str, record_id: str, link: str, other_id: str, *, fire: bool) -> None:
        shape = self._records.shape(entity_type)
        if fire:
            self._service.relate(shape, record_id, shape.links[link], other_id, self._actor("admin"))
        else:
            self._records.link(entity_type, record_id, shape.links[link], other_id)
