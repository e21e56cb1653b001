"""The firm's EspoCRM as data: documents, the entities that own collections, parties, tasks."""

import msgspec

from simulators.espocrm.schema import EntityType, Field, FieldType, Link, Schema

# EspoCRM's noBadCharacters (Resources/metadata/app/regExpPatterns.json).
NO_BAD_CHARACTERS = r"[^<>=]+"
SYNC_STATUS = ("no_sync", "pending_sync", "clean", "unclean", "failed")
FILE_STATUS = ("new", "changed", "synced")
PARTY_STATUS = (
    "pending_sync",
    "dirty",
    "syncing",
    "clean",
    "failed",
    "permanently_failed",
    "conflict",
    "deleted_in_advoware",
)

NAME = Field(name="name", required=True, max_length=255, pattern=NO_BAD_CHARACTERS)


def entity(
    name: str,
    *fields: Field,
    links: tuple[Link, ...] = (),
    versioned: bool = False,
    custom: bool = True,
    duplicate_check: tuple[str, ...] = (),
    file_fields: tuple[Field, ...] = (),
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
            NAME,
            Field(name="description", type="text"),
            Field(name="createdAt", type="datetime", read_only=True),
            Field(name="modifiedAt", type="datetime", read_only=True),
            *plain,
            Field(name="streamUpdatedAt", type="datetime", read_only=True),
            *people(),
            *file_fields,
            *linked,
        ),
        links=belongs_to + links,
        versioned=versioned,
        stream=True,
        custom=custom,
        duplicate_check=duplicate_check,
    )


def people() -> tuple[Field, ...]:
    """Who made it, who changed it last, whose it is."""
    return (
        Field(name="createdBy", type="link", entity="User", read_only=True),
        Field(name="modifiedBy", type="link", entity="User", read_only=True),
        Field(name="assignedUser", type="link", entity="User"),
    )


def varchars(*names: str) -> tuple[Field, ...]:
    """Plain text fields of 255 characters."""
    return tuple(Field(name=name, max_length=255) for name in names)


def of_type(kind: FieldType, *names: str) -> tuple[Field, ...]:
    """Fields of one type without further rules."""
    return tuple(Field(name=name, type=kind) for name in names)


def _read_only(field: Field) -> Field:
    return msgspec.structs.replace(field, read_only=True)


def _documents(*, versioned: bool) -> EntityType:
    return entity(
        "CDokumente",
        *varchars("xaiId"),
        Field(name="xaiCollections", type="array"),
        *varchars("xaiSyncedHash"),
        Field(name="xaiSyncStatus", type="enum", options=SYNC_STATUS),
        Field(name="xaiSyncError", type="text"),
        Field(name="fileStatus", type="enum", options=FILE_STATUS),
        *varchars("md5sum", "sha256"),
        file_fields=(Field(name="dokument", type="file"),),
        links=(
            Link(name="raeumungsklages", kind="manyMany", entity="Raeumungsklage", foreign="dokumentes"),
            Link(name="accounts", kind="manyMany", entity="Account", foreign="dokumentes"),
            Link(name="beteiligtes", kind="manyMany", entity="CBeteiligte", foreign="dokumentes"),
        ),
        versioned=versioned,
    )


def _parties(*, versioned: bool) -> EntityType:
    return entity(
        "CBeteiligte",
        *varchars("xaiCollectionId", "vorname", "anrede", "titel", "rechtsform", "kommunikationHash"),
        *varchars("handelsregisterNummer", "registergericht", "advowareRowId"),
        *of_type("date", "dateOfBirth"),
        *of_type("int", "betnr", "syncRetryCount"),
        *of_type("jsonArray", "phoneNumberData", "emailAddressData"),
        Field(name="syncStatus", type="enum", options=PARTY_STATUS),
        *of_type("text", "syncErrorMessage"),
        *of_type("datetime", "advowareLastSync", "syncNextRetry", "syncAutoResetAt"),
        links=(
            Link(name="dokumentes", kind="manyMany", entity="CDokumente", foreign="beteiligtes"),
            Link(name="bankverbindungens", kind="hasMany", entity="CBankverbindungen", foreign="beteiligte"),
        ),
        versioned=versioned,
    )


def _accounts_of_parties(*, versioned: bool) -> EntityType:
    return entity(
        "CBankverbindungen",
        Field(name="iban", max_length=34),
        Field(name="bic", max_length=11),
        *varchars("kontoinhaber", "bankname"),
        *of_type("bool", "istAktiv", "istStandard"),
        *of_type("int", "advowareKontoId"),
        *of_type("datetime", "advowareLastSync"),
        Field(name="syncStatus", type="enum", options=("clean", "unclean", "failed")),
        Field(name="beteiligte", type="link", entity="CBeteiligte"),
        versioned=versioned,
    )


def system_types() -> tuple[EntityType, ...]:
    """Types every EspoCRM has: users, attachments, webhooks. Attribute orders are those of recorded answers."""
    made = (
        Field(name="createdAt", type="datetime", read_only=True),
        Field(name="modifiedAt", type="datetime", read_only=True),
    )
    by, changed_by, _ = people()
    attachment = (
        *varchars("type"),
        *of_type("int", "size"),
        *varchars("field"),
        *of_type("bool", "isBeingUploaded"),
        *made,
        *varchars("role", "storage", "storageFilePath"),
        *of_type("bool", "global"),
        *of_type("linkParent", "parent", "related"),
        *varchars("sourceId"),
        by,
    )
    return (
        EntityType(
            name="User",
            fields=(NAME, *varchars("userName", "type"), *of_type("bool", "isActive"), *made),
            api_create=False,
            api_edit=False,
        ),
        EntityType(
            name="Attachment",
            fields=(NAME, *(_read_only(field) for field in attachment)),
            is_object=False,
        ),
        EntityType(
            name="Webhook",
            fields=(
                *varchars("event", "url"),
                Field(name="isActive", type="bool", default=True),
                *varchars("entityType", "type", "field", "secretKey"),
                *of_type("bool", "skipOwn"),
                *made,
                by,
                changed_by,
            ),
            is_object=False,
        ),
    )


def _tasks() -> EntityType:
    states = ("Not Started", "Started", "Completed", "Canceled", "Deferred")
    priorities = ("Low", "Normal", "High", "Urgent")
    return entity(
        "Task",
        Field(name="status", type="enum", options=states, default="Not Started"),
        Field(name="priority", type="enum", options=priorities, default="Normal"),
        *of_type("datetime", "dateStart", "dateEnd"),
        Field(name="parent", type="linkParent"),
        versioned=True,
        custom=False,
    )


def _notifications() -> EntityType:
    """Made by EspoCRM itself: an API user may neither create nor edit one."""
    return EntityType(
        name="Notification",
        fields=(
            *of_type("jsonObject", "data"),
            *varchars("type"),
            *of_type("bool", "read"),
            *of_type("text", "message"),
            Field(name="createdAt", type="datetime", read_only=True),
            Field(name="user", type="link", entity="User"),
            *of_type("linkParent", "related"),
        ),
        is_object=False,
        api_create=False,
        api_edit=False,
    )


def _owner(name: str, foreign: str, *, versioned: bool, custom: bool = True) -> EntityType:
    """An entity whose documents make up a collection."""
    return entity(
        name,
        *varchars("xaiCollectionId"),
        links=(Link(name="dokumentes", kind="manyMany", entity="CDokumente", foreign=foreign),),
        versioned=versioned,
        custom=custom,
        duplicate_check=() if custom else ("name",),
    )


def firm_schema(*, versioned: bool = False, hash_hook: bool = True, link_hook: bool = True) -> Schema:
    """The default schema. `versioned` switches optimistic concurrency control on for the custom types."""
    return Schema(
        types=(
            *system_types(),
            _documents(versioned=versioned),
            _owner("Raeumungsklage", "raeumungsklages", versioned=versioned),
            _owner("Account", "accounts", versioned=True, custom=False),
            _parties(versioned=versioned),
            _accounts_of_parties(versioned=versioned),
            _tasks(),
            _notifications(),
        ),
        hash_hook=hash_hook,
        link_hook=link_hook,
    )
