"""Checks of what a write brings: each field by its kind, the rest of the body unheard."""

import datetime as dt
import re

from simulators.advoware.answers import JsonObject, Refused
from simulators.advoware.fields import Field, Table

_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d{1,7})?)?))?")
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?")


def created(table: Table, body: JsonObject) -> JsonObject:
    """All fields of a new record, defaults where the body is silent. Raises Refused(400)."""
    return {field.name: _value(field, body) for field in table}


def updated(table: Table, before: JsonObject, body: JsonObject, *, stores: frozenset[str], reset: bool) -> JsonObject:
    """The record after a PUT: what PUT does not store stays, and is checked all the same, as model binding would.

    A stored field that the body lacks goes to its default when `reset`, else stays. Raises Refused(400).
    """
    after = dict(before)
    for field in table:
        sent = field.name in body
        if field.name in stores and (sent or reset):
            after[field.name] = _value(field, body)
        elif sent and body[field.name] is not None:
            # Bound, so of the right kind; not stored, so nothing else matters.
            _of_kind(field, body[field.name])
    return after


def stored_by_put(table: Table) -> frozenset[str]:
    """The fields that PUT stores, as the table has it."""
    return frozenset(field.name for field in table if field.put)


def day(text: str) -> dt.date:
    """A date of a query, YYYY-MM-DD only. Raises Refused(400)."""
    try:
        if len(text) != len("2026-01-31"):
            raise ValueError(text)
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Refused(400, "The value is not a date.") from None


def _value(field: Field, body: JsonObject) -> object:
    value = body.get(field.name)
    if value is None:
        if field.required:
            raise Refused(400, f"The {field.name} field is required.")
        return field.default
    value = _of_kind(field, value)
    if field.required and isinstance(value, str) and not value.strip():
        raise Refused(400, f"The {field.name} field is required.")
    if isinstance(value, int) and not field.least <= value <= field.most:
        raise Refused(400, f"The field {field.name} must be between {field.least} and {field.most}.")
    return value


def _of_kind(field: Field, value: object) -> object:
    """The value in the form it is kept in. Raises Refused(400) when it is of another kind."""
    if field.kind == "bool":
        good = isinstance(value, bool)
    elif field.kind in ("int", "flag"):
        good = isinstance(value, int) and not isinstance(value, bool)
    else:
        good = isinstance(value, str)
    if good and field.kind == "flag":
        good = value in (0, 1)
    if not good:
        raise Refused(400, f"The value of {field.name} is not valid.")
    if isinstance(value, str) and field.kind != "text":
        return _moment(field, value)
    return value


def _moment(field: Field, text: str) -> str:
    """A date, time or both, local and without an offset: one with an offset would be shifted in silence."""
    try:
        if field.kind == "time":
            if not _TIME.fullmatch(text):
                raise ValueError(text)
            return dt.time.fromisoformat(text).isoformat(timespec="seconds")
        found = _DATE.fullmatch(text)
        if found is None:
            raise ValueError(text)
        date = dt.date.fromisoformat(found[1])
        time = dt.time.fromisoformat(found[2][:8]) if found[2] else dt.time()
    except ValueError:
        raise Refused(400, f"The value of {field.name} is not valid.") from None
    if field.kind == "date":
        return date.isoformat()
    return f"{date.isoformat()}T{time.isoformat(timespec='seconds')}"
