"""The run: what one delivery (or one request) carries with it while it is worked on.

It is the one ambient value of the hub. The consumer and the gateway set it; logs read its ids, clients add their
calls, journal and snapshots take its fence.
"""

import contextvars

import msgspec


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a vendor, without any of its data."""

    vendor: str
    operation: str
    status: int
    """0: no answer came."""
    ms: float


class Run(msgspec.Struct, kw_only=True):
    """One delivery on its way from message to acknowledgement."""

    event_id: str
    trace_id: str = ""
    run_id: str = ""
    fence: int = 0
    """Revision of the entity's lock: of two writers the one with the higher number is the rightful one."""
    calls: list[Call] = msgspec.field(default_factory=list)
    revisions: dict[str, int] = msgspec.field(default_factory=dict)
    """Of the snapshots that this run has read or written, by key; 0: there was none."""


_current: contextvars.ContextVar[Run | None] = contextvars.ContextVar("run", default=None)


def current_run() -> Run | None:
    """The run this code works for; None outside of any."""
    return _current.get()


def enter_run(run: Run) -> contextvars.Token[Run | None]:
    """Makes `run` the current one of this task."""
    return _current.set(run)


def leave_run(token: contextvars.Token[Run | None]) -> None:
    """Undoes `enter_run`."""
    _current.reset(token)
