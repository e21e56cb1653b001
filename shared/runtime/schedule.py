"""Time as the broker keeps it: cron definitions and one-shot delays, so that no replica need be a leader.

Source: ADR-51 of https://github.com/nats-io/nats-architecture-and-design (cron since nats-server 2.14).
"""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from nats.errors import Error as NatsError

from shared.contracts.envelope import MSG_ID
from shared.contracts.events import AuditEvent
from shared.contracts.keys import token
from shared.contracts.subjects import Subject
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import Bus
from shared.runtime.dead_letter import as_they_were
from shared.runtime.publisher import Publisher

PAUSED = "Hub-Paused"
"""A definition with this header does not fire; the header holds the expression to go on with."""

_BODY = b"{}"


class Cron(msgspec.Struct, frozen=True, kw_only=True):
    """A subject that is published again and again."""

    name: str
    """`vmh.cron.<job>`: where the definition lies, in the stream of its target."""
    expression: str
    """Six fields, seconds first."""
    target: str
    timezone: str


class ScheduleSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Whose clock cron goes by."""

    hub_timezone: Annotated[str, msgspec.Meta(description="IANA time zone of cron and calendar.")] = "Europe/Berlin"
    audit_cron: Annotated[
        str, msgspec.Meta(pattern=r"^\S+( \S+){5}$", description="When to audit: six fields, seconds first.")
    ] = "0 0 2 * * *"

    def cron(self, name: str, expression: str, target: Subject[Any]) -> Cron:
        """Publishes an empty event on `target` by this clock."""
        return Cron(name=name, expression=expression, target=target.name, timezone=self.hub_timezone)

    def nightly(self, name: str, target: Subject[AuditEvent]) -> Cron:
        """When the sides are compared."""
        return self.cron(name, self.audit_cron, target)


class Schedules:
    """Keeps cron definitions and puts events off."""

    def __init__(self, bus: Bus, publisher: Publisher) -> None:
        self._bus = bus
        self._publisher = publisher

    async def ensure(self, cron: Cron, *, stream: str) -> None:
        """Publishes the definition when it is not there as wanted; any replica may, and one definition results.

        One that an operator has paused is left alone. Raises Unavailable with the broker's words when the expression
        is not one.
        """
        headers = {
            "Nats-Schedule": cron.expression,
            "Nats-Schedule-Target": cron.target,
            "Nats-Schedule-Time-Zone": cron.timezone,
            # It would go with the age of its stream otherwise, and the schedule would stand still without a word.
            "Nats-TTL": "never",
        }
        present = await self._present(cron.name, stream)
        if present is not None and (PAUSED in present or headers.items() <= present.items()):
            return
        # A definition that returns to an earlier one within minutes must not be taken for a duplicate of it.
        await self._publisher.store(cron.name, _BODY, headers | {MSG_ID: f"cron:{uuid.uuid4()}"})

    async def _present(self, subject: str, stream: str) -> dict[str, str] | None:
        try:
            answer = await self._bus.requests.request(f"$JS.API.DIRECT.GET.{stream}.{subject}", b"", timeout_s=3)
        except (NatsError, OSError) as failed:
            raise Unavailable(f"NATS does not answer ({type(failed).__name__})") from None
        headers = answer.headers or {}
        if "Nats-Sequence" not in headers:
            return None
        return {name: str(value) for name, value in headers.items()}

    async def publish_later(
        self, subject: str, body: bytes, headers: Mapping[str, str], *, at: datetime, retry_subject: str, once: str
    ) -> None:
        """Publishes this message again at `at`; needs no slot of the consumer and survives restarts."""
        when = (at + timedelta(milliseconds=500)).replace(microsecond=0)
        scheduled = as_they_were(headers) | {
            MSG_ID: f"retry:{once}",
            "Nats-Schedule": f"@at {when.isoformat().replace('+00:00', 'Z')}",
            "Nats-Schedule-Target": subject,
        }
        await self._publisher.store(f"{retry_subject}.{token(once)}", body, scheduled)
