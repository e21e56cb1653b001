"""The consumer: takes messages from the pull loop, puts them into lanes, runs lanes, halts, resumes, drains."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Hashable, Sequence
from typing import Any, Generic

from nats.aio.msg import Msg

from shared.contracts.envelope import unseal
from shared.contracts.events import WEBHOOK
from shared.contracts.topology import consumer_config
from shared.outcomes.errors import Malformed, TooManyDead, Unavailable
from shared.outcomes.reason import Reason
from shared.outcomes.settle import HALT_DELAY_S, Ack, Bury, Settlement, Stop
from shared.runtime.acknowledge import ack, in_progress, nak
from shared.runtime.bus import ApiError, Bus
from shared.runtime.delivery import deliver
from shared.runtime.desk import Delivery, Desk
from shared.runtime.lanes import Lanes, Place
from shared.runtime.pull_loop import Position, PullLoop, position_of
from shared.runtime.route import D, Route
from shared.runtime.served import Served
from shared.runtime.unreadable import bury_unreadable

_log = logging.getLogger(__name__)

_DEAD_IN_A_ROW_MAX = 20
_HAND_BACK_S = 0.2
_LOOK_AHEAD_S = 0.1
_ACKS_TO_RESUME = 10
"""A skip proves little about a vendor; so many in a row show at least that work goes on."""


class Consumer(Generic[D]):
    """Runs a service's routes on one stream. `run` until cancelled, after `stop`."""

    def __init__(
        self,
        bus: Bus,
        desk: Desk,
        routes: Sequence[Route[Any, D]],
        deps: D,
        *,
        stream: str,
        concurrency: int,
        ack_wait_s: float,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._bus = bus
        self._desk = desk
        self._routes = {route.subject.name: route for route in routes}
        self._deps = deps
        self._concurrency = concurrency
        self._ack_wait_s = ack_wait_s
        self._tasks = tasks
        self._stream = stream
        self._lanes: Lanes[Delivery[D]] = Lanes()
        self._served = Served()
        self._looking: asyncio.Task[None] | None = None
        self._ready: deque[str] = deque()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._in_hand: dict[int, Delivery[D]] = {}
        desk.metrics.lanes.labels("running").set_function(lambda: len(self._running))
        desk.metrics.lanes.labels("in_hand").set_function(lambda: len(self._in_hand))
        self._dead_in_a_row = 0
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.halted: str | None = None
        """Why this consumer has stopped itself, in one sentence; None while it works."""
        self._halted_kind = ""
        self._acks = 0
        self._background: list[asyncio.Task[None]] = []
        self._probe_timer: asyncio.TimerHandle | None = None
        self.pull = PullLoop(
            bus,
            stream=stream,
            consumer=consumer_config(
                desk.consumer, list(self._routes), ack_wait_s=ack_wait_s, replicas=bus.settings.nats_replicas
            ),
            on_message=self._on_message,
            room=self._room,
            on_begin=self._served.start_over,
            clock=desk.clock,
        )

    def start(self) -> None:
        """Begins to pull, to renew locks and to tell the broker that work is going on."""
        self._background = [
            self._tasks.create_task(self.pull.run(), name="pull"),
            self._tasks.create_task(self._renew_locks(), name="renew locks"),
            self._tasks.create_task(self._heartbeat(), name="heartbeat"),
        ]

    async def stop(self, grace_s: float) -> None:
        """Stops pulling, hands back what has not begun, lets runs finish for `grace_s`, then hands those back too."""
        self._stopping = True
        await self.pull.pause()
        await self._hand_back_waiting(_HAND_BACK_S)
        try:
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        except TimeoutError:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
        if self._probe_timer is not None:
            self._probe_timer.cancel()
        for task in self._background:
            task.cancel()
        if self._looking is not None:
            self._looking.cancel()

    def _room(self) -> int:
        """How many messages may be in hand: as many again as run, so that a lane is never idle for want of a pull."""
        if self.halted:
            return 0 if self._in_hand else 1  # one at a time, to see whether it works again
        return max(0, 2 * self._concurrency - len(self._in_hand))

    def _on_message(self, message: Msg) -> None:
        position = position_of(message.reply)
        if position.delivered > 1:
            self._desk.metrics.redeliveries.labels(message.subject).inc()
        again = self._in_hand.get(position.sequence)
        if again is not None:
            # The broker lost patience with one that we still have. It must not be taken for another event: an ack
            # for it would be the ack of a run that has not ended.
            again.message = message
            return
        try:
            delivery = self._open(message, position)
        except Malformed as wrong:
            self._tasks.create_task(bury_unreadable(self._desk, message, position, wrong))
            return
        kind = _kind(delivery)
        is_served = self._served.covers(delivery.lane, kind, position.sequence)
        if is_served and delivery.envelope.event.source == WEBHOOK:
            self._coalesced(message)
            return
        if self._stopping or (self.halted and self._in_hand):
            self._tasks.create_task(nak(message, _HAND_BACK_S if self._stopping else HALT_DELAY_S))
            return
        place, standing = self._lanes.offer(delivery.lane, kind, delivery)
        if place is Place.COALESCED:
            standing.stands_for(delivery.envelope)
            self._coalesced(message)
            return
        self._in_hand[position.sequence] = delivery
        if position.pending and self._looking is None:
            self._looking = self._tasks.create_task(self._look_ahead(), name="look ahead")
        if place is Place.START:
            self._ready.append(delivery.lane)
            self._fill()

    def _coalesced(self, message: Msg) -> None:
        """Its work is done by another run: one that waits, or one that began after it was stored."""
        self._desk.metrics.deliveries.labels(message.subject, "skip", Reason.COALESCED).inc()
        self._tasks.create_task(ack(message))

    async def _look_ahead(self) -> None:
        """Asks how far the stream has grown: what lies in it now needs no run of its own after those that begin now."""
        life = self._served.mark.life
        try:
            with contextlib.suppress(ApiError, Unavailable):
                info = await self._bus.api(f"STREAM.INFO.{self._stream}")
                self._served.stored(life, info["state"]["last_seq"])
            await asyncio.sleep(_LOOK_AHEAD_S)
        finally:
            self._looking = None

    def _open(self, message: Msg, position: Position) -> Delivery[D]:
        route = self._routes.get(message.subject)
        if route is None:
            raise Malformed("no route for this subject")
        envelope = unseal(
            route.subject,
            message.headers or {},
            message.data,
            position=f"{position.stream}-{position.sequence}",
        )
        now = self._desk.clock.monotonic()
        return Delivery(message, position, route, envelope, route.lock(envelope.event), received_at=now)

    def _fill(self) -> None:
        """Starts lanes while there are free places."""
        while self._ready and len(self._running) < self._concurrency:
            lane = self._ready.popleft()
            self._running[lane] = self._tasks.create_task(self._run_lane(lane), name=f"lane {lane}")
            self._idle.clear()

    async def _run_lane(self, lane: str) -> None:
        """Works off one entity's messages, one after the other."""
        try:
            while (delivery := self._lanes.take(lane)) is not None:
                mark = self._served.mark
                try:
                    settlement = await deliver(self._desk, delivery, self._deps)
                finally:
                    self._in_hand.pop(delivery.position.sequence, None)
                if isinstance(settlement, Ack):
                    self._served.done(lane, _kind(delivery), mark)
                await self._after(settlement)
                self.pull.wake()
        finally:
            del self._running[lane]
            if not self._running:
                self._idle.set()
            self._fill()

    async def _after(self, settlement: Settlement) -> None:
        """Halts on a Halt, or on one dead letter after the other; goes on again after the first real success."""
        match settlement:
            case Stop():
                await self._halt(settlement.kind, settlement.reason)
            case Bury(in_a_row=True):
                self._dead_in_a_row += 1
                if self._dead_in_a_row >= _DEAD_IN_A_ROW_MAX:
                    reason = f"{self._dead_in_a_row} dead letters in a row; the last: {settlement.kind}"
                    await self._halt(TooManyDead.__name__, reason)
            case Ack():
                self._acks += 1
                if settlement.worked:
                    self._dead_in_a_row = 0
                if settlement.worked or self._acks >= _ACKS_TO_RESUME:
                    self._resume()

    async def _halt(self, kind: str, reason: str) -> None:
        if not self.halted:
            _log.error("halted: pulling stops until a probe succeeds", extra={"kind": kind, "reason": reason})
        self.halted = f"{kind}: {reason}"
        self._halted_kind = kind
        self._acks = 0
        self._desk.metrics.halted.labels(kind).set(1)
        await self.pull.pause()
        await self._hand_back_waiting(HALT_DELAY_S)
        if self._probe_timer is not None:
            self._probe_timer.cancel()
        self._probe_timer = asyncio.get_running_loop().call_later(HALT_DELAY_S, self._probe)

    def _probe(self) -> None:
        if self.halted and not self._stopping:
            self.pull.resume()

    def _resume(self) -> None:
        if not self.halted:
            return
        _log.warning("resumed", extra={"kind": self._halted_kind})
        self._desk.metrics.halted.labels(self._halted_kind).set(0)
        self.halted = None
        self.pull.resume()

    async def _hand_back_waiting(self, delay_s: float) -> None:
        for delivery in self._lanes.give_up():
            self._in_hand.pop(delivery.position.sequence, None)
            await nak(delivery.message, delay_s)

    async def _renew_locks(self) -> None:
        while True:
            await asyncio.sleep(self._desk.locks.renew_every_s)
            await self._desk.locks.renew_all()

    async def _heartbeat(self) -> None:
        """Keeps the broker from giving what we have in hand to somebody else."""
        while True:
            await asyncio.sleep(self._ack_wait_s / 3)
            for delivery in list(self._in_hand.values()):
                await in_progress(delivery.message)


def _kind(delivery: Delivery[D]) -> Hashable:
    """Events of one lane and of one kind are equal."""
    return delivery.route.handler, delivery.route.coalesce(delivery.envelope.event)
