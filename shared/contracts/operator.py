"""What a service tells an operator about itself, and what it can be asked. Ids, names and counts; no values."""

import msgspec

DOCTOR_S = 30.0
"""How long a service may take for its checks: each vendor has its own patience."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A subject that a service listens to."""

    subject: str
    handler: str


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP door, and the subjects it publishes on."""

    method: str
    path: str
    publishes: tuple[str, ...] = ()


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """A cron definition that a service keeps at the broker."""

    name: str
    expression: str
    target: str
    timezone: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """A service as it describes itself, in the metadata of its NATS service, under `facts`."""

    hears: tuple[Heard, ...] = ()
    doors: tuple[Door, ...] = ()
    timers: tuple[Timer, ...] = ()
    plans: tuple[str, ...] = ()
    """Entity types of which it can say what a run would write."""
    webhooks: tuple[str, ...] = ()
    """Ids of EspoCRM's webhooks whose signature it can check."""
    stream: str = ""
    """Where its durable consumer, which is named like the service, reads."""


class PlanQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What would a run of this entity write now?"""

    entity_type: str
    entity_id: str


class PlanAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Exactly the writes that a real run would make now."""

    service: str
    reason: str
    writes: tuple[str, ...] = ()


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that must be in order for a service to work."""

    name: str
    ok: bool
    said: str = ""
    """A sentence for the operator where it is not."""


class DoctorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a service finds when it looks at itself and at its vendors."""

    service: str
    checks: tuple[Check, ...]


def plan_subject(service: str) -> str:
    """Where a worker is asked for a plan."""
    return f"hub.{service}.plan"


def doctor_subject(service: str) -> str:
    """Where a service is asked to look at itself."""
    return f"hub.{service}.doctor"
