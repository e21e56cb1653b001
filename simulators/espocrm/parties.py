"""The firm's parties: who they are, how they are reached, where they live, which accounts they have.

Names that the firm's documents do not give are assumptions; the README says which.
"""

from simulators.espocrm.kinds import NO_BAD_CHARACTERS, address, entity, of_type, reachable, varchars
from simulators.espocrm.schema import EntityType, Field, Link

PARTY = "CBeteiligte"
ACCOUNT = "CBankverbindungen"
ADDRESS = "CAdressen"

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
SALUTATIONS = ("Herr", "Frau", "Divers")
CHILD_STATUS = ("clean", "unclean", "failed")
# ISO 9362: institution, country, place, and perhaps a branch.
BIC = r"[A-Za-z]{6}[A-Za-z0-9]{2}([A-Za-z0-9]{3})?"


def parties(*, versioned: bool, international_phones: bool) -> EntityType:
    """CBeteiligte: a person or a company. Without a name of its own it is composed by the firm's hook."""
    return entity(
        PARTY,
        # EspoCRM's template Person checks first and last names so; the salutations are Advoware's.
        Field(name="salutationName", type="enum", options=SALUTATIONS),
        *varchars("firstName", "lastName", max_length=100, pattern=NO_BAD_CHARACTERS),
        *varchars("firmenname", pattern=NO_BAD_CHARACTERS),
        *varchars("titel", "rechtsform"),
        *of_type("date", "dateOfBirth"),
        *varchars("handelsregisterNummer", "registergericht"),
        *reachable(international_phones=international_phones),
        *of_type("int", "betnr"),
        *varchars("advowareRowId"),
        *varchars("kommunikationHash", max_length=16),
        Field(name="syncStatus", type="enum", options=PARTY_STATUS, default="pending_sync"),
        *of_type("text", "syncErrorMessage"),
        *of_type("int", "syncRetryCount"),
        *of_type("datetime", "syncNextRetry", "syncAutoResetAt", "advowareLastSync"),
        *varchars("xaiCollectionId"),
        links=(
            Link(name="dokumentes", kind="manyMany", entity="CDokumente", foreign="beteiligtes"),
            Link(name="bankverbindungens", kind="hasMany", entity=ACCOUNT, foreign="beteiligte"),
            Link(name="adressens", kind="hasMany", entity=ADDRESS, foreign="beteiligte"),
        ),
        versioned=versioned,
        named=Field(name="name", max_length=255, pattern=NO_BAD_CHARACTERS),
    )


def accounts_of_parties(*, versioned: bool) -> EntityType:
    """CBankverbindungen: one bank account of a party."""
    return entity(
        ACCOUNT,
        Field(name="iban", max_length=34),
        Field(name="bic", max_length=11, pattern=BIC),
        *varchars("kontoinhaber", "bankname"),
        Field(name="istAktiv", type="bool", default=True),
        *of_type("bool", "istStandard"),
        *of_type("int", "advowareKontoId"),
        *of_type("datetime", "advowareLastSync"),
        Field(name="syncStatus", type="enum", options=CHILD_STATUS),
        Field(name="beteiligte", type="link", entity=PARTY),
        versioned=versioned,
    )


def addresses_of_parties(*, versioned: bool) -> EntityType:
    """CAdressen: one postal address of a party."""
    return entity(
        ADDRESS,
        *address("adresse"),
        *varchars("postfach", "postfachPLZ", "bezeichnung"),
        *of_type("bool", "isPrimary"),
        Field(name="isActive", type="bool", default=True),
        *of_type("date", "validFrom", "validUntil"),
        *of_type("int", "advowareAdressId"),
        *varchars("advowareRowId"),
        *of_type("datetime", "advowareLastSync"),
        Field(name="syncStatus", type="enum", options=CHILD_STATUS),
        Field(name="beteiligte", type="link", entity=PARTY),
        versioned=versioned,
    )
