"""Asking NATS something and waiting for the answer: one inbox and one timer for all that is asked."""

import asyncio
import itertools
import math

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError

from shared.state.refusals import is_refused, not_permitted

_NO_RESPONDERS = "503"


class Requests:
    """The questions of one connection. `start` once it stands.

    nats-py's own `request` waits with `asyncio.wait_for`: a timer and a further turn of the loop each time, and before
    Python 3.12 it forgets a cancellation that comes together with the answer
    (https://github.com/python/cpython/issues/81839), so that a run that has lost its lock would go on.
    """

    def __init__(self, nc: Client) -> None:
        self._nc = nc
        self._inbox = ""
        self._numbers = itertools.count()
        self._waiting: dict[str, tuple[asyncio.Future[Msg], float]] = {}
        """What is awaited, and until when."""
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = math.inf

    async def start(self) -> None:
        """Opens the inbox."""
        self._inbox = self._nc.new_inbox()
        await self._nc.subscribe(f"{self._inbox}.*", cb=self._on_answer)

    async def request(
        self, subject: str, body: bytes, *, timeout_s: float, headers: dict[str, str] | None = None
    ) -> Msg:
        """The answer. Raises what nats-py raises: NoRespondersError, TimeoutError and what `publish` may; NotPermitted
        in place of a time-out where NATS has said that it refuses this subject.
        """
        number = str(next(self._numbers))
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Msg] = loop.create_future()
        until = loop.time() + timeout_s
        self._waiting[number] = answer, until
        if until < self._wakes_at:
            self._wake_at(until)
        try:
            await self._nc.publish(subject, body, reply=f"{self._inbox}.{number}", headers=headers)
            message = await answer
        except NatsTimeoutError:
            if is_refused(self._nc.last_error, subject):
                raise not_permitted(subject) from None
            raise
        finally:
            del self._waiting[number]
        if not message.data and (message.headers or {}).get("Status") == _NO_RESPONDERS:
            raise NoRespondersError
        return message

    def _wake_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._wakes_at = asyncio.get_running_loop().call_at(when, self._expire), when

    def _expire(self) -> None:
        """One timer for all: a timer each is a twentieth of what an answer costs."""
        now = asyncio.get_running_loop().time()
        self._timer, self._wakes_at = None, math.inf
        for answer, until in self._waiting.values():
            if until <= now and not answer.done():
                answer.set_exception(NatsTimeoutError())
        later = [until for answer, until in self._waiting.values() if not answer.done()]
        if later:
            self._wake_at(min(later))

    async def _on_answer(self, message: Msg) -> None:
        answer, _ = self._waiting.get(message.subject.rpartition(".")[2], (None, 0.0))
        if answer is not None and not answer.done():
            answer.set_result(message)
