"""The API's description, made from the table of doors and the contracts, and the page that shows it."""

from typing import Any

import msgspec
import swagger_ui_bundle
from aiohttp import web

from gateway.answers import Problem
from gateway.auth import API_KEY, OLD_SIGNATURE, SIGNATURE
from gateway.calendar_door import PATH as CALENDAR_PATH
from gateway.calendar_door import Triggered
from gateway.payloads import ITEMS_MAX, CalendarWish, Door
from gateway.proxy_door import BODY_MAX_BYTES as PROXY_BODY_MAX_BYTES
from gateway.proxy_door import PATH as PROXY_PATH
from gateway.webhooks import BODY_MAX_BYTES, RETRY_AFTER_S, WEBHOOKS, Received
from shared.contracts.events import EntityId, EntityType
from shared.contracts.proxy import METHODS, PARAMS_MAX, RETRY_AFTER_HEADER, STATUS_HEADER

Json = dict[str, Any]

_POLICY = {
    # The page's style sheet holds its icons as data: images.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Gateway</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="doors"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/initializer.js"></script>
</body>
</html>
"""
_INITIALIZER = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#doors", validatorUrl: null});\n'
_ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js")
_NOT_NOW = "no proxy is there, too many requests are in work, Advoware asks to wait, or a write could not be recorded"


class Record(msgspec.Struct, frozen=True):
    """A record as EspoCRM sends it. Only its id is read; further members may be there."""

    id: EntityId


class OlderRecord(msgspec.Struct, frozen=True):
    """The older form of one record. Further members may be there."""

    entity_id: EntityId


class Link(msgspec.Struct, frozen=True):
    """A document that was linked to a record, or is no longer. Names in snake_case are understood too."""

    entityType: EntityType  # noqa: N815 - EspoCRM's names
    entityId: EntityId  # noqa: N815
    documentId: EntityId  # noqa: N815


class Result(msgspec.Struct, frozen=True):
    """What Advoware answered, as it is; null where it answered nothing."""

    result: Any


def description(version: str) -> Json:
    """The OpenAPI 3.0.3 document."""
    _, components = msgspec.json.schema_components(
        (Record, OlderRecord, Link, Received, CalendarWish, Triggered, Result, Problem),
        ref_template="#/components/schemas/{name}",
    )
    doors = {path: {"post": _operation(door)} for path, door in WEBHOOKS.items()}
    about = "Webhooks become events that are stored; requests to Advoware are passed on."
    return {
        "openapi": "3.0.3",
        "info": {"title": "Gateway", "version": version, "description": about},
        "paths": doors
        | {CALENDAR_PATH: {"post": _calendar()}}
        | {PROXY_PATH: {method.lower(): _request(method) for method in METHODS}}
        | _probes(),
        "components": {
            "schemas": components,
            "securitySchemes": {
                "apikey": _header(API_KEY, "A key of GATEWAY_API_KEYS."),
                "signature": _header(SIGNATURE, "EspoCRM's: base64 of `webhookId:` and the body's HMAC-SHA256 in hex."),
                "oldSignature": _header(OLD_SIGNATURE, "The same with the raw digest, as EspoCRM 8 sends it."),
            },
        },
    }


def routes(version: str) -> list[web.RouteDef]:
    """/openapi.json and /docs with what the page needs; nothing comes from elsewhere."""
    answer = msgspec.json.encode(description(version))

    async def openapi_json(_request: web.Request) -> web.Response:
        return web.Response(body=answer, content_type="application/json")

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html", headers=_POLICY)

    async def initializer(_request: web.Request) -> web.Response:
        return web.Response(text=_INITIALIZER, content_type="text/javascript", headers=_POLICY)

    async def asset(request: web.Request) -> web.FileResponse:
        name = request.path.rpartition("/")[2]
        return web.FileResponse(swagger_ui_bundle.swagger_ui_path / name, headers=_POLICY)

    return [
        web.get("/openapi.json", openapi_json),
        web.get("/docs", page),
        web.get("/docs/initializer.js", initializer),
        *(web.get(f"/docs/{name}", asset) for name in _ASSETS),
    ]


def _operation(door: Door) -> Json:
    return {
        "summary": door.summary,
        "operationId": door.name,
        "tags": [door.name.partition(".")[0]],
        "security": [{"signature": []}, {"oldSignature": []}, {"apikey": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _body(door)}}},
        "responses": {
            "200": _answer("Every event is stored.", "Received"),
            "400": _answer("The body cannot be read; nothing was published.", "Problem"),
            "401": _answer("No valid signature and no valid key.", "Problem"),
            "408": _answer("The body did not come in time.", "Problem"),
            "413": _answer(f"More than {BODY_MAX_BYTES} bytes or {ITEMS_MAX} items.", "Problem"),
            "500": _answer("An error of ours; send it again.", "Problem"),
            "503": _answer("Not all events are stored; send it again.", "Problem") | {"headers": _retry_after()},
        },
    }


def _body(door: Door) -> Json:
    one = [_ref("Link")] if door.owners else [_ref("Record"), _ref("OlderRecord")]
    many = {"type": "array", "maxItems": ITEMS_MAX, "items": one[0] if len(one) == 1 else {"anyOf": one}}
    return {"anyOf": [many, *one]}


def _calendar() -> Json:
    return {
        "summary": "Start a calendar sync",
        "operationId": "calendar.sync",
        "tags": ["advoware"],
        "security": [{"apikey": []}],
        "requestBody": {"content": {"application/json": {"schema": _ref("CalendarWish")}}},
        "responses": {
            "200": _answer("The event is stored; the sync follows.", "Triggered"),
            "400": _answer("The body cannot be read, or wants what is not taken here.", "Problem"),
            "401": _answer("No valid key.", "Problem"),
            "408": _answer("The body did not come in time.", "Problem"),
            "413": _answer("The body is too large.", "Problem"),
            "500": _answer("An error of ours; send it again.", "Problem"),
            "503": _answer("Not stored; send it again.", "Problem") | {"headers": _retry_after()},
        },
    }


def _request(method: str) -> Json:
    any_json: Json = {"requestBody": {"content": {"application/json": {"schema": {}}}}}
    unknown = "" if method == "GET" else " Of a write nobody knows whether it was done."
    return {
        "summary": f"{method} at Advoware",
        "operationId": f"advoware.proxy.{method.lower()}",
        "tags": ["advoware"],
        "security": [{"apikey": []}],
        "parameters": _parameters(),
        **(any_json if method in ("POST", "PUT") else {}),
        "responses": {
            "200": _result(),
            "400": _answer("Not an endpoint, not JSON, or a query that is none; nothing was sent.", "Problem"),
            "401": _answer("No valid key.", "Problem"),
            "403": _answer("ADVOWARE_PROXY_ALLOW does not name this method and endpoint.", "Problem"),
            "408": _answer("The body did not come in time.", "Problem"),
            "413": _answer(f"The body has more than {PROXY_BODY_MAX_BYTES} bytes.", "Problem"),
            "429": _answer("Too many requests from this key.", "Problem") | {"headers": _retry_after()},
            "500": _answer("An error of ours.", "Problem"),
            "502": _answer(f"Advoware refused or gave no usable answer.{unknown}", "Problem") | {"headers": _status()},
            "503": _answer(f"Not now: {_NOT_NOW}.", "Problem") | {"headers": _retry_after()},
            "504": _answer(f"No answer in time.{unknown}", "Problem"),
        },
    }


def _parameters() -> list[Json]:
    endpoint = "Relative to `/api/v1/advonet/`, or beginning with `api/v1/`; `employees` is the list of employees."
    others = {"type": "object", "maxProperties": PARAMS_MAX, "additionalProperties": {"type": "string"}}
    text = {"type": "string", "example": "employees"}
    return [
        {"name": "endpoint", "in": "query", "required": True, "description": endpoint, "schema": text},
        {"name": "params", "in": "query", "description": "All others go to Advoware as they are.", "schema": others},
    ]


def _result() -> Json:
    answer = _answer("Advoware's JSON in `result`; what is not JSON comes as it is, with its own type.", "Result")
    return answer | {"content": answer["content"] | {"*/*": {"schema": {"type": "string", "format": "binary"}}}}


def _probes() -> Json:
    said = {
        "/healthz": ("Is the process alive?", "503 when it is stuck."),
        "/readyz": ("Can it do its work?", "503 with the reasons when it cannot."),
        "/metrics": ("Prometheus metrics.", "As text."),
    }
    return {
        path: {
            "get": {
                "summary": summary,
                "description": text,
                "operationId": path[1:],
                "tags": ["probes"],
                "responses": {"200": {"description": "Yes."}, "503": {"description": "No."}}
                if path != "/metrics"
                else {
                    "200": {"description": "The metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}
                },
            }
        }
        for path, (summary, text) in said.items()
    }


def _answer(text: str, schema: str) -> Json:
    return {"description": text, "content": {"application/json": {"schema": _ref(schema)}}}


def _retry_after() -> Json:
    return {RETRY_AFTER_HEADER: {"description": "Seconds.", "schema": {"type": "integer", "example": RETRY_AFTER_S}}}


def _status() -> Json:
    text = "Advoware's own status, where it answered with one."
    return {STATUS_HEADER: {"description": text, "schema": {"type": "integer", "example": 404}}}


def _header(name: str, text: str) -> Json:
    return {"type": "apiKey", "in": "header", "name": name, "description": text}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
