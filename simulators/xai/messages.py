"""Requests of the management host: proto-JSON, in snake_case or camelCase."""

import re
from collections.abc import Iterable

from aiohttp import web

from simulators.xai.answers import Refused, json_object
from simulators.xai.records import JsonObject

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


async def message(request: web.Request, members: Iterable[str]) -> JsonObject:
    """The request's message with snake_case members, nulls left out (proto-JSON: null is the default).

    Raises Refused(400) for a member the message has not; proto-JSON parsers refuse those.
    """
    data = await json_object(request)
    plain = {_snake(key): value if _snake(key) == "fields" else _snake_all(value) for key, value in data.items()}
    known = frozenset(members)
    for key in plain:
        if key not in known:
            raise Refused(400, f"Unknown field {key!r}")
    return {key: value for key, value in plain.items() if value is not None}


def text(data: JsonObject, key: str) -> str:
    value = data.get(key, "")
    if not isinstance(value, str):
        raise Refused(400, f"{key} must be a string")
    return value


def part(data: JsonObject, key: str) -> JsonObject:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise Refused(400, f"{key} must be an object")
    return value


def parts(data: JsonObject, key: str) -> list[JsonObject]:
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Refused(400, f"{key} must be a list of objects")
    return value


def text_map(data: JsonObject, key: str) -> dict[str, str]:
    """A map<string, string>, keys left as they are."""
    value = part(data, key)
    result: dict[str, str] = {}
    for name, entry in value.items():
        if not isinstance(entry, str):
            raise Refused(400, f"{key}.{name} must be a string")
        result[name] = entry
    return result


def one_of(value: str, choices: Iterable[str], key: str) -> str:
    if value not in choices:
        raise Refused(400, f"Invalid value for {key}: {value!r}")
    return value


def _snake(key: str) -> str:
    return _HUMP.sub(r"_\1", key).lower()


def _snake_all(value: object) -> object:
    if isinstance(value, dict):
        return {_snake(key): _snake_all(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_snake_all(inner) for inner in value]
    return value
