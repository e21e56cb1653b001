"""Who is logged in, and who has tried too often. Kept in memory: a restart logs everybody out."""

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Sequence

from shared.clock import Clock
from shared.settings import Secret

LIFE_S = 12 * 3600.0
IDLE_S = 2 * 3600.0
_SESSIONS_MAX = 1_000
_FREE_TRIES = 3
_PAUSE_MAX_S = 60.0
_PLACES_MAX = 4_096


class Session:
    """A person's stay."""

    def __init__(self, name: str, *, by_proxy: bool, now: float) -> None:
        self.name = name
        """As it stands in the audit."""
        self.by_proxy = by_proxy
        self.csrf = secrets.token_urlsafe(32)
        self.began = now
        self.seen = now
        self.notes: list[tuple[str, str]] = []
        """What the next page says of the last deed: kind and sentence."""

    def take_notes(self) -> list[tuple[str, str]]:
        """Each is said once."""
        notes, self.notes = self.notes, []
        return notes


class Sessions:
    """By a random id, of which only the digest is kept."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_digest: dict[bytes, Session] = {}

    def open(self, name: str, *, by_proxy: bool = False) -> tuple[str, Session]:
        """A new stay, and the id for its cookie."""
        now = self._clock.monotonic()
        self._by_digest = {digest: one for digest, one in self._by_digest.items() if not _is_over(one, now)}
        while len(self._by_digest) >= _SESSIONS_MAX:
            self._by_digest.pop(min(self._by_digest, key=lambda digest: self._by_digest[digest].seen))
        session_id = secrets.token_urlsafe(32)
        session = Session(name, by_proxy=by_proxy, now=now)
        self._by_digest[_digest(session_id)] = session
        return session_id, session

    def find(self, session_id: str, *, is_person: bool) -> Session | None:
        """The stay, if it is not over. What the script asks for by itself keeps nobody logged in."""
        session = self._by_digest.get(_digest(session_id))
        now = self._clock.monotonic()
        if session is None or _is_over(session, now):
            return None
        if is_person:
            session.seen = now
        return session

    def close(self, session_id: str) -> None:
        """Ends a stay."""
        self._by_digest.pop(_digest(session_id), None)


def _is_over(session: Session, now: float) -> bool:
    return now - session.began > LIFE_S or now - session.seen > IDLE_S


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


class Door:
    """Checks tokens, and makes who fails again and again wait."""

    def __init__(self, token: Secret, clock: Clock) -> None:
        self._is_open = bool(token.reveal())
        # A digest, because comparing texts of different length would tell the length.
        self._token = _digest(token.reveal())
        self._clock = clock
        self._failures: dict[str, tuple[int, float]] = {}

    @property
    def is_open(self) -> bool:
        """Whether there is a token at all."""
        return self._is_open

    def wait_s(self, remote: str) -> float:
        """How long this place must wait before it is listened to."""
        _, until = self._failures.get(_place(remote), (0, 0.0))
        return max(0.0, until - self._clock.monotonic())

    def admits(self, token: str, remote: str) -> bool:
        """Whether it is the token, found out in constant time. Do not ask while `wait_s` says to wait."""
        is_right = hmac.compare_digest(_digest(token), self._token) and self._is_open
        place = _place(remote)
        if is_right:
            self._failures.pop(place, None)
            return True
        failures = self._failures.pop(place, (0, 0.0))[0] + 1
        pause_s = min(_PAUSE_MAX_S, 2.0 ** (failures - _FREE_TRIES)) if failures >= _FREE_TRIES else 0.0
        while len(self._failures) >= _PLACES_MAX:
            self._failures.pop(next(iter(self._failures)))
        self._failures[place] = (failures, self._clock.monotonic() + pause_s)
        return False


def _place(remote: str) -> str:
    """An IPv6 host has a whole /64 to come from."""
    try:
        address = ipaddress.ip_address(remote)
    except ValueError:
        return remote
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else remote


def is_within(remote: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether an address is one of these."""
    try:
        address = ipaddress.ip_address(remote)
    except ValueError:
        return False
    return any(address in network for network in networks)
