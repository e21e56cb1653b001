"""What the public documents leave open, as settings, so that a client can be held against every reading."""

from typing import Annotated, Literal

import msgspec

Status = Annotated[int, msgspec.Meta(ge=400, le=599)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Switches(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reading of Advoware. The defaults are what the sources say, else the strictest reading."""

    # Discovery and token.
    connector: Literal["null", "missing", "own"] = "null"
    expiry_form: Literal["expiration_utc", "expires_in", "none"] = "expiration_utc"
    token_lifetime_s: Seconds = 3600.0
    token_refusal_status: Status | None = None
    nonce_shape: Literal["guid", "any"] = "guid"
    licensed: bool = True
    one_token_per_user: bool = False

    # Beteiligte and what hangs on them.
    beteiligte_list: bool = False
    beteiligte_put_stores: tuple[str, ...] | None = None
    party_timestamps: Literal["utc", "local"] = "utc"
    komm_kz_shown: Literal["stored", "zero", "null"] = "stored"
    adressen_put_key: Literal["id", "reihenfolgeIndex"] = "id"
    check_row_id: bool = False

    # Writes in general.
    put_missing: Literal["reset", "kept"] = "reset"
    put_answers: Literal["record", "nothing"] = "record"

    # Termine.
    termin_datum: Literal["date_time", "midnight", "date"] = "date_time"
    termin_created: Literal["number", "object"] = "number"
    termin_single: Literal["object", "list"] = "object"
    rubrum_in_text: Literal["list", "always", "never"] = "list"
    everybodys_in_lists: bool = True

    # Employees and errors.
    employee_mail: bool = True
    error_shape: Literal["message", "problem", "text"] = "message"
    retry_after: bool = False


def changed(switches: Switches, changes: dict[str, object]) -> Switches:
    """The switches with some of them set anew. Raises msgspec.ValidationError for an unknown name or value."""
    return msgspec.convert({**msgspec.structs.asdict(switches), **changes}, Switches)
