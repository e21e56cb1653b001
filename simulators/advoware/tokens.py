"""The tokens that were given out, how long they live, and how often one was asked for."""

import base64
import random

import msgspec

_TOKEN_BYTES = 384


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """Whose token it is, and until when."""

    user: str
    expires_at: float


class Tokens:
    """Opaque tokens by text."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._live: dict[str, Token] = {}
        self.requests = 0
        """Token requests that came in, refused ones too."""
        self.issued = 0

    def issue(self, user: str, *, expires_at: float, alone: bool) -> str:
        """A new token; `alone` ends the user's earlier ones."""
        if alone:
            self._live = {text: token for text, token in self._live.items() if token.user != user}
        text = base64.urlsafe_b64encode(self._dice.randbytes(_TOKEN_BYTES)).decode()
        self._live[text] = Token(user=user, expires_at=expires_at)
        self.issued += 1
        return text

    def user_of(self, text: str, now: float) -> str | None:
        """Who the token was given to; None when it is not alive."""
        token = self._live.get(text)
        return token.user if token is not None and now < token.expires_at else None

    def expire_all(self) -> int:
        """Ends every token; says how many were still known."""
        ended = len(self._live)
        self._live.clear()
        return ended

    def forget(self) -> None:
        """Ends every token and counts from zero."""
        self._live.clear()
        self.requests = self.issued = 0
