"""NATS' tokens for operators, accounts and users, in version 2 of their format. Pure.

An account's users sign in with a key; what they may do stands in the account, by role, and not in what they hold. So a
new version of the hub changes permissions at the server alone.
Source: https://github.com/nats-io/jwt (v2), ADR-14 and ADR-26 of https://github.com/nats-io/nats-architecture-and-design
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import nkeys

from shared.contracts.permissions import Permissions

_HEADER = b'{"typ":"JWT","alg":"ed25519-nkey"}'
_VERSION = 2
_UNLIMITED = -1
_REPLY_NS = 11 * 60 * 1_000_000_000
"""How long a request may be answered: a caller of the Advoware proxy waits at most ten minutes."""
_ACCOUNT_LIMITS = {"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1, "leaf": -1}
_JETSTREAM_LIMITS = {"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}
_USER_LIMITS = {"subs": _UNLIMITED, "data": _UNLIMITED, "payload": _UNLIMITED}

Claims = dict[str, Any]


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs for a kind of user, and what such a user may do."""

    name: str
    signer: str
    """Public key."""
    permissions: Permissions


class BadToken(ValueError):
    """Not one of NATS' tokens."""


def new_key(kind: int, random: bytes) -> nkeys.KeyPair:
    """A key pair from 32 random bytes; `kind` is one of `nkeys.PREFIX_BYTE_…`."""
    return nkeys.from_seed(nkeys.encode_seed(random, kind))


def public(key: nkeys.KeyPair) -> str:
    """Its public half, which names whom it belongs to."""
    return str(key.public_key.decode())


def operator(key: nkeys.KeyPair, name: str, *, system_account: str, at: int) -> str:
    """The token that a server trusts. `at` is in unix seconds, here and below."""
    return _signed(key, public(key), name, {"type": "operator", "system_account": system_account}, at)


def account(
    key: nkeys.KeyPair,
    subject: str,
    name: str,
    *,
    roles: tuple[Role, ...],
    revoked: Mapping[str, int],
    has_jetstream: bool,
    at: int,
) -> str:
    """A firm: its streams, and what its users may do. `revoked`: users' keys, and since when they count no more."""
    told = {
        "type": "account",
        "limits": _ACCOUNT_LIMITS | {"wildcards": True} | (_JETSTREAM_LIMITS if has_jetstream else {}),
        "signing_keys": [_scope(role) for role in roles],
        "revocations": dict(revoked),
    }
    return _signed(key, subject, name, told, at)


def user(key: nkeys.KeyPair, subject: str, name: str, *, account_key: str, at: int) -> str:
    """A user of the role that `key` signs for; what it may do is the role's."""
    return _signed(key, subject, name, {"type": "user", "issuer_account": account_key}, at)


def free_user(
    key: nkeys.KeyPair, subject: str, name: str, *, permissions: Permissions | None, is_bearer: bool, at: int
) -> str:
    """A user that the account itself signs for: None may do everything; a bearer needs no key."""
    told = {"type": "user", **_USER_LIMITS, **(_permitted(permissions) if permissions is not None else {})}
    return _signed(key, subject, name, told | ({"bearer_token": True} if is_bearer else {}), at)


def creds(token: str, key: nkeys.KeyPair) -> str:
    """The file that a client is given."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{key.seed.decode()}\n------END USER NKEY SEED------\n"
    )


def read(token: str) -> Claims:
    """What a token says; whether its signature is right is the server's business. Raises BadToken."""
    try:
        _, body, _ = token.strip().split(".")
        claims = msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=Claims)
    except (ValueError, msgspec.MsgspecError):
        raise BadToken("not a token of NATS") from None
    return claims


def says_the_same(token: str, other: str) -> bool:
    """Whether two tokens differ in nothing but when they were made."""
    ours, theirs = (
        {name: told for name, told in read(one).items() if name not in ("iat", "jti")} for one in (token, other)
    )
    return ours == theirs


def _scope(role: Role) -> Claims:
    template = _USER_LIMITS | _permitted(role.permissions)
    return {"kind": "user_scope", "key": role.signer, "role": role.name, "template": template}


def _permitted(permissions: Permissions) -> Claims:
    told: Claims = {
        "pub": {"allow": list(permissions.publish)},
        "sub": {"allow": list(permissions.subscribe)},
    }
    if permissions.subscribe_not:
        told["sub"]["deny"] = list(permissions.subscribe_not)
    if permissions.replies:
        told["resp"] = {"max": 1, "ttl": _REPLY_NS}
    return told


def _signed(key: nkeys.KeyPair, subject: str, name: str, told: Claims, at: int) -> str:
    claims: Claims = {"iat": at, "iss": public(key), "name": name, "sub": subject, "nats": told | {"version": _VERSION}}
    claims["jti"] = base64.b32encode(hashlib.sha256(msgspec.json.encode(claims)).digest()).decode().rstrip("=")
    body = f"{_base64(_HEADER)}.{_base64(msgspec.json.encode(claims))}"
    return f"{body}.{_base64(key.sign(body.encode()))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
