"""Google's log-in for service accounts, pure: the key file, the assertion it signs, the token that comes back.

Source: https://developers.google.com/identity/protocols/oauth2/service-account and RFC 7523. google-auth signs; its
`Credentials.refresh` is not used, because it repeats a refused request by itself and reads the machine's clock.
"""

import ipaddress
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
from google.auth import crypt, jwt

from shared.settings import Secret

SCOPE = "https://www.googleapis.com/auth/calendar"
"""Calendars, rules of sharing and events, in one: what an administrator grants for delegation."""
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME = timedelta(hours=1)
"""Of an assertion, at most; and of a token that does not say how long it lives."""
SAFETY = timedelta(minutes=2)
"""A token is not used in its last minutes: it must outlive the call that it begins."""
_AUDIENCE = "https://oauth2.googleapis.com/token"


class _KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    client_email: str
    private_key: str
    private_key_id: str
    token_uri: str = _AUDIENCE


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A service account: who it is, what signs for it, where it gets its tokens."""

    client_email: str
    token_uri: str
    signer: crypt.RSASigner


class Token(msgspec.Struct, frozen=True):
    """What opens the calendars, until when we use it."""

    value: Secret
    usable_until: datetime


def read_key(text: bytes) -> Key:
    """A key file as Google's console hands it out. Raises ValueError, without quoting it."""
    try:
        told = msgspec.json.decode(text, type=_KeyFile)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ValueError("is no key file of a service account") from None
    if told.type != "service_account" or not told.client_email:
        raise ValueError("is no key file of a service account")
    if not is_fit_for_secrets(told.token_uri):
        raise ValueError("has a token_uri that is not https")
    try:
        signer = crypt.RSASigner.from_string(told.private_key, told.private_key_id)  # type: ignore[no-untyped-call]
        signer.sign(b"")  # another kind of key can be loaded, and then not sign
    except Exception:  # each kind of wrong key fails in a way of its own
        raise ValueError("holds no usable RSA key") from None
    return Key(client_email=told.client_email, token_uri=told.token_uri, signer=signer)


def assertion(key: Key, *, subject: str, now: datetime) -> str:
    """A signed JWT that asks for a token; in the name of a user where `subject` names one."""
    issued = int(now.timestamp())
    claims: dict[str, object] = {
        "iss": key.client_email,
        "scope": SCOPE,
        "aud": _AUDIENCE,
        "iat": issued,
        "exp": issued + int(LIFETIME.total_seconds()),
    }
    if subject:
        claims["sub"] = subject
    signed: bytes = jwt.encode(key.signer, claims)  # type: ignore[no-untyped-call]
    return signed.decode()


def read_token(body: bytes, *, now: datetime) -> Token:
    """The token endpoint's success. Raises ValueError, without quoting, when there is no token in it."""
    try:
        told = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ValueError("the answer is no JSON object") from None
    value = told.get("access_token")
    if not isinstance(value, str) or not value.strip() or not value.isascii() or not value.isprintable():
        raise ValueError("the answer holds no access_token")
    seconds = told.get("expires_in")
    left = LIFETIME
    if isinstance(seconds, int | float):
        left = timedelta(seconds=min(max(seconds, 0), LIFETIME.total_seconds()))
    return Token(Secret(value), now + left - min(SAFETY, left / 2))


def is_fit_for_secrets(url: str) -> bool:
    """Whether keys and tokens may go there: https, or plain http that does not leave this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        whole = bool(host) and parts.port != 0 and not (parts.query or parts.fragment or parts.username)
    except ValueError:
        return False
    return whole and (parts.scheme == "https" or (parts.scheme == "http" and _is_loop_back(host)))


def _is_loop_back(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
