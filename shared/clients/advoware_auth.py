"""Advoware's handshake, pure: what is signed, what is sent, how the answers are read.

Source: https://support.stp.one/hc/de/articles/22362665930909-Authentifizierung. The composition of the signed text is
that of an independent public client and its test vector.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from shared.settings import Secret

SAFETY = timedelta(minutes=2)
"""A token is not used in its last minutes: it must outlive the call that it begins."""
LONGEST = timedelta(days=1)
"""Nor is it used longer than this, whatever it says: .NET's last instant means that nobody has set one."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Who we are to Advoware."""

    advoware_app_id: Annotated[str, msgspec.Meta(description="App-ID that the vendor issued.")]
    advoware_api_key: Annotated[Secret, msgspec.Meta(description="API key, base64 as the vendor delivers it.")]
    advoware_api_secret: Annotated[
        Secret | None, msgspec.Meta(description="Signs in place of the API key; base64 too.")
    ] = None
    advoware_kanzlei: Annotated[str, msgspec.Meta(description="Kanzleikennung.")]
    advoware_database: Annotated[str, msgspec.Meta(description="Name of the database.")]
    advoware_user: Annotated[str, msgspec.Meta(description="Kürzel of the employee we act as.")]
    advoware_password: Annotated[Secret, msgspec.Meta(description="That employee's password.")]
    advoware_role: Annotated[int, msgspec.Meta(description="Always 2.")] = 2
    advoware_product_id: Annotated[int, msgspec.Meta(description="Always 64 for third parties.")] = 64

    def __post_init__(self) -> None:
        keys = {"ADVOWARE_API_KEY": self.advoware_api_key, "ADVOWARE_API_SECRET": self.advoware_api_secret}
        wrong = [name for name, key in keys.items() if key is not None and not _is_base64(key.reveal())]
        if wrong:
            raise ValueError(f"{' and '.join(wrong)} {'is' if len(wrong) == 1 else 'are'} malformed: expected base64")


class Token(msgspec.Struct, frozen=True):
    """What opens Advoware's data, until when we use it."""

    value: Secret
    usable_until: datetime


class Places(msgspec.Struct, frozen=True):
    """Where a firm's Advoware is reached: base URLs without a slash at the end."""

    data: str
    security: str


def signature(key: Secret, *, product: int, app_id: str, nonce: str, timestamp: str) -> str:
    """Base64 of HMAC-SHA512 over `product:app:nonce:timestamp`; the key is base64 itself."""
    message = f"{product}:{app_id}:{nonce}:{timestamp}".encode()
    digest = hmac.new(base64.b64decode(key.reveal()), message, hashlib.sha512).digest()
    return base64.b64encode(digest).decode()


def token_request(credentials: Credentials, *, nonce: str, now: datetime) -> dict[str, str | int]:
    """The body of `POST {securityGateway}/api/v1/Token`. `nonce` is a fresh GUID."""
    timestamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"  # seven digits, as in the vendor's sample
    return {
        "AppID": credentials.advoware_app_id,
        "Kanzlei": credentials.advoware_kanzlei,
        "Database": credentials.advoware_database,
        "User": credentials.advoware_user,
        "Role": credentials.advoware_role,
        "Product": credentials.advoware_product_id,
        "Password": credentials.advoware_password.reveal(),
        "Nonce": nonce,
        "HMAC512Signature": signature(
            credentials.advoware_api_secret or credentials.advoware_api_key,
            product=credentials.advoware_product_id,
            app_id=credentials.advoware_app_id,
            nonce=nonce,
            timestamp=timestamp,
        ),
        "RequestTimeStamp": timestamp,
    }


def read_token(body: bytes, *, now: datetime, lifetime: timedelta) -> Token:
    """The answer's own expiry counts: `expiration_utc`, else `expires_in` seconds, else the configured lifetime.

    Raises ValueError, without quoting, when there is no token in it or none that lives long enough to be used.
    """
    try:
        told = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ValueError("the answer is no JSON object") from None
    value = told.get("access_token")
    if not isinstance(value, str) or not value.strip() or not value.isascii() or not value.isprintable():
        raise ValueError("the answer holds no access_token")
    left = min(_left(told, now, lifetime), LONGEST)
    if left <= SAFETY:
        raise ValueError("the token expires too soon to be used")
    return Token(Secret(value), now + left - SAFETY)


def read_discovery(body: bytes, *, insecure: bool) -> Places:
    """The configurator's answer: `connectorUrl` where there is one, else `relayUrl`; and `securityGateway`.

    Our password goes to these hosts, so anything but https is refused unless we came by plain http ourselves.
    Raises ValueError. Source: https://support.stp.one/hc/de/articles/22362673851293-API-Startseite.
    """
    try:
        told = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ValueError("the answer is no JSON object") from None
    return Places(
        data=_base_url(told, "connectorUrl" if told.get("connectorUrl") else "relayUrl", insecure),
        security=_base_url(told, "securityGateway", insecure),
    )


def identity_of(credentials: Credentials) -> str:
    """Tells the tokens of one account from those of another, and nothing about either."""
    parts = (
        credentials.advoware_kanzlei,
        credentials.advoware_database,
        credentials.advoware_user,
        credentials.advoware_app_id,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _left(told: dict[str, Any], now: datetime, lifetime: timedelta) -> timedelta:
    at = told.get("expiration_utc")
    if isinstance(at, str):
        try:
            expiry = datetime.fromisoformat(at)
        except ValueError:
            raise ValueError("expiration_utc is not a time") from None
        return (expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)) - now
    seconds = told.get("expires_in")
    if isinstance(seconds, int | float):
        return timedelta(seconds=min(max(seconds, 0), LONGEST.total_seconds()))
    return lifetime


def _base_url(told: dict[str, Any], name: str, insecure: bool) -> str:
    value = told.get(name)
    url = value.strip().rstrip("/") if isinstance(value, str) else ""
    scheme = _scheme(url)
    if scheme not in ("https", "http"):
        raise ValueError(f"{name} is not a URL")
    if scheme == "http" and not insecure:
        raise ValueError(f"{name} is not https")
    return url


def _scheme(url: str) -> str:
    """Of a URL that a path can be put behind; empty for any other."""
    try:
        parts = urlsplit(url)
        whole = parts.hostname and parts.port != 0 and not parts.query and not parts.fragment
    except ValueError:
        return ""
    return parts.scheme if whole else ""


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
