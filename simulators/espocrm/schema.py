"""What an EspoCRM holds: entity types with their fields and links, and the firm's own hooks as switches."""

from collections.abc import Iterator
from typing import Literal

import msgspec

FieldType = Literal[
    "varchar",
    "text",
    "enum",
    "int",
    "float",
    "bool",
    "date",
    "datetime",
    "array",
    "jsonArray",
    "jsonObject",
    "link",
    "linkParent",
    "file",
    "email",
    "phone",
]
AttributeKind = Literal[
    "plain",  # stored as it is
    "text",  # stored; cut in lists
    "number",
    "bool",
    "list",
    "foreignId",  # stored id of a belongsTo or file
    "foreignName",  # looked up
    "parentId",
    "parentType",
    "linkIds",  # of a link-multiple: looked up
    "linkNames",
    "constant",  # the same for every record
    "contact",  # the primary e-mail address or phone number: looked up
    "contactFlag",  # of the primary one: looked up
    "contactData",  # all of them: looked up, not in lists
]


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field as `entityDefs.{Entity}.fields` has it. `entity` is the foreign type of a link.

    options: of an enum or array its values, of a phone its types, of a linkParent the types it may lead to.
    international: of a phone, numbers must be E.164.
    """

    name: str
    type: FieldType = "varchar"
    required: bool = False
    max_length: int | None = None
    options: tuple[str, ...] | None = None
    default: object = None
    minimum: int | None = None
    pattern: str | None = None
    read_only: bool = False
    entity: str | None = None
    international: bool = True


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One link as `entityDefs.{Entity}.links` has it. `multiple` gives the record {name}Ids and {name}Names."""

    name: str
    kind: Literal["manyMany", "hasMany", "belongsTo"]
    entity: str
    foreign: str | None = None
    multiple: bool = False


class EntityType(msgspec.Struct, frozen=True, kw_only=True):
    """One entity type. `versioned` is optimisticConcurrencyControl: by default off for custom types.

    own_by: attribute with the id of the one user who may see and delete the record; None: everybody may.
    """

    name: str
    fields: tuple[Field, ...]
    links: tuple[Link, ...] = ()
    versioned: bool = False
    stream: bool = False
    is_object: bool = True
    custom: bool = False
    api_create: bool = True
    api_edit: bool = True
    own_by: str | None = None
    duplicate_check: tuple[str, ...] = ()


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """All entity types, and the firm's own hooks.

    hash_hook: a new file sets md5sum, sha256, fileStatus and xaiSyncStatus in the same save.
    link_hook: linking and unlinking a document goes into the webhook queue as Entity.link and Entity.unlink.
    party_hooks: names, states and accounts of parties are looked after before a save (hooks.py).
    """

    types: tuple[EntityType, ...]
    hash_hook: bool = True
    link_hook: bool = True
    party_hooks: bool = True
    document_type: str = "CDokumente"
    file_field: str = "dokument"


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a record's JSON. `of` names the field or link it belongs to, `entity` the foreign type."""

    name: str
    kind: AttributeKind
    of: str
    entity: str | None = None
    value: object = None

    @property
    def is_stored(self) -> bool:
        return self.kind in _STORED


_STORED = frozenset({"plain", "text", "number", "bool", "list", "foreignId", "parentId", "parentType"})
_PLAIN_KINDS: dict[str, AttributeKind] = {
    "text": "text",
    "int": "number",
    "float": "number",
    "bool": "bool",
    "array": "list",
    "jsonArray": "list",
}
# What every record carries and nobody may write.
SYSTEM = frozenset(
    {
        "id",
        "deleted",
        "createdAt",
        "modifiedAt",
        "createdById",
        "modifiedById",
        "versionNumber",
        "streamUpdatedAt",
    }
)
# Of a record's e-mail addresses and phone numbers: what follows the field's name.
CONTACT_FLAGS = {"IsOptedOut": "optOut", "IsInvalid": "invalid"}
# Not loaded in lists, not part of a webhook's data.
_RECORD_ONLY = ("teamsIds", "teamsNames", "followersIds", "followersNames")


class Shape:
    """An entity type worked out: its attributes in the vendor's order, fields and links by name."""

    def __init__(self, entity_type: EntityType) -> None:
        self.type = entity_type
        self.name = entity_type.name
        self.fields = {field.name: field for field in entity_type.fields}
        self.links = {link.name: link for link in entity_type.links}
        self.attributes = {attribute.name: attribute for attribute in _attributes(entity_type)}
        self.stored = tuple(a.name for a in self.attributes.values() if a.is_stored)
        self.by_field: dict[str, list[Attribute]] = {}
        for attribute in self.attributes.values():
            self.by_field.setdefault(attribute.of, []).append(attribute)
        self.defaults = {
            field.name: False if field.type == "bool" and field.default is None else field.default
            for field in entity_type.fields
            if field.default is not None or field.type == "bool"
        }
        self.in_lists = tuple(
            a
            for a in self.attributes.values()
            if a.kind not in ("linkIds", "linkNames", "contactData")
            and a.name not in _RECORD_ONLY
            and a.name != "isFollowed"
        )

        self.contact_fields = [field for field in entity_type.fields if field.type in ("email", "phone")]

    @property
    def file_fields(self) -> list[Field]:
        return [field for field in self.type.fields if field.type == "file"]


def _attributes(entity_type: EntityType) -> Iterator[Attribute]:
    """The order is that of recorded answers: id, name, deleted, plain fields, links and files, versionNumber."""
    fields = entity_type.fields
    yield Attribute(name="id", kind="plain", of="id")
    if fields and fields[0].name == "name":
        yield Attribute(name="name", kind="plain", of="name")
        fields = fields[1:]
    yield Attribute(name="deleted", kind="bool", of="deleted")
    for field in fields:
        if field.name == "streamUpdatedAt":
            yield from _of_contacts(entity_type)
        if field.name == "assignedUser":
            yield from _of_field(field)
            yield Attribute(name="teamsIds", kind="constant", of="teams", value=[])
            yield Attribute(name="teamsNames", kind="constant", of="teams", value={})
        else:
            yield from _of_field(field)
    if all(field.name != "streamUpdatedAt" for field in fields):
        yield from _of_contacts(entity_type)
    for link in entity_type.links:
        if link.multiple:
            yield Attribute(name=f"{link.name}Ids", kind="linkIds", of=link.name, entity=link.entity)
            yield Attribute(name=f"{link.name}Names", kind="linkNames", of=link.name, entity=link.entity)
    if entity_type.stream:
        yield Attribute(name="isFollowed", kind="constant", of="isFollowed", value=False)
        yield Attribute(name="followersIds", kind="constant", of="followers", value=[])
        yield Attribute(name="followersNames", kind="constant", of="followers", value={})
    if entity_type.versioned:
        yield Attribute(name="versionNumber", kind="number", of="versionNumber")


def _of_contacts(entity_type: EntityType) -> Iterator[Attribute]:
    """Flags of the primary address stand after the plain fields; where the data stands is not recorded."""
    contacts = [field.name for field in entity_type.fields if field.type in ("email", "phone")]
    for name in contacts:
        for ending in CONTACT_FLAGS:
            yield Attribute(name=f"{name}{ending}", kind="contactFlag", of=name)
    for name in contacts:
        yield Attribute(name=f"{name}Data", kind="contactData", of=name)


def _of_field(field: Field) -> Iterator[Attribute]:
    name = field.name
    if field.type in ("link", "file"):
        entity = "Attachment" if field.type == "file" else field.entity
        yield Attribute(name=f"{name}Id", kind="foreignId", of=name, entity=entity)
        yield Attribute(name=f"{name}Name", kind="foreignName", of=name, entity=entity)
    elif field.type == "linkParent":
        yield Attribute(name=f"{name}Id", kind="parentId", of=name)
        yield Attribute(name=f"{name}Type", kind="parentType", of=name)
        yield Attribute(name=f"{name}Name", kind="foreignName", of=name)
    elif field.type in ("email", "phone"):
        yield Attribute(name=name, kind="contact", of=name)
    else:
        yield Attribute(name=name, kind=_PLAIN_KINDS.get(field.type, "plain"), of=name)
