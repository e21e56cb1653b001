"""What a collection is configured with: field definitions, and how contents are cut into chunks."""

from simulators.xai import messages
from simulators.xai.answers import Refused
from simulators.xai.records import Collection, JsonObject

_CHUNK_KINDS = frozenset(
    {
        "chars_configuration",
        "tokens_configuration",
        "bytes_configuration",
        "markdown_tokens_configuration",
        "markdown_chars_configuration",
        "code_tokens_configuration",
        "code_chars_configuration",
        "table_configuration",
        "ast_configuration",
    }
)
_CHUNK_MEMBERS = _CHUNK_KINDS | {"strip_whitespace", "inject_name_into_chunks"}
_DEFINITION_MEMBERS = frozenset({"key", "required", "inject_into_chunk", "unique", "description"})
METRICS = ("HNSW_METRIC_UNKNOWN", "HNSW_METRIC_COSINE", "HNSW_METRIC_EUCLIDEAN", "HNSW_METRIC_INNER_PRODUCT")
_ADD, _DELETE = "FIELD_DEFINITION_ADD", "FIELD_DEFINITION_DELETE"


def chunking(data: JsonObject) -> JsonObject:
    """A chunk configuration with exactly one kind; the example of the docs when none was sent."""
    given = messages.part(data, "chunk_configuration")
    if not given:
        return {
            "tokens_configuration": {
                "max_chunk_size_tokens": 1024,
                "chunk_overlap_tokens": 200,
                "encoding_name": "o200k_base",
            },
            "strip_whitespace": True,
            "inject_name_into_chunks": False,
        }
    for key in given:
        messages.one_of(key, _CHUNK_MEMBERS, "chunk_configuration")
    if len(_CHUNK_KINDS & given.keys()) != 1:
        raise Refused(400, "chunk_configuration needs exactly one kind of configuration")
    return {"strip_whitespace": False, "inject_name_into_chunks": False, **given}


def indexing(data: JsonObject) -> JsonObject:
    return {"model_name": "grok-embedding-small", **messages.part(data, "index_configuration")}


def definition(data: JsonObject) -> JsonObject:
    """One field definition with all its members. Raises Refused(400)."""
    for key in data:
        messages.one_of(key, _DEFINITION_MEMBERS, "field_definition")
    key = messages.text(data, "key")
    if not key:
        raise Refused(400, "A field definition needs a key")
    flags = {name: data.get(name, False) for name in ("required", "inject_into_chunk", "unique")}
    if not all(isinstance(flag, bool) for flag in flags.values()):
        raise Refused(400, f"The flags of field {key!r} must be booleans")
    return {"key": key, **flags, "description": messages.text(data, "description")}


def updated(collection: Collection, updates: list[JsonObject]) -> tuple[list[JsonObject], set[str]]:
    """The definitions after the updates, and the keys that went. Raises Refused(400) for a new required key."""
    left = {str(row["key"]): row for row in collection.field_definitions}
    gone: set[str] = set()
    for update in updates:
        row = definition(messages.part(update, "field_definition"))
        key = str(row["key"])
        if messages.one_of(messages.text(update, "operation"), (_ADD, _DELETE), "operation") == _DELETE:
            left.pop(key, None)
            gone.add(key)
            continue
        if row["required"] and key not in left:
            raise Refused(400, f"The new field {key!r} cannot be required")
        left[key] = row
        gone.discard(key)
    return list(left.values()), gone


def check_fields(collection: Collection, fields: dict[str, str]) -> None:
    """Raises Refused(400) for a missing required field and Refused(409) for a unique value that is taken."""
    for row in collection.field_definitions:
        key = str(row["key"])
        if row["required"] and key not in fields:
            raise Refused(400, f"Required field {key!r} is missing")
        if row["unique"] and key in fields and collection.has_value(key, fields[key]):
            raise Refused(409, f"The value of unique field {key!r} is already taken")
