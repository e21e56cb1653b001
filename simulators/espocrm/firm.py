"""The firm's EspoCRM as data: documents, the entities that own collections, parties, tasks."""

from simulators.espocrm.kinds import NAME, entity, of_type, people, read_only, varchars
from simulators.espocrm.parties import PARTY, accounts_of_parties, addresses_of_parties, parties
from simulators.espocrm.schema import EntityType, Field, Link, Schema

SYNC_STATUS = ("no_sync", "pending_sync", "clean", "unclean", "failed")
FILE_STATUS = ("new", "changed", "synced")


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
            fields=(NAME, *(read_only(field) for field in attachment)),
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
    """Modules/Crm/Resources/metadata/entityDefs/Task.json. That a party may be the parent is the firm's addition."""
    states = ("Not Started", "Started", "Completed", "Canceled", "Deferred")
    priorities = ("Low", "Normal", "High", "Urgent")
    parents = ("Account", "Contact", "Lead", "Opportunity", "Case", PARTY, "CDokumente", "Raeumungsklage")
    return entity(
        "Task",
        Field(name="status", type="enum", options=states, default="Not Started"),
        Field(name="priority", type="enum", options=priorities, default="Normal"),
        *of_type("datetime", "dateStart", "dateEnd"),
        *of_type("date", "dateStartDate", "dateEndDate"),
        read_only(Field(name="dateCompleted", type="datetime")),
        Field(name="parent", type="linkParent", options=parents),
        versioned=True,
        custom=False,
        must_be_assigned=True,
    )


def _notifications() -> EntityType:
    """Made by EspoCRM itself. Resources/metadata/app/acl.json: read and delete own, create and edit nobody."""
    return EntityType(
        name="Notification",
        fields=(
            *of_type("jsonObject", "data"),
            *varchars("type"),
            *of_type("bool", "read"),
            *of_type("text", "message"),
            Field(name="createdAt", type="datetime", read_only=True),
            Field(name="user", type="link", entity="User"),
            read_only(Field(name="related", type="linkParent")),
            read_only(Field(name="createdBy", type="link", entity="User")),
        ),
        is_object=False,
        api_create=False,
        api_edit=False,
        own_by="userId",
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


def firm_schema(
    *,
    versioned: bool = False,
    hash_hook: bool = True,
    link_hook: bool = True,
    party_hooks: bool = True,
    international_phones: bool = True,
) -> Schema:
    """The default schema. `versioned` switches optimistic concurrency control on for the custom types.

    international_phones: phone numbers of parties must be E.164 (Administration > Settings, on in new installations).
    """
    return Schema(
        types=(
            *system_types(),
            _documents(versioned=versioned),
            _owner("Raeumungsklage", "raeumungsklages", versioned=versioned),
            _owner("Account", "accounts", versioned=True, custom=False),
            parties(versioned=versioned, international_phones=international_phones),
            accounts_of_parties(versioned=versioned),
            addresses_of_parties(versioned=versioned),
            _tasks(),
            _notifications(),
        ),
        hash_hook=hash_hook,
        link_hook=link_hook,
        party_hooks=party_hooks,
    )
