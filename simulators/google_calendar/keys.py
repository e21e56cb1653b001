"""Service accounts: their RSA keys, their key files, and the signed JWTs that stand for them."""

import base64
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

AUDIENCE = "https://oauth2.googleapis.com/token"
CLIENT_EMAIL = "hub@demo-project.iam.gserviceaccount.com"
TOKEN_PATH = "/token"  # noqa: S105  a path


class ServiceAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account and its one key; `private_key` is PEM in PKCS #8, as key files have it."""

    client_email: str
    client_id: str
    private_key_id: str
    private_key: str
    project_id: str = "demo-project"


def new_account(client_email: str = CLIENT_EMAIL) -> ServiceAccount:
    """A new account with a new RSA key of 2048 bits, which takes a moment."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return ServiceAccount(
        client_email=client_email,
        client_id=str(10**20 + secrets.randbelow(10**20)),
        private_key_id=secrets.token_hex(20),
        private_key=pem,
    )


def key_file(account: ServiceAccount, url: str) -> dict[str, str]:
    """What Google's console hands out for a service account, with the token endpoint of the simulator at `url`."""
    return {
        "type": "service_account",
        "project_id": account.project_id,
        "private_key_id": account.private_key_id,
        "private_key": account.private_key,
        "client_email": account.client_email,
        "client_id": account.client_id,
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": f"{url}{TOKEN_PATH}",
        "universe_domain": "googleapis.com",
    }


def write_key_file(path: Path, account: ServiceAccount, url: str) -> None:
    """Writes the key file, for its owner's eyes only; one that stands there is replaced. Raises OSError."""
    beside = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(key_file(account, url), file, indent=2)
    beside.replace(path)


def read_account(path: Path) -> ServiceAccount:
    """The account of a key file. Raises OSError, and ValueError for a file that is none."""
    try:
        account = msgspec.json.decode(path.read_bytes(), type=ServiceAccount)
    except msgspec.MsgspecError:
        raise ValueError(f"{path.name} is no key file of a service account") from None
    private_key(account, checked=True)
    return account


def private_key(account: ServiceAccount, *, checked: bool = False) -> rsa.RSAPrivateKey:
    """The key that signs. Raises ValueError for a PEM that is no RSA key, and for bad numbers where they are checked.

    The check takes a tenth of a second, which a key that was made here need not spend each time it signs.
    """
    key = serialization.load_pem_private_key(
        account.private_key.encode(), password=None, unsafe_skip_rsa_key_validation=not checked
    )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key")  # noqa: TRY004  a wrong value inside a file
    return key


def is_signed(key: rsa.RSAPublicKey, message: bytes, signature: bytes) -> bool:
    """Whether RS256 (RFC 7518 section 3.3) holds."""
    try:
        key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def assertion(
    account: ServiceAccount,
    *,
    scopes: Iterable[str],
    now: float,
    subject: str | None = None,
    audience: str = AUDIENCE,
    lifetime_s: int = 3600,
) -> str:
    """A signed JWT as a client of the account makes it (RFC 7523)."""
    claims: dict[str, object] = {
        "iss": account.client_email,
        "scope": " ".join(scopes),
        "aud": audience,
        "iat": int(now),
        "exp": int(now) + lifetime_s,
    }
    if subject is not None:
        claims["sub"] = subject
    return signed(account, {"alg": "RS256", "typ": "JWT", "kid": account.private_key_id}, claims)


def signed(account: ServiceAccount, header: dict[str, object], claims: dict[str, object]) -> str:
    """Any header and claims under the account's key."""
    message = ".".join(_part(msgspec.json.encode(one)) for one in (header, claims))
    signature = private_key(account).sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{message}.{_part(signature)}"


def unpacked(part: str) -> bytes:
    """One part of a JWT. Raises ValueError."""
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
