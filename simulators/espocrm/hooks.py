"""The firm's own hooks on parties and their accounts: what is set or refused in the very save that brings it.

How the firm's code does it is not public. The README names what is known of it and what is assumed.
"""

from collections.abc import Mapping

from simulators.espocrm.answers import Refused, invalid
from simulators.espocrm.contact_fields import Values
from simulators.espocrm.parties import ACCOUNT, PARTY
from simulators.espocrm.records import Records, Row
from simulators.espocrm.schema import Shape

# Their changes are the synchroniser's own and make no party dirty.
SYNC_FIELDS = frozenset(
    {
        "advowareLastSync",
        "advowareRowId",
        "kommunikationHash",
        "syncAutoResetAt",
        "syncErrorMessage",
        "syncNextRetry",
        "syncRetryCount",
        "syncStatus",
        "xaiCollectionId",
    }
)
_NAMED_BY = ("firmenname", "firstName", "lastName")


def before_save(shape: Shape, before: Mapping[str, object], values: Values) -> None:
    """Completes the values in place, or refuses. `before` is the record as it is; empty for a new one."""
    if shape.name == PARTY:
        _compose_name(shape, before, values)
        _make_dirty(before, values)
    elif shape.name == ACCOUNT:
        _check_iban(values)
        if isinstance(bic := values.get("bic"), str):
            values["bic"] = bic.upper()


def after_save(records: Records, shape: Shape, row: Row) -> None:
    """At most one standard account per party: the others give way, silently."""
    if shape.name != ACCOUNT or not row.get("istStandard") or not row.get("beteiligteId"):
        return
    for other in records.alive(ACCOUNT):
        if other is not row and other.get("beteiligteId") == row["beteiligteId"]:
            other["istStandard"] = False


def _compose_name(shape: Shape, before: Mapping[str, object], values: Values) -> None:
    """A company is called by its firmenname, a person by first and last name; a name that is sent stands."""
    if "name" not in values and (not before or any(name in values for name in _NAMED_BY)):
        firm, first, last = (values.get(name, before.get(name)) for name in _NAMED_BY)
        values["name"] = firm or " ".join(str(part) for part in (first, last) if part) or None
    if "name" in values and not values["name"]:
        raise invalid(shape.name, "name", "required")


def _make_dirty(before: Mapping[str, object], values: Values) -> None:
    """EspoCRM marks a changed party; whoever sets the state in the same save has the last word."""
    if not before or "syncStatus" in values:
        return
    if any(value != before.get(name) for name, value in values.items() if name not in SYNC_FIELDS):
        values["syncStatus"] = "dirty"


def _check_iban(values: Values) -> None:
    """Upper case without blanks, and the remainder of ISO 13616 must be 1."""
    iban = values.get("iban")
    if not isinstance(iban, str):
        return
    plain = "".join(iban.split()).upper()
    digits = "".join(str(int(c, 36)) for c in plain[4:] + plain[:4]) if plain.isascii() and plain.isalnum() else "0"
    if int(digits) % 97 != 1:
        translation = {"label": "invalidIbanChecksum", "scope": ACCOUNT, "data": {}}
        raise Refused(400, "invalidIbanChecksum", body={"messageTranslation": translation})
    values["iban"] = plain
