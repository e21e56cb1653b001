"""The security gateway's token request, checked member by member."""

import base64
import hashlib
import hmac
import re

import msgspec
from aiohttp import web

from simulators.advoware.answers import JsonObject, Refused, answer, json_object
from simulators.advoware.clock import from_utc, utc
from simulators.advoware.credentials import PRODUCT, ROLE
from simulators.advoware.state import State

_SKEW_S = 300.0
_TEXTS = ("AppID", "Kanzlei", "Database", "User", "Password", "Nonce", "HMAC512Signature", "RequestTimeStamp")
_NUMBERS = ("Role", "Product")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

# The four texts are known from a public client of the vendor; the sentences around the words are ours.
WRONG_PASSWORD = "Falscher Name oder falsches Kennwort"  # noqa: S105
NOT_LICENSED = "Das Produkt ist für diese Kanzlei nicht freigeschaltet."
NOT_ONLINE = "Die Datenbank ist nicht angemeldet."
NOT_REGISTERED = "Die Kanzlei ist nicht registriert."


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a token request."""

    app_id: str
    kanzlei: str
    database: str
    user: str
    password: str
    nonce: str
    signature: str
    timestamp: str
    role: int
    product: int


class Gateway:
    """Handler of `POST /api/v1/Token` (vendor's page "Authentifizierung")."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._nonces: dict[str, float] = {}

    async def token(self, request: web.Request) -> web.Response:
        """A token and when it ends. Raises Refused."""
        state = self._state
        state.tokens.requests += 1
        form = _form(await json_object(request))
        try:
            self._check(form)
        except Refused as refused:
            raise Refused(state.switches.token_refusal_status or refused.status, refused.message) from None
        lifetime_s = state.switches.token_lifetime_s
        expires_at = state.clock.now() + lifetime_s
        alone = state.switches.one_token_per_user
        body: JsonObject = {"access_token": state.tokens.issue(form.user, expires_at=expires_at, alone=alone)}
        if state.switches.expiry_form == "expiration_utc":
            body["expiration_utc"] = utc(expires_at)
        elif state.switches.expiry_form == "expires_in":
            body["expires_in"] = int(lifetime_s)
        return answer(body)

    def _check(self, form: Form) -> None:
        """From what the caller is to what the firm allows. The statuses are ours: none is published."""
        given = self._state.credentials
        if form.app_id != given.app_id or not self._state.switches.licensed:
            raise Refused(403, NOT_LICENSED)
        self._check_signature(form)
        if form.kanzlei != given.kanzlei:
            raise Refused(404, NOT_REGISTERED)
        if form.database != given.database or not self._state.database_online:
            raise Refused(503, NOT_ONLINE)
        if form.user != given.user or form.password != given.password:
            raise Refused(401, WRONG_PASSWORD)

    def _check_signature(self, form: Form) -> None:
        """The timestamp is near, the signature right, and the nonce new; only a right signature uses a nonce up."""
        if form.role != ROLE or form.product != PRODUCT:
            raise Refused(403, f"Role must be {ROLE} and Product {PRODUCT}.")
        now = self._state.clock.now()
        try:
            at = from_utc(form.timestamp)
        except ValueError:
            raise Refused(400, "RequestTimeStamp must be ISO 8601 in UTC with Z.") from None
        if abs(now - at) > _SKEW_S:
            raise Refused(401, "RequestTimeStamp is too far from the server's time.")
        if self._state.switches.nonce_shape == "guid" and not _GUID.fullmatch(form.nonce):
            raise Refused(400, "Nonce must be a GUID.")
        if not _is_signed(form, self._state.credentials.api_key):
            raise Refused(401, "HMAC512Signature is wrong.")
        # A GUID is the same in both cases of its letters. Older ones need no memory: their timestamps are refused.
        nonce = form.nonce.lower()
        self._nonces = {seen: when for seen, when in self._nonces.items() if abs(now - when) <= 2 * _SKEW_S}
        if nonce in self._nonces:
            raise Refused(401, "Nonce was used before.")
        self._nonces[nonce] = now


def signature(api_key: str, message: str) -> str:
    """Base64 of HMAC-SHA512 under the decoded API key."""
    return base64.b64encode(hmac.digest(base64.b64decode(api_key), message.encode(), hashlib.sha512)).decode()


def _is_signed(form: Form, api_key: str) -> bool:
    message = f"{form.product}:{form.app_id}:{form.nonce}:{form.timestamp}"
    return hmac.compare_digest(signature(api_key, message).encode(), form.signature.encode())


def _form(body: JsonObject) -> Form:
    """The members, all there and of the right type. Raises Refused(400) with the name of the first that is not."""
    texts: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for name in _TEXTS:
        value = body.get(name)
        if not isinstance(value, str) or not value:
            raise Refused(400, f"The {name} field is required and must be a string.")
        texts[name] = value
    for name in _NUMBERS:
        value = body.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Refused(400, f"The {name} field is required and must be a number.")
        numbers[name] = value
    return Form(
        app_id=texts["AppID"],
        kanzlei=texts["Kanzlei"],
        database=texts["Database"],
        user=texts["User"],
        password=texts["Password"],
        nonce=texts["Nonce"],
        signature=texts["HMAC512Signature"],
        timestamp=texts["RequestTimeStamp"],
        role=numbers["Role"],
        product=numbers["Product"],
    )
