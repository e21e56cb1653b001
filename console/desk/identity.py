"""Which record a stored event is about: read by its subject's contract, and nothing but the identity kept. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from shared.contracts.events import CalendarEvent, EntityEvent, SweepEvent
from shared.contracts.subjects import CALENDAR_SYNC_ALL, CALENDAR_SYNC_EMPLOYEE, SUBJECTS, Subject
from shared.outcomes.errors import Malformed

BY_HAND = "nats"
"""The source of what a person asks for, as of anybody with the `nats` command line: it passes a remembered failure."""

_BY_NAME: Mapping[str, Subject[Any]] = {subject.name: subject for subject in SUBJECTS}


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A record. Empty where the body cannot be read."""

    entity_type: str = ""
    entity_id: str = ""


def subject_named(name: str) -> Subject[Any] | None:
    """A subject of the hub's list."""
    return _BY_NAME.get(name)


def identity_of(subject: str, body: bytes) -> Identity:
    """Whatever else stands in a body is not the hub's, and is not shown to anybody."""
    known = _BY_NAME.get(subject)
    if known is None:
        return Identity()
    try:
        event = known.decode(body)
    except Malformed:
        return Identity()
    return Identity(entity_type=event.entity_type, entity_id=event.entity_id)


def sync_subjects() -> dict[str, Subject[Any]]:
    """Where an event goes that asks for one record's sync, by entity type."""
    updates: dict[str, Subject[Any]] = {
        subject.defaults["entity_type"]: subject
        for subject in SUBJECTS
        if subject.event is EntityEvent and subject.name.endswith(".update")
    }
    return updates | {"Employee": CALENDAR_SYNC_EMPLOYEE}


def sweep_subjects() -> dict[str, Subject[Any]]:
    """Where an event goes that asks for a sweep, by family."""
    sweeps: dict[str, Subject[Any]] = {
        subject.defaults["entity_id"]: subject for subject in SUBJECTS if subject.event is SweepEvent
    }
    return sweeps | {"calendar": CALENDAR_SYNC_ALL}


def sync_event(subject: Subject[Any], entity_type: str, entity_id: str, *, force: bool) -> Any:
    """The event that asks for a sync. Raises ValueError with a sentence."""
    wanted: dict[str, Any] = {"source": BY_HAND, "force": force}
    if subject.event is CalendarEvent:
        wanted |= {"kuerzel": entity_id}
    else:
        wanted |= {"entity_type": entity_type, "entity_id": entity_id, "action": subject.defaults["action"]}
    try:
        return msgspec.convert(wanted, subject.event)
    except msgspec.ValidationError:
        raise ValueError(f"{entity_id!r} is no id of {entity_type}") from None


def sweep_event(subject: Subject[Any], *, force: bool) -> Any:
    """The event that asks for a sweep."""
    wanted = {"source": BY_HAND, "force": force}
    if subject.event is SweepEvent:
        wanted |= dict(subject.defaults)
    return msgspec.convert(wanted, subject.event)
