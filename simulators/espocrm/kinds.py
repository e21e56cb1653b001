"""What an entity type is made of: the fields every type has, and short hands for the rest."""

import msgspec

from simulators.espocrm.schema import EntityType, Field, FieldType, Link

# EspoCRM's noBadCharacters (Resources/metadata/app/regExpPatterns.json).
NO_BAD_CHARACTERS = r"[^<>=]+"
NAME = Field(name="name", required=True, max_length=255, pattern=NO_BAD_CHARACTERS)
# Resources/metadata/fields/phone.json: typeList; a number without a type gets the first.
PHONE_TYPES = ("Mobile", "Office", "Home", "Fax", "Other")


def entity(
    name: str,
    *fields: Field,
    links: tuple[Link, ...] = (),
    versioned: bool = False,
    custom: bool = True,
    duplicate_check: tuple[str, ...] = (),
    file_fields: tuple[Field, ...] = (),
    named: Field = NAME,
    must_be_assigned: bool = False,
) -> EntityType:
    """An entity type with what the templates Base and Base Plus bring: name, times, users, stream."""
    belongs_to = tuple(
        Link(name=f.name, kind="belongsTo", entity=f.entity) for f in fields if f.type == "link" and f.entity
    )
    plain = tuple(f for f in fields if f.type not in ("link", "linkParent"))
    linked = tuple(f for f in fields if f.type in ("link", "linkParent"))
    return EntityType(
        name=name,
        fields=(
            named,
            Field(name="description", type="text"),
            Field(name="createdAt", type="datetime", read_only=True),
            Field(name="modifiedAt", type="datetime", read_only=True),
            *plain,
            Field(name="streamUpdatedAt", type="datetime", read_only=True),
            *people(must_be_assigned=must_be_assigned),
            *file_fields,
            *linked,
        ),
        links=belongs_to + links,
        versioned=versioned,
        stream=True,
        custom=custom,
        duplicate_check=duplicate_check,
    )


def people(*, must_be_assigned: bool = False) -> tuple[Field, ...]:
    """Who made it, who changed it last, whose it is."""
    return (
        Field(name="createdBy", type="link", entity="User", read_only=True),
        Field(name="modifiedBy", type="link", entity="User", read_only=True),
        Field(name="assignedUser", type="link", entity="User", required=must_be_assigned),
    )


def varchars(*names: str, max_length: int = 255, pattern: str | None = None) -> tuple[Field, ...]:
    """Plain text fields, of 255 characters unless said."""
    return tuple(Field(name=name, max_length=max_length, pattern=pattern) for name in names)


def of_type(kind: FieldType, *names: str) -> tuple[Field, ...]:
    """Fields of one type without further rules."""
    return tuple(Field(name=name, type=kind) for name in names)


def read_only(field: Field) -> Field:
    """The same field, which no client may write."""
    return msgspec.structs.replace(field, read_only=True)


def reachable(*, international_phones: bool = True) -> tuple[Field, ...]:
    """E-mail addresses and phone numbers. A vendor's type may have one field of each, under these names only.

    international_phones: numbers are E.164, as the setting phoneNumberInternational of new installations has it.
    """
    return (
        Field(name="emailAddress", type="email"),
        Field(name="phoneNumber", type="phone", options=PHONE_TYPES, international=international_phones),
    )


def address(name: str) -> tuple[Field, ...]:
    """The parts of an address field (Resources/metadata/fields/address.json), each an attribute of its own."""
    return (
        Field(name=f"{name}Street", type="text", max_length=255),
        *varchars(f"{name}City", f"{name}State", f"{name}Country", max_length=100, pattern=NO_BAD_CHARACTERS),
        *varchars(f"{name}PostalCode", max_length=40, pattern=NO_BAD_CHARACTERS),
    )
