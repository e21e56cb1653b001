"""The folder with everything by which NATS knows the hub's users: made, added to, and one user's key replaced.

`keys/` holds what can make users; `issued/` what was made, without secrets; `*.creds` are handed out, and
`nats-auth.conf` is the servers'.
"""

import os
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import nkeys

from console.desk import nats_jwt
from shared.contracts.permissions import OPERATOR, USERS

HUB = "HUB"
"""The account that is meant unless another one is named."""
_SYSTEM = "SYS"
_SYSTEM_USER = "sys"
_ROOT = "operator"
"""NATS' own word for who signs for accounts; no person."""
_GUEST = "guest"
_CONF = "nats-auth.conf"
_TAKEN = (_SYSTEM, _ROOT, "keys", "issued")
"""Names that mean something else in the folder."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}", re.ASCII)


class BadFolder(Exception):
    """The folder cannot be used so; the text is one sentence."""


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A user that exists."""

    account: str
    user: str
    key: str
    """Public."""
    since: datetime


class Folder:
    """Reads and writes below `path`; `now` is in unix seconds."""

    def __init__(self, path: Path, *, now: int) -> None:
        self._path = path
        self._now = now
        self._written: list[str] = []

    def make(self, account: str, *, is_open: bool = False) -> list[str]:
        """What is missing, and the servers' file as this version wants it; the names of the files written.

        `is_open`: whoever brings no credentials is an operator of this account. Raises BadFolder.
        """
        if not _NAME.fullmatch(account) or account in _TAKEN:
            raise BadFolder(f"{account[:40]!r} is no name for an account: a letter, then letters, digits, _ or -")
        for name in dict.fromkeys((_SYSTEM, *self._accounts(), account)):
            self._account(name)
            for user in _users_of(name):
                if self._issued(f"{name}.{user}") is None:
                    self._user(name, user)
        if is_open:
            self._guest(account)
        self._publish()
        return self._written

    def rotate(self, account: str, user: str) -> list[str]:
        """A new key for one user; the servers refuse the old one once they have read their file. Raises BadFolder."""
        issued = self._issued(f"{account}.{user}") if user in _users_of(account) else None
        if issued is None:
            raise BadFolder(f"there is no user {user[:40]!r} of {account[:40]!r}; `hub credentials ls` lists them")
        self._account(account, revoked={issued["sub"]: self._now})
        self._user(account, user)
        self._publish()
        return self._written

    def ls(self) -> list[Issued]:
        """All users. Raises BadFolder where there are none."""
        found: list[Issued] = []
        for account in self._accounts():
            for user in _users_of(account):
                if (told := self._issued(f"{account}.{user}")) is not None:
                    since = datetime.fromtimestamp(told["iat"], UTC)
                    found.append(Issued(account=account, user=user, key=told["sub"], since=since))
        if not found:
            raise BadFolder(f"{self._path} holds no credentials; `hub credentials make` makes some")
        return found

    def _account(self, name: str, *, revoked: Mapping[str, int] | None = None) -> None:
        """Signs for the account anew where this version, or a revocation, wants it otherwise."""
        before = self._issued(name)
        roles = tuple(
            nats_jwt.Role(name=user, signer=self._public(f"{name}.{user}"), permissions=USERS[user])
            for user in _users_of(name)
            if name != _SYSTEM
        )
        earlier = before["nats"].get("revocations", {}) if before is not None else {}
        self._issue(
            name,
            nats_jwt.account(
                self._key(_ROOT, nkeys.PREFIX_BYTE_OPERATOR),
                self._public(name),
                name,
                roles=roles,
                revoked=earlier | dict(revoked or {}),
                has_jetstream=name != _SYSTEM,
                at=self._now,
            ),
        )

    def _user(self, account: str, user: str) -> None:
        """A new key, and the file that is handed out with it."""
        key = _new_key(nkeys.PREFIX_BYTE_USER)
        name, subject = f"{account}.{user}", nats_jwt.public(key)
        if account == _SYSTEM:
            signer = self._key(account, nkeys.PREFIX_BYTE_ACCOUNT)
            token = nats_jwt.free_user(signer, subject, user, permissions=None, is_bearer=False, at=self._now)
        else:
            signer = self._key(name, nkeys.PREFIX_BYTE_ACCOUNT)
            token = nats_jwt.user(signer, subject, user, account_key=self._public(account), at=self._now)
        below = "" if account in (HUB, _SYSTEM) else f"{account}/"
        self._write(f"{below}{user}.creds", nats_jwt.creds(token, key), mode=0o600)
        self._issue(name, token)

    def _guest(self, account: str) -> None:
        """A token for whoever brings none. Its key is thrown away: nobody asks for it."""
        name = f"{account}.{_GUEST}"
        before = self._issued(name)
        subject = before["sub"] if before is not None else nats_jwt.public(_new_key(nkeys.PREFIX_BYTE_USER))
        signer = self._key(account, nkeys.PREFIX_BYTE_ACCOUNT)
        permissions = USERS[OPERATOR]
        self._issue(
            name,
            nats_jwt.free_user(signer, subject, _GUEST, permissions=permissions, is_bearer=True, at=self._now),
        )

    def _publish(self) -> None:
        """What the servers must know; nothing of it is secret."""
        root = self._key(_ROOT, nkeys.PREFIX_BYTE_OPERATOR)
        system = self._public(_SYSTEM)
        self._issue(_ROOT, nats_jwt.operator(root, "hub", system_account=system, at=self._now))
        guests = [token for account in self._accounts() if (token := self._token(f"{account}.{_GUEST}"))]
        lines = [
            "# Made by `hub credentials`. Included by the servers' configuration; holds no secret.",
            f"operator: {self._token(_ROOT)}",
            f"system_account: {system}",
            "resolver: MEMORY",
            "resolver_preload: {",
            *(f"  {self._public(account)}: {self._token(account)}" for account in self._accounts()),
            "}",
            *(f"default_sentinel: {token}" for token in guests[:1]),
        ]
        self._write(_CONF, "\n".join(lines) + "\n", mode=0o644)

    def _accounts(self) -> list[str]:
        names = (file.stem for file in sorted(self._path.glob("issued/*.jwt")))
        return [name for name in names if "." not in name and name != _ROOT]

    def _issue(self, name: str, token: str) -> None:
        """Keeps the token that was there where it says the same."""
        before = self._token(name)
        if before is None or not nats_jwt.says_the_same(before, token):
            self._write(f"issued/{name}.jwt", token + "\n", mode=0o644)

    def _token(self, name: str) -> str | None:
        file = self._path / "issued" / f"{name}.jwt"
        return file.read_text(encoding="ascii").strip() if file.is_file() else None

    def _issued(self, name: str) -> nats_jwt.Claims | None:
        token = self._token(name)
        try:
            return nats_jwt.read(token) if token is not None else None
        except nats_jwt.BadToken as wrong:
            raise BadFolder(f"issued/{name}.jwt is {wrong}") from None

    def _public(self, name: str) -> str:
        """Of an account, or of who signs for a kind of user."""
        return nats_jwt.public(self._key(name, nkeys.PREFIX_BYTE_ACCOUNT))

    def _key(self, name: str, kind: int) -> nkeys.KeyPair:
        """The key of this name; a new one only where nothing was ever signed for it."""
        file = self._path / "keys" / f"{name}.nk"
        if file.is_file():
            try:
                return nkeys.from_seed(file.read_bytes().strip())
            except (nkeys.NkeysError, ValueError):
                raise BadFolder(f"keys/{name}.nk holds no key") from None
        if self._token(name) is not None:
            raise BadFolder(f"keys/{name}.nk is not there, and without it nobody can be signed for: bring keys/ back")
        key = _new_key(kind)
        self._write(f"keys/{name}.nk", key.seed.decode() + "\n", mode=0o600)
        return key

    def _write(self, name: str, text: str, *, mode: int) -> None:
        """All of it or nothing, and never readable for others meanwhile."""
        file = self._path / name
        if file.is_file() and file.read_text(encoding="ascii") == text:
            return
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="ascii") as opened:
            opened.write(text)
        new.replace(file)
        self._written.append(name)


def _users_of(account: str) -> tuple[str, ...]:
    return (_SYSTEM_USER,) if account == _SYSTEM else tuple(USERS)


def _new_key(kind: int) -> nkeys.KeyPair:
    return nats_jwt.new_key(kind, secrets.token_bytes(32))
