"""Who asks: API keys, HMAC, the admin's password, and the lock-out of an address after failed logins."""

import base64
import binascii
import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable, Mapping

from aiohttp import web

from simulators.espocrm.answers import HTML, Refused
from simulators.espocrm.service import Actor

MAX_FAILED = 10  # authMaxFailedAttemptNumber
FAILED_PERIOD_S = 60.0  # authFailedAttemptsPeriod


class HmacUser:
    """A user whose authMethod is Hmac."""

    def __init__(self, actor: Actor, secret: str) -> None:
        self.actor = actor
        self.secret = secret.encode()


class Auth:
    """Core/Api/Auth and the authentication methods ApiKey, Hmac and Espo (the admin only)."""

    def __init__(
        self,
        api_keys: Mapping[str, Actor],
        hmac_users: Mapping[str, HmacUser],
        admin: Actor,
        admin_password: str,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api_keys = api_keys
        self._hmac_users = hmac_users
        self._admin = admin
        self._admin_password = admin_password
        self._now = now
        self._failed: dict[str, deque[float]] = {}

    def clear(self) -> None:
        self._failed.clear()

    def actor(self, request: web.Request, path: str) -> Actor:
        """The user of this request. 401, and 403 for an address that failed too often. `path` begins with /."""
        headers = request.headers
        if not any(h in headers for h in ("Espo-Authorization", "Authorization", "X-Api-Key", "X-Hmac-Authorization")):
            raise _no_credentials(request)
        address = request.remote or ""
        self._refuse_locked_out(address)
        actor = self._login(request, path)
        if actor is None:
            self._failed.setdefault(address, deque()).append(self._now())
            raise Refused(401, content_type=HTML)
        return actor

    def _refuse_locked_out(self, address: str) -> None:
        failed = self._failed.get(address)
        if not failed:
            return
        while failed and failed[0] <= self._now() - FAILED_PERIOD_S:
            failed.popleft()
        if len(failed) > MAX_FAILED:
            raise Refused(403, content_type=HTML)

    def _login(self, request: web.Request, path: str) -> Actor | None:
        """With Espo-Authorization present, API key headers are not looked at."""
        headers = request.headers
        if "Espo-Authorization" in headers:
            return self._password(headers["Espo-Authorization"])
        if "X-Hmac-Authorization" in headers:
            return self._hmac(headers["X-Hmac-Authorization"], f"{request.method} {path}")
        if "X-Api-Key" in headers:
            return self._api_keys.get(headers["X-Api-Key"])
        return self._password(headers["Authorization"].removeprefix("Basic "))

    def _password(self, encoded: str) -> Actor | None:
        text = _decoded(encoded).decode("utf-8", "replace")
        user, colon, password = text.partition(":")
        if not colon:
            raise _bad_string()
        if user == self._admin.name and password == self._admin_password:
            return self._admin
        return None

    def _hmac(self, encoded: str, signed: str) -> Actor | None:
        """Hex digest, or the raw bytes of the older form; the query string is not signed."""
        key, colon, given = _decoded(encoded).partition(b":")
        if not colon:
            raise _bad_string()
        user = self._hmac_users.get(key.decode("utf-8", "replace"))
        if user is None:
            return None
        digest = hmac.new(user.secret, signed.encode(), hashlib.sha256)
        return user.actor if given in (digest.hexdigest().encode(), digest.digest()) else None


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        raise _bad_string() from None


def _bad_string() -> Refused:
    return Refused(400, "Auth: Bad authorization string provided.", content_type=HTML)


def _no_credentials(request: web.Request) -> Refused:
    refused = Refused(401, content_type=HTML)
    asks_quietly = request.headers.get("X-Requested-With") == "XMLHttpRequest" or "Referer" in request.headers
    if request.method != "POST" and not asks_quietly:
        refused.headers["WWW-Authenticate"] = 'Basic realm=""'
    return refused
