"""The access tokens that were given out: for whom, with which scopes, until when."""

import random
import string

import msgspec

_LETTERS = string.ascii_letters + string.digits + "-_"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a token stands for. `email` is the account's own address, or the user in whose name it acts."""

    email: str
    client_email: str
    scopes: frozenset[str]

    @property
    def is_bare(self) -> bool:
        """A service account in its own name, without delegation."""
        return self.email == self.client_email


class Tokens:
    """Opaque tokens by text."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._live: dict[str, tuple[Principal, float]] = {}
        self.requests = 0
        """Token requests that came in, refused ones too."""
        self.issued = 0

    def issue(self, principal: Principal, *, expires_at: float) -> str:
        text = "ya29.c." + "".join(self._dice.choices(_LETTERS, k=160))
        self._live[text] = (principal, expires_at)
        self.issued += 1
        return text

    def principal(self, text: str, now: float) -> Principal | None:
        """Whom the token stands for; None when it is not alive."""
        held = self._live.get(text)
        return held[0] if held is not None and now < held[1] else None

    def expire_all(self) -> int:
        """Ends every token; says how many were still known."""
        ended = len(self._live)
        self._live.clear()
        return ended

    def forget(self) -> None:
        """Ends every token and counts from zero."""
        self._live.clear()
        self.requests = self.issued = 0
