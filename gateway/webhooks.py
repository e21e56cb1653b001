"""EspoCRM's webhooks: the table of doors, and the one handler behind all of them."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Literal

import msgspec
from aiohttp import web
from prometheus_client import Counter, Histogram

from gateway.answers import JSON, problem
from gateway.auth import Auth
from gateway.body import body_of
from gateway.payloads import Addressed, Batch, Door, Refusal, link_events, record_events
from shared.clock import stamp
from shared.contracts.envelope import TRACEPARENT
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import (
    ACCOUNT_CREATE,
    ACCOUNT_DELETE,
    ACCOUNT_UPDATE,
    BANKVERBINDUNGEN_CREATE,
    BANKVERBINDUNGEN_DELETE,
    BANKVERBINDUNGEN_UPDATE,
    BETEILIGTE_CREATE,
    BETEILIGTE_DELETE,
    BETEILIGTE_UPDATE,
    DOCUMENT_CREATE,
    DOCUMENT_DELETE,
    DOCUMENT_UPDATE,
    OWNER_UPDATES,
    RAEUMUNGSKLAGE_CREATE,
    RAEUMUNGSKLAGE_DELETE,
    RAEUMUNGSKLAGE_UPDATE,
    Subject,
)
from shared.outcomes.errors import Unavailable
from shared.runtime.service import Service
from shared.telemetry.attributes import Attributes, serving
from shared.telemetry.traces import exemplar, links_to

_log = logging.getLogger(__name__)

BODY_MAX_BYTES = 1024 * 1024
RETRY_AFTER_S = 2
_AGAIN = {"Retry-After": str(RETRY_AFTER_S)}
_IN_WORK_MAX = 128
"""More than a broker with three replicas keeps busy, and some 30 ms of one core: what is taken is answered soon."""
_TOLD_EVERY_S = 1.0
_AT_ONCE = 128
"""Events of one batch under way at the same time."""
_OF_BATCHES_MAX = 384
"""And of all batches. Beside _IN_WORK_MAX single ones they fit into what a publisher allows, so that a batch is
turned away before any of it is stored and not in its middle."""
_STORE_S = 6.0
"""With the 3 s that a body may take, less than the 10 s that EspoCRM waits (`webhookTimeout`)."""

_DOCUMENT_FIELDS = frozenset(
    ("xaiId", "xaiCollections", "xaiSyncedHash", "xaiSyncStatus", "xaiSyncError", "fileStatus")
)
_OWNER_FIELDS = frozenset(("xaiCollectionId",))
_PARTY_FIELDS = _OWNER_FIELDS | {
    "advowareLastSync",
    "advowareRowId",
    "kommunikationHash",
    "syncAutoResetAt",
    "syncErrorMessage",
    "syncNextRetry",
    "syncRetryCount",
    "syncStatus",
}
_ACCOUNT_FIELDS = frozenset(("advowareKontoId", "advowareLastSync", "syncStatus"))


def _door(subject: Subject[EntityEvent], *, written_by_us: frozenset[str] = frozenset()) -> Door:
    """A door whose items are records of one entity type; named like its subject."""
    action = subject.defaults["action"]
    return Door(
        name=subject.name.removeprefix("vmh."),
        action=action,
        summary=f"EspoCRM: {subject.defaults['entity_type']} {action}",
        subject=subject,
        parse=record_events,
        written_by_us=written_by_us,
    )


def _link_door(action: str) -> Door:
    return Door(
        name=f"entity.{action}",
        action=action,
        summary=f"EspoCRM: documents {action}",
        subject=DOCUMENT_UPDATE,
        parse=link_events,
        owners=OWNER_UPDATES,
    )


WEBHOOKS: Mapping[str, Door] = {
    "/vmh/webhook/document/create": _door(DOCUMENT_CREATE),
    "/vmh/webhook/document/update": _door(DOCUMENT_UPDATE, written_by_us=_DOCUMENT_FIELDS),
    "/vmh/webhook/document/delete": _door(DOCUMENT_DELETE),
    "/vmh/webhook/raeumungsklage/create": _door(RAEUMUNGSKLAGE_CREATE),
    "/vmh/webhook/raeumungsklage/update": _door(RAEUMUNGSKLAGE_UPDATE, written_by_us=_OWNER_FIELDS),
    "/vmh/webhook/raeumungsklage/delete": _door(RAEUMUNGSKLAGE_DELETE),
    "/vmh/webhook/account/create": _door(ACCOUNT_CREATE),
    "/vmh/webhook/account/update": _door(ACCOUNT_UPDATE, written_by_us=_OWNER_FIELDS),
    "/vmh/webhook/account/delete": _door(ACCOUNT_DELETE),
    "/vmh/webhook/beteiligte/create": _door(BETEILIGTE_CREATE),
    "/vmh/webhook/beteiligte/update": _door(BETEILIGTE_UPDATE, written_by_us=_PARTY_FIELDS),
    "/vmh/webhook/beteiligte/delete": _door(BETEILIGTE_DELETE),
    "/vmh/webhook/bankverbindungen/create": _door(BANKVERBINDUNGEN_CREATE),
    "/vmh/webhook/bankverbindungen/update": _door(BANKVERBINDUNGEN_UPDATE, written_by_us=_ACCOUNT_FIELDS),
    "/vmh/webhook/bankverbindungen/delete": _door(BANKVERBINDUNGEN_DELETE),
    "/vmh/webhook/entity/link": _link_door("link"),
    "/vmh/webhook/entity/unlink": _link_door("unlink"),
}
"""Every webhook. A new one is a line here: routes, metrics and the API's description follow."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """Every event of the batch is stored."""

    status: Literal["received"] = "received"
    action: str
    new_ids_count: int
    """Different records that events were published for."""
    total_ids_in_batch: int
    """Items in the body."""


class _Fixed(msgspec.Struct, frozen=True):
    """What stays the same over all requests of one door."""

    door: Door
    span: str
    attributes: Attributes
    received: Counter
    turned_away: Counter
    seconds: Histogram


class Webhooks:
    """The handler. Answers 200 only after JetStream has stored every event of the batch.

    Else: 400, 401 or 413 for what is wrong with the request, 408, 500 or 503 for what may work the next time.
    EspoCRM sends again after 401, 408, 500 and 503, and drops the batch for good after 400 and 413.
    Source: EspoCRM 9.2.7, application/Espo/Core/Webhook/Queue.php.
    """

    def __init__(self, service: Service, auth: Auth) -> None:
        self._service = service
        self._auth = auth
        self._in_work = 0
        self._of_batches = 0
        self._turned_away = 0
        self._told_at = 0.0
        metrics = service.metrics
        self._fixed = {
            path: _Fixed(
                door,
                f"POST {path}",
                serving("POST", path),
                metrics.webhooks.labels(door.name, "200"),
                metrics.webhooks.labels(door.name, "503"),
                metrics.webhook_seconds.labels(door.name),
            )
            for path, door in WEBHOOKS.items()
        }

    async def receive(self, request: web.Request) -> web.Response:
        """Answers one request at any of the doors."""
        fixed = self._fixed[request.path]
        clock, metrics = self._service.clock, self._service.metrics
        began = clock.monotonic()
        if self._in_work >= _IN_WORK_MAX or self._of_batches > _OF_BATCHES_MAX - _AT_ONCE:
            return self._turn_away(fixed, began)
        links = links_to(request.headers.get(TRACEPARENT))
        self._in_work += 1
        try:
            with self._service.tracer.span(fixed.span, kind="server", links=links, attributes=fixed.attributes) as span:
                answer = await self._answer(request, fixed.door)
                span.answered(answer.status)
                fixed.seconds.observe(clock.monotonic() - began, exemplar())
        finally:
            self._in_work -= 1
        if answer.status == 200:
            fixed.received.inc()
        else:
            metrics.webhooks.labels(fixed.door.name, str(answer.status)).inc()
        return answer

    def _turn_away(self, fixed: _Fixed, now: float) -> web.Response:
        """Costs as little as can be: no body, no span, and one log line a second for all."""
        self._turned_away += 1
        fixed.turned_away.inc()
        if now - self._told_at >= _TOLD_EVERY_S:
            _log.warning("too many requests are in work", extra={"turned_away": self._turned_away})
            self._turned_away, self._told_at = 0, now
        return problem(503, "too many requests, send it again", _AGAIN)

    async def _answer(self, request: web.Request, door: Door) -> web.Response:
        try:
            return await self._work(request, door)
        except Refusal as refused:
            status, reason, told = refused.status, refused.reason, refused.reason
        except Unavailable as failed:
            status, reason, told = 503, failed.reason, "not stored, send it again"
        except Exception:
            _log.exception("webhook failed", extra={"door": door.name})
            return problem(500, "internal error")
        _log.warning("webhook refused", extra={"door": door.name, "status": status, "reason": reason})
        return problem(status, told, _AGAIN if status == 503 else {})

    async def _work(self, request: web.Request, door: Door) -> web.Response:
        body = await body_of(request, BODY_MAX_BYTES)
        caller = self._auth.caller(request.headers, body)
        if caller is None:
            raise Refusal(401, "no valid signature and no valid apikey")
        batch = door.parse(body, door, stamp(self._service.clock.now()))
        if batch.events:
            await self._store(batch.events)
        if batch.echoes:
            self._service.metrics.webhook_echoes.labels(door.name).inc(batch.echoes)
        if _log.isEnabledFor(logging.DEBUG):
            _log_received(door, batch, caller)
        received = Received(action=door.action, new_ids_count=len(batch.events), total_ids_in_batch=batch.total)
        return web.Response(body=msgspec.json.encode(received), headers=JSON)

    async def _store(self, events: list[Addressed]) -> None:
        """Returns when all are stored. Raises Unavailable when one is not; others may be, and come twice then."""
        if not self._service.bus.connected:
            raise Unavailable("NATS is away")
        publish = self._service.publisher.publish
        if len(events) == 1:
            await publish(*events[0])
            return
        at_once = min(len(events), _AT_ONCE)
        if self._of_batches + at_once > _OF_BATCHES_MAX:
            raise Unavailable("too many events are in work")
        self._of_batches += at_once
        try:
            async with asyncio.timeout(_STORE_S):
                for start in range(0, len(events), _AT_ONCE):
                    some = (publish(subject, event) for subject, event in events[start : start + _AT_ONCE])
                    # All are waited for, so that none is still under way when the request has been answered.
                    for result in await asyncio.gather(*some, return_exceptions=True):
                        if isinstance(result, BaseException):
                            raise result
        except TimeoutError:
            raise Unavailable("the batch was not stored in time") from None
        finally:
            self._of_batches -= at_once


def _log_received(door: Door, batch: Batch, caller: str) -> None:
    extra = {
        "door": door.name,
        "caller": caller,
        "items": batch.total,
        "events": len(batch.events),
        "echoes": batch.echoes,
    }
    _log.debug("webhook received", extra=extra)
