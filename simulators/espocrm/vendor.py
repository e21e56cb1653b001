"""The simulated EspoCRM: its parts put together, and what a test or a user at the screen can do with it."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from simulators.espocrm import views
from simulators.espocrm.answers import HTML, Refused
from simulators.espocrm.api import BASE, Api
from simulators.espocrm.attachments import Attachments
from simulators.espocrm.auth import Auth, HmacUser
from simulators.espocrm.control import control_routes
from simulators.espocrm.delivery import Sender
from simulators.espocrm.events import Events
from simulators.espocrm.files import Content, Files, Generated, Held
from simulators.espocrm.firm import firm_schema
from simulators.espocrm.queue import Queue, Run
from simulators.espocrm.records import Ids, Records, Row, wall_clock
from simulators.espocrm.schema import Link, Schema, Shape
from simulators.espocrm.seeding import Seeding
from simulators.espocrm.service import Actor, Service
from simulators.espocrm.webhooks import Webhooks
from simulators.faults import Faults
from simulators.harness import RequestLog

Json = dict[str, Any]
ADMIN = "admin"
ADMIN_PASSWORD = "admin"  # noqa: S105 - of a simulator


class Espocrm:
    """EspoCRM 9.2.7 with the firm's entity types, seen from outside. Base URL of clients: server root + /api/v1.

    api_keys: key -> user name. hmac_keys: key -> (user name, secret). The user `admin` logs in with the password
    `admin` and is who `insert`, `save` and the rest act for unless told otherwise.
    tick_s: seconds between runs of the job Process Webhook Queue (the vendor's default is 120); None: only when told.
    """

    name = "espocrm"

    def __init__(
        self,
        *,
        api_keys: Mapping[str, str] = {"demo": "hub"},
        hmac_keys: Mapping[str, tuple[str, str]] = {},
        tick_s: float | None = 120.0,
        retry_period_s: float = 600.0,
        schema: Schema | None = None,
        webhook_timeout_s: float = 10.0,
        seed: int = 0,
    ) -> None:
        self.faults = Faults(seed)
        self.log = RequestLog()
        self.maintenance = False
        self.schema = schema or firm_schema()
        self._tick_s = tick_s
        users = [ADMIN, *api_keys.values(), *(name for name, _ in hmac_keys.values())]
        self._actors = {name: _actor(number, name) for number, name in enumerate(dict.fromkeys(users))}
        self.records = Records(self.schema, Ids(random.Random(seed), wall_clock), wall_clock)
        self.files = Files()
        self.queue = Queue(self.records, Sender(webhook_timeout_s).send, retry_period_s=retry_period_s)
        self._service = Service(self.records, self.files, Events(self.records, self.queue))
        self._attachments = Attachments(self.records, self.files)
        self._webhooks = Webhooks(self.records)
        self._auth = Auth(
            {key: self._actors[name] for key, name in api_keys.items()},
            {key: HmacUser(self._actors[name], secret) for key, (name, secret) in hmac_keys.items()},
            self._actors[ADMIN],
            ADMIN_PASSWORD,
        )
        self._api = Api(
            records=self.records,
            service=self._service,
            auth=self._auth,
            attachments=self._attachments,
            webhooks=self._webhooks,
            in_maintenance=lambda: self.maintenance,
        )
        self._seeding = Seeding(self.records, self._service, self._webhooks, self._attach, self.actor)
        self._add_users()

    # What the frame needs.

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", BASE, self._api.handle), web.route("*", BASE + "/{path:.*}", self._api.handle)]

    def control_routes(self) -> list[web.RouteDef]:
        return control_routes(self)

    def error(self, status: int) -> web.Response:
        """Empty, as most of its errors are. 429 is not EspoCRM's own but its web server's."""
        return Refused(status, content_type=HTML).answer()

    def dump(self) -> object:
        """Records (deleted ones too) by entity type, links as [type, id, link, other id], webhooks, queue."""
        records = {
            name: [views.whole(self.records, shape, row) for row in self.records.rows[name].values()]
            for name, shape in self.records.shapes.items()
            if name != "Webhook"
        }
        return {
            "records": records,
            "links": self.records.all_links(),
            "webhooks": [dict(row) for row in self.records.rows["Webhook"].values()],
            "queue": msgspec.to_builtins(self.queue.summary()),
        }

    def seed(self, data: dict[str, object]) -> object:
        """Puts data in past all checks, firing no webhook unless `fire` is true; answers the ids made.

        {"attachments": [..], "records": {"Account": [{..}]}, "links": [[type, id, link, other id]],
        "webhooks": [{"id", "secretKey", "event", "url", "skipOwn", "user"}], "fire": false}
        """
        return self._seeding.seed(data)

    def reset(self) -> None:
        self.records.clear()
        self.files.clear()
        self.queue.clear()
        self._auth.clear()
        self.maintenance = False
        self._add_users()

    async def run(self) -> None:
        """The scheduled job, every tick_s, until cancelled."""
        if self._tick_s is None:
            await asyncio.Event().wait()
            return
        while True:
            await asyncio.sleep(self._tick_s)
            await self.tick()

    async def tick(self) -> Run:
        """One run of the job Process Webhook Queue."""
        return await self.queue.run_once()

    # What a user at the screen does. Raises Refused where the screen would refuse.

    def insert(self, entity_type: str, attributes: Json, *, user: str = ADMIN) -> Json:
        """A new record, as a read shows it. Fires webhooks."""
        shape = self.records.shape(entity_type)
        return views.whole(self.records, shape, self._service.create(shape, attributes, self.actor(user)).row)

    def save(
        self,
        entity_type: str,
        record_id: str,
        changes: Json,
        *,
        silent: bool = False,
        user: str = ADMIN,
    ) -> Json:
        """Changes a record; answers what a read shows. Silent: no webhook, no modifiedAt, as code in EspoCRM may."""
        shape = self.records.shape(entity_type)
        saved = self._service.update(shape, record_id, changes, self.actor(user), silent=silent)
        return views.whole(self.records, shape, saved.row)

    def remove(self, entity_type: str, record_id: str, *, user: str = ADMIN) -> None:
        """Soft delete. Fires the delete webhook."""
        self._service.remove(self.records.shape(entity_type), record_id, self.actor(user))

    def restore(self, entity_type: str, record_id: str) -> None:
        """Undoes a soft delete; fires nothing, touches no modifiedAt."""
        self._service.restore(self.records.shape(entity_type), record_id)

    def erase(self, entity_type: str, record_id: str) -> None:
        """Forgets a row for good, as the Cleanup job does with old deleted ones."""
        self.records.rows[entity_type].pop(record_id, None)

    def relate(self, entity_type: str, record_id: str, link: str, other_id: str, *, user: str = ADMIN) -> None:
        """Links two records from either side; only the firm's link hook hears of it."""
        shape, found = self._both_ends(entity_type, record_id, link, other_id)
        self._service.relate(shape, record_id, found, other_id, self.actor(user))

    def unrelate(self, entity_type: str, record_id: str, link: str, other_id: str, *, user: str = ADMIN) -> None:
        """The reverse of relate."""
        shape, found = self._both_ends(entity_type, record_id, link, other_id)
        self._service.unrelate(shape, record_id, found, other_id, self.actor(user))

    def attach(
        self,
        name: str,
        mime: str,
        content: bytes,
        *,
        field: str = "dokument",
        related_type: str = "CDokumente",
        user: str = ADMIN,
        attachment_id: str | None = None,
    ) -> str:
        """The id of a new attachment that belongs to no record yet."""
        values: Row = {
            "id": attachment_id,
            "name": name,
            "type": mime,
            "field": field,
            "relatedType": related_type,
        }
        return self._attach(values, Held(content), user)

    def attach_generated(
        self,
        name: str,
        mime: str,
        size_bytes: int,
        seed: int = 0,
        *,
        field: str = "dokument",
        related_type: str = "CDokumente",
        user: str = ADMIN,
        attachment_id: str | None = None,
    ) -> str:
        """As attach, with bytes that follow from the seed and are never held whole."""
        values: Row = {
            "id": attachment_id,
            "name": name,
            "type": mime,
            "field": field,
            "relatedType": related_type,
        }
        return self._attach(values, Generated(size_bytes, seed), user)

    # What a test looks at.

    def get(self, entity_type: str, record_id: str) -> Json | None:
        """The record as the admin sees it, deleted or not; None when there is none."""
        row = self.records.find(entity_type, record_id, with_deleted=True)
        return views.whole(self.records, self.records.shape(entity_type), row) if row is not None else None

    def list_ids(self, entity_type: str) -> list[str]:
        """Ids of all records that are not deleted, oldest first."""
        return [str(row["id"]) for row in self.records.alive(entity_type)]

    def linked_ids(self, entity_type: str, record_id: str, link: str) -> list[str]:
        """Ids of the living records behind a link, in the order in which they were linked."""
        return self.records.linked_ids(entity_type, record_id, self.records.shape(entity_type).links[link])

    def content(self, attachment_id: str) -> bytes | None:
        """All bytes of an attachment; None when it is gone."""
        content = self.files.get(attachment_id)
        return b"".join(content.blocks()) if content is not None else None

    def actor(self, user: str) -> Actor:
        """The user of that name, also of one that was put in by seed; KeyError when there is none."""
        if user in self._actors:
            return self._actors[user]
        rows = {str(row.get("userName")): row for row in self.records.alive("User")}
        return Actor(id=str(rows[user]["id"]), name=user, is_admin=rows[user].get("type") == "admin")

    def _attach(self, values: Row, content: Content, user: str) -> str:
        return str(self._attachments.add(values, content, self.actor(user).id)["id"])

    def _both_ends(self, entity_type: str, record_id: str, link: str, other_id: str) -> tuple[Shape, Link]:
        shape = self.records.shape(entity_type)
        found = shape.links.get(link)
        if found is None or found.kind == "belongsTo":
            raise Refused(404, f"Entity {entity_type} does not have link {link}.")
        for name, one in ((entity_type, record_id), (found.entity, other_id)):
            if self.records.find(name, one) is None:
                raise Refused(404, f"Record {one} does not exist.")
        return shape, found

    def _add_users(self) -> None:
        now = self.records.now_text()
        for actor in self._actors.values():
            self.records.rows["User"][actor.id] = {
                "id": actor.id,
                "name": "Admin" if actor.is_admin else actor.name,
                "deleted": False,
                "userName": actor.name,
                "type": "admin" if actor.is_admin else "api",
                "isActive": True,
                "createdAt": now,
                "modifiedAt": now,
            }


def _actor(number: int, name: str) -> Actor:
    """Ids of users are the same in every run, so that samples can name them."""
    return Actor(id=f"{0x6B0301BB00000000 + number:017x}", name=name, is_admin=name == ADMIN)
