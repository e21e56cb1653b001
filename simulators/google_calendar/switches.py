"""What Google's pages leave open, as settings, so that a client can be held against every reading."""

from typing import Annotated, Literal

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=1)]
Reason403 = Literal[
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "quotaExceeded",
    "forbidden",
    "forbiddenForNonOrganizer",
    "insufficientPermissions",
]


class Switches(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reading of Google Calendar. The defaults are what the pages say, else the strictest reading."""

    # Tokens and limits.
    token_lifetime_s: Seconds = 3600.0
    jwt_skew_s: Annotated[float, msgspec.Meta(ge=0)] = 300.0
    requests_per_minute: Positive | None = None
    calendar_writes_per_minute: Positive | None = None
    limit_status: Literal[403, 429] = 403

    # What an injected error says.
    reason_of_403: Reason403 = "rateLimitExceeded"
    server_errors: Literal["json", "html"] = "json"

    # Lists.
    page_limit: Positive | None = None
    empty_pages: Count = 0
    list_order: Literal["created", "scattered"] = "created"
    unknown_parameters: Literal["refused", "ignored"] = "refused"
    property_filter: Literal["all", "any"] = "all"

    # Incremental lists.
    other_parameters: Literal["refused", "ignored"] = "refused"
    acl_change_ends_sync_tokens: bool = True
    memory_days: Positive = 30
    horizon_days: Positive = 730

    # Events.
    revive: Literal["forbidden", "ok"] = "forbidden"
    cancelled_details: Literal["documented", "never", "always"] = "documented"
    oversized_properties: Literal["cut", "refused"] = "cut"
    until: Literal["rfc", "any"] = "rfc"
    empty_all_day: Literal["refused", "ok"] = "refused"


def changed(switches: Switches, changes: dict[str, object]) -> Switches:
    """The switches with some of them set anew. Raises msgspec.ValidationError for an unknown name or value."""
    return msgspec.convert({**msgspec.structs.asdict(switches), **changes}, Switches)
