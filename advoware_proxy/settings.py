"""What the proxy must be told."""

from typing import Annotated

import msgspec

from advoware_proxy.allow import parse
from shared.clients.advoware_session import AdvowareSettings
from shared.clients.redis_cache import RedisSettings
from shared.runtime.bus import NatsSettings
from shared.runtime.health import HealthSettings
from shared.runtime.service import LogSettings


class ProxySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the proxy lets through."""

    advoware_proxy_allow: Annotated[
        str,
        msgspec.Meta(description="Lines or commas of `METHOD pattern`; `*` is one path segment, `**` any number."),
    ] = "GET **"
    advoware_proxy_rate_per_minute: Annotated[
        int, msgspec.Meta(ge=1, description="Requests of one caller, per replica.")
    ] = 600

    def __post_init__(self) -> None:
        try:
            parse(self.advoware_proxy_allow)
        except ValueError as wrong:
            raise ValueError(f"ADVOWARE_PROXY_ALLOW is malformed: {wrong}") from None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The proxy's settings."""

    nats: NatsSettings
    log: LogSettings
    health: HealthSettings
    redis: RedisSettings
    advoware: AdvowareSettings
    proxy: ProxySettings
