"""Asking NATS something and waiting for the answer, without losing a cancellation on the way."""

import asyncio

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError

from shared.state.refusals import is_refused, not_permitted


async def request(
    nc: Client, subject: str, body: bytes, *, timeout_s: float, headers: dict[str, str] | None = None
) -> Msg:
    """The answer. Raises what nats-py raises, and CancelledError whenever the task was cancelled meanwhile;
    NotPermitted in place of a time-out where NATS has said that it refuses this subject.

    nats-py waits with `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes together with the
    answer (https://github.com/python/cpython/issues/81839): a task that was told to end would go on for ever, and so
    would a run that has lost its lock.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        answer = await nc.request(subject, body, timeout=timeout_s, headers=headers)
    except NatsTimeoutError:
        if is_refused(nc.last_error, subject):
            raise not_permitted(subject) from None
        raise
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
    return answer
