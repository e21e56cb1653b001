"""A row as the API shows it: whole, just created, in a list, or as a webhook's data."""

from collections.abc import Iterable

from simulators.espocrm.records import Records, Row
from simulators.espocrm.schema import Attribute, Shape

# Core/Utils/Config default of maxSelectTextAttributeLengthForList.
LIST_TEXT_LENGTH = 10_000
_CONTACTS = ("contact", "contactFlag", "contactData")
_NAMES_NOT_IN_WEBHOOKS = frozenset({"createdBy", "modifiedBy", "assignedUser"})


def value_of(records: Records, shape: Shape, row: Row, attribute: Attribute) -> object:
    """What the record carries under this attribute; null when unset."""
    kind = attribute.kind
    if kind == "foreignName":
        entity = attribute.entity or row.get(f"{attribute.of}Type")
        return records.name_of(str(entity) if entity else None, row.get(f"{attribute.of}Id"))
    if kind == "constant":
        return attribute.value
    if kind in _CONTACTS:
        return records.contacts.value(attribute, shape.name, str(row["id"]))
    if kind in ("linkIds", "linkNames"):
        ids = records.linked_ids(shape.name, str(row["id"]), shape.links[attribute.of])
        return ids if kind == "linkIds" else {i: records.name_of(attribute.entity, i) for i in ids}
    return row.get(attribute.name)


def whole(records: Records, shape: Shape, row: Row) -> Row:
    """Read and update: every attribute, nulls included."""
    return {a.name: value_of(records, shape, row, a) for a in shape.attributes.values()}


def created(records: Records, shape: Shape, row: Row, held: Row) -> Row:
    """Create: attributes never set are absent, looked-up ones are there.

    held: e-mail addresses and phone numbers as they were sent; only the data arrays are read anew.
    """
    found: Row = {}
    for attribute in shape.attributes.values():
        if attribute.kind in ("contact", "contactFlag"):
            if attribute.name in held:
                found[attribute.name] = held[attribute.name]
        elif not attribute.is_stored or attribute.name in row:
            found[attribute.name] = value_of(records, shape, row, attribute)
    return found


def found_as_duplicate(records: Records, shape: Shape, row: Row) -> Row:
    """One record of a 409 `duplicate`: what a query finds, without all that only a single read loads."""
    return {a.name: value_of(records, shape, row, a) for a in shape.in_lists}


def in_list(records: Records, shape: Shape, row: Row, attributes: Iterable[Attribute]) -> Row:
    """One line of a list: the attributes asked for, long texts cut."""
    found: Row = {}
    for attribute in attributes:
        value = value_of(records, shape, row, attribute)
        if attribute.kind == "text" and isinstance(value, str):
            value = value[:LIST_TEXT_LENGTH]
        found[attribute.name] = value
    return found


def created_event(records: Records, shape: Shape, row: Row, held: Row) -> Row:
    """Data of {Entity}.create: what was set, names of links that were set, no names of users."""
    return {
        a.name: held[a.name] if a.kind in _CONTACTS else value_of(records, shape, row, a)
        for a in shape.attributes.values()
        if _is_told(records, shape, row, a, held)
    }


def _is_told(records: Records, shape: Shape, row: Row, attribute: Attribute, held: Row) -> bool:
    if attribute.kind in _CONTACTS:
        return attribute.name in held
    if attribute.is_stored:
        return attribute.name in row
    if attribute.kind == "foreignName":
        return attribute.of not in _NAMES_NOT_IN_WEBHOOKS and bool(row.get(f"{attribute.of}Id"))
    if attribute.kind in ("linkIds", "linkNames"):
        return bool(value_of(records, shape, row, attribute))
    return attribute.name == "isFollowed"
