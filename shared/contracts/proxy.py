"""What travels between a caller and the Advoware proxy: a request, and the headers of its answer.

The answer is Advoware's body as it is. One that does not fit into a message comes in pieces: the first with
`SIZE_HEADER` and `NEXT_HEADER`, the subject that hands out the others (`runtime/large_reply.py`).
A refusal is a NATS service error: `Nats-Service-Error-Code` is the HTTP status that the gateway answers,
`Nats-Service-Error` a sentence without values.
"""

from typing import Annotated, Literal

import msgspec

Method = Literal["GET", "POST", "PUT", "DELETE"]
METHODS: tuple[Method, ...] = ("GET", "POST", "PUT", "DELETE")
SERVICE = "advoware_proxy"
REST = f"hub.{SERVICE}.rest"
"""Below it, a replica hands out what did not fit into a message."""

CALLER_HEADER = "Hub-Caller"
"""Who asks: the gateway writes the name of the API key."""
CALLER_PATTERN = r"[A-Za-z0-9_.-]{1,64}"
"""What such a name is made of: it stands in logs, audit records and headers."""
STATUS_HEADER = "Hub-Advoware-Status"
"""Advoware's own HTTP status, beside an answer and beside a refusal that is Advoware's."""
RETRY_AFTER_HEADER = "Retry-After"

PARAMS_MAX = 50


def subject(method: str) -> str:
    """Where a request of that HTTP method is sent."""
    return f"advoware.proxy.{method.lower()}"


class ProxyRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request. `{"endpoint":"employees"}` is complete."""

    endpoint: str
    """Relative to `/api/v1/advonet/`, or beginning with `api/v1/`; see `advoware_proxy/endpoint.py`."""
    params: Annotated[list[tuple[str, str]], msgspec.Meta(max_length=PARAMS_MAX)] = []
    """Query parameters for Advoware, in order; a name may come twice."""
    body: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """JSON for POST and PUT."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] | None = None
    """How long the caller waits; the proxy answers before."""


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One write through the proxy, on `audit.advoware_proxy.<method>`: `sent`, then `answered` or `not_sent`; one `id`.

    The endpoint holds ids; bodies and parameters are never kept.
    """

    id: str
    at: str
    step: Literal["sent", "answered", "not_sent"]
    caller: str
    method: Method
    endpoint: str
    status: int | None = None
    """Advoware's HTTP status; 0 when its answer was lost, so that nobody knows whether it was done."""
    trace_id: str = ""
    worker: str = ""
