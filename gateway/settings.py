"""What the gateway reads from its environment."""

import re
from typing import Annotated

import msgspec

from shared.contracts.proxy import CALLER_PATTERN
from shared.runtime.bus import NatsSettings
from shared.runtime.health import HealthSettings
from shared.runtime.service import LogSettings
from shared.settings import NamedSecrets


def _none() -> NamedSecrets:
    return NamedSecrets({})


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """Who may come in. Either variable is enough; a gateway with neither would refuse everybody, so it does not start.

    A group of its own, so that this is reported together with whatever else is wrong.
    """

    gateway_webhook_secrets: Annotated[
        NamedSecrets,
        msgspec.Meta(
            description="`webhookId:secretKey,…` as EspoCRM issued them; this or GATEWAY_API_KEYS is required."
        ),
    ] = msgspec.field(default_factory=_none)
    gateway_api_keys: Annotated[
        NamedSecrets,
        msgspec.Meta(description="`name:key,…` for the `apikey` header; this or GATEWAY_WEBHOOK_SECRETS is required."),
    ] = msgspec.field(default_factory=_none)

    def __post_init__(self) -> None:
        if not (len(self.gateway_webhook_secrets) or len(self.gateway_api_keys)):
            raise ValueError("GATEWAY_WEBHOOK_SECRETS and GATEWAY_API_KEYS are missing: at least one must be set")
        if not all(re.fullmatch(CALLER_PATTERN, name) for name, _ in self.gateway_api_keys.items()):
            raise ValueError("GATEWAY_API_KEYS is malformed: a name is 1 to 64 of A-Z a-z 0-9 _ . -")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway's settings."""

    nats: NatsSettings
    log: LogSettings
    keys: Keys
    gateway_host: Annotated[str, msgspec.Meta(description="Address of the doors.")] = "127.0.0.1"
    gateway_port: Annotated[
        int, msgspec.Meta(ge=0, le=65535, description="Port of the doors; 0 picks one and logs it.")
    ] = 3111
    gateway_processes: Annotated[
        int, msgspec.Meta(ge=1, le=64, description="Processes that share the port; each has probes of its own.")
    ] = 1
    health: HealthSettings
