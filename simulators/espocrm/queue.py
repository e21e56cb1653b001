"""The webhook queue: events, items per webhook, and the job that sends them."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from simulators.espocrm.records import Records, Row

EVENTS_PER_RUN = 20  # webhookQueueEventPortionSize: of all kinds together
WEBHOOKS_PER_RUN = 20  # webhookQueuePortionSize
BATCH = 50  # webhookBatchSize
MAX_ATTEMPTS = 4  # webhookMaxAttemptNumber
RETRIED = frozenset({0, 401, 403, 404, 405, 408, 500, 503})  # Core/Webhook/Queue of 9.2.7

Send = Callable[[Row, list[Row]], Awaitable[int]]


class Event(msgspec.Struct, kw_only=True):
    """A row of webhook_event_queue_item. `data` is a snapshot of the moment of the event."""

    number: int
    event: str
    target_type: str
    target_id: str
    data: Row
    user_id: str


class Item(msgspec.Struct, kw_only=True):
    """A row of webhook_queue_item: one event for one webhook. `process_at` in seconds since 1970; None: at once."""

    number: int
    webhook_id: str
    event: str
    target_type: str
    target_id: str
    data: Row
    status: Literal["Pending", "Success", "Failed"] = "Pending"
    attempts: int = 0
    process_at: float | None = None
    code: int | None = None


class Run(msgspec.Struct, kw_only=True):
    """What one run of the job did. `answers` holds [webhook id, number of items, status] per request."""

    events: int = 0
    requests: int = 0
    items: int = 0
    answers: list[tuple[str, int, int]] = []


class Queue:
    """Core/Webhook/Queue of 9.2.7. Loses and reorders exactly as the real one does."""

    def __init__(self, records: Records, send: Send, *, retry_period_s: float) -> None:
        self._records = records
        self._send = send
        self._retry_period_s = retry_period_s
        self._one_run = asyncio.Lock()
        self._events: deque[Event] = deque()
        self._pending: dict[int, Item] = {}
        self._done: deque[Item] = deque(maxlen=10_000)
        self._number = 0

    def clear(self) -> None:
        self._events.clear()
        self._pending.clear()
        self._done.clear()

    def is_wanted(self, event: str) -> bool:
        """Whether an active webhook listens; otherwise the event is not even written down."""
        return any(w["event"] == event and w["isActive"] for w in self._records.alive("Webhook"))

    def add(self, event: str, target_type: str, target: Row, data: Row, user_id: str) -> None:
        self._number += 1
        self._events.append(
            Event(
                number=self._number,
                event=event,
                target_type=target_type,
                target_id=str(target["id"]),
                data=data,
                user_id=user_id,
            )
        )

    def waiting_events(self) -> int:
        return len(self._events)

    def items(self) -> list[Item]:
        """Items in number order, finished ones included (the last 10,000)."""
        return sorted([*self._done, *self._pending.values()], key=lambda item: item.number)

    def make_due(self) -> int:
        """Lets the waiting time of every retry be over; how many items that were."""
        waiting = [item for item in self._pending.values() if item.process_at is not None]
        for item in waiting:
            item.process_at = None
        return len(waiting)

    async def run_once(self) -> Run:
        """One run of the scheduled job Process Webhook Queue; one at a time."""
        async with self._one_run:
            done = Run(answers=[])
            self._expand(done)
            for webhook_id in self._webhooks_due():
                await self._serve(webhook_id, done)
            return done

    def _expand(self, done: Run) -> None:
        for _ in range(min(EVENTS_PER_RUN, len(self._events))):
            event = self._events.popleft()
            done.events += 1
            for webhook in self._records.alive("Webhook"):
                if webhook["event"] != event.event or not webhook["isActive"]:
                    continue
                if webhook["skipOwn"] and webhook.get("userId") == event.user_id:
                    continue
                self._number += 1
                self._pending[self._number] = Item(
                    number=self._number,
                    webhook_id=str(webhook["id"]),
                    event=event.event,
                    target_type=event.target_type,
                    target_id=event.target_id,
                    data=event.data,
                )

    def _due(self) -> list[Item]:
        now = self._records.now()
        return [i for i in self._pending.values() if i.process_at is None or i.process_at <= now]

    def _webhooks_due(self) -> list[str]:
        """In the order of their oldest due item."""
        return list(dict.fromkeys(item.webhook_id for item in self._due()))[:WEBHOOKS_PER_RUN]

    async def _serve(self, webhook_id: str, done: Run) -> None:
        batch = [item for item in self._due() if item.webhook_id == webhook_id][:BATCH]
        webhook = self._records.find("Webhook", webhook_id)
        if webhook is None or not webhook["isActive"]:
            self._drop(batch)
            return
        erased = [i for i in batch if self._records.find(i.target_type, i.target_id, with_deleted=True) is None]
        self._drop(erased)
        batch = [item for item in batch if item.number in self._pending]
        if not batch:
            return
        code = await self._send(webhook, [item.data for item in batch])
        done.requests += 1
        done.items += len(batch)
        done.answers.append((webhook_id, len(batch), code))
        self._settle(webhook, batch, code)

    def _settle(self, webhook: Row, batch: list[Item], code: int) -> None:
        """The whole batch shares one fate."""
        if code == 410:
            webhook["deleted"] = True
            self._drop([item for item in self._pending.values() if item.webhook_id == webhook["id"]])
            return
        for item in batch:
            item.attempts += 1
            item.code = code
            item.process_at = None
            if 200 <= code < 400:
                self._finish(item, "Success")
            elif code in RETRIED and item.attempts < MAX_ATTEMPTS:
                item.process_at = self._records.now() + self._retry_period_s
            else:
                self._finish(item, "Failed")

    def _finish(self, item: Item, status: Literal["Success", "Failed"]) -> None:
        item.status = status
        if self._pending.pop(item.number, None) is not None:
            self._done.append(item)

    def _drop(self, items: list[Item]) -> None:
        for item in items:
            self._pending.pop(item.number, None)

    def summary(self) -> dict[str, object]:
        """Counts and rows, for the control route."""
        items = self.items()
        return {
            "events": self.waiting_events(),
            "counts": dict(Counter(item.status for item in items)),
            "items": items,
        }
