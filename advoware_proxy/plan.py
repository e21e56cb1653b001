"""What becomes of a request: forwarded, and how, or refused, and why. Pure."""

import msgspec

from advoware_proxy.allow import Rule, allows
from advoware_proxy.endpoint import BadEndpoint, normalise
from shared.contracts.proxy import Method, ProxyRequest

_PARAMS_MAX_CHARS = 8_192


class Refusal(msgspec.Struct, frozen=True):
    """Nothing is sent. `status` is the HTTP status for the caller."""

    status: int
    reason: str


class Forward(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to Advoware."""

    method: Method
    name: str
    """The endpoint as the allow-list and the audit have it."""
    path: str
    params: tuple[tuple[str, str], ...]
    json: msgspec.Raw | None

    @property
    def is_write(self) -> bool:
        """Whether it may change something, and so needs an audit record."""
        return self.method != "GET"


def read(body: bytes) -> ProxyRequest | Refusal:
    """A message's body as a request."""
    try:
        return msgspec.json.decode(body or b"{}", type=ProxyRequest)
    except msgspec.ValidationError as wrong:
        return Refusal(400, f"the request does not fit: {wrong}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refusal(400, "the request is not JSON")


def plan(method: Method, request: ProxyRequest, rules: tuple[Rule, ...], *, employees_path: str) -> Forward | Refusal:
    """Decides about one request."""
    try:
        endpoint = normalise(request.endpoint, employees_path=employees_path)
    except BadEndpoint as wrong:
        return Refusal(400, str(wrong))
    if not allows(rules, method, endpoint.name):
        return Refusal(403, "the allow-list (ADVOWARE_PROXY_ALLOW) does not name this method and endpoint")
    if any(not name for name, _ in request.params):
        return Refusal(400, "a query parameter has no name")
    if sum(len(name) + len(value) for name, value in request.params) > _PARAMS_MAX_CHARS:
        return Refusal(400, f"the query is longer than {_PARAMS_MAX_CHARS} characters")
    body = None if isinstance(request.body, msgspec.UnsetType) else request.body
    if body is not None and method not in ("POST", "PUT"):
        return Refusal(400, f"{method} takes no body")
    return Forward(method=method, name=endpoint.name, path=endpoint.path, params=tuple(request.params), json=body)
