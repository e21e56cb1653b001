"""The words for failure.

    HubError
    ├── Retry          not now; the event comes back
    │   ├── Busy           somebody else works on this entity; uses up no attempt
    │   ├── RateLimited    the vendor says when to come back
    │   └── Unavailable    time-out, cut connection, 5xx, a part of ours that is away
    ├── Terminal       never; a person must look
    │   ├── Malformed      the event itself cannot be read
    │   ├── Rejected       the vendor understood and said no
    │   │   └── NotFound       the vendor has no such thing
    │   ├── Refused        we said no: a plan too large to be true
    │   ├── Parked         a write's outcome is unknown and cannot be found out
    │   └── Crashed        the worker died over it again and again
    └── Halt           nobody's event is at fault; stop pulling
        ├── Unauthorized   a key is wrong, also after one refresh
        ├── Misconfigured  the vendor does not know a name that our settings use
        └── TooManyDead    one dead letter after the other

`reason` is fit for logs, dead letters and history: ids, counts, names of fields and things, never a value.
`detail` may quote the vendor and goes nowhere but into the record in EspoCRM.
"""


class HubError(Exception):
    """A failure with a name."""

    def __init__(self, reason: str, *, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class Retry(HubError):
    """Not now: the event is delivered again, later."""


class Busy(Retry):
    """Another run has this entity. Waiting for it uses up no attempt."""


class RateLimited(Retry):
    """The vendor asks for a pause of `after_s` seconds."""

    def __init__(self, reason: str, *, after_s: float, detail: str = "") -> None:
        super().__init__(reason, detail=detail)
        self.after_s = after_s


class Unavailable(Retry):
    """No usable answer. If it was a write, whether it happened is unknown."""


class Terminal(HubError):
    """Trying again would end the same way."""


class Malformed(Terminal):
    """The event cannot be read."""


class Rejected(Terminal):
    """The vendor understood the request and refused it. `status` is its HTTP status."""

    def __init__(self, reason: str, *, status: int, detail: str = "") -> None:
        super().__init__(reason, detail=detail)
        self.status = status


class NotFound(Rejected):
    """The vendor has no such thing."""

    def __init__(self, reason: str, *, detail: str = "") -> None:
        super().__init__(reason, status=404, detail=detail)


class Refused(Terminal):
    """The mass-change guard said no; the reason names the counts. `force` passes it once."""


class Parked(Terminal):
    """A write may or may not have happened and the vendor cannot tell. Never guess, never duplicate."""


class Crashed(Terminal):
    """The worker has died over this event so often that it is not tried once more."""


class Halt(HubError):
    """The service cannot do its work for anybody; it stops pulling, probes, and resumes by itself."""


class Unauthorized(Halt):
    """The vendor does not accept our key."""


class Misconfigured(Halt):
    """The vendor does not know an entity type or a link that our settings name; its records are not what is missing."""


class TooManyDead(Halt):
    """So many dead letters in a row that the fault is more likely ours than the events'."""
