"""The door that starts a calendar sync: for everybody, or for one employee."""

import logging
from typing import Literal

import msgspec
from aiohttp import web

from gateway.answers import JSON, problem
from gateway.auth import API_KEY, Auth
from gateway.body import body_of
from gateway.payloads import Refusal, calendar_event
from shared.clock import stamp
from shared.contracts.envelope import TRACEPARENT
from shared.contracts.events import EVERYBODY, CalendarEvent
from shared.contracts.subjects import CALENDAR_SYNC_ALL, CALENDAR_SYNC_EMPLOYEE, Subject
from shared.outcomes.errors import Unavailable
from shared.runtime.service import Service
from shared.telemetry.attributes import serving
from shared.telemetry.traces import exemplar, links_to

_log = logging.getLogger(__name__)

PATH = "/advoware/calendar/sync"
_NAME = "calendar.sync"
_BODY_MAX_BYTES = 16 * 1024
_RETRY_AFTER_S = 2


class Triggered(msgspec.Struct, frozen=True, kw_only=True):
    """The event is stored; the sync follows."""

    status: Literal["triggered"] = "triggered"
    kuerzel: str
    message: str


class CalendarDoor:
    """The handler. Answers 200 only after JetStream has stored the event."""

    def __init__(self, service: Service, auth: Auth) -> None:
        self._service = service
        self._auth = auth

    def routes(self) -> list[web.RouteDef]:
        """One."""
        return [web.post(PATH, self.receive)]

    async def receive(self, request: web.Request) -> web.Response:
        """Answers one request."""
        clock, metrics = self._service.clock, self._service.metrics
        began = clock.monotonic()
        links = links_to(request.headers.get(TRACEPARENT))
        attributes = serving("POST", PATH)
        with self._service.tracer.span(f"POST {PATH}", kind="server", links=links, attributes=attributes) as span:
            answer = await self._answer(request)
            span.answered(answer.status)
            metrics.webhook_seconds.labels(_NAME).observe(clock.monotonic() - began, exemplar())
        metrics.webhooks.labels(_NAME, str(answer.status)).inc()
        return answer

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            return await self._work(request)
        except Refusal as refused:
            return problem(refused.status, refused.reason)
        except Unavailable as failed:
            _log.warning("calendar sync not stored", extra={"reason": failed.reason})
            return problem(503, "not stored, send it again", {"Retry-After": str(_RETRY_AFTER_S)})
        except Exception:
            _log.exception("calendar door failed")
            return problem(500, "internal error")

    async def _work(self, request: web.Request) -> web.Response:
        if self._auth.owner_of(request.headers.get(API_KEY, "")) is None:
            raise Refusal(401, "no valid apikey")
        body = await body_of(request, _BODY_MAX_BYTES)
        event = calendar_event(body, stamp(self._service.clock.now()))
        if not self._service.bus.connected:
            raise Unavailable("NATS is away")
        subject, told = _addressed(event)
        await self._service.publisher.publish(subject, event)
        triggered = Triggered(kuerzel=event.kuerzel, message=told)
        return web.Response(body=msgspec.json.encode(triggered), headers=JSON)


def _addressed(event: CalendarEvent) -> tuple[Subject[CalendarEvent], str]:
    if event.kuerzel == EVERYBODY:
        return CALENDAR_SYNC_ALL, "the sync of all calendars was asked for"
    return CALENDAR_SYNC_EMPLOYEE, f"the sync of the calendar AW-{event.kuerzel} was asked for"
