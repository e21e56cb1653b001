"""The REST API under /api/v1: which request goes where, and what every record answers to it."""

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from simulators.espocrm import metadata, search, views
from simulators.espocrm.answers import HTML, JSON, Refused, empty_success, slim_page, success
from simulators.espocrm.attachments import Attachments
from simulators.espocrm.auth import Auth
from simulators.espocrm.fields import Values
from simulators.espocrm.linking import Linking
from simulators.espocrm.records import Records, Row
from simulators.espocrm.schema import Shape
from simulators.espocrm.service import Actor, Service
from simulators.espocrm.webhooks import Webhooks

BASE = "/api/v1"
_LIST, _RECORD, _LINK = ("GET", "POST"), ("GET", "DELETE", "PUT", "PATCH"), ("GET", "POST", "DELETE")
Answer = web.Response


class Call(msgspec.Struct, frozen=True):
    """One request, its user known and its body read. `raw` is the body as it came."""

    request: web.Request
    actor: Actor
    body: Values
    raw: bytes

    def search(self) -> search.Search:
        no_total = self.request.headers.get("X-No-Total", "").lower() == "true"
        return search.read(self.request.query.items(), no_total=no_total)


class Api:
    """Routes and controllers (Resources/routes.json, Core/Controllers/{RecordBase,Record})."""

    def __init__(
        self,
        *,
        records: Records,
        service: Service,
        auth: Auth,
        attachments: Attachments,
        webhooks: Webhooks,
        in_maintenance: Callable[[], bool],
    ) -> None:
        self._records = records
        self._service = service
        self._auth = auth
        self._attachments = attachments
        self._webhooks = webhooks
        self._linking = Linking(records, service)
        self._in_maintenance = in_maintenance
        self._metadata = metadata.metadata(records.schema)

    async def handle(self, request: web.Request) -> Answer:
        """Every request below the base path."""
        try:
            return await self._handle(request)
        except Refused as refused:
            return refused.answer()

    async def _handle(self, request: web.Request) -> Answer:
        path = request.path.removeprefix(BASE)
        if path in ("", "/"):
            return success("EspoCRM REST API")
        steps = path.removeprefix("/").split("/")
        if "" in steps or len(steps) > 3:
            return slim_page(404, "404 Not Found")
        refused = _refuse_method(request, steps)
        if refused is not None:
            return refused
        if steps == ["Settings"] and not _has_credentials(request):
            return success(metadata.settings(public=True))
        actor = self._auth.actor(request, path)
        if self._in_maintenance() and not actor.is_admin:
            raise maintenance()
        raw = await request.read()
        call = Call(request, actor, _parsed(request, raw), raw)
        special = self._about(call, steps) or self._special(call, steps)
        if special is not None:
            return special
        shape = self._records.shape(steps[0][:1].upper() + steps[0][1:])
        return self._record(call, shape, steps[1:])

    def _about(self, call: Call, steps: list[str]) -> Answer | None:
        """Routes that tell of the system itself."""
        if steps == ["App", "user"]:
            return success(metadata.app_user(self._records.schema, call.actor))
        if steps == ["Settings"]:
            return success(metadata.settings(public=False))
        if steps != ["Metadata"]:
            return None
        key = call.request.query.get("key")
        if not key:
            return success(self._metadata)
        found, value = metadata.part(self._metadata, key)
        return success(value) if found else empty_success()

    def _special(self, call: Call, steps: list[str]) -> Answer | None:
        """Routes that are not those of a record."""
        method = call.request.method
        match steps:
            case ["MassAction"] if method == "POST":
                return self._mass_action(call)
            case ["Attachment", "file", attachment_id] if method == "GET":
                return self._attachments.download(call.request, attachment_id)
            case ["Attachment", "chunk", attachment_id] if method == "POST":
                self._attachments.add_chunk(attachment_id, call.raw)
                return success(True)
            case [entity_type, "action", "restoreDeleted"] if method == "POST":
                return self._restore(call, entity_type)
            case ["Webhook", *rest]:
                return self._webhook(call, rest)
        return None

    def _record(self, call: Call, shape: Shape, rest: list[str]) -> Answer:
        method = call.request.method
        match rest:
            case [] if method == "POST":
                return self._create(call, shape)
            case []:
                return self._list(call, shape)
            case [record_id] if method == "GET":
                return self._read(call, shape, record_id)
            case [record_id] if method == "DELETE":
                return self._delete(call, shape, record_id)
            case [record_id]:
                return self._update(call, shape, record_id)
            case ["action", name]:
                raise Refused(404, f"Action {method} '{name}' does not exist in controller '{shape.name}'.")
            case [record_id, link]:
                return success(self._linking.answer(method, call.actor, shape, record_id, link, asked=call))
        return slim_page(404, "404 Not Found")

    def _create(self, call: Call, shape: Shape) -> Answer:
        if shape.name == "Attachment":
            row = self._attachments.upload(call.body, call.actor)
            return success(views.created(self._records, shape, row, {}))
        if not shape.type.api_create and not call.actor.is_admin:
            raise Refused(403, "No create access.")
        self._refuse_duplicate(call, shape)
        saved = self._service.create(shape, call.body, call.actor)
        return success(views.created(self._records, shape, saved.row, saved.held))

    def _refuse_duplicate(self, call: Call, shape: Shape) -> None:
        """409 with an array of up to five records, where the type has a duplicate check."""
        skip = call.request.headers.get("X-Skip-Duplicate-Check", "").lower() == "true"
        if skip or call.body.get("_skipDuplicateCheck"):
            return
        for name in shape.type.duplicate_check:
            value = call.body.get(name)
            same = [row for row in self._records.alive(shape.name) if value and row.get(name) == value]
            if same:
                found = [views.found_as_duplicate(self._records, shape, row) for row in same[:5]]
                raise Refused(409, "duplicate", body=found)

    def _list(self, call: Call, shape: Shape) -> Answer:
        if shape.name == "Attachment" and not call.actor.is_admin:
            raise Refused(403, "")
        rows = (row for row in self._records.alive(shape.name) if _is_ones_own(shape, row, call.actor))
        return success(search.page(self._records, shape, rows, call.search(), call.actor.id))

    def _read(self, call: Call, shape: Shape, record_id: str) -> Answer:
        """Whole, whatever `select` says. The admin sees deleted records too."""
        row = self._records.find(shape.name, record_id, with_deleted=call.actor.is_admin)
        if row is None:
            raise Refused(404, f"Record {record_id} does not exist.")
        if not call.actor.is_admin and not _is_ones_own(shape, row, call.actor):
            raise Refused(403, "No 'read' access.")
        return success(views.whole(self._records, shape, row))

    def _update(self, call: Call, shape: Shape, record_id: str) -> Answer:
        if not shape.type.api_edit and not call.actor.is_admin:
            raise Refused(403, "No edit access.")
        given = call.request.headers.get("X-Version-Number", "")
        version = int(given) if given.isdigit() else None
        saved = self._service.update(shape, record_id, call.body, call.actor, version=version)
        return success({**views.whole(self._records, shape, saved.row), **saved.held})

    def _delete(self, call: Call, shape: Shape, record_id: str) -> Answer:
        row = self._records.find(shape.name, record_id)
        may = shape.type.api_edit or (shape.type.own_by and (row is None or _is_ones_own(shape, row, call.actor)))
        if not may and not call.actor.is_admin:
            raise Refused(403, "No delete access.")
        self._service.remove(shape, record_id, call.actor)
        return success(True)

    def _restore(self, call: Call, entity_type: str) -> Answer:
        if not call.actor.is_admin:
            raise Refused(403, "")
        self._service.restore(self._records.shape(entity_type), str(call.body.get("id")))
        return success(True)

    def _webhook(self, call: Call, rest: list[str]) -> Answer:
        shape = self._records.shapes["Webhook"]
        method = call.request.method
        match rest:
            case [] if method == "POST":
                row = self._webhooks.create(call.body, call.actor)
                return success(views.created(self._records, shape, row, {}), status=201)
            case []:
                rows = self._webhooks.of(call.actor)
                return success(search.page(self._records, shape, rows, call.search(), call.actor.id))
            case [webhook_id] if method == "GET":
                row = self._webhooks.find(webhook_id, call.actor)
            case [webhook_id] if method == "DELETE":
                self._webhooks.find(webhook_id, call.actor, "not found.")["deleted"] = True
                return success(True)
            case [webhook_id]:
                row = self._webhooks.update(webhook_id, call.body, call.actor)
            case _:
                raise Refused(404, "Link does not exist.")
        return success(views.whole(self._records, shape, row))

    def _mass_action(self, call: Call) -> Answer:
        """Delete by ids; the rest needs a permission that API users do not have by default."""
        if call.body.get("action") != "delete":
            raise Refused(403, "No mass-update permission.", content_type=HTML)
        shape = self._records.shape(str(call.body.get("entityType")))
        params: Any = call.body.get("params") or {}
        ids = [i for i in params.get("ids") or [] if self._records.find(shape.name, i) is not None]
        for record_id in ids:
            self._service.remove(shape, record_id, call.actor)
        return success({"count": len(ids), "ids": ids})


def maintenance() -> Refused:
    """503 of the maintenance mode: JSON under text/html, no Retry-After."""
    return Refused(
        503,
        "Application is in maintenance mode.",
        body={"message": "The application currently is in maintenance mode."},
        content_type=HTML,
    )


def _is_ones_own(shape: Shape, row: Row, actor: Actor) -> bool:
    """Whether the user may see it at all; most types have no owner."""
    return shape.type.own_by is None or row.get(shape.type.own_by) == actor.id


def _has_credentials(request: web.Request) -> bool:
    return any(
        h in request.headers for h in ("X-Api-Key", "X-Hmac-Authorization", "Espo-Authorization", "Authorization")
    )


def _refuse_method(request: web.Request, steps: list[str]) -> Answer | None:
    """405 where the route has no such method; HEAD and OPTIONS have their own odd answers."""
    allowed = _allowed(steps)
    method = request.method
    if method in allowed:
        return None
    if method == "OPTIONS":
        return slim_page(200, "", {"Allow": ", ".join(allowed)})
    if method == "HEAD":
        kind = "list" if len(steps) == 1 else "read"
        raise Refused(404, f"Action HEAD '{kind}' does not exist in controller '{steps[0]}'.")
    return slim_page(405, "405 Method Not Allowed", {"Allow": ", ".join(allowed)})


def _allowed(steps: list[str]) -> tuple[str, ...]:
    match steps:
        case [_]:
            return _LIST
        case [_, _]:
            return _RECORD
        case ["Attachment", "file", _]:
            return ("GET",)
        case ["Attachment", "chunk", _]:
            return ("POST",)
        case [_, "action", _]:
            return ("POST", "PUT", "GET")
    return _LINK


def _parsed(request: web.Request, raw: bytes) -> Row:
    """The body as an object. Without the JSON content type it is not looked at."""
    if request.content_type != JSON or not raw or "Content-Type" not in request.headers:
        return {}
    try:
        body = msgspec.json.decode(raw)
    except msgspec.MsgspecError:
        raise Refused(500) from None
    if isinstance(body, list):
        return {"list": body}
    if not isinstance(body, dict):
        raise Refused(400, "Body is not a JSON object.")
    return body
