"""Control routes under /_sim that only this simulator has: the queue, maintenance, and a user at the screen."""

import base64
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from simulators.espocrm.answers import Refused

if TYPE_CHECKING:
    from simulators.espocrm.vendor import Espocrm

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def control_routes(vendor: "Espocrm") -> list[web.RouteDef]:
    """POST tick, GET queue, POST queue/due, POST maintenance, POST user."""

    async def tick(_request: web.Request) -> web.Response:
        return _json(await vendor.tick())

    async def queue(_request: web.Request) -> web.Response:
        return _json(vendor.queue.summary())

    async def make_due(_request: web.Request) -> web.Response:
        return _json({"due": vendor.queue.make_due()})

    async def maintenance(request: web.Request) -> web.Response:
        vendor.maintenance = bool((await _object(request)).get("on"))
        return _json({"on": vendor.maintenance})

    async def user(request: web.Request) -> web.Response:
        try:
            return _json(act(vendor, await _object(request)))
        except Refused as refused:
            return web.json_response({"error": str(refused), "status": refused.status}, status=400)
        except (KeyError, TypeError, ValueError) as wrong:
            return web.json_response({"error": f"{type(wrong).__name__}: {wrong}"}, status=400)

    return [
        web.post("/_sim/tick", tick),
        web.get("/_sim/queue", queue),
        web.post("/_sim/queue/due", make_due),
        web.post("/_sim/maintenance", maintenance),
        web.post("/_sim/user", user),
    ]


def act(vendor: "Espocrm", step: dict[str, Any]) -> object:
    """Does one thing as staff would in the browser; `do` names it, `user` who (default admin)."""
    user = str(step.get("user", "admin"))
    verb = step["do"]
    if verb == "attach":
        return {"id": attach(vendor, step, user)}
    entity_type = step["entityType"]
    if verb == "insert":
        return vendor.insert(entity_type, step["attributes"], user=user)
    record_id = step["id"]
    if verb == "save":
        return vendor.save(entity_type, record_id, step["attributes"], silent=bool(step.get("silent")), user=user)
    if verb == "remove":
        vendor.remove(entity_type, record_id, user=user)
    elif verb == "restore":
        vendor.restore(entity_type, record_id)
    elif verb == "relate":
        vendor.relate(entity_type, record_id, step["link"], step["otherId"], user=user)
    elif verb == "unrelate":
        vendor.unrelate(entity_type, record_id, step["link"], step["otherId"], user=user)
    else:
        raise ValueError(f"do: {verb}")
    return {"id": record_id}


def attach(vendor: "Espocrm", data: dict[str, Any], user: str) -> str:
    """An attachment from {"name", "type", "content" (base64) or "sizeBytes" and "seed", "field", "relatedType"}."""
    name, mime = data["name"], data.get("type", "application/octet-stream")
    place = {
        "field": data.get("field", vendor.schema.file_field),
        "related_type": data.get("relatedType", vendor.schema.document_type),
        "user": user,
        "attachment_id": data.get("id"),
    }
    if "sizeBytes" in data:
        return vendor.attach_generated(name, mime, int(data["sizeBytes"]), seed=int(data.get("seed", 0)), **place)
    return vendor.attach(name, mime, base64.b64decode(data.get("content", "")), **place)


async def _object(request: web.Request) -> dict[str, Any]:
    return msgspec.json.decode(await request.read(), type=dict[str, Any])


def _json(data: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(data), content_type="application/json")
