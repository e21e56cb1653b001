"""What an EspoCRM says about itself: Metadata, App/user, Settings."""

from typing import Any

from simulators.espocrm.schema import EntityType, Field, Link, Schema
from simulators.espocrm.search import MAX_SIZE
from simulators.espocrm.service import Actor

VERSION = "9.2.7"
_OPTIONS = {"phone": "typeList", "linkParent": "entityList"}


def metadata(schema: Schema) -> dict[str, Any]:
    """entityDefs and scopes of every entity type."""
    return {
        "entityDefs": {t.name: _definitions(t) for t in schema.types},
        "scopes": {t.name: _scope(t) for t in schema.types},
    }


def part(tree: dict[str, Any], key: str) -> tuple[bool, Any]:
    """Whether there is something under a dotted key, and what."""
    node: Any = tree
    for step in key.split("."):
        if not isinstance(node, dict) or step not in node:
            return False, None
        node = node[step]
    return True, node


def _definitions(entity_type: EntityType) -> dict[str, Any]:
    fields = {field.name: _field(field) for field in entity_type.fields}
    for link in entity_type.links:
        if link.multiple:
            fields[link.name] = {"type": "linkMultiple"}
    links = {link.name: _link(entity_type, link) for link in entity_type.links}
    definitions: dict[str, Any] = {"fields": fields, "links": links}
    if entity_type.versioned:
        definitions["optimisticConcurrencyControl"] = True
    return definitions


def _field(field: Field) -> dict[str, Any]:
    found: dict[str, Any] = {"type": field.type}
    if field.required:
        found["required"] = True
    if field.options is not None:
        found[_OPTIONS.get(field.type, "options")] = list(field.options)
    if field.type == "phone" and field.options:
        found["defaultType"] = field.options[0]
    if field.default is not None:
        found["default"] = field.default
    if field.max_length is not None:
        found["maxLength"] = field.max_length
    if field.minimum is not None:
        found["min"] = field.minimum
    if field.pattern is not None:
        found["pattern"] = "$noBadCharacters"
    if field.read_only:
        found["readOnly"] = True
    return found


def _link(entity_type: EntityType, link: Link) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "belongsTo" if link.kind == "belongsTo" else "hasMany",
        "entity": link.entity,
    }
    if link.foreign:
        found["foreign"] = link.foreign
    if link.kind == "manyMany":
        names = sorted([entity_type.name, link.entity])
        found["relationName"] = names[0][0].lower() + names[0][1:] + names[1]
    return found


def _scope(entity_type: EntityType) -> dict[str, Any]:
    scope: dict[str, Any] = {"entity": True, "acl": True, "object": entity_type.is_object}
    if entity_type.stream:
        scope["stream"] = True
    if entity_type.custom:
        scope.update({"type": "BasePlus", "module": "Custom", "isCustom": True})
    return scope


def settings(*, public: bool) -> dict[str, Any]:
    """The short set anybody may read, or the longer one of a user."""
    found: dict[str, Any] = {
        "useCache": True,
        "applicationName": "EspoCRM",
        "timeZone": "UTC",
        "dateFormat": "DD.MM.YYYY",
        "timeFormat": "HH:mm",
        "weekStart": 0,
        "language": "en_US",
        "cacheTimestamp": 1795359467,
    }
    if not public:
        found.update({"recordsPerPage": 20, "version": VERSION, "recordListMaxSizeLimit": MAX_SIZE})
    return found


def app_user(schema: Schema, actor: Actor) -> dict[str, Any]:
    """Health and rights check of a client: user, acl, settings."""
    table = {
        t.name: {
            "read": "all",
            "stream": "all" if t.stream else "no",
            "edit": "all" if t.api_edit else "no",
            "delete": "all" if t.api_edit else "no",
            "create": "yes" if t.api_create else "no",
        }
        for t in schema.types
        if t.is_object
    }
    told = {"read": "own", "stream": "no", "edit": "no", "delete": "own", "create": "no"}
    own = {"read": "own", "stream": "no", "edit": "own", "delete": "own", "create": "yes"}
    user = {
        "id": actor.id,
        "name": actor.name,
        "deleted": False,
        "userName": actor.name,
        "type": "admin" if actor.is_admin else "api",
        "isActive": True,
    }
    return {
        "user": user,
        "acl": {
            "table": {**table, "Attachment": own, "Webhook": own, "Notification": told},
            "fieldTable": {},
        },
        "preferences": {},
        "token": None,
        "settings": settings(public=False),
        "language": "en_US",
        "appParams": {},
    }
