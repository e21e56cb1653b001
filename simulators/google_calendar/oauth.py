"""The token endpoint: a service account's signed JWT against an access token (RFC 7523)."""

import msgspec
from aiohttp import web

from simulators.google_calendar.answers import JsonObject, TokenRefused, answer, token_error
from simulators.google_calendar.keys import AUDIENCE, ServiceAccount, is_signed, unpacked
from simulators.google_calendar.methods import SCOPES
from simulators.google_calendar.state import State
from simulators.google_calendar.tokens import Principal

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_S = 3600

# Sentences of the page "Using OAuth 2.0 for server to server applications" and of its readers' reports.
_SHORT_LIVED = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)
_NOT_DELEGATED = (
    "Client is unauthorized to retrieve access tokens using this method, "
    "or client not authorized for any of the scopes requested."
)


class TokenEndpoint:
    """Handler of `POST /token`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def token(self, request: web.Request) -> web.Response:
        """An access token, its lifetime in seconds and its type; or the refusal in OAuth's shape."""
        self._state.tokens.requests += 1
        form = await request.post()
        own = f"{request.scheme}://{request.host}{request.path}"
        try:
            principal = self._principal(_field(form, "grant_type"), _field(form, "assertion"), own)
        except TokenRefused as refused:
            return token_error(refused)
        lifetime_s = self._state.switches.token_lifetime_s
        text = self._state.tokens.issue(principal, expires_at=self._state.clock.now() + lifetime_s)
        # Google says a second less than it grants.
        return answer({"access_token": text, "expires_in": int(lifetime_s) - 1, "token_type": "Bearer"})

    def _principal(self, grant_type: str, assertion: str, own_url: str) -> Principal:
        if grant_type != GRANT_TYPE:
            raise TokenRefused("unsupported_grant_type", f"Invalid grant_type: {grant_type}")
        claims, account = self._verified(assertion)
        if claims.get("aud") not in (AUDIENCE, own_url):
            raise TokenRefused("invalid_grant", f"Invalid JWT: Failed audience check. The right audience is {AUDIENCE}")
        self._check_times(claims)
        scopes = _scopes(claims)
        subject = claims.get("sub") or account.client_email
        if subject == account.client_email:
            return Principal(email=account.client_email, client_email=account.client_email, scopes=scopes)
        if not isinstance(subject, str) or subject not in self._state.directory.users:
            raise TokenRefused("invalid_grant", "Invalid email or User ID")
        if not scopes <= self._state.directory.delegated(account.client_email):
            raise TokenRefused("unauthorized_client", _NOT_DELEGATED, 401)
        return Principal(email=subject, client_email=account.client_email, scopes=scopes)

    def _verified(self, assertion: str) -> tuple[JsonObject, ServiceAccount]:
        """The claims of a JWT that the issuer's key has signed, and the issuer."""
        try:
            head, body, signature = assertion.split(".")
            header = msgspec.json.decode(unpacked(head), type=JsonObject)
            claims = msgspec.json.decode(unpacked(body), type=JsonObject)
            seal = unpacked(signature)
        except (ValueError, msgspec.MsgspecError):
            raise TokenRefused("invalid_grant", "Bad Request") from None
        found = self._state.directory.find(str(claims.get("iss")))
        if found is None:
            raise TokenRefused("invalid_grant", "Invalid grant: account not found")
        account, key = found
        is_of_key = header.get("kid", account.private_key_id) == account.private_key_id
        if header.get("alg") != "RS256" or not is_of_key or not is_signed(key, f"{head}.{body}".encode(), seal):
            raise TokenRefused("invalid_grant", "Invalid JWT Signature.")
        return claims, account

    def _check_times(self, claims: JsonObject) -> None:
        issued, ends = claims.get("iat"), claims.get("exp")
        now, skew_s = self._state.clock.now(), self._state.switches.jwt_skew_s
        if not isinstance(issued, int) or not isinstance(ends, int):
            raise TokenRefused("invalid_grant", _SHORT_LIVED)
        if not 0 < ends - issued <= _LONGEST_S or issued > now + skew_s or ends < now - skew_s:
            raise TokenRefused("invalid_grant", _SHORT_LIVED)


def _field(form: object, name: str) -> str:
    value = form.get(name) if hasattr(form, "get") else None
    if not isinstance(value, str) or not value:
        raise TokenRefused("invalid_request", f"Required parameter is missing: {name}")
    return value


def _scopes(claims: JsonObject) -> frozenset[str]:
    wanted = frozenset(str(claims.get("scope", "")).split())
    if not wanted:
        raise TokenRefused("invalid_scope", "Empty or missing scope not allowed.")
    unknown = wanted - SCOPES
    if unknown:
        raise TokenRefused("invalid_scope", f"Some requested scopes were invalid. {sorted(unknown)}")
    return wanted
