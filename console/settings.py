"""What the console must be told."""

import ipaddress
import re
from typing import Annotated

import msgspec

from console.desk.view import ViewSettings
from shared.runtime.bus import NatsSettings
from shared.runtime.health import HealthSettings
from shared.runtime.service import LogSettings
from shared.settings import Secret

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AccessSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who may come in. A console that could let nobody in, or would believe anybody, does not start."""

    console_token: Annotated[
        Secret, msgspec.Meta(description="What people type to log in; this or CONSOLE_USER_HEADER is required.")
    ] = msgspec.field(default_factory=lambda: Secret(""))
    console_user_header: Annotated[
        str | None,
        msgspec.Meta(
            description="Header in which a proxy that people log in at says who they are; without it a token."
        ),
    ] = None
    console_trusted_proxies: Annotated[
        str, msgspec.Meta(description="Addresses or networks, with commas, whose CONSOLE_USER_HEADER is believed.")
    ] = ""

    def __post_init__(self) -> None:
        if not (self.console_token.reveal() or self.console_user_header):
            raise ValueError("CONSOLE_TOKEN and CONSOLE_USER_HEADER are missing: at least one must be set")
        if self.console_user_header and not _HEADER.fullmatch(self.console_user_header):
            raise ValueError("CONSOLE_USER_HEADER is malformed: the name of a header is wanted")
        try:
            networks = self.networks
        except ValueError:
            raise ValueError("CONSOLE_TRUSTED_PROXIES is malformed: 10.0.0.7, 10.1.0.0/16 and the like") from None
        if self.console_user_header and not networks:
            raise ValueError("CONSOLE_TRUSTED_PROXIES is missing: without it anybody could say who they are")

    @property
    def networks(self) -> tuple[Network, ...]:
        """Where the trusted proxies are. Raises ValueError."""
        parts = (part.strip() for part in self.console_trusted_proxies.split(","))
        return tuple(ipaddress.ip_network(part) for part in parts if part)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The console's settings."""

    nats: NatsSettings
    log: LogSettings
    health: HealthSettings
    access: AccessSettings
    view: ViewSettings
    console_host: Annotated[str, msgspec.Meta(description="Address of the page.")] = "127.0.0.1"
    console_port: Annotated[
        int, msgspec.Meta(ge=0, le=65535, description="Port of the page; 0 picks one and logs it.")
    ] = 3113
